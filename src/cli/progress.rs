//! A progress bar for long reads.

use std::io::{IsTerminal, stderr};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Smaller files are read before a bar could be looked at.
const LONG_READ: u64 = 64 << 20;

/// A bar on standard error, shown only on a terminal and only for long reads; gone when dropped.
pub struct Progress {
    wanted: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// `wanted`: not with `--quiet`, and not where a report is streamed to the same terminal.
    pub fn new(wanted: bool) -> Self {
        Self { wanted: wanted && stderr().is_terminal(), bar: None }
    }

    /// `read` of `total` bytes of the file have been read. Cheap: redraws a few times a second at most.
    pub fn at(&mut self, file: &Path, read: u64, total: u64) {
        if !self.wanted || total < LONG_READ {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            // The template is a constant that the test below reads.
            bar.set_style(ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        bar.set_message(crate::text::printable(file.as_os_str().as_encoded_bytes()));
        bar.set_length(total);
        bar.set_position(read);
    }

    /// Takes the bar away, before a report is printed.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

const TEMPLATE: &str = "{msg} [{bar:30}] {bytes} of {total_bytes}, {eta} left";

#[cfg(test)]
mod tests {
    use indicatif::ProgressStyle;

    use super::{LONG_READ, Path, Progress, TEMPLATE};

    #[test]
    fn the_template_is_valid() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn short_reads_and_other_places_than_terminals_have_none() {
        let mut short = Progress { wanted: true, bar: None };
        short.at(Path::new("x"), 10, LONG_READ - 1);
        assert!(short.bar.is_none());
        let mut unwanted = Progress { wanted: false, bar: None };
        unwanted.at(Path::new("x"), 10, LONG_READ);
        assert!(unwanted.bar.is_none());
    }
}
