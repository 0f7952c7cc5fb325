//! What a container of a known image runs: the server of the image, or something else, most often a client of it.

use super::Kind;

/// Programs that run another one, each with how many words of its own come before that.
const WRAPPERS: &[(&str, usize)] = &[
    ("tini", 0),
    ("dumb-init", 0),
    ("catatonit", 0),
    ("env", 0),
    ("exec", 0),
    ("nice", 0),
    ("nohup", 0),
    ("time", 0),
    ("setsid", 0),
    ("stdbuf", 0),
    ("busybox", 0),
    ("sudo", 0),
    ("timeout", 1),
    ("su-exec", 1),
    ("gosu", 1),
    ("su", 1),
];

const SHELLS: &[&str] = &["sh", "bash", "ash", "dash", "ksh", "zsh"];

/// Words of a shell before which a command still has to come.
const KEYWORDS: &[&str] =
    &["while", "until", "if", "then", "elif", "else", "do", "!", "{", "}", "time", "exec"];

/// Clients: who runs one of these, and no server, is none, whoever waits for it.
const CLIENTS: &[&str] = &[
    "clickhouse-client",
    "cqlsh",
    "createdb",
    "curl",
    "cypher-shell",
    "dropdb",
    "etcdctl",
    "kafka-configs",
    "kafka-console-consumer",
    "kafka-console-producer",
    "kafka-topics",
    "kcadm",
    "kcat",
    "mariadb",
    "mariadb-admin",
    "mariadb-dump",
    "mc",
    "mongo",
    "mongodump",
    "mongoexport",
    "mongoimport",
    "mongorestore",
    "mongosh",
    "mosquitto_pub",
    "mosquitto_sub",
    "mysql",
    "mysqladmin",
    "mysqldump",
    "neo4j-admin",
    "nodetool",
    "pg_basebackup",
    "pg_dump",
    "pg_dumpall",
    "pg_isready",
    "pg_receivewal",
    "pg_restore",
    "pgbench",
    "psql",
    "rabbitmqadmin",
    "rabbitmqctl",
    "redis-benchmark",
    "redis-cli",
    "rpk",
    "sqlcmd",
    "sqlplus",
    "valkey-cli",
    "wget",
];

/// What a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// The server of its image, or whatever the image itself says.
    Server,
    /// A client of such a server.
    Client,
    /// A program that is neither.
    Other,
}

impl Kind {
    /// Says what a service of this kind runs, by the entrypoint and the command that replace the image's.
    pub fn runs(&self, entrypoint: Option<&[String]>, command: Option<&[String]>) -> Runs {
        let words: Vec<String> = entrypoint.into_iter().chain(command).flatten().cloned().collect();
        let is_flag = |word: &String| word.starts_with('-');
        // Flags alone go to the image's own server; so does what an image takes that has no other program.
        if self.servers.is_empty() || words.first().is_none_or(is_flag) {
            return Runs::Server;
        }
        let commands = commands(&words);
        if commands.iter().any(|command| self.is_server(command)) {
            Runs::Server
        } else if commands.iter().any(|command| is_among(CLIENTS, command)) {
            Runs::Client
        } else {
            Runs::Other
        }
    }

    fn is_server(&self, command: &[String]) -> bool {
        let is_meant = |server: &&str| {
            let mut command = command.iter().map(|word| name(word));
            server.split(' ').all(|word| command.next() == Some(word))
        };
        // The scripts that images begin with run the server, unless they are told what else to run.
        let is_entrypoint = command.first().is_some_and(|word| word.contains("entrypoint"));
        is_entrypoint || self.servers.iter().any(is_meant)
    }
}

fn is_among(programs: &[&str], command: &[String]) -> bool {
    command.first().is_some_and(|word| {
        let name = name(word);
        programs.contains(&name.strip_suffix(".sh").unwrap_or(name))
    })
}

/// Returns a program's name without its path.
fn name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// Lists the commands that a list of arguments runs, those of a shell's script one by one.
fn commands(words: &[String]) -> Vec<Vec<String>> {
    let Some((first, rest)) = words.split_first() else { return Vec::new() };
    let program = name(first);
    if let Some((_, own)) = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == program) {
        if program == "su" {
            return rest
                .iter()
                .position(|word| word == "-c")
                .map_or_else(Vec::new, |at| script(rest.get(at + 1)));
        }
        let is_own = |word: &&String| word.starts_with('-') || is_assignment(word);
        let skipped = rest.iter().take_while(is_own).count() + own;
        return commands(rest.get(skipped..).unwrap_or_default());
    }
    if SHELLS.contains(&program) {
        let Some(at) = rest.iter().position(|word| !word.starts_with(['-', '+'])) else { return Vec::new() };
        let is_script = rest[..at].iter().any(|flag| !flag.starts_with("--") && flag.contains('c'));
        return if is_script { script(rest.get(at)) } else { commands(&rest[at..]) };
    }
    let has_operand = |word: &String| !word.starts_with('-');
    if program.contains("entrypoint") && rest.first().is_some_and(has_operand) {
        return commands(rest);
    }
    vec![words.to_vec()]
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// Lists the commands of a shell's script.
fn script(text: Option<&String>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for simple in simple_commands(text.map_or("", String::as_str)) {
        let is_before = |word: &&String| KEYWORDS.contains(&word.as_str()) || is_assignment(word);
        let begin = simple.iter().take_while(is_before).count();
        found.extend(commands(&simple[begin..]));
    }
    found
}

