//! Formats that are read and written, and words of them.

pub mod block;
pub mod dotenv;
pub mod env_file;
pub mod format;
pub mod hash;
pub mod image_name;
pub mod loopback;
pub mod template;
pub mod url;
pub mod word;
pub mod yaml;
