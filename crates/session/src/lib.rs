//! What a session is here and now, how it is brought up, used, and ended; for whoever asks: a command line, or a server.

pub mod compose;
pub mod create;
pub mod data;
pub mod docker;
pub mod end;
pub mod environment;
pub mod find;
pub mod git;
pub mod glance;
pub mod machine;
pub mod notice;
pub mod port;
pub mod start;
pub mod use_case;
pub mod work;
