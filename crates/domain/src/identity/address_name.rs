//! Names of variables that say where something is, each one half of it: `DB_HOST` and `DB_PORT`, `redis_host`,
//! `spring.redis.host`, `redisHost`, `DBHOST`.

/// What follows the name of something to say on which host it is.
pub const HOSTS: [&str; 6] = ["_HOST", "_HOSTNAME", "_SERVER", "_ADDR", "_ADDRESS", "_ENDPOINT"];

const PORT: &str = "_PORT";

/// A name that says the host of something, or the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Half<'n> {
    /// What that is called, with what divides it from the word behind.
    before: &'n str,
    case: Case,
}

/// How the word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Upper,
    Lower,
    Title,
}

impl Case {
    fn write(self, upper: &str) -> String {
        match self {
            Self::Upper => upper.to_owned(),
            Self::Lower => upper.to_ascii_lowercase(),
            Self::Title => upper[..1].to_owned() + &upper[1..].to_ascii_lowercase(),
        }
    }
}

impl<'n> Half<'n> {
    /// Reads the name of a host.
    pub fn of_host(name: &'n str) -> Option<Self> {
        HOSTS.iter().find_map(|suffix| Self::read(name, suffix))
    }

    /// Reads the name of a port.
    pub fn of_port(name: &'n str) -> Option<Self> {
        Self::read(name, PORT)
    }

    fn read(name: &'n str, suffix: &str) -> Option<Self> {
        let word = &suffix[1..];
        let (before, after) = name.split_at_checked(name.len().checked_sub(word.len())?)?;
        // Every name of an environment is asked.
        let is_word = after.eq_ignore_ascii_case(word);
        let mut cases = [Case::Upper, Case::Lower, Case::Title].into_iter().filter(|_| is_word);
        let case = cases.find(|case| case.write(word) == after)?;
        before.contains(|c: char| c.is_ascii_alphanumeric()).then_some(Self { before, case })
    }

    /// Says whether nothing divides the word from what stands before it: it may be the end of another word.
    pub fn is_glued(self) -> bool {
        let is_hump = self.case == Case::Title && self.before.ends_with(|c: char| c.is_ascii_lowercase());
        !is_hump && !self.before.ends_with(['_', '.', '-'])
    }

    /// Says whether it is written as most variables are.
    pub fn is_upper(self) -> bool {
        self.case == Case::Upper
    }

    /// Returns what it is the host or the port of, as most variables would call it: `SPRING_REDIS`.
    pub fn stem(self) -> String {
        normal(self.before).trim_end_matches('_').to_owned()
    }

    /// Names the port beside it.
    pub fn port_name(self) -> String {
        self.name(PORT)
    }

    /// Lists the names that the host beside it may have.
    pub fn host_names(self) -> impl Iterator<Item = String> {
        HOSTS.into_iter().map(move |suffix| self.name(suffix))
    }

    fn name(self, suffix: &str) -> String {
        self.before.to_owned() + &self.case.write(&suffix[1..])
    }
}

/// Writes a name as most variables are written: `spring.redisHost` as `SPRING_REDIS_HOST`.
pub fn normal(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    let mut before = '_';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            written.push('_');
        }
        written.push(if ['.', '-'].contains(&c) { '_' } else { c.to_ascii_uppercase() });
        before = c;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_divided_whatever_its_style() {
        for (name, stem, port, is_glued) in [
            ("DB_HOST", "DB", "DB_PORT", false),
            ("DB_HOSTNAME", "DB", "DB_PORT", false),
            ("DB__HOST", "DB", "DB__PORT", false),
            ("database_hostname", "DATABASE", "database_port", false),
            ("spring.data.redis.host", "SPRING_DATA_REDIS", "spring.data.redis.port", false),
            ("Database__Host", "DATABASE", "Database__Port", false),
            ("redisHost", "REDIS", "redisPort", false),
            ("mailSmtpServer", "MAIL_SMTP", "mailSmtpPort", false),
            ("DBHOST", "DB", "DBPORT", true),
            ("REDISHOST", "REDIS", "REDISPORT", true),
        ] {
            let half = Half::of_host(name).expect(name);
            assert_eq!((half.stem().as_str(), half.port_name().as_str()), (stem, port), "{name}");
            assert_eq!(half.is_glued(), is_glued, "{name}");
            let back = Half::of_port(port).expect(port);
            assert!(back.host_names().any(|it| it == name) && back.stem() == stem, "{name}");
        }
        for name in ["HOST", "_HOST", "host", "HOSTS", "DB_GHOSTS", "DB_hOST", "", "é"] {
            assert_eq!(Half::of_host(name), None, "{name}");
        }
        assert_eq!((Half::of_port("PORT"), Half::of_port("_PORT")), (None, None));
    }
}
