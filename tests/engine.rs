//! prism against the real Engine.

mod away;
mod child;
mod copied;
mod corpus;
mod create;
mod data;
mod destroy;
mod dotenv;
mod endpoint;
mod environment;
mod exec;
mod failure;
mod healing;
mod inputs;
mod isolation;
mod life;
mod ports;
mod project_name;
mod reach;
mod reader;
mod ready;
mod services;
mod speed;
mod stray;
mod whose;
mod worktree;
