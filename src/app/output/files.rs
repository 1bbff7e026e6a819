//! What a command reads and writes, compared before anything is opened for writing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::identity::{Identity, Standard};
use crate::source::has_a_capture;

/// What a command does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Role {
    /// A capture that is read.
    Input,
    /// The keys of TLS.
    KeyLog,
    /// Facts of a host.
    Facts,
    /// The file of settings.
    Configuration,
    /// The findings to leave out.
    Baseline,
    /// What is expected of a capture, read and perhaps rewritten.
    Expectation,
    /// It is written.
    Output,
}

/// The files of a command: a file that is written is nothing else to it.
#[derive(Debug, Default)]
pub(in crate::app) struct Files {
    known: BTreeMap<Identity, (Role, PathBuf)>,
}

impl Files {
    /// Notes a file that is read; `-` is standard input.
    pub(in crate::app) fn reads(&mut self, role: Role, path: &Path) {
        let identity = if path == Path::new("-") { Standard::Input.identity() } else { Identity::of(path) };
        self.note(identity, role, path);
    }

    /// Notes a file that will be written. The error says why it must not.
    pub(in crate::app) fn writes(&mut self, path: &Path) -> Result<(), String> {
        let identity = Identity::of(path);
        self.spare(identity.as_ref(), path)?;
        self.note(identity, Role::Output, path);
        Ok(())
    }

    /// The same for a report, which must not take the place of a capture either: `--html a.pcap b.pcap` is mistyped.
    pub(in crate::app) fn writes_report(&mut self, path: &Path) -> Result<(), String> {
        self.writes(path)?;
        if has_a_capture(path) {
            let path = path.display();
            return Err(format!(
                "could not write {path}: it is a capture, and this is a report; write to another file"
            ));
        }
        Ok(())
    }

    /// The same for standard output, which may be a file, too.
    pub(in crate::app) fn writes_standard_output(&mut self) -> Result<(), String> {
        let (identity, path) = (Standard::Output.identity(), Path::new("standard output"));
        self.spare(identity.as_ref(), path)?;
        self.note(identity, Role::Output, path);
        Ok(())
    }

    /// Notes expectations that may be rewritten; captures may share one.
    pub(in crate::app) fn rewrites(&mut self, expectations: &[PathBuf]) -> Result<(), String> {
        let all: Vec<_> = expectations.iter().map(|path| (Identity::of(path), path)).collect();
        all.iter().try_for_each(|(identity, path)| self.spare(identity.as_ref(), path))?;
        for (identity, path) in all {
            self.note(identity, Role::Expectation, path);
        }
        Ok(())
    }

    fn note(&mut self, identity: Option<Identity>, role: Role, path: &Path) {
        if let Some(identity) = identity {
            self.known.entry(identity).or_insert_with(|| (role, path.to_owned()));
        }
    }

    fn spare(&self, identity: Option<&Identity>, path: &Path) -> Result<(), String> {
        let Some((role, known)) = identity.and_then(|identity| self.known.get(identity)) else { return Ok(()) };
        let what = match role {
            Role::Input => "it is one of the inputs",
            Role::KeyLog => "it is a key log",
            Role::Facts => "it has the facts of a host",
            Role::Configuration => "it is the configuration file",
            Role::Baseline => "it is the baseline",
            Role::Expectation => "it is one of the expectations",
            Role::Output => "another output is written to the same file",
        };
        let other = match known.as_path() {
            known if known == path => String::new(),
            known if known == Path::new("-") => " (standard input)".to_owned(),
            known => format!(" ({})", known.display()),
        };
        Err(format!("could not write {}: {what}{other}; write to another file", path.display()))
    }
}
