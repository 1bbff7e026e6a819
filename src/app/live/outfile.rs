//! Where the report goes. What cannot be written at once, because the disk is full or the directory gone, waits until it
//! can, as far as there is room for it; the rest is counted.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::outage::Outage;
use crate::report::Out;
use crate::source::is_removed;

/// Bytes that wait at most.
const WAITING: usize = 1 << 20;

/// A file, or standard output, that several hold.
#[derive(Clone)]
pub(super) struct Outfile(Rc<RefCell<Inner>>);

struct Inner {
    /// `None` is standard output.
    path: Option<PathBuf>,
    file: File,
    /// What comes between two flushes: a line or a block, to be written whole or not at all.
    unit: Vec<u8>,
    /// Units that wait.
    waiting: VecDeque<Vec<u8>>,
    /// Bytes of them.
    bytes: usize,
    /// Bytes of the first that have been written.
    begun: usize,
    outage: Outage,
    notices: Vec<String>,
}

impl Outfile {
    /// Creates the file.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self::new(File::create(path)?, Some(path.to_owned())))
    }

    pub(super) fn standard_output() -> io::Result<Self> {
        Ok(Self::new(io::stdout().as_fd().try_clone_to_owned()?.into(), None))
    }

    fn new(file: File, path: Option<PathBuf>) -> Self {
        let name = path.as_ref().map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
        let (unit, waiting) = (Vec::new(), VecDeque::new());
        let outage = Outage::new(name, ["entry", "entries"]);
        let inner = Inner { path, file, unit, waiting, bytes: 0, begun: 0, outage, notices: Vec::new() };
        Self(Rc::new(RefCell::new(inner)))
    }

    /// Writes what waits, if it can be written now; what is to be told since this was last asked.
    pub(super) fn breathe(&self) -> Vec<String> {
        let inner = &mut *self.0.borrow_mut();
        // An error that does not pass shows again with the next line.
        let _ = inner.write_out();
        std::mem::take(&mut inner.notices)
    }

    /// Writes to what now has the name; what is there stays.
    pub(super) fn reopen(&self) {
        self.0.borrow_mut().reopen();
    }

    /// What has been lost.
    pub(super) fn lost(&self) -> (&'static str, u64) {
        self.0.borrow().outage.in_all()
    }

    /// Nothing more will be written: what is missing.
    pub(super) fn finish(&self) -> Option<String> {
        self.breathe();
        let inner = &mut *self.0.borrow_mut();
        inner.outage.lose(inner.waiting.len() as u64);
        inner.outage.verdict()
    }
}

impl Inner {
    /// Whether there is a file to write to.
    fn reopen(&mut self) -> bool {
        let Some(path) = &self.path else { return true };
        match OpenOptions::new().create(true).append(true).open(path) {
            Ok(file) => (self.file, self.begun) = (file, 0),
            Err(error) => self.notices.extend(self.outage.begins(&error)),
        }
        !is_removed(&self.file)
    }

    /// Likewise; one that was removed is created again.
    fn is_there(&mut self) -> bool {
        let is_there = self.path.is_none() || !is_removed(&self.file);
        is_there || {
            let name = self.path.as_deref().unwrap_or(Path::new("")).display().to_string();
            let is_back = self.reopen();
            if is_back && !self.outage.is_on() {
                self.notices.push(format!("{name} was removed; it is created again"));
            }
            is_back
        }
    }

    /// Puts a unit behind those that wait.
    fn push(&mut self, unit: Vec<u8>) {
        if self.waiting.is_empty() || self.bytes + unit.len() <= WAITING {
            self.bytes += unit.len();
            self.waiting.push_back(unit);
        } else {
            self.outage.lose(1);
        }
    }

    /// Writes what waits. An error is one that will not pass.
    fn write_out(&mut self) -> io::Result<()> {
        if !self.is_there() {
            return Ok(());
        }
        while let Some(unit) = self.waiting.front() {
            match self.file.write(unit.get(self.begun..).unwrap_or_default()) {
                Ok(written) => self.begun += written,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if self.may_pass(&error) => {
                    self.notices.extend(self.outage.begins(&error));
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            if self.begun >= unit.len() {
                self.begun = 0;
                self.bytes -= unit.len();
                self.waiting.pop_front();
            }
        }
        self.notices.extend(self.outage.ends());
        Ok(())
    }

    /// Whether it is worth trying again. A terminal that is gone, and a pipe that nobody reads, do not come back.
    fn may_pass(&self, error: &io::Error) -> bool {
        match error.kind() {
            ErrorKind::BrokenPipe => false,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::WouldBlock => true,
            _ => self.path.is_some(),
        }
    }
}

impl Out for Outfile {}

impl Write for Outfile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().unit.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let inner = &mut *self.0.borrow_mut();
        let unit = std::mem::take(&mut inner.unit);
        if !unit.is_empty() {
            inner.push(unit);
        }
        // While it fails it is tried again from time to time only.
        if inner.outage.is_on() { Ok(()) } else { inner.write_out() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(out: &mut Outfile, text: &str) {
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).unwrap();
    }

    #[test]
    fn what_a_full_device_does_not_take_waits_and_the_rest_is_counted() {
        if !Path::new("/dev/full").exists() {
            return eprintln!("skipped: no /dev/full");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        let mut out = Outfile::create(&path).unwrap();
        line(&mut out, "one\n");
        let file =
            std::mem::replace(&mut out.0.borrow_mut().file, File::options().write(true).open("/dev/full").unwrap());
        line(&mut out, "two\n");
        line(&mut out, &"x".repeat(WAITING - 4));
        line(&mut out, "too much\n");
        let notices = out.breathe();
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].contains("no space left"), "{notices:?}");
        assert_eq!(out.lost(), ("entries", 1));
        out.0.borrow_mut().file = file;
        assert_eq!(out.breathe(), [format!("{} is written again; 1 entry is missing", path.display())]);
        line(&mut out, "three\n");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("one\ntwo\nxxx") && text.ends_with("xthree\n"));
        assert!(out.finish().unwrap().contains("1 entry is missing"));
    }

    #[test]
    fn a_report_that_was_removed_is_created_again() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("inner");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("report");
        let mut out = Outfile::create(&path).unwrap();
        line(&mut out, "one\n");
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(out.breathe().len(), 1, "it is gone");
        line(&mut out, "two\n");
        assert_eq!(out.breathe(), Vec::<String>::new());
        std::fs::create_dir(&folder).unwrap();
        assert_eq!(out.breathe().len(), 1, "it is back");
        line(&mut out, "three\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\nthree\n");
        assert_eq!(out.finish(), None);
    }
}
