//! Which volume is copied into which, and what is said of the others.

use std::collections::{BTreeMap, BTreeSet};

use super::image::differs;
use super::{Key, Server, Stock};
use crate::catalog;
use crate::failure::Failure;
use crate::identity::name::ServiceName;

/// One volume that is filled from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What both are called.
    pub key: Key,
    /// The volume with the data.
    pub from: String,
    /// The volume that gets them.
    pub to: String,
    /// The services that have it mounted, the first of which copies.
    pub services: Vec<ServiceName>,
}

/// What is to be done, and said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The copies.
    pub copies: Vec<Copy>,
    /// What whoever uses them should know, a sentence each.
    pub said: Vec<String>,
}

/// What a session says of its data beside its volumes.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Services that begin empty.
    pub fresh: BTreeSet<ServiceName>,
    /// What is mounted from elsewhere, of each service: it is no session's own, and shared as ever.
    pub outside: BTreeMap<ServiceName, Vec<String>>,
    /// Services that keep something in memory only.
    pub memory: BTreeSet<ServiceName>,
    /// Other images do not matter.
    pub force: bool,
}

/// Plans a copy from `stock` into the volumes of `own`. `source` is what the stock is called.
///
/// # Errors
/// The data are of another server than the one that would run on them, or there are none.
pub fn plan(stock: &Stock, own: &Stock, wishes: &Wishes, source: &str) -> Result<Plan, Failure> {
    if stock.volumes.is_empty() {
        return Err(Failure::new(format!("{source} has no data that could be copied"))
            .hint("start it first, or leave `--data-from` away: the session begins empty"));
    }
    let mut plan = Plan::default();
    for wanted in &own.volumes {
        let mut services: Vec<ServiceName> =
            wanted.users.iter().map(|(service, _)| service.clone()).collect();
        services.sort();
        services.dedup();
        if !services.is_empty() && services.iter().all(|service| wishes.fresh.contains(service)) {
            plan.said.push(format!("volume `{}` begins empty, as `data: fresh` says", wanted.key));
            continue;
        }
        let Some(stored) = stock.find(wanted) else {
            plan.said.push(format!("volume `{}` begins empty: {source} has none of that name", wanted.key));
            continue;
        };
        if !wishes.force {
            check(stock, own, &services, source)?;
        }
        plan.copies.push(Copy {
            key: wanted.key.clone(),
            from: stored.volume.clone(),
            to: wanted.volume.clone(),
            services,
        });
    }
    plan.said.extend(remarks(own, &plan.copies, wishes));
    Ok(plan)
}

/// Checks that services would run on data of their own image.
fn check(stock: &Stock, own: &Stock, services: &[ServiceName], source: &str) -> Result<(), Failure> {
    for service in services {
        let both = own.servers.get(service).zip(stock.servers.get(service));
        if let Some((own, theirs)) = both.filter(|(own, theirs)| differs(own, theirs)) {
            return Err(Failure::new(format!(
                "the data of service `{service}` in {source} are of `{}`, and here it is `{}`, which may not start on them",
                theirs.image, own.image
            ))
            .hint("`--force` copies them all the same; `data: fresh` for that service lets it begin empty"));
        }
    }
    Ok(())
}

