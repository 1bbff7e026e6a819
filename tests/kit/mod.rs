//! The test kit: packet scripts in readable text become captures.
//!
//! - [`script`] reads a `NAME.script` and gives [`packet::Packet`]s; `fixtures/README.md` is its manual.
//! - [`transform`] damages packets as networks and capture tools do; [`taps`] records them elsewhere; [`container`] writes
//!   them as a file.
//! - [`frames`] reads a capture into memory and judges it there; [`mutate`] spoils it, at random and reproducibly.
//! - [`marks`] lets an expectation name a script's packets; the comparison itself is `ftpwhy check`; [`run`] reads JSON;
//!   [`child`] sends signals.
#![allow(dead_code, unused_imports, reason = "every test crate compiles the whole kit and uses a part of it")]

#[cfg(target_os = "linux")]
pub mod child;
mod connection;
pub mod container;
pub mod frames;
pub mod marks;
pub mod mutate;
pub mod packet;
pub mod run;
pub mod script;
mod spoken;
pub mod taps;
pub mod transform;

pub use script::{Playing, Rendered, play, render, render_text};

use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `dir` whose name ends in one of `endings`, sorted.
pub fn files_below(dir: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![dir.to_path_buf()];
    while let Some(dir) = waiting.pop() {
        let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("cannot list {}: {e}", dir.display()));
        for path in entries.map(|entry| entry.expect("a directory entry").path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                waiting.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A pcapng file of little-endian blocks with ones that nobody reads in place of those that carry keys; others as they are.
pub fn without_secrets(mut file: Vec<u8>) -> Vec<u8> {
    const SECTION: [u8; 4] = 0x0a0d_0d0a_u32.to_le_bytes();
    const DECRYPTION_SECRETS: [u8; 4] = 10_u32.to_le_bytes();
    const LOCAL: [u8; 4] = 0x8000_0001_u32.to_le_bytes();
    if !file.starts_with(&SECTION) || file.get(8..12) != Some(&0x1a2b_3c4d_u32.to_le_bytes()) {
        return file;
    }
    let mut at = 0;
    while let Some(len) = file.get(at + 4..at + 8).map(|len| u32::from_le_bytes(len.try_into().expect("4 bytes"))) {
        if file[at..at + 4] == DECRYPTION_SECRETS {
            file[at..at + 4].copy_from_slice(&LOCAL);
        }
        at += (len as usize).max(12);
    }
    file
}
