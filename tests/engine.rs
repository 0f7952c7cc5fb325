//! prism against the real Engine.

mod corpus;
mod create;
mod endpoint;
mod environment;
mod exec;
mod failure;
mod healing;
mod isolation;
mod life;
mod ready;
mod worktree;
