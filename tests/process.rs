//! The child, and what prism is to it.

mod exec;
mod interrupt;
