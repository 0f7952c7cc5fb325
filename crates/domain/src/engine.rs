//! What the Engine holds of sessions, as facts: containers, notes, ports, and whose they are.

pub mod address;
pub mod anonymous;
pub mod claim;
pub mod confinement;
pub mod container;
pub mod health;
pub mod kind;
pub mod ledger;
pub mod mark;
pub mod note;
pub mod origin;
pub mod selection;
pub mod snapshot;
pub mod socket;
