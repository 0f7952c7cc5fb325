//! prism against the real Engine.

mod environment;
mod exec;
mod failure;
mod healing;
mod life;
mod ready;
mod worktree;
