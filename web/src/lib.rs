//! The door between a page's worker and ftpwhy: one request in, reports out, all through the memory of the module.
//!
//! The worker writes a request, as JSON, to where [`room`] says, and calls [`run`]. Meanwhile the module asks for the bytes
//! of the dropped files piece by piece, so that a capture never lies in memory as a whole, and hands out what it writes.
//! The only place with `unsafe`: calls across the border, and the bytes that are handed over it.

mod files;
mod request;

use ftpwhy::app::embedded::{Embedder, embed};
use std::path::Path;

/// What the worker does for the module. All numbers are lengths and places in its memory, or indices into the request.
mod worker {
    #[link(wasm_import_module = "worker")]
    unsafe extern "C" {
        /// Copies up to `len` bytes of the input from `offset` to `to`; how many, or a negative number where it failed.
        pub fn read(input: u32, offset: f64, to: *mut u8, len: usize) -> i32;
        /// Takes bytes of an output.
        pub fn write(output: u32, from: *const u8, len: usize);
        /// Is told what is wrong, in UTF-8.
        pub fn complain(from: *const u8, len: usize);
        /// Is told how many bytes of how many have been read.
        pub fn progress(read: f64, total: f64);
    }
}

/// Bytes of an input from `offset` on; how many.
fn read(input: u32, offset: u64, to: &mut [u8]) -> std::io::Result<usize> {
    #[expect(clippy::cast_precision_loss, reason = "JavaScript counts bytes in this type, too")]
    let offset = offset as f64;
    // SAFETY: the worker writes `len` bytes at most, all of them within `to`.
    let read = unsafe { worker::read(input, offset, to.as_mut_ptr(), to.len()) };
    usize::try_from(read).map_err(|_| std::io::Error::other("the browser could not read it"))
}

fn complain(message: &str) {
    // SAFETY: the worker copies what it is shown before it returns.
    unsafe { worker::complain(message.as_ptr(), message.len()) }
}

/// Passes on to the worker.
struct Worker;

impl Embedder for Worker {
    fn write(&mut self, output: &Path, bytes: &[u8]) {
        let Some(output) = request::number_of(output) else { return };
        // SAFETY: as for `complain`.
        unsafe { worker::write(output, bytes.as_ptr(), bytes.len()) }
    }

    fn complain(&mut self, message: &str) {
        complain(message);
    }

    fn progress(&mut self, _: &Path, read: u64, total: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a share of them is shown")]
        let (read, total) = (read as f64, total as f64);
        // SAFETY: numbers alone cross.
        unsafe { worker::progress(read, total) }
    }
}

/// Room for a request of `len` bytes. It is kept for good: one worker, one request.
#[unsafe(no_mangle)]
pub extern "C" fn room(len: usize) -> *mut u8 {
    vec![0_u8; len].leak().as_mut_ptr()
}

/// Does what the request says; 0, or 2 after complaints, as the program's exit status.
///
/// # Safety
/// `from` and `len` are those of [`room`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn run(from: *const u8, len: usize) -> u32 {
    std::panic::set_hook(Box::new(|panic| complain(&format!("ftpwhy has a bug: {panic}"))));
    embed(Box::new(Worker));
    // SAFETY: the caller says so.
    let request = unsafe { std::slice::from_raw_parts(from, len) };
    match request::parse(request) {
        Ok(request) => u32::from(request.run()),
        Err(why) => {
            complain(&why);
            2
        }
    }
}
