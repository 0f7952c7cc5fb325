//! Where a key stands in the text of `prism.yaml`.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::text::yaml;

/// Finds the line and the column of the value under a path of keys.
pub(super) fn place(text: &str, path: &[&str]) -> Option<(usize, usize)> {
    let error = Walk(path).deserialize(yaml::documents(text)?).err()?;
    let found = error.to_string().contains(FOUND);
    error.location().filter(|_| found).map(|at| (at.line(), at.column()))
}

/// The parser tells places in errors only: this one means that the walk is at its end.
const FOUND: &str = "the end of the walk";

struct Walk<'p>(&'p [&'p str]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { FOUND } else { "a map" })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.0.split_first() else { return Err(A::Error::custom(FOUND)) };
        while let Some(key) = map.next_key::<String>()? {
            if key == *first {
                return map.next_value_seed(Walk(rest));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_values_of_every_form() {
        let text = "env:\n  A: x\n  B: \"y\"\n  D: |\n    z\napps: {web: {env: {C: 1}}}\nlist: [1]\n";
        for (path, expected) in [
            (&["env", "A"][..], Some((2, 6))),
            (&["env", "B"], Some((3, 6))),
            (&["env", "D"], Some((4, 6))),
            (&["apps", "web", "env", "C"], Some((6, 23))),
            (&["list"], Some((7, 7))),
            (&["env", "NO"], None),
            (&["env", "A", "deeper"], None),
        ] {
            assert_eq!(place(text, path), expected, "{path:?}");
        }
    }
}
