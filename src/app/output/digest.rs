//! What went through an output, counted and digested.

use std::fmt::Write as _;
use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

/// An output that keeps account of what is written to it.
pub(in crate::app) struct Digested<W: Write> {
    out: W,
    bytes: u64,
    digest: Sha256,
}

impl<W: Write> Digested<W> {
    pub(in crate::app) fn new(out: W) -> Self {
        Self { out, bytes: 0, digest: Sha256::new() }
    }

    /// Gives the output back, with how many bytes it was given and their SHA-256 in hexadecimal digits.
    pub(in crate::app) fn finish(self) -> (W, u64, String) {
        let mut digits = String::new();
        for byte in self.digest.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        (self.out, self.bytes, digits)
    }
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or(bytes));
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_counted_and_digested() {
        let mut digested = Digested::new(Vec::new());
        digested.write_all(b"a").expect("written");
        digested.write_all(b"bc").expect("written");
        let (out, bytes, digest) = digested.finish();
        assert_eq!((out.as_slice(), bytes), (&b"abc"[..], 3));
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "FIPS 180-2, B.1");
    }
}
