//! prism against a real Engine, real git and real processes. One binary, so that it links once.
#![allow(clippy::expect_used, reason = "a test that cannot go on should panic, and say why")]

mod campaign;
mod cli;
mod docs;
mod engine;
mod entering;
mod layering;
mod process;
mod readers;
mod setup;
mod shells;
mod support;
mod terminal;
