//! A project's Compose files and prism.yaml, what a session makes of them, and whether that is up.

pub mod complaint;
pub mod data;
pub mod dotenv_file;
pub mod header;
pub mod image;
pub mod input;
pub mod isolation;
pub mod model;
pub mod overlay;
pub mod plan;
pub mod port_name;
pub mod printed;
pub mod reader;
pub mod readiness;
pub mod resolved;
pub mod scope;
pub mod script;
pub mod settings;
pub mod starter;
pub mod step;
pub mod store;
