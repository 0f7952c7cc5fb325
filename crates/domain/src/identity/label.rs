//! How labels are called that users and prism put on things in Docker.

/// What they begin with.
pub const LABEL: &str = "dev-prism.";
