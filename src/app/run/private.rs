//! The private file that the command writes its keys to: gone in the end, also where this process is killed.
//!
//! Programs open it by its name, some of them for each connection anew, so that it must have one. Nothing in a killed
//! process can remove it: a shell does, whose input ends with this process. If that is killed, too (with the whole
//! service, or by a power cut), the next run does.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::process::geteuid;
use tempfile::NamedTempFile;

/// What the names of such files begin with.
const PREFIX: &str = "ftpwhy-keys-";

/// Removes the file $1 at the end of its input and of the command, whose number it reads: as long as that runs, it may open
/// the file anew. Signals of a terminal are not for it.
const GUARD: &str = "trap '' HUP INT QUIT TERM; read -r command; read -r end; \
    while [ -n \"$command\" ] && [ -e \"/proc/$command/exe\" ]; do sleep 1; done; rm -f -- \"$1\"";

/// The file, and who removes it.
pub(super) struct PrivateFile {
    file: NamedTempFile,
    guard: Option<Child>,
}

impl PrivateFile {
    /// One in the directory of temporary files, locked as long as `KeyLog` has it open; with the lock.
    pub(super) fn create() -> io::Result<(Self, File)> {
        remove_left_behind(&std::env::temp_dir());
        let file = NamedTempFile::with_prefix(PREFIX)?;
        let reader = file.reopen()?;
        flock(&reader, FlockOperation::NonBlockingLockExclusive)?;
        let mut guard = Command::new("sh");
        guard.arg("-c").arg(GUARD).arg("ftpwhy").arg(file.path()).process_group(0);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Without a shell the file is removed all the same, unless this process is killed.
        Ok((Self { file, guard: guard.spawn().ok() }, reader))
    }

    /// Its name.
    pub(super) fn path(&self) -> &OsStr {
        self.file.path().as_os_str()
    }

    /// From now on the command with this number may write to it.
    pub(super) fn is_given_to(&mut self, command: &Child) {
        if let Some(input) = self.guard.as_mut().and_then(|guard| guard.stdin.as_mut()) {
            let _ = writeln!(input, "{}", command.id());
        }
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.file.path());
        if let Some(guard) = &mut self.guard {
            drop(guard.stdin.take());
            // It waits for the command; where that goes on, it is not waited for.
            let _ = guard.try_wait();
        }
    }
}

/// Removes what killed runs of this user have left: nobody has it locked.
fn remove_left_behind(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()));
    for path in ours.map(|entry| entry.path()) {
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
        let Ok(file) = OpenOptions::new().read(true).custom_flags(flags).open(&path) else { continue };
        let is_own = file.metadata().is_ok_and(|file| file.is_file() && file.uid() == geteuid().as_raw());
        if is_own && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_locked_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["ftpwhy-keys-old", "ftpwhy-keys-used", "other"] {
            fs::write(path(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(path("other"), path("ftpwhy-keys-link")).unwrap();
        let used = File::open(path("ftpwhy-keys-used")).unwrap();
        flock(&used, FlockOperation::NonBlockingLockExclusive).unwrap();
        remove_left_behind(folder.path());
        let left = |name: &str| path(name).exists();
        assert!(!left("ftpwhy-keys-old") && left("ftpwhy-keys-used") && left("other") && left("ftpwhy-keys-link"));
    }

    #[test]
    fn the_guard_removes_it_when_this_process_is_gone() {
        let (mut private, lock) = PrivateFile::create().unwrap();
        let path = private.file.path().to_owned();
        let mut command = Command::new("sh").args(["-c", "read -r end"]).stdin(Stdio::piped()).spawn().unwrap();
        private.is_given_to(&command);
        let mut guard = private.guard.take().unwrap();
        // As if killed: the input ends, and nobody removes the file.
        std::mem::forget(private);
        drop((lock, guard.stdin.take()));
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(path.exists() && guard.try_wait().unwrap().is_none(), "the command still runs");
        drop(command.stdin.take());
        command.wait().unwrap();
        assert!(guard.wait().unwrap().success() && !path.exists());
    }
}
