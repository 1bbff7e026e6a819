//! The file of `-o`, which can be opened again when it has been moved away.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::report::Out;

/// A file that several hold.
#[derive(Clone)]
pub(super) struct Outfile {
    path: PathBuf,
    file: Rc<RefCell<File>>,
}

impl Outfile {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: Rc::new(RefCell::new(File::create(path)?)) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes to what now has the name; what is there stays.
    pub(super) fn reopen(&self) -> io::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        *self.file.borrow_mut() = file;
        Ok(())
    }
}

impl Out for Outfile {}

impl Write for Outfile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.borrow_mut().flush()
    }
}
