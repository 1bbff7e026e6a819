//! How large the page may be: each part has bytes of its own, and says what did not fit.

use std::io::{self, Write};

/// The causes, each with an example.
pub(super) const CAUSES: usize = 450_000;
/// The failures that are shown with all that is known of them.
pub(super) const BLOCKS: usize = 350_000;
/// The list of all findings, and that of transfers.
pub(super) const LINES: usize = 250_000;
pub(super) const TRANSFERS: usize = 250_000;
/// Hosts, notes on the capture, and inputs, each.
pub(super) const REST: usize = 50_000;

/// Bytes that a part of the page may still take.
pub(super) struct Room(usize);

impl Room {
    pub(super) fn of(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Writes markup if it fits; whether it does.
    pub(super) fn write(&mut self, markup: &[u8], out: &mut dyn Write) -> io::Result<bool> {
        let Some(left) = self.0.checked_sub(markup.len()) else { return Ok(false) };
        self.0 = left;
        out.write_all(markup)?;
        Ok(true)
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.0
    }
}

/// What did not fit: `120 more findings`.
pub(super) fn left_out(count: usize, noun: &str, out: &mut dyn Write) -> io::Result<()> {
    if count == 0 {
        return Ok(());
    }
    let noun = if count == 1 { noun.to_owned() } else { format!("{noun}s") };
    writeln!(
        out,
        "<p class=\"more\">{count} more {noun} left out to keep this page small: \
         <code>--format csv</code> and <code>--format json</code> list all.</p>"
    )
}