/// Divides a script at the operators of the shell, and each part into words without their quotes.
fn simple_commands(text: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => {
                word.get_or_insert_default().extend(chars.next().filter(|c| *c != '\n'));
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() || ";&|()`".contains(c) => {
                if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
                    command.push(word);
                }
                if c == '\n' || !c.is_whitespace() {
                    commands.push(Vec::new());
                }
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if let (Some(word), Some(command)) = (word, commands.last_mut()) {
        command.push(word);
    }
    commands.retain(|command| !command.is_empty());
    commands
}

#[cfg(test)]
mod tests {
    use super::super::kind;
    use super::*;

    fn runs(image: &str, entrypoint: &[&str], command: &[&str]) -> Runs {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (entrypoint, command) = (words(entrypoint), words(command));
        let some = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
        let kind = kind(None, image).expect("not named").expect("a kind");
        kind.runs(some(&entrypoint).as_deref(), some(&command).as_deref())
    }

    #[test]
    fn servers() {
        for (image, entrypoint, command) in [
            ("postgres", &[][..], &[][..]),
            ("postgres", &[], &["-c", "fsync=off"]),
            ("postgres", &[], &["postgres", "-c", "fsync=off"]),
            ("postgres", &["docker-entrypoint.sh"], &["postgres"]),
            ("postgres", &["/custom-entrypoint.sh"], &[]),
            (
                "postgres",
                &["sh", "-c"],
                &["chown postgres /d && exec docker-entrypoint.sh postgres -c ssl=on"],
            ),
            ("postgres", &["bash", "-c", "su postgres -c 'postgres -D /d'"], &[]),
            (
                "postgres",
                &["/usr/bin/env", "A=b", "tini", "--", "/usr/local/bin/docker-entrypoint.sh", "-c", "x=y"],
                &[],
            ),
            ("redis", &[], &["redis-server", "--port", "6390"]),
            ("redis", &[], &["sh", "-ec", "sysctl x || true\nexec redis-server --requirepass \"$P\""]),
            ("redis", &[], &["/bin/sh", "-c", "if [ -f x ]; then redis-server x; else redis-server; fi"]),
            ("minio/minio", &[], &["server", "/data"]),
            ("minio/minio", &["sh", "-c", "mkdir -p /data/b && /usr/bin/minio server /data"], &[]),
            ("vault", &[], &["vault", "server", "-dev"]),
            ("mailpit", &[], &["anything"]),
            ("mongo", &[], &["--replSet", "rs0"]),
            ("mysql", &[], &["mysqld", "--sql-mode="]),
            ("keycloak", &[], &["start-dev", "--import-realm"]),
            ("redpanda", &[], &["redpanda", "start", "--smp", "1"]),
        ] {
            assert_eq!(runs(image, entrypoint, command), Runs::Server, "{image} {entrypoint:?} {command:?}");
        }
    }

    #[test]
    fn what_is_no_server() {
        for (image, entrypoint, command, expected) in [
            (
                "postgres",
                &["sh", "-c"][..],
                &["while true; do pg_dump -h db -U postgres postgres >/d; sleep 60; done"][..],
                Runs::Client,
            ),
            ("postgres", &[], &["psql", "-h", "db", "-U", "postgres"], Runs::Client),
            (
                "postgres",
                &[],
                &["bash", "-c", "until pg_isready -h db; do sleep 1; done; exec /run-it postgres"],
                Runs::Client,
            ),
            ("postgres", &["/backup.sh"], &["postgres"], Runs::Other),
            ("postgres", &[], &["sleep", "infinity"], Runs::Other),
            ("postgres", &[], &["docker-entrypoint.sh", "psql"], Runs::Client),
            ("redis", &[], &["redis-cli", "-h", "cache", "monitor"], Runs::Client),
            ("redis", &[], &["redis-sentinel", "/s.conf"], Runs::Other),
            ("mongo", &[], &["mongosh", "--eval", "rs.initiate()"], Runs::Client),
            ("mysql", &[], &["timeout", "60", "mysqldump", "shop"], Runs::Client),
            ("minio/minio", &["sh", "-c", "mc alias set x; mc mb x/b"], &[], Runs::Client),
            ("kafka", &["/bin/sh", "-c"], &["/opt/kafka/bin/kafka-topics.sh --create"], Runs::Client),
            ("keycloak", &["/opt/keycloak/bin/kcadm.sh"], &["get"], Runs::Client),
            ("vault", &["vault", "operator", "init"], &[], Runs::Other),
        ] {
            assert_eq!(runs(image, entrypoint, command), expected, "{image} {entrypoint:?} {command:?}");
        }
    }
}
