//! What tells one session from another, and what is prism's own: names, labels, seals.

pub mod address_name;
pub mod label;
pub mod name;
pub mod nonce;
pub mod own;
pub mod seal;
pub mod variable_name;
