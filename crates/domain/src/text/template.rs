//! Templates of `prism.yaml`: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, and `$$` for a dollar.

use std::collections::BTreeMap;

use crate::failure::Failure;

/// A value, and whether it holds a password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Value {
    /// The value.
    pub text: String,
    /// It, or what went into it, is a secret.
    pub secret: bool,
}

/// Resolves every entry of `templates`; a name means another entry first, then one of `known`. `path` is the key of
/// `prism.yaml` under which they stand, and `shown` names one of them for messages.
///
/// # Errors
/// An unknown name without a default, a cycle, or a malformed expression; each names the entry.
pub fn resolve(
    path: &str,
    shown: &dyn Fn(&str) -> String,
    templates: &BTreeMap<String, String>,
    known: &BTreeMap<&str, Value>,
) -> Result<BTreeMap<String, Value>, Failure> {
    let mut resolver = Resolver { path, shown, templates, known, done: BTreeMap::new(), open: Vec::new() };
    for name in templates.keys() {
        resolver.entry(name)?;
    }
    Ok(resolver.done)
}

/// Lists every name that the templates mention.
pub fn names(templates: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    let expressions = templates.values().flat_map(|text| text.split("${").skip(1));
    expressions.filter_map(|rest| rest.split([':', '}']).next())
}

struct Resolver<'a> {
    path: &'a str,
    shown: &'a dyn Fn(&str) -> String,
    templates: &'a BTreeMap<String, String>,
    known: &'a BTreeMap<&'a str, Value>,
    done: BTreeMap<String, Value>,
    /// The entries that are being resolved, each of which needs the next one.
    open: Vec<&'a str>,
}

impl<'a> Resolver<'a> {
    fn entry(&mut self, name: &'a str) -> Result<Value, Failure> {
        if let Some(value) = self.done.get(name) {
            return Ok(value.clone());
        }
        if let Some(at) = self.open.iter().position(|open| *open == name) {
            let way: Vec<String> =
                self.open[at + 1..].iter().map(|name| format!("`{}.{name}`", self.path)).collect();
            let by_way =
                if way.is_empty() { String::new() } else { format!(", by way of {}", way.join(" and ")) };
            return Err(self
                .failure(name, &format!("refers to itself{by_way}"))
                .hint("break the cycle by writing one of the values out"));
        }
        self.open.push(name);
        let value = self.text(name, &self.templates[name])?;
        self.open.pop();
        self.done.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    fn text(&mut self, entry: &str, template: &'a str) -> Result<Value, Failure> {
        let mut out = Value::default();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.text.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.text.push('$');
                rest = after;
            } else if let Some((expression, after)) = after.strip_prefix('{').and_then(split_braces) {
                let Value { text, secret } = self.expression(entry, expression)?;
                out.text.push_str(&text);
                out.secret |= secret;
                rest = after;
            } else {
                return Err(self
                    .failure(entry, "has a `$` that begins no `${NAME}`")
                    .hint("write `$$` for a dollar"));
            }
        }
        out.text.push_str(rest);
        Ok(out)
    }

    fn expression(&mut self, entry: &str, expression: &'a str) -> Result<Value, Failure> {
        let end = expression.find(':').unwrap_or(expression.len());
        let (name, operator) = expression.split_at(end);
        if name.is_empty() {
            return Err(self
                .failure(entry, &format!("has a `${{{expression}}}` that names no variable"))
                .hint("write `$$` for a dollar"));
        }
        let value = self.lookup(entry, name)?;
        let present = value.clone().filter(|value| !value.text.is_empty());
        if let Some(default) = operator.strip_prefix(":-") {
            match present {
                Some(value) => Ok(value),
                None => self.text(entry, default),
            }
        } else if let Some(message) = operator.strip_prefix(":?") {
            let why = if message.is_empty() { "which is not set" } else { message };
            let divider = if message.is_empty() { ", " } else { ": " };
            present.ok_or_else(|| self.failure(entry, &format!("needs `{name}`{divider}{why}")))
        } else if operator.is_empty() {
            value.ok_or_else(|| self.unknown(entry, name))
        } else {
            Err(self
                .failure(entry, &format!("has an expression that prism does not know: `${{{expression}}}`"))
                .hint("the forms are `${NAME}`, `${NAME:-default}` and `${NAME:?message}`"))
        }
    }

    fn lookup(&mut self, entry: &str, name: &str) -> Result<Option<Value>, Failure> {
        // An entry that names itself means the variable that it hides.
        if name != entry
            && let Some((name, _)) = self.templates.get_key_value(name)
        {
            return self.entry(name).map(Some);
        }
        Ok(self.known.get(name).cloned())
    }

    fn failure(&self, entry: &str, what: &str) -> Failure {
        Failure::new(format!("{} {what}", (self.shown)(entry)))
    }

    fn unknown(&self, entry: &str, name: &str) -> Failure {
        if name == entry {
            return self
                .failure(
                    entry,
                    &format!("refers to itself, and no service gives a `{name}` that it could mean"),
                )
                .hint(format!(
                    "write its value out, or name another variable: `${{{name}:-default}}` allows for none"
                ));
        }
        let failure = self.failure(entry, &format!("refers to `{name}`, which no service gives"));
        let names = self.templates.keys().map(String::as_str).chain(self.known.keys().copied());
        match nearest(name, names) {
            Some(near) => failure.hint(format!("did you mean `{near}`? `prism env` lists every name")),
            None => failure.hint("`prism env` lists every name; `${NAME:-default}` allows for a missing one"),
        }
    }
}

