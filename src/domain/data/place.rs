//! Whether two places are one, however they are called.

use std::path::Path;

/// A directory of the Engine's machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
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

impl Place {
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