/// Says what a copy cannot change: names inside of data, and what is not a volume of the session's.
fn remarks(own: &Stock, copies: &[Copy], wishes: &Wishes) -> Vec<String> {
    let servers: BTreeSet<&ServiceName> = copies.iter().flat_map(|copy| &copy.services).collect();
    let identity = |service: &&ServiceName| {
        let Server { image, kind } = own.servers.get(*service)?;
        let kind = catalog::kind(kind.as_deref(), image).ok().flatten()?;
        Some(format!("service `{service}`: {}", kind.identity()?))
    };
    let mut said: Vec<String> = servers.iter().filter_map(identity).collect();
    said.extend(wishes.outside.iter().flat_map(|(service, places)| {
        places.iter().map(move |place| {
            format!("service `{service}`: {place} is not copied: every session uses the same")
        })
    }));
    said.extend(
        wishes
            .memory
            .iter()
            .map(|service| format!("service `{service}`: what it keeps in memory (tmpfs) is not copied")),
    );
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(project: &str, volumes: &[(&str, &[(&str, &str)])], servers: &[(&str, &str)]) -> Stock {
        let mut stock = Stock::default();
        for (key, users) in volumes {
            for (service, target) in *users {
                let key = match *key {
                    "" => Key::At((*service).into(), (*target).into()),
                    key => Key::Named(key.into()),
                };
                let volume = format!("{project}_{key}");
                stock.add(key, &volume, &(*service).into(), target);
            }
        }
        let server = |image: &str| Server { image: image.to_owned(), kind: None };
        stock.servers = servers.iter().map(|(name, image)| ((*name).into(), server(image))).collect();
        stock
    }

    const DB: (&str, &[(&str, &str)]) = ("data", &[("db", "/var/lib/postgresql/data")]);

    fn pairs(plan: &Plan) -> Vec<(&str, &str)> {
        plan.copies.iter().map(|copy| (copy.from.as_str(), copy.to.as_str())).collect()
    }

    #[test]
    fn volumes_find_each_other_by_key_and_by_place() {
        let theirs = stock("a", &[DB, ("", &[("cache", "/data")]), ("old", &[("x", "/x")])], &[]);
        let own = stock("b", &[DB, ("", &[("cache", "/data")]), ("new", &[("y", "/y")])], &[]);
        let plan = plan(&theirs, &own, &Wishes::default(), "main").expect("a plan");
        assert_eq!(pairs(&plan), [("a_data", "b_data"), ("a_cache:/data", "b_cache:/data")]);
        assert_eq!(plan.said, ["volume `new` begins empty: main has none of that name"]);
        // Since then, somebody gave it a name.
        let named = stock("b", &[("kept", &[("cache", "/data")])], &[]);
        let plan = super::plan(&theirs, &named, &Wishes::default(), "main").expect("a plan");
        assert_eq!(pairs(&plan), [("a_cache:/data", "b_kept")]);
    }

    #[test]
    fn a_volume_of_two_services_is_copied_once() {
        let users: (&str, &[(&str, &str)]) = ("files", &[("web", "/files"), ("worker", "/in")]);
        let (theirs, own) = (stock("a", &[users], &[]), stock("b", &[users], &[]));
        let plan = plan(&theirs, &own, &Wishes::default(), "main").expect("a plan");
        assert_eq!(pairs(&plan), [("a_files", "b_files")]);
        assert_eq!(plan.copies[0].services, ["web".into(), "worker".into()]);
    }

    #[test]
    fn another_major_version_is_refused_unless_forced_and_fresh_ones_do_not_matter() {
        let theirs = stock("a", &[DB], &[("db", "postgres:16")]);
        let own = stock("b", &[DB], &[("db", "postgres:17")]);
        let failure = plan(&theirs, &own, &Wishes::default(), "main").expect_err("refused").to_string();
        assert!(failure.contains("`postgres:16`") && failure.contains("`postgres:17`"), "{failure}");
        let force = Wishes { force: true, ..Wishes::default() };
        assert_eq!(plan(&theirs, &own, &force, "main").expect("a plan").copies.len(), 1);
        let fresh = Wishes { fresh: ["db".into()].into(), ..Wishes::default() };
        let plan = plan(&theirs, &own, &fresh, "main").expect("a plan");
        assert_eq!(
            (plan.copies, plan.said),
            (vec![], vec!["volume `data` begins empty, as `data: fresh` says".to_owned()])
        );
    }

    #[test]
    fn what_is_not_copied_is_named() {
        let queue: (&str, &[(&str, &str)]) = ("queue", &[("mq", "/var/lib/rabbitmq")]);
        let (theirs, own) = (stock("a", &[queue], &[]), stock("b", &[queue], &[("mq", "rabbitmq:3")]));
        let wishes = Wishes {
            outside: [("web".into(), vec!["volume `shared`".to_owned()])].into(),
            memory: ["cache".into()].into(),
            ..Wishes::default()
        };
        let said = plan(&theirs, &own, &wishes, "main").expect("a plan").said;
        assert!(said[0].contains("`mq`") && said[0].contains("hostname"), "{said:?}");
        assert!(said[1].contains("volume `shared`") && said[2].contains("tmpfs"), "{said:?}");
        assert!(plan(&Stock::default(), &own, &wishes, "main").is_err(), "nothing there");
    }
}
