//! A progress bar for long reads.

use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Smaller files are read before a bar could be looked at.
const LONG_READ: u64 = 64 << 20;

/// A bar on standard error for all that a run reads, shown only on a terminal and only for long reads; gone when dropped.
pub struct Progress {
    wanted: bool,
    /// How many files there are and their bytes; none where they are read as one.
    all: Option<(u64, u64)>,
    bar: Mutex<Bar>,
}

/// What is shown.
#[derive(Default)]
struct Bar {
    drawn: Option<ProgressBar>,
    files: u64,
    bytes: u64,
}

/// How far the files of one timeline are.
pub struct Share<'a> {
    whole: &'a Progress,
    files: u64,
    size: u64,
    read: u64,
}

/// The bytes of files that can be known before they are read.
fn size(files: &[PathBuf]) -> u64 {
    files.iter().filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}

impl Progress {
    /// Over timelines of these files.
    pub fn over<'a>(timelines: impl ExactSizeIterator<Item = &'a [PathBuf]>) -> Self {
        let wanted = stderr().is_terminal();
        let all = (wanted && timelines.len() > 1).then(|| {
            timelines
                .map(|files| (files.len() as u64, size(files)))
                .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
        });
        Self { wanted, all, bar: Mutex::default() }
    }

    /// Begins the files of one timeline.
    pub fn part(&self, files: &[PathBuf]) -> Share<'_> {
        let size = if self.wanted && self.all.is_some() { size(files) } else { 0 };
        Share { whole: self, files: files.len() as u64, size, read: 0 }
    }

    /// Writes to standard error, where the bar may be.
    pub fn aside(&self, write: impl FnOnce()) {
        let bar = self.shown();
        match &bar.drawn {
            Some(shown) => shown.suspend(write),
            None => write(),
        }
    }

    /// Takes the bar away, before a report is printed.
    pub fn finish(&self) {
        if let Some(bar) = self.shown().drawn.take() {
            bar.finish_and_clear();
        }
    }

    fn shown(&self) -> MutexGuard<'_, Bar> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows that `bytes` more of `total` and `files` more have been read; `file` is one of them.
    fn add(&self, file: Option<&Path>, files: u64, bytes: u64, total: u64) {
        let mut shown = self.shown();
        shown.files += files;
        shown.bytes += bytes;
        let (files, bytes) = (shown.files, shown.bytes);
        if total < LONG_READ {
            return;
        }
        let bar = shown.drawn.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            // The template is a constant that the test below reads.
            bar.set_style(ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        match (self.all, file) {
            (Some((all, _)), _) => bar.set_message(format!("{files} of {all} files")),
            (None, Some(file)) => bar.set_message(crate::text::printable(file.as_os_str().as_encoded_bytes())),
            (None, None) => {}
        }
        bar.set_length(total);
        bar.set_position(bytes);
    }
}

impl Share<'_> {
    /// `read` of `total` bytes have been read, of `file` and others. Cheap: redraws a few times a second at most.
    pub fn at(&mut self, file: &Path, read: u64, total: u64) {
        if self.whole.wanted {
            let more = read.saturating_sub(std::mem::replace(&mut self.read, read));
            let total = self.whole.all.map_or(total, |(_, bytes)| bytes);
            self.whole.add(Some(file), 0, more, total);
        }
    }
}

/// What is left of it is not read any more.
impl Drop for Share<'_> {
    fn drop(&mut self) {
        match self.whole.all {
            Some((_, total)) => self.whole.add(None, self.files, self.size.saturating_sub(self.read), total),
            None => self.whole.finish(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

const TEMPLATE: &str = "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

#[cfg(test)]
mod tests {
    use indicatif::ProgressStyle;

    use super::{LONG_READ, Mutex, Path, PathBuf, Progress, TEMPLATE};

    #[test]
    fn the_template_is_valid() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn short_reads_and_other_places_than_terminals_have_none() {
        for (wanted, size) in [(true, LONG_READ - 1), (false, LONG_READ)] {
            let progress = Progress { wanted, all: None, bar: Mutex::default() };
            progress.part(&[PathBuf::from("x")]).at(Path::new("x"), 10, size);
            assert!(progress.shown().drawn.is_none());
        }
    }

    #[test]
    fn files_that_are_read_at_once_are_counted_together() {
        let progress = Progress { wanted: true, all: Some((2, 10)), bar: Mutex::default() };
        let files = [PathBuf::from("x")];
        let (mut one, mut other) = (progress.part(&files), progress.part(&files));
        one.at(Path::new("x"), 3, 5);
        other.at(Path::new("x"), 4, 5);
        one.at(Path::new("x"), 5, 5);
        drop(one);
        let shown = progress.shown();
        assert_eq!((shown.files, shown.bytes), (1, 9));
    }
}
