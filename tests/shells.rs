//! Shells: hook, snippet, prompt, direnv, in real interactive shells.

mod bash;
mod direnv;
mod editor;
mod hostile;
mod install;
mod robust;
mod scenario;
mod slow;
mod snippet;
