//! Variables of `prism.yaml`, beside and above those of services.

use super::Variable;
use crate::failure::Failure;
use crate::identity::own::OWN;
use crate::identity::variable_name::{is_cloud_credential, is_secret};
use crate::stack::settings::Settings;
use crate::text::template::{self, Value};

/// Adds what `prism.yaml` says in `env`, or in that of an app, to `variables`; of two with one name its own is taken.
/// Templates may name any of `variables` and `own`. Sorted by name.
///
/// # Errors
/// A template that cannot be resolved, a name that is none, a NUL byte; each names its place in `prism.yaml`.
pub fn configure(
    settings: &Settings,
    app: Option<&str>,
    variables: Vec<Variable>,
    own: &[(String, String)],
) -> Result<Vec<Variable>, Failure> {
    let of_app = app.and_then(|app| Some((["apps", app, "env"].to_vec(), &settings.apps.get(app)?.env)));
    let (path, templates) = of_app.unwrap_or_else(|| (vec!["env"], &settings.env));
    let shown = |name: &str| settings.name(&[path.as_slice(), &[name]].concat());
    let of_services = variables.iter().map(|variable| {
        (variable.name.as_str(), Value { text: variable.value.clone(), secret: variable.secret })
    });
    let of_prism =
        own.iter().map(|(name, value)| (name.as_str(), Value { text: value.clone(), secret: false }));
    let known = of_services.chain(of_prism).collect();
    let path = path.join(".");
    let resolved = template::resolve(&path, &shown, templates, &known)?;
    let (replaced, mut variables): (Vec<_>, Vec<_>) =
        variables.into_iter().partition(|variable| resolved.contains_key(&variable.name));
    for (name, Value { text: value, secret }) in resolved {
        check(&shown(&name), &name, &value)?;
        let key = format!("{path}.{name}");
        let secret = secret || is_secret(&name);
        variables.push(Variable {
            cloud_credential: is_cloud_credential(&name),
            group: replaced.iter().find(|variable| variable.name == name).and_then(|variable| variable.group),
            rule: format!("{key} of prism.yaml"),
            key: Some(key),
            ..Variable { name, value, secret, ..Variable::default() }
        });
    }
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(variables)
}

fn check(shown: &str, name: &str, value: &str) -> Result<(), Failure> {
    let is_name = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if !is_name {
        return Err(Failure::new(format!("{shown}: `{name}` is not a name for a variable"))
            .hint("names consist of letters, digits and `_`, and do not begin with a digit"));
    }
    if OWN.contains(&name) || name.starts_with("PRISM_") {
        return Err(
            Failure::new(format!("{shown}: this variable is always prism's")).hint("choose another name")
        );
    }
    if value.contains('\0') {
        return Err(Failure::new(format!("{shown} holds a NUL byte")));
    }
    Ok(())
}
