//! What Compose says of a project that it does not accept, without what may be secret in it.
//!
//! Its messages quote the user's text: a line of `.env` that it cannot read, a value with a lone `$`. Where and what is wrong
//! is said before the quotation.

use crate::identity::variable_name::is_secret;

/// Messages that go on with a quotation; `true`: to the end of the text, as the quotation may have several lines.
const QUOTING: &[(&str, bool)] = &[
    ("unterminated quoted value", true),
    ("You may need to escape any $ with another $.", true),
    ("in variable name", false),
    ("Invalid template:", false),
    ("invalid interpolation format for ", false),
    ("failed to cast to expected type: invalid boolean", false),
    ("failed to cast to expected type: invalid integer", false),
    ("failed to cast to expected type: invalid float", false),
    ("failed to cast to expected type: strconv", false),
];

/// A value of fewer bytes than this is taken for a word of the message, unless its name says that it is a secret.
const SHORT: usize = 12;

/// Says whether a line tells nobody anything that is of use now: what Compose passes over since years, said at each call.
pub fn is_idle(line: &str) -> bool {
    line.contains("the attribute `version` is obsolete") || line.contains("`version` is obsolete\"")
}

/// Divides what Compose wrote into lines, with `…` for each quotation, and `${NAME}` for what is the value of one of
/// `variables`, as far as that may be secret.
pub fn redacted(text: &str, variables: &[(String, String)]) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !is_idle(line)) {
        let quoting =
            QUOTING.iter().filter_map(|(begin, is_long)| Some((line.find(begin)? + begin.len(), *is_long)));
        let Some((end, is_long)) = quoting.min() else {
            lines.push(without_values(&without_scalars(line), variables));
            continue;
        };
        let (mut end, mut rest) = (end, &line[end..]);
        if line[..end].ends_with("format for ") {
            // First the path of the key.
            end += rest.find([':', ' ']).unwrap_or(rest.len());
            rest = &line[end..];
        }
        lines.push(without_values(&cut(&line[..end], rest), variables));
        if is_long {
            break;
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines
}

fn cut(before: &str, rest: &str) -> String {
    if rest.trim().is_empty() { before.to_owned() } else { format!("{} …", before.trim_end_matches(':')) }
}

/// Takes out what the YAML parser quotes: ``!!str `hunter2` ``, `unknown anchor 'hunter2'`.
fn without_scalars(line: &str) -> String {
    let mut line = line.to_owned();
    for (begin, end) in [("!!str `", "`"), ("unknown anchor '", "'")] {
        if let Some((before, rest)) = line.split_once(begin)
            && let Some((_, after)) = rest.rsplit_once(end)
        {
            line = format!("{before}{begin}…{end}{after}");
        }
    }
    line
}

fn without_values(line: &str, variables: &[(String, String)]) -> String {
    let mut found: Vec<&(String, String)> =
        variables.iter().filter(|(name, value)| may_be_secret(name, value)).collect();
    // A value may hold another one.
    found.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    found
        .iter()
        .fold(line.to_owned(), |line, (name, value)| line.replace(value.as_str(), &format!("${{{name}}}")))
}

fn may_be_secret(name: &str, value: &str) -> bool {
    // A path is part of many messages.
    let is_path = value.starts_with(['/', '.', '~']);
    if is_secret(name) { value.len() > 2 } else { value.len() >= SHORT && !is_path }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of Compose 2.26.
    #[test]
    fn places_stay_and_quotations_go() {
        let variables = [("DB_PASSWORD", "hunter2"), ("DSN", "postgres://u:p@h/x"), ("DIR", "/tmp/vx/web")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        for (text, expected) in [
            (
                "failed to read /w/.env: line 2: unexpected character \"!\" in variable name \"X!y=secret\"\n",
                &["failed to read /w/.env: line 2: unexpected character \"!\" in variable name …"][..],
            ),
            (
                "failed to read /w/.env: line 3: unterminated quoted value \"secret\nmore secret\n",
                &["failed to read /w/.env: line 3: unterminated quoted value …"],
            ),
            (
                "failed to read /w/.env: Invalid template: \"pre${secret!}\"\n",
                &["failed to read /w/.env: Invalid template …"],
            ),
            (
                "invalid interpolation format for services.web.environment.A.\nYou may need to escape any $ with another $.\nsecret${\nmore secret\n",
                &[
                    "invalid interpolation format for services.web.environment.A.",
                    "You may need to escape any $ with another $.",
                ],
            ),
            (
                "invalid interpolation format for services.web.environment.A: \"secret${\"; you may need to escape any $ with another $\n",
                &["invalid interpolation format for services.web.environment.A …"],
            ),
            (
                "error while interpolating services.web.privileged: failed to cast to expected type: invalid boolean: secret\n",
                &[
                    "error while interpolating services.web.privileged: failed to cast to expected type: invalid boolean …",
                ],
            ),
            ("yaml: cannot decode !!str `secret` as a !!int", &["yaml: cannot decode !!str `…` as a !!int"]),
            ("yaml: unknown anchor 'secret' referenced", &["yaml: unknown anchor '…' referenced"]),
            (
                "time=\"2026-01-01T00:00:00Z\" level=warning msg=\"/w/compose.yaml: the attribute `version` is obsolete, it will be ignored, please remove it to avoid potential confusion\"\nno such service: x",
                &["no such service: x"],
            ),
            ("level=warning msg=\"/w/compose.yaml: `version` is obsolete\"", &[]),
            ("Invalid hostPort: hunter2", &["Invalid hostPort: ${DB_PASSWORD}"]),
            ("x postgres://u:p@h/x", &["x ${DSN}"]),
            // What holds no secret stays whole.
            (
                "validating /tmp/vx/web/compose.yaml: services.web Additional property imagex is not allowed",
                &[
                    "validating /tmp/vx/web/compose.yaml: services.web Additional property imagex is not allowed",
                ],
            ),
            (
                "yaml: line 4: mapping values are not allowed in this context\n\n",
                &["yaml: line 4: mapping values are not allowed in this context"],
            ),
            (
                "error while interpolating services.web.image: required variable X is missing a value: set it in .env",
                &[
                    "error while interpolating services.web.image: required variable X is missing a value: set it in .env",
                ],
            ),
        ] {
            assert_eq!(redacted(text, &variables), expected, "{text}");
        }
    }
}
