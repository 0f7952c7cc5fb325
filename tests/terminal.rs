//! prism on a terminal: what is typed, job control, and who is in front.

mod job;
mod screen;
