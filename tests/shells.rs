//! Shells: hook, snippet, prompt, direnv, in real interactive shells.

mod bash;
mod direnv;
mod editor;
mod install;
mod robust;
mod scenario;
mod snippet;
