//! Whether two places are one, however they are called.

use std::path::Path;

/// A directory of the Engine's machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// Its path, as far as it is known without links.
    pub path: String,
    /// Its device and inode, where it can be looked at.
    pub id: Option<(u64, u64)>,
    /// Those of the directories above it.
    pub above: Vec<(u64, u64)>,
}

/// How another place lies to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is the same, or in it.
    Within,
    /// It is somewhere above.
    Above,
}

impl Directory {
    /// Says how `other` lies to this place; `None` if they have nothing in common.
    pub fn relation(&self, other: &Self) -> Option<Relation> {
        if other.is_in(self) {
            Some(Relation::Within)
        } else if self.is_in(other) {
            Some(Relation::Above)
        } else {
            None
        }
    }

    fn is_in(&self, other: &Self) -> bool {
        let by_id = other.id.is_some_and(|id| self.id == Some(id) || self.above.contains(&id));
        by_id || Path::new(&self.path).starts_with(&other.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_compared_by_path_and_by_what_they_are() {
        let place = |path: &str, id: Option<u64>, above: &[u64]| Directory {
            path: path.to_owned(),
            id: id.map(|id| (1, id)),
            above: above.iter().map(|id| (1, *id)).collect(),
        };
        let base = place("/srv/db", Some(5), &[2]);
        for (other, relation) in [
            (place("/srv/db", None, &[]), Some(Relation::Within)),
            (place("/srv/db/data", None, &[]), Some(Relation::Within)),
            (place("/mnt/x", Some(5), &[9]), Some(Relation::Within)),
            (place("/mnt/x/y", Some(7), &[5, 9]), Some(Relation::Within)),
            (place("/srv", None, &[]), Some(Relation::Above)),
            (place("/mnt", Some(2), &[]), Some(Relation::Above)),
            (place("/srv/db2", Some(6), &[2]), None),
            (place("/srv/new", None, &[2]), None),
        ] {
            assert_eq!(base.relation(&other), relation, "{other:?}");
        }
    }
}
