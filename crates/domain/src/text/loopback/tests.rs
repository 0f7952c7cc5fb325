use super::*;

#[test]
fn finds_where_a_value_points() {
    for (value, expected) in [
        ("postgres://u:p@localhost:5432/shop", &[5432][..]),
        ("postgres://u:p%40@127.0.0.1/shop", &[5432]),
        ("postgresql+asyncpg://localhost/shop", &[5432]),
        ("redis://[::1]:7000", &[7000]),
        ("redis://[::1]", &[6379]),
        ("http://0.0.0.0:8080/x:y@z", &[8080]),
        ("http://LOCALHOST.:81?x", &[81]),
        ("http://api.localhost", &[80]),
        ("mysql://u:p@db.example.com:3306/x", &[]),
        ("custom://localhost", &[]),
        ("mongodb://u:p@db.example:1,localhost:2,127.0.0.1/x", &[2, 27017]),
        ("http://db.example:1,http://localhost:2", &[2]),
        ("postgres://u:hun#ter2@localhost:5432/x", &[5432]),
        ("postgres://u:p?q@localhost:5433/x", &[5433]),
        ("postgres:///x?host=localhost&port=5434", &[5434]),
        ("postgres:///x", &[5432]),
        ("postgres:///x?host=db.example.com", &[]),
        ("http://example.com/a@localhost:80?host=localhost", &[]),
        ("http://[::ffff:127.0.0.1]:8080", &[8080]),
        ("sqlite:///x", &[]),
        ("", &[]),
        // Other ways to write the address.
        ("http://127.1:1", &[1]),
        ("http://2130706433:2", &[2]),
        ("http://0x7f000001:3", &[3]),
        ("http://0177.0.0.1:4", &[4]),
        ("http://[::1%25lo]:5", &[5]),
        ("http://localhos%74:6", &[6]),
        ("postgres://%2Fvar%2Frun%2Fpostgresql:7/x", &[7]),
        ("http://Box:8", &[8]),
        ("http://box.example.org:8", &[8]),
        ("http://boxes:8", &[]),
        ("http://3232235777:8", &[]),
        ("http://256.1:8", &[]),
        // JDBC.
        ("jdbc:postgresql://localhost/x", &[5432]),
        ("jdbc:postgresql:x", &[5432]),
        ("jdbc:postgresql:///x", &[5432]),
        ("jdbc:mysql:loadbalance://localhost:3307,db.example/x", &[3307]),
        ("jdbc:sqlserver://localhost\\main:1434;database=x", &[1434]),
        ("jdbc:oracle:thin:@//localhost:1521/x", &[1521]),
        ("jdbc:oracle:thin:u/p@localhost:1522:XE", &[1522]),
        ("jdbc:tc:postgresql:16:///x", &[]),
        ("jdbc:h2:mem:x", &[]),
        ("sqlserver://localhost:1433;database=x", &[1433]),
        // Keywords.
        ("host=localhost port=5433 user=me password='a b'", &[5433]),
        ("host = 'localhost'  dbname = shop", &[5432]),
        ("dbname=shop", &[5432]),
        ("host=db.example,127.1 port=1,2", &[2]),
        ("host=db.example hostaddr=127.0.0.1", &[5432]),
        ("host=db.example password=port=5432", &[]),
        ("Host=localhost;Port=5435;Password=x=y", &[5435]),
        ("Server=tcp:localhost,1434;User ID=sa", &[1434]),
        ("Server=(local);Database=x", &[1433, 3306]),
        ("Server=db.example;Database=x", &[]),
        ("pgsql:host=localhost;port=5435;dbname=x", &[5435]),
        ("pgsql:host=127.0.0.1 dbname=x", &[5432]),
        ("pgsql:dbname=x", &[5432]),
        ("mysql:host=127.0.0.1;dbname=x;charset=utf8mb4", &[3306]),
        ("mysql:unix_socket=/run/mysqld.sock;dbname=x", &[]),
        ("sqlsrv:Server=localhost,1434;Database=x", &[1434]),
        ("sqlite:/w/host=localhost;port=5432", &[]),
        ("localhost:6379,abortConnect=false,ssl=false", &[6379]),
        ("abortConnect=false", &[]),
        ("Host=localhost:5435;Database=x", &[5435]),
        ("Server=localhost:5435;Database=x", &[5435]),
        ("ecto://u:p@localhost/app", &[5432]),
        ("psql://u:p@localhost/app", &[5432]),
        ("r2dbc:postgresql://localhost/app", &[5432]),
        ("r2dbc:pool:postgresql://localhost:5435/app", &[5435]),
        ("rediscache://localhost/0", &[6379]),
        ("0:6379", &[]),
        ("level=debug;port=5432", &[]),
        ("level=debug", &[]),
        ("host", &[]),
        // A driver's own form, and addresses alone.
        ("u:p@tcp(localhost:3306)/x", &[3306]),
        ("tcp(127.0.0.1)/x", &[3306]),
        ("prod.example:9092, localhost:9093", &[9093]),
        ("localhost:10.0", &[]),
        ("5432", &[]),
        ("/usr/bin:/bin", &[]),
    ] {
        assert_eq!(ports(value, "box.example.org"), expected, "{value}");
    }
}

#[test]
fn a_machine_without_a_name_is_nobody() {
    assert!(!is_here("", "") && !is_here("db", ""));
}

