//! Tells of what is found in a directory whether it is to be read as a capture.
//!
//! What cannot be told is an error: a file that might be a capture must not be passed over in silence.

use std::io::{ErrorKind, Read};
use std::path::Path;

use super::error::OpenError;
use super::input::Input;
use super::name;
use super::sniff::{Looks, MAGIC, SNIFF, sniff};

/// Whether something found in a directory is to be read: it has the name of a capture, or begins like one of a format
/// that is read or not. The error says why that cannot be told, or that something with such a name is no file.
pub fn is_capture(path: &Path) -> Result<bool, OpenError> {
    let is_named = name::is_of_capture(path);
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {
            if is_named {
                Ok(true)
            } else {
                begins_like_one(path)
            }
        }
        Ok(_) if !is_named => Ok(false),
        Ok(metadata) if metadata.is_dir() => {
            Err(OpenError::new(path, "it is a directory; name it to read what is in it"))
        }
        // Opened, a pipe would wait for its writer.
        Ok(_) => Err(OpenError::new(path, "it is a pipe or a device; name it to read from it")),
        // A link that leads nowhere hides nothing.
        Err(error) if !is_named && error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(OpenError::io(path, &error)),
    }
}

/// Whether there is a file of this name that begins like a capture, whatever its name is.
pub fn has_a_capture(path: &Path) -> bool {
    path.is_file() && begins_like_one(path).unwrap_or(false)
}

/// Whether the first bytes of a file are those of a capture. The error says why there are too few of them to tell.
fn begins_like_one(path: &Path) -> Result<bool, OpenError> {
    let input = match Input::open(path) {
        Err(error) if error.is_of_system() => return Err(error),
        // An archive, which is no capture by its name.
        Err(_) => return Ok(false),
        Ok(input) => input,
    };
    let mut head = Vec::with_capacity(SNIFF);
    let read = input.reader.take(SNIFF as u64).read_to_end(&mut head);
    match (sniff(&head), read) {
        (Looks::Like(_) | Looks::Foreign(_), _) => Ok(true),
        (_, Err(error)) if head.len() < MAGIC => Err(OpenError::io(path, &error)),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// What is said of a file of this name and content.
    fn said(name: &str, content: &[u8]) -> Result<bool, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        is_capture(&path).map_err(|error| error.what)
    }

    #[test]
    fn a_file_is_a_capture_by_its_name_or_by_its_first_bytes() {
        for content in [&b""[..], b"\xd4\xc3", b"garbage", b"\x1f\x8b", b"\xfd7zXZ\0"] {
            assert_eq!(said("x.pcap.3.gz", content), Ok(true), "{content:?}");
        }
        assert_eq!(said("x", b"\xd4\xc3\xb2\xa1"), Ok(true));
        assert_eq!(said("x", b"snoop\0\0\0"), Ok(true), "a format that is not read");
        for content in [&b""[..], b"\xd4\xc3", b"garbage", b"\xfd7zXZ\0", b"PK\x03\x04"] {
            assert_eq!(said("x.log", content), Ok(false), "{content:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_an_error() {
        let damaged = Err("its gzip data are damaged or cut short".to_owned());
        assert_eq!(said("x.log", b"\x1f\x8b\x08\0\0"), damaged);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_an_error_only_if_it_has_the_name_of_a_capture() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let link = |to: PathBuf, name: &str| std::os::unix::fs::symlink(to, path(name)).unwrap();
        let said = |name: &str| is_capture(&path(name)).map_err(|error| error.what);
        std::fs::create_dir(path("d")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("s")).unwrap();
        link(path("d"), "d.pcap");
        link(path("s"), "s.pcap");
        link(path("nowhere"), "n");
        link(path("nowhere"), "n.pcap");
        link(path("loop"), "loop");
        assert_eq!([said("d"), said("s"), said("n"), said("gone")], [const { Ok(false) }; 4]);
        let named = |name: &str| said(name).unwrap_err();
        assert_eq!(named("d.pcap"), "it is a directory; name it to read what is in it");
        assert_eq!(named("s.pcap"), "it is a pipe or a device; name it to read from it");
        assert_eq!(named("n.pcap"), "there is no such file");
        assert!(said("loop").is_err(), "whatever it was to be");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_cannot_be_read_may_be_a_capture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::os::unix::fs::symlink("/proc/self/mem", &path).unwrap();
        assert_eq!(is_capture(&path).unwrap_err().what, "input/output error");
    }
}
