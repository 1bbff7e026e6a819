//! `ftpwhy demo`: analyses a capture that is a part of the program.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::run;
use crate::diagnosis::selection::Selection;
use crate::options::{AnalyseOptions, FailOn, Input};
use crate::report::{Format, Style};
use crate::source::{Given, give};

/// Two LISTs to a vsftpd, of which the second fails with 425; `fixtures/README.md` has more of it.
const CAPTURE: &[u8] = include_bytes!("../../fixtures/time-wait-collision/fires-lab-vsftpd.pcap");
/// What reports call it.
const NAME: &str = "demo.pcap";

struct Demo;

impl Given for Demo {
    fn open(&self) -> Box<dyn Read + Send> {
        Box::new(Cursor::new(CAPTURE))
    }

    fn len(&self) -> u64 {
        CAPTURE.len() as u64
    }
}

/// Writes the report to standard output. The exit status.
pub fn demo(style: &Style) -> u8 {
    give(Path::new(NAME), Arc::new(Demo));
    run(&AnalyseOptions {
        input: Input { files: vec![PathBuf::from(NAME)], ..Input::default() },
        selection: Selection::default(),
        format: Format::Full,
        style: style.clone(),
        output: None,
        beside: Vec::new(),
        fail_on: FailOn::Error,
        require_transfers: false,
        baseline: None,
        write_baseline: None,
        cause: None,
        max_findings: None,
        between: None,
    })
}
