//! How labels are called that users and prism put on things in Docker.

/// What they begin with.
pub const LABEL: &str = "dev-prism.";

/// What is put, behind [`LABEL`], on containers in memory alone: prism asked them, and they were ready.
pub const ANSWERED: &str = "answered";
