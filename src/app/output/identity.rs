//! Which file a path leads to, by whatever name.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// Links that are followed one after the other, as many as Linux does.
const LINKS: usize = 40;

/// A file, however it is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    /// One that is there: device and inode.
    #[cfg(unix)]
    Inode(u64, u64),
    /// One that is not: its directory and name without links.
    Name(PathBuf),
}

impl Identity {
    /// The file that `path` leads to, there or not; nothing where writing destroys nothing: for terminals, `/dev/null`
    /// and sockets.
    pub(super) fn of(path: &Path) -> Option<Self> {
        if let Ok(metadata) = fs::metadata(path) {
            return Self::of_file(&metadata, path);
        }
        let path = followed(path)?;
        let folder = fs::canonicalize(folder(&path)).ok()?;
        Some(Self::Name(folder.join(path.file_name()?)))
    }

    #[cfg(unix)]
    fn of_file(metadata: &Metadata, _: &Path) -> Option<Self> {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        (!kind.is_char_device() && !kind.is_socket()).then(|| Self::inode(metadata))
    }

    #[cfg(unix)]
    fn inode(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self::Inode(metadata.dev(), metadata.ino())
    }

    #[cfg(not(unix))]
    fn of_file(_: &Metadata, path: &Path) -> Option<Self> {
        fs::canonicalize(path).ok().map(Self::Name)
    }
}

/// What a process is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standard {
    Input,
    Output,
    Error,
}

#[cfg(unix)]
impl Standard {
    /// The stream that is the same as what `path` leads to: `/dev/stdout`, or the file that it was redirected to.
    pub(super) fn at(path: &Path) -> Option<Self> {
        let file = Identity::inode(&fs::metadata(path).ok()?);
        let is = |stream: &Self| stream.metadata().is_some_and(|metadata| Identity::inode(&metadata) == file);
        [Self::Output, Self::Error].into_iter().find(is)
    }

    /// Its file, as [`Identity::of`] gives it.
    pub(super) fn identity(self) -> Option<Identity> {
        Identity::of_file(&self.metadata()?, Path::new("-"))
    }

    fn metadata(self) -> Option<Metadata> {
        use std::os::fd::AsFd;
        let descriptor = match self {
            Self::Input => std::io::stdin().as_fd().try_clone_to_owned(),
            Self::Output => std::io::stdout().as_fd().try_clone_to_owned(),
            Self::Error => std::io::stderr().as_fd().try_clone_to_owned(),
        };
        fs::File::from(descriptor.ok()?).metadata().ok()
    }
}

#[cfg(not(unix))]
impl Standard {
    pub(super) fn at(_: &Path) -> Option<Self> {
        None
    }

    pub(super) fn identity(self) -> Option<Identity> {
        None
    }
}

/// The path behind the symbolic links that `path` ends in, of a file that is there or may come to be. Nothing for what
/// has no name to be renamed to, as `/dev/stdout` and `/dev/fd/3`.
pub(in crate::app) fn followed(path: &Path) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let folder = folder(&path);
        let real = fs::canonicalize(folder).unwrap_or_default();
        if real == Path::new("/dev") || real.starts_with("/dev/fd") || real.starts_with("/proc") {
            return None;
        }
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => break,
        }
    }
    Some(path)
}

/// The directory that a path is in.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
