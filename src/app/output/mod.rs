//! Where reports and captures go: into a stream as they come, or into a file that changes when they are whole.
//!
//! Every file that a user names for writing is opened here; those that `live` writes for as long as it runs are opened
//! by it. [`Files`] is asked first, so that no output destroys an input or another output.

mod digest;
mod files;
mod identity;
#[cfg_attr(not(feature = "cli"), path = "../embedded/replacement.rs")]
mod replacement;

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::report::Out;
use crate::source::reason;
use identity::Standard;
use replacement::Replacement;

pub(super) use digest::Digested;
pub(super) use files::{Files, Role};
#[cfg(all(feature = "live", target_os = "linux"))]
pub(super) use identity::followed;

/// Where one report or capture goes.
pub(super) struct Destination {
    /// As it was named; nothing for standard output.
    path: Option<PathBuf>,
    way: Way,
}

enum Way {
    /// What is written is there at once: a pipe, a device, a file that others watch while it grows.
    Stream(BufWriter<Box<dyn Write>>),
    /// What is written is there when [`Out::finish`] puts it in its place.
    Whole(Box<BufWriter<Replacement>>),
}

impl Destination {
    pub(super) fn standard_output() -> Self {
        Self { path: None, way: Way::Stream(BufWriter::new(Box::new(io::stdout()))) }
    }

    /// A file that holds what was written so far at any time; what it held before is gone.
    pub(super) fn growing(path: &Path) -> io::Result<Self> {
        let out = in_place(path).map_err(|error| Failure::of(path, error))?;
        Ok(Self { path: Some(path.to_owned()), way: Way::Stream(BufWriter::new(out)) })
    }

    /// A file that stays as it is until what is written is whole. Pipes and devices are written as by
    /// [`Self::growing`].
    pub(super) fn whole(path: &Path) -> io::Result<Self> {
        match Replacement::begin(path).map_err(|error| Failure::of(path, error))? {
            Some(file) => Ok(Self { path: Some(path.to_owned()), way: Way::Whole(Box::new(BufWriter::new(file))) }),
            None => Self::growing(path),
        }
    }

    fn named(&self, error: io::Error) -> io::Error {
        match &self.path {
            Some(path) => Failure::of(path, error),
            None => error,
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.way {
            Way::Stream(out) => out.write(bytes),
            Way::Whole(out) => out.write(bytes),
        };
        written.map_err(|error| self.named(error))
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = match &mut self.way {
            Way::Stream(out) => out.flush(),
            Way::Whole(out) => out.flush(),
        };
        flushed.map_err(|error| self.named(error))
    }
}

impl Out for Destination {
    fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        let finished = match &mut self.way {
            Way::Stream(_) => Ok(()),
            // A file server may tell only now that its disk is full.
            Way::Whole(out) => out.get_ref().synchronise().and_then(|()| out.get_mut().put_in_place()),
        };
        finished.map_err(|error| self.named(error))
    }
}

/// Gives a file this content at once, so that nobody reads half of it. Does not wait for the disk.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let Some(mut file) = Replacement::begin(path)? else { return in_place(path)?.write_all(text.as_bytes()) };
    file.write_all(text.as_bytes())?;
    file.put_in_place()
}

/// Opens a file for what is written as it comes. To be opened again, standard output would be emptied where it is a
/// file, so it is taken as it is.
fn in_place(path: &Path) -> io::Result<Box<dyn Write>> {
    Ok(match Standard::at(path) {
        Some(Standard::Output) => Box::new(io::stdout()),
        Some(Standard::Error) => Box::new(io::stderr()),
        Some(Standard::Input) | None => Box::new(File::create(path)?),
    })
}

/// An error with the file that it is about, inside an [`io::Error`] as reports pass them on.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) path: PathBuf,
    pub(super) reason: String,
}

impl Failure {
    /// Names the file of an error. A pipe whose reader has gone needs no name: that is no failure.
    fn of(path: &Path, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return error;
        }
        io::Error::new(error.kind(), Self { path: path.to_owned(), reason: reason(&error) })
    }

    /// What `error` says of a file, if it is about one.
    pub(super) fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not write {}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("ftpwhy.prom");
        for text in ["one", "two"] {
            replace(&path, text).expect("replaced");
            assert_eq!(fs::read_to_string(&path).expect("a file"), text);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a directory").count(), 1);
    }

    #[test]
    fn an_error_names_its_file_and_a_reader_who_has_gone_is_none() {
        let error = Destination::whole(Path::new("/none/of/these")).err().expect("refused");
        assert_eq!(error.to_string(), "could not write /none/of/these: no such file");
        assert!(Failure::within(&error).is_some_and(|failure| failure.path == Path::new("/none/of/these")));
        let gone = Failure::of(Path::new("pipe"), io::ErrorKind::BrokenPipe.into());
        assert!(Failure::within(&gone).is_none() && gone.kind() == io::ErrorKind::BrokenPipe);
    }
}