/// Splits at the brace that closes an expression, nested ones left inside.
pub(super) fn split_braces(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if depth == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}

/// Finds the name that a typo of it most likely meant.
pub fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let lower = name.to_lowercase();
    names
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance * 3 <= candidate.chars().count().max(3))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(templates: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
        let templates = templates.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let value = |text: &str, secret| Value { text: text.to_owned(), secret };
        let known = BTreeMap::from([
            ("API_PORT", value("8081", false)),
            ("EMPTY", value("", false)),
            ("DB_PASSWORD", value("hunter2", true)),
        ]);
        let shown = |name: &str| format!("`env.{name}` in prism.yaml");
        let resolved = resolve("env", &shown, &templates, &known).map_err(|failure| failure.to_string())?;
        let marked = |value: Value| if value.secret { format!("secret {}", value.text) } else { value.text };
        Ok(resolved.into_iter().map(|(name, value)| (name, marked(value))).collect())
    }

    #[test]
    fn every_form() {
        for (template, value) in [
            ("http://x:${API_PORT}/", "http://x:8081/"),
            ("${NONE:-fallback}", "fallback"),
            ("${EMPTY:-${API_PORT}}", "8081"),
            ("${EMPTY}", ""),
            ("$${API_PORT}", "${API_PORT}"),
            ("${API_PORT:?needed}", "8081"),
            ("plain", "plain"),
            ("x${DB_PASSWORD}", "secret xhunter2"),
            ("${API_PORT:-${DB_PASSWORD}}", "8081"),
        ] {
            assert_eq!(resolved(&[("X", template)]).expect(template)["X"], value);
        }
    }

    #[test]
    fn entries_may_refer_to_each_other_in_any_order() {
        let all = resolved(&[("A", "${B}1"), ("B", "${C}2"), ("C", "3")]).expect("no cycle");
        assert_eq!(all["A"], "321");
    }

    #[test]
    fn an_entry_may_extend_the_variable_that_it_hides() {
        assert_eq!(resolved(&[("API_PORT", "${API_PORT}0")]).expect("known")["API_PORT"], "80810");
    }

    #[test]
    fn errors_name_the_entry() {
        for (templates, part) in [
            (
                &[("A", "${B}"), ("B", "${A}")][..],
                "`env.A` in prism.yaml refers to itself, by way of `env.B`",
            ),
            (&[("A", "${API_PROT}")], "`env.A` in prism.yaml refers to `API_PROT`"),
            (&[("A", "${X:?set it}")], "needs `X`: set it"),
            (&[("A", "${X:?}")], "`env.A` in prism.yaml needs `X`, which is not set"),
            (&[("A", "${A}")], "`env.A` in prism.yaml refers to itself, and no service gives a `A`"),
            (&[("A", "${}")], "`env.A` in prism.yaml has a `${}` that names no variable"),
            (&[("A", "${:-x}")], "`${:-x}` that names no variable"),
            (&[("A", "cost: $5")], "`env.A`"),
            (&[("A", "${X")], "`env.A`"),
            (&[("A", "${X:+y}")], "`${X:+y}`"),
        ] {
            let error = resolved(templates).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn typos_are_recognised() {
        let names = ["DATABASE_URL", "REDIS_URL", "db"];
        assert_eq!(nearest("DATABSE_URL", names.into_iter()), Some("DATABASE_URL"));
        assert_eq!(nearest("dv", names.into_iter()), Some("db"));
        assert_eq!(nearest("KAFKA", names.into_iter()), None);
    }
}
