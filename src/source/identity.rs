//! Tells whether the file under a name is still the one that was there before.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// A file as it was when it was looked at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// Device and inode.
    inode: Option<(u64, u64)>,
    modified: Option<SystemTime>,
    /// Bytes; it may have more by now.
    len: u64,
}

impl Identity {
    /// What there is to compare; `None` for pipes and devices, which cannot be read again.
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        let identity = Self { inode: inode(metadata), modified: metadata.modified().ok(), len: metadata.len() };
        metadata.is_file().then_some(identity)
    }

    /// Opens the file again. An error says that it is gone, or what has become of it.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        // Looked at before it is opened, too: a pipe in its place would wait for its writer.
        self.must_be(&fs::metadata(path)?)?;
        let file = File::open(path)?;
        self.must_be(&file.metadata()?)?;
        Ok(file)
    }

    fn must_be(&self, metadata: &Metadata) -> io::Result<()> {
        let now = Self::of(metadata).filter(|now| self.is_followed_by(now));
        match now {
            None => Err(io::Error::other("it was replaced by another file")),
            Some(now) if now.len < self.len => {
                Err(io::Error::other(format!("it was truncated from {} to {} bytes", self.len, now.len)))
            }
            Some(_) => Ok(()),
        }
    }

    /// Some network file systems give a file another inode each time it is looked up.
    fn is_followed_by(&self, now: &Self) -> bool {
        self.inode == now.inode || (self.modified, self.len) == (now.modified, now.len)
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems tell none")]
fn inode(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said when the file is opened again after `change`.
    fn after(change: impl FnOnce(&Path)) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "before").unwrap();
        let identity = Identity::of(&fs::metadata(&path).unwrap()).unwrap();
        change(&path);
        identity.open(&path).map(|_| ()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_that_stays_or_grows_is_the_same() {
        assert_eq!(after(|_| {}), Ok(()));
        assert_eq!(after(|path| fs::write(path, "before and more").unwrap()), Ok(()));
    }

    #[test]
    fn a_file_that_was_cut_or_replaced_or_is_gone_is_not() {
        assert_eq!(after(|path| fs::write(path, "").unwrap()), Err("it was truncated from 6 to 0 bytes".to_owned()));
        assert!(after(|path| fs::remove_file(path).unwrap()).is_err());
        let taken = Err("it was replaced by another file".to_owned());
        #[cfg(unix)]
        {
            let replace = |path: &Path| {
                let other = path.with_extension("new");
                fs::write(&other, "another one").unwrap();
                fs::rename(&other, path).unwrap();
            };
            assert_eq!(after(replace), taken);
        }
        let into_folder = |path: &Path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        };
        assert_eq!(after(into_folder), taken);
    }

    #[test]
    fn what_cannot_be_read_again_has_none() {
        assert_eq!(Identity::of(&fs::metadata(std::env::temp_dir()).unwrap()), None);
    }
}
