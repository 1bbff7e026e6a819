//! The files that were dropped on the page, and what each of them is.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ftpwhy::source::{Given, give};

/// Bytes that are asked for at once: each time costs a copy and a call.
const PIECE: usize = 1 << 20;

/// Bytes that tell a key log or a host's facts from a capture.
const HEAD: usize = 4096;

/// A file of the request, by its place there.
pub struct Dropped {
    pub number: u32,
    pub size: u64,
}

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Capture,
    KeyLog,
    Facts,
}

impl Given for Dropped {
    fn open(&self) -> Box<dyn Read + Send> {
        Box::new(Reading { number: self.number, at: 0, size: self.size, piece: Vec::new(), used: 0 })
    }

    fn len(&self) -> u64 {
        self.size
    }
}

/// A reading of a file.
struct Reading {
    number: u32,
    /// Where the next piece begins.
    at: u64,
    size: u64,
    piece: Vec<u8>,
    used: usize,
}

impl Read for Reading {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.used == self.piece.len() {
            let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
            self.piece.resize(left.min(PIECE), 0);
            self.used = 0;
            let read = if left == 0 { 0 } else { crate::read(self.number, self.at, &mut self.piece)? };
            self.piece.truncate(read);
            self.at += read as u64;
        }
        let rest = self.piece.get(self.used..).unwrap_or_default();
        let copied = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..copied), rest.get(..copied)) {
            to.copy_from_slice(from);
        }
        self.used += copied;
        Ok(copied)
    }
}

/// Makes a file known by a name, and says what it is.
pub fn take(name: &str, file: Dropped) -> (PathBuf, Kind) {
    // `-` would be standard input.
    let path = if name == "-" { PathBuf::from("./-") } else { PathBuf::from(name) };
    let mut head = Vec::new();
    // What cannot be read is a capture of which that is said.
    let _ = file.open().take(HEAD as u64).read_to_end(&mut head);
    give(Path::new(&path), Arc::new(file));
    (path, kind(&head))
}

/// Key logs are lines of text (the format of NSS), facts are JSON; captures are neither.
fn kind(head: &[u8]) -> Kind {
    let text = head.trim_ascii_start();
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let is_key = |line: &[u8]| {
        let label = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let is_label = !label.is_empty() && label.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'0'..=b'9'));
        is_label && label.contains(&b'_') && line.contains(&b' ')
    };
    match lines.find(|line| !line.is_empty() && !line.starts_with(b"#")) {
        Some(line) if is_key(line) => Kind::KeyLog,
        Some(line) if line.starts_with(b"{") => Kind::Facts,
        _ => Kind::Capture,
    }
}
