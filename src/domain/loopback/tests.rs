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
