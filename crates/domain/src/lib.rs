//! The words of prism and how they relate. Pure: facts in, decisions out.
//!
//! A **session** is a directory of a Compose project with containers, volumes, networks and ports of its own. Its
//! [`identity`] gives it a Compose project. What Compose says of the files is a [`stack`]: what is planned for each **service**,
//! which of them belong to the session, and the **override** that states the difference to the user's own files, whose first line,
//! the header, lets the next run skip Compose altogether. Every published [`port`] has a host port, which is reserved. The
//! [`engine`] room has what Docker holds: containers, and whose they are. The [`catalog`] knows the usual images.
//! [`data`] has what is copied from one session into another. [`variable`] turns containers into variables, [`environment`] merges them with the caller's and with what the project's own
//! files say, and a [`shell`] lays them over its own, and lifts them off again. A [`view`] shows all that. What would be lost with a
//! [`worktree`] is said before it goes. [`text`] has the formats in which it is read and written; a [`failure`] says what did
//! not work, of [`printable`] text.

pub mod catalog;
pub mod data;
pub mod engine;
pub mod environment;
pub mod failure;
pub mod identity;
pub mod port;
pub mod printable;
pub mod shell;
pub mod stack;
pub mod text;
pub mod variable;
pub mod view;
pub mod worktree;
