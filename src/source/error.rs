//! Why an input could not be read at all, in words for the person who named it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::text::printable;

/// An input that gives no frame; the other inputs are read nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenError {
    /// The input as it was named.
    pub path: PathBuf,
    /// What it is instead of a capture, and what to do about it.
    pub what: String,
    /// Whether the system failed, so that nobody knows what it is.
    of_system: bool,
}

impl OpenError {
    /// An error about `path`.
    pub fn new(path: &Path, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), what: what.into(), of_system: false }
    }

    /// An error of the operating system about `path`.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        Self { of_system: true, ..Self::new(path, words(error)) }
    }

    /// Whether reading failed, so that nobody knows what the file is.
    pub(super) fn is_of_system(&self) -> bool {
        self.of_system
    }
}

/// Why an input could not be opened or read.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => reason(error),
    }
}

/// An I/O error in a few words, lower case, without the number of the operating system.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        io::ErrorKind::StorageFull => "no space left".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let mut letters = text.chars();
            letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not read {}: {}", shown(&self.path), self.what)
    }
}

impl std::error::Error for OpenError {}

/// An input's name that is safe to print.
pub(super) fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    printable(path.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_made_printable() {
        let error = OpenError::new(Path::new("a\x1b[1m"), "it is empty");
        assert_eq!(error.to_string(), "could not read a\\x1b[1m: it is empty");
    }

    #[test]
    fn standard_input_has_a_name() {
        assert_eq!(
            OpenError::new(Path::new("-"), "it is empty").to_string(),
            "could not read standard input: it is empty"
        );
    }

    #[test]
    fn a_missing_file_is_told_in_words() {
        let error = OpenError::io(Path::new("x"), &io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(error.to_string(), "could not read x: there is no such file");
        assert_eq!(OpenError::io(Path::new("x"), &io::Error::from_raw_os_error(5)).what, "input/output error");
    }

    #[test]
    fn reasons_have_no_numbers_and_no_capitals() {
        assert_eq!(reason(&io::Error::from(io::ErrorKind::NotFound)), "no such file");
        assert_eq!(reason(&io::Error::from_raw_os_error(5)), "input/output error");
        assert_eq!(reason(&io::Error::other("Bad thing")), "bad thing");
    }
}
