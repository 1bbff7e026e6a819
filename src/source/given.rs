//! Inputs that are given under a name instead of standing in a file system: a page in a browser has the files that were
//! dropped on it, and no others.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What can be read from its beginning as often as is needed.
pub trait Given: Send + Sync {
    /// A reading from the beginning.
    fn open(&self) -> Box<dyn Read + Send>;

    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// As a process has one file system, so it has one collection of these.
static GIVEN: Mutex<BTreeMap<PathBuf, Arc<dyn Given>>> = Mutex::new(BTreeMap::new());

/// From now on this is what is read under `name`, also where there is a file of that name.
pub fn give(name: &Path, input: Arc<dyn Given>) {
    GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), input);
}

/// What is given under `name`.
pub(super) fn given(name: &Path) -> Option<Arc<dyn Given>> {
    GIVEN.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}

/// Whether what has that name gives the same when it is read again: it is given, or a regular file.
pub fn can_be_read_twice(name: &Path) -> bool {
    given(name).is_some() || name.metadata().is_ok_and(|metadata| metadata.is_file())
}

/// The bytes of that name as they are, given or of a file.
pub fn open_named(name: &Path) -> io::Result<Box<dyn Read + Send>> {
    match given(name) {
        Some(input) => Ok(input.open()),
        None => Ok(Box::new(File::open(name)?)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::frame::CaptureId;
    use crate::source::Timeline;

    struct Bytes(Vec<u8>);

    impl Given for Bytes {
        fn open(&self) -> Box<dyn Read + Send> {
            Box::new(Cursor::new(self.0.clone()))
        }

        fn len(&self) -> u64 {
            self.0.len() as u64
        }
    }

    #[test]
    fn what_is_given_is_read_as_often_as_is_needed_and_by_its_name_alone() {
        let name = Path::new("given.rs/capture");
        assert!(open_named(name).is_err() && !can_be_read_twice(name));
        give(name, Arc::new(Bytes(b"abc".to_vec())));
        for _ in 0..2 {
            assert_eq!(io::read_to_string(open_named(name).unwrap()).unwrap(), "abc");
        }
        assert!(can_be_read_twice(name));
        assert!(open_named(Path::new("capture")).is_err());
    }

    #[test]
    fn a_capture_that_is_given_is_a_capture_with_its_size() {
        let name = Path::new("given.rs/packed.pcap");
        let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        file.extend([1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 7, 7, 7, 7]);
        let size = file.len() as u64;
        give(name, Arc::new(Bytes(file)));
        let (mut timeline, errors) = Timeline::open(&[name.to_owned(), name.to_owned()], CaptureId(0), None);
        assert_eq!((errors.as_slice(), timeline.progress().1), (&[][..], Some(2 * size)));
        assert!(timeline.step() && timeline.step() && !timeline.step(), "each is read by itself");
    }
}
