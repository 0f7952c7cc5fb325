//! Links GCC's unwinder into a release, where there is a static one: to load it as a library takes a tenth of a millisecond
//! at every start. And leaves the tables away by which a panic would be unwound: a release aborts.

use std::path::{Path, PathBuf};
use std::process::Command;

/// For the linkers of GNU and LLVM. The unit tests of a release have no tables either: there a panic is the end of all.
const WITHOUT_TABLES: &str =
    "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.eh_frame_hdr) *(.gcc_except_table*) } } INSERT AFTER .text;\n";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    let is_native = std::env::var("HOST") == std::env::var("TARGET");
    // Where it was measured.
    if !is("CARGO_CFG_TARGET_ARCH", "x86_64")
        || !is_native
        || !is("PROFILE", "release")
        || !is("CARGO_CFG_TARGET_OS", "linux")
        || !is("CARGO_CFG_TARGET_ENV", "gnu")
    {
        return;
    }
    leave_unwind_tables();
    let Ok(found) = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output() else { return };
    let found = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    // A compiler that has none repeats the name.
    if let Some(directory) = Path::new(&found).parent().filter(|_| Path::new(&found).is_absolute()) {
        println!("cargo::rustc-link-search=native={}", directory.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

fn leave_unwind_tables() {
    let Some(directory) = std::env::var_os("OUT_DIR") else { return };
    let script = PathBuf::from(directory).join("without-tables.ld");
    if std::fs::write(&script, WITHOUT_TABLES).is_ok() {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    }
}
