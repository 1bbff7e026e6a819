//! A file that is written where nobody sees it, and put in its place when it is whole.
//!
//! Until then the old file stays as it is. On Linux the new one has no name before, so that nothing stays behind
//! however the program ends; elsewhere its name goes with the [`Replacement`].

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempPath};

use super::identity::{folder, followed};

/// What the new file is called while it has no other name.
const PREFIX: &str = ".ftpwhy-";

/// A file to be.
#[derive(Debug)]
pub(super) struct Replacement {
    /// Where it will be, links followed.
    target: PathBuf,
    /// What is written to.
    file: File,
    place: Place,
}

/// Where the new file is.
#[derive(Debug)]
enum Place {
    /// In the directory of its target, without a name.
    #[cfg(target_os = "linux")]
    Nameless,
    /// In the directory of its target.
    Beside(TempPath),
    /// In the directory for temporary files: that of the target takes no other file, or one of another owner.
    Elsewhere,
    /// In its place.
    Done,
}

impl Replacement {
    /// Begins to write what `path` will be; nothing if that is no regular file. Fails where the file must not be
    /// written or there is no room for another one.
    pub(super) fn begin(path: &Path) -> io::Result<Option<Self>> {
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(None);
        }
        let Some(target) = followed(path) else { return Ok(None) };
        let old = match File::options().write(true).open(&target) {
            Ok(old) => old.metadata()?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (file, place) = create(folder(&target), ModeOf::Any)?;
                return Ok(Some(Self { target, file, place }));
            }
            Err(error) => return Err(error),
        };
        let (file, place) = match create(folder(&target), ModeOf::Owner) {
            Ok((file, place)) if take_after(&file, &old).is_ok() => (file, place),
            Err(error) if !matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
                return Err(error);
            }
            _ => (tempfile::tempfile()?, Place::Elsewhere),
        };
        Ok(Some(Self { target, file, place }))
    }

    /// Waits until what was written is on the disk.
    pub(super) fn synchronise(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Ends it: from now on the path leads to the new file.
    pub(super) fn put_in_place(&mut self) -> io::Result<()> {
        let renamed = match std::mem::replace(&mut self.place, Place::Done) {
            #[cfg(target_os = "linux")]
            Place::Nameless => name(&self.file, folder(&self.target)).and_then(|beside| rename(beside, &self.target)),
            Place::Beside(beside) => rename(beside, &self.target),
            Place::Elsewhere => return self.copy(),
            Place::Done => return Ok(()),
        };
        match renamed {
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => Err(error),
            // The file alone may be shared with a container, or guarded in a directory of many users.
            Err(_) => self.copy(),
            Ok(()) => Ok(()),
        }
    }

    /// Writes it over the old file, which is emptied last: that a disk is full is less likely so.
    fn copy(&mut self) -> io::Result<()> {
        let mut target = File::options().write(true).create(true).truncate(false).open(&self.target)?;
        self.file.rewind()?;
        let length = io::copy(&mut self.file, &mut target)?;
        target.set_len(length)?;
        target.sync_all()
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Who may read and write a new file, before it takes after an old one.
#[derive(Clone, Copy)]
enum ModeOf {
    /// Whom the umask lets.
    Any,
    /// Its owner.
    Owner,
}

impl ModeOf {
    fn bits(self) -> u32 {
        match self {
            Self::Any => 0o666,
            Self::Owner => 0o600,
        }
    }
}

#[cfg(target_os = "linux")]
fn create(folder: &Path, mode: ModeOf) -> io::Result<(File, Place)> {
    use rustix::fs::{Mode, OFlags, open};
    // It gets its name through /proc; and not every file system has files without.
    if Path::new("/proc/self/fd").exists() {
        // Nothing may be read where `live` has confined itself.
        for access in [OFlags::RDWR, OFlags::WRONLY] {
            let flags = OFlags::TMPFILE | access | OFlags::CLOEXEC;
            if let Ok(file) = open(folder, flags, Mode::from_bits_truncate(mode.bits())) {
                return Ok((file.into(), Place::Nameless));
            }
        }
    }
    create_named(folder, mode)
}

#[cfg(not(target_os = "linux"))]
fn create(folder: &Path, mode: ModeOf) -> io::Result<(File, Place)> {
    create_named(folder, mode)
}

fn create_named(folder: &Path, mode: ModeOf) -> io::Result<(File, Place)> {
    let open = |path: &Path, read: bool| {
        let mut options = File::options();
        options.read(read).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode.bits());
        #[cfg(not(unix))]
        let _ = mode;
        options.open(path)
    };
    let open = |path: &Path| match open(path, true) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => open(path, false),
        done => done,
    };
    let (file, path) = Builder::new().prefix(PREFIX).make_in(folder, open)?.into_parts();
    Ok((file, Place::Beside(path)))
}

/// Gives a file without a name one for a moment: only a rename can put it in the place of another.
#[cfg(target_os = "linux")]
fn name(file: &File, folder: &Path) -> io::Result<TempPath> {
    use rustix::fs::{AtFlags, CWD, linkat};
    use std::os::fd::AsRawFd;
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    let link = |path: &Path| Ok(linkat(CWD, &descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW)?);
    Builder::new().prefix(PREFIX).make_in(folder, link).map(tempfile::NamedTempFile::into_temp_path)
}

fn rename(beside: TempPath, target: &Path) -> io::Result<()> {
    beside.persist(target).map_err(|error| error.error)
}

/// Gives a file the owner and the mode of an old one.
#[cfg(unix)]
fn take_after(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    if new.mode() != old.mode() {
        file.set_permissions(old.permissions())?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn take_after(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A replacement of `target`, by a file with a name where this system has some without.
    fn by_name(target: &Path) -> Replacement {
        let (file, place) = create_named(folder(target), ModeOf::Any).expect("a file");
        assert!(matches!(place, Place::Beside(_)));
        Replacement { target: target.to_owned(), file, place }
    }

    fn begun(target: &Path) -> Replacement {
        Replacement::begin(target).expect("may be written").expect("a regular file")
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a directory");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_changes_when_its_replacement_is_whole() {
        for begin in [begun, by_name] {
            let directory = tempfile::tempdir().expect("a directory");
            let target = directory.path().join("report");
            for text in ["one", "two, which is longer", "3"] {
                let before = fs::read(&target).ok();
                let mut file = begin(&target);
                file.write_all(text.as_bytes()).expect("written");
                assert_eq!(fs::read(&target).ok(), before);
                file.put_in_place().expect("in place");
                file.put_in_place().expect("once is enough");
                assert_eq!(fs::read_to_string(&target).expect("a file"), text);
                assert_eq!(names(directory.path()), ["report"]);
            }
        }
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        for begin in [begun, by_name] {
            let directory = tempfile::tempdir().expect("a directory");
            let mut file = begin(&directory.path().join("report"));
            file.write_all(b"half").expect("written");
            drop(file);
            assert!(names(directory.path()).is_empty());
        }
    }

    #[test]
    fn a_copy_is_as_long_as_the_report() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("report");
        for text in ["much that was here before", "little"] {
            let file = tempfile::tempfile().expect("a file");
            let mut file = Replacement { target: target.clone(), file, place: Place::Elsewhere };
            file.write_all(text.as_bytes()).expect("written");
            file.put_in_place().expect("in place");
            assert_eq!(fs::read_to_string(&target).expect("a file"), text);
        }
    }

    #[test]
    fn what_is_no_file_has_no_replacement() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(Replacement::begin(directory.path()).expect("is there").is_none());
        assert!(Replacement::begin(&directory.path().join("none/report")).is_err());
    }
}
