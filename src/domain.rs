//! The words of prism and how they relate. Pure: facts in, decisions out.
//!
//! A **session** is one directory's copy of a Compose stack ([`name`] derives its identity and its Compose
//! project). `docker compose config` gives a [`model`]; [`plan`] decides what each of its **services**
//! publishes and when it counts as ready, the [`scope`] which services belong to the session; [`overlay`] states the difference to the user's own files as an
//! **override** in [`yaml`], whose first line, the [`header`], lets the next run skip Compose altogether.
//! The files and variables that went into it are its [`input`]s.
//!
//! A [`container`] is what the Engine says of one; [`state`] compares containers with the header.
//! [`catalog`] knows the usual images, [`variable`] turns containers into variables, [`environment`] merges
//! them with the caller's, [`dotenv`] writes them down, and a [`report`] shows sessions.

pub mod catalog;
pub mod container;
pub mod dotenv;
pub mod environment;
pub mod header;
pub mod input;
pub mod model;
pub mod name;
pub mod note;
pub mod overlay;
pub mod plan;
pub mod port;
pub mod report;
pub mod scope;
pub mod settings;
pub mod starter;
pub mod state;
pub mod template;
pub mod url;
pub mod variable;
pub mod yaml;
