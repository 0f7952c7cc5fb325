//! The words of prism and how they relate. Pure: facts in, decisions out.
//!
//! A **session** is a directory of a Compose project with containers, volumes, networks and ports of its own ([`name`]
//! derives its identity and its Compose project; a [`claim`] says whether something in Docker is its, its [`origin`]
//! whether its directory is gone). What `docker compose config` has [`printed`] gives a [`model`]; [`plan`] decides what
//! each of its **services** publishes and when it counts as ready, the [`scope`] which services belong to the session,
//! [`shared`] what two of them have in common, a [`reader`] which names other programs of the machine see; [`overlay`]
//! states the difference to the user's own files as an **override** in [`yaml`], whose first line, the [`header`], lets the next run skip Compose altogether. What both come
//! to is the [`resolved`] project, in which nothing is left to interpolate.
//! The files and variables that went into it are its [`input`]s. What only this user may have written has a [`seal`]; the
//! [`note`] so names the [`anonymous`] volumes of a session.
//!
//! Every published port has a host port: what a session has of them are its [`reservation`]s, [`holding`] says who
//! else has which, and [`allocation`] chooses.
//!
//! A [`container`] is what the Engine says of one; [`state`] compares containers with the header, and a [`socket`] table of
//! one says why a port does not answer. A [`forward`] leads to one from the loopback of a command with a network of its own.
//! [`catalog`] knows the usual images, [`variable`] turns containers into variables, [`environment`] merges
//! them with the caller's and with a [`translation`] of what the project's own files say, [`dotenv`] and [`format`](mod@format) write them down, in a [`block`] of a user's file where that is
//! wanted, an [`explanation`] says where they come from, and a [`report`] or a [`prompt`] shows sessions, which a [`checkout`] finds by
//! their branches. What would be lost with a worktree is a [`loss`]; a
//! [`nonce`] tells it from one that was made later, and a [`mount`] in it is somebody else's. A [`change`] lays
//! variables over those of a [`shell`], and lifts them off again.

pub mod allocation;
pub mod anonymous;
pub mod block;
pub mod catalog;
pub mod change;
pub mod checkout;
pub mod claim;
pub mod complaint;
pub mod confinement;
pub mod container;
pub mod data;
pub mod dotenv;
pub mod engine_address;
pub mod env_file;
pub mod environment;
pub mod explanation;
pub mod format;
pub mod forward;
pub mod git_config;
pub mod header;
pub mod health;
pub mod holding;
pub mod image;
pub mod input;
pub mod known;
pub mod label;
pub mod loopback;
pub mod loss;
pub mod model;
pub mod mount;
pub mod name;
pub mod nonce;
pub mod note;
pub mod origin;
pub mod overlay;
pub mod plan;
pub mod port;
pub mod printed;
pub mod prompt;
pub mod reader;
pub mod refspec;
pub mod report;
pub mod reservation;
pub mod resolved;
pub mod scope;
pub mod script;
pub mod seal;
pub mod selection;
pub mod settings;
pub mod shared;
pub mod shell;
pub mod socket;
pub mod starter;
pub mod state;
pub mod store;
pub mod template;
pub mod translation;
pub mod url;
pub mod variable;
pub mod yaml;
