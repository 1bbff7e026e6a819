//! The program as a part of something else, a page in a browser say, which has no terminal, no signals and no files.
//!
//! What is read is given by name (see [`crate::source::give`]); what is written, and what is said besides, goes to the
//! [`Embedder`]. All else is the program as it is, so its reports are the same to the byte.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::interrupt::Interrupt;
use super::{CLEAN, TROUBLE};
use super::{Trouble, extract, plan, read_all, reading, sentences, settings, whole};
use crate::diagnosis::selection::Selection;
use crate::options::{ExtractOptions, Input};
use crate::record::Sink;
use crate::report::{self, By, Format, Style, Tee, TimeStyle, Verbosity, View};

/// Who embeds the program.
pub trait Embedder: Send {
    /// Takes bytes of an output, in their order.
    fn write(&mut self, output: &Path, bytes: &[u8]);

    /// Is told what is wrong: a sentence without full stop. It may hold any characters that a file's name can.
    fn complain(&mut self, message: &str);

    /// Is told that `read` of `total` bytes have been read, of `input` and others. Comes often.
    fn progress(&mut self, input: &Path, read: u64, total: u64);
}

/// As a process has one terminal, so it has one of these.
static EMBEDDER: Mutex<Option<Box<dyn Embedder>>> = Mutex::new(None);

/// From now on the program tells this one.
pub fn embed(embedder: Box<dyn Embedder>) {
    *EMBEDDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(embedder);
}

pub(super) fn tell(what: impl FnOnce(&mut dyn Embedder)) {
    if let Some(embedder) = &mut *EMBEDDER.lock().unwrap_or_else(PoisonError::into_inner) {
        what(&mut **embedder);
    }
}

/// A report of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// As `ftpwhy --format` writes it.
    Format(Format),
    /// As `ftpwhy show` writes it.
    View(View),
}

/// Reads `input` once and writes these reports, as the program would write them to files. 0, or 2 after complaints.
pub fn report(input: &Input, reports: &[(Report, PathBuf)]) -> u8 {
    reading(|interrupt| reported(input, reports, interrupt))
}

fn reported(input: &Input, reports: &[(Report, PathBuf)], interrupt: &Interrupt) -> Result<u8, Trouble> {
    let plan = plan(input, interrupt)?;
    let style = Style {
        color: false,
        links: false,
        ascii: false,
        width: 80,
        time: TimeStyle::Utc,
        verbosity: Verbosity::Normal,
        by: By::Finding,
    };
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    for (report, path) in reports {
        let (style, out) = (style.clone(), Box::new(whole(Some(path))?));
        sinks.push(match *report {
            Report::Format(format) => report::sink(format, style, sentences(&plan), out)?,
            Report::View(view) => report::show(vec![(view, out)], Vec::new(), style, sentences(&plan)),
        });
    }
    let mut sink = Tee::new(sinks);
    let settings = settings(input, Selection::default(), true)?;
    let read = read_all(&plan, input, &settings, interrupt, &mut sink)?;
    sink.end(&read.captures, &read.summary)?;
    Ok(if read.complete { CLEAN } else { TROUBLE })
}

/// Writes packets, as `ftpwhy extract` does. 0, or 2 after complaints.
pub fn packets(options: &ExtractOptions) -> u8 {
    extract(options)
}
