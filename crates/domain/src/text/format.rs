//! Writing variables down for programs that read neither shell nor dotenv.

/// Writes one JSON object.
pub fn json(variables: &[(String, String)]) -> Result<String, serde_json::Error> {
    let object: serde_json::Map<String, serde_json::Value> =
        variables.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    Ok(serde_json::to_string_pretty(&object)? + "\n")
}

/// Writes what GitHub Actions reads from the file `$GITHUB_ENV`. No value may hold the delimiter, so it is to be random.
pub fn github(variables: &[(String, String)], delimiter: &str) -> String {
    variables.iter().map(|(name, value)| format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")).collect()
}

/// Writes what `docker run --env-file` reads, which knows no quotes; and lists the variables that it cannot carry: those
/// with a line's end in their value.
pub fn docker(variables: &[(String, String)]) -> (String, Vec<String>) {
    let (carried, left_out): (Vec<_>, Vec<_>) =
        variables.iter().partition(|(_, value)| !value.contains(['\n', '\r']));
    let text = carried.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    (text, left_out.into_iter().map(|(name, _)| name.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format() {
        let variables =
            [("A".to_owned(), "it's \"a\" $x".to_owned()), ("B".to_owned(), "one\ntwo".to_owned())];
        assert_eq!(
            json(&variables).expect("json"),
            "{\n  \"A\": \"it's \\\"a\\\" $x\",\n  \"B\": \"one\\ntwo\"\n}\n"
        );
        assert_eq!(github(&variables, "end1"), "A<<end1\nit's \"a\" $x\nend1\nB<<end1\none\ntwo\nend1\n");
        assert_eq!(docker(&variables), ("A=it's \"a\" $x\n".to_owned(), vec!["B".to_owned()]));
    }
}