#[test]
fn a_value_leads_elsewhere_and_is_otherwise_as_it_was() {
    let place = |port: u16| match port {
        5432 => Some(("127.0.0.1", 7001)),
        6379 => Some(("127.0.0.1", 7002)),
        3306 => Some(("127.0.0.1", 7003)),
        1433 => Some(("127.0.0.1", 7004)),
        3000 => Some(("127.0.0.1", 7005)),
        9092 => Some(("::1", 7006)),
        _ => None,
    };
    for (value, expected) in [
        ("postgres://u:p%40@localhost:5432/shop?a=b#c", "postgres://u:p%40@127.0.0.1:7001/shop?a=b#c"),
        ("postgresql+asyncpg://u@127.0.0.1/shop", "postgresql+asyncpg://u@127.0.0.1:7001/shop"),
        ("postgres://u:hun#ter2@localhost:5432/x", "postgres://u:hun#ter2@127.0.0.1:7001/x"),
        ("postgres://u:localhost@localhost/localhost", "postgres://u:localhost@127.0.0.1:7001/localhost"),
        ("postgres:///x?host=localhost&port=5432&a=1", "postgres:///x?host=127.0.0.1&port=7001&a=1"),
        ("postgres:///x?host=localhost", "postgres:///x?host=127.0.0.1&port=7001"),
        ("redis://[::1]:6379/0", "redis://127.0.0.1:7002/0"),
        ("kafka://localhost", "kafka://[::1]:7006"),
        ("  redis://localhost ", "  redis://127.0.0.1:7002 "),
        // The name is what cookies and certificates are for; an address is not.
        (
            "http://localhost:3000/a?b=http://localhost:3000",
            "http://localhost:7005/a?b=http://localhost:3000",
        ),
        ("https://shop.localhost:3000", "https://shop.localhost:7005"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:7005"),
        ("http://[::1]:3000", "http://127.0.0.1:7005"),
        // Several at once, each by itself.
        ("http://localhost:3000,http://prod.example:3000", "http://localhost:7005,http://prod.example:3000"),
        ("mongodb://u:p@db.example:1,localhost:5432/x", "mongodb://u:p@db.example:1,127.0.0.1:7001/x"),
        ("localhost:6379;prod.example:1", "127.0.0.1:7002;prod.example:1"),
        ("localhost:6379 localhost:5432", "127.0.0.1:7002 127.0.0.1:7001"),
        (
            "localhost:6379, prod.example:6379 ,127.1:5432",
            "127.0.0.1:7002, prod.example:6379 ,127.0.0.1:7001",
        ),
        ("jdbc:postgresql://localhost/x?user=u", "jdbc:postgresql://127.0.0.1:7001/x?user=u"),
        ("jdbc:sqlserver://localhost:1433;database=x", "jdbc:sqlserver://127.0.0.1:7004;database=x"),
        ("jdbc:oracle:thin:u/p@localhost:3000:XE", "jdbc:oracle:thin:u/p@127.0.0.1:7005:XE"),
        ("host=localhost port=5432 password='a b'", "host=127.0.0.1 port=7001 password='a b'"),
        ("host='localhost' dbname=x", "host='127.0.0.1' dbname=x port=7001"),
        ("host=prod.example,localhost port=1,5432", "host=prod.example,127.0.0.1 port=1,7001"),
        ("Host=localhost;Port=5432;Password=x=y", "Host=127.0.0.1;Port=7001;Password=x=y"),
        ("Host=localhost;Database=x;", "Host=127.0.0.1;Database=x;Port=7001;"),
        ("Server=tcp:localhost,1433;User ID=sa", "Server=tcp:127.0.0.1,7004;User ID=sa"),
        ("Server=localhost;Database=x", "Server=127.0.0.1,7004;Database=x"),
        ("localhost:6379,abortConnect=false", "127.0.0.1:7002,abortConnect=false"),
        ("Host=localhost:5432;Database=x", "Host=127.0.0.1:7001;Database=x"),
        ("r2dbc:postgresql://localhost/app", "r2dbc:postgresql://127.0.0.1:7001/app"),
        ("pgsql:host=localhost;port=5432;dbname=x", "pgsql:host=127.0.0.1;port=7001;dbname=x"),
        ("pgsql:host=localhost;dbname=x", "pgsql:host=127.0.0.1;dbname=x;port=7001"),
        ("sqlsrv:Server=localhost;Database=x", "sqlsrv:Server=127.0.0.1,7004;Database=x"),
        ("u:p@tcp(localhost:3306)/x", "u:p@tcp(127.0.0.1:7003)/x"),
        ("tcp(127.0.0.1)/x", "tcp(127.0.0.1:7003)/x"),
    ] {
        let found = translated(value, "box", place).map(|it| it.value);
        assert_eq!(found.as_deref(), Some(expected), "{value}");
        // What leads to the session stays there.
        assert_eq!(translated(expected, "box", place).filter(|it| it.value != expected), None, "{expected}");
    }
    for value in [
        "postgres://prod.example:5432/x",
        "postgres://localhost:9/x",
        "postgres://%2Fvar%2Frun%2Fpostgresql:5432/x",
        "postgres:///x",
        "jdbc:postgresql:x",
        "dbname=x port=5432",
        "5432",
        "0.0.0.0:5432",
        "see localhost:5432",
        "http://[::]:3000",
        "localhost",
        "",
    ] {
        let found = translated(value, "box", place).map(|it| it.value);
        assert_eq!(found, None, "{value}");
    }
}
