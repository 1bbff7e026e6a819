//! A capture file that begins anew when it is large or old enough, and of whose predecessors only some are kept.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::{Writer, WrittenInterface};
use crate::frame::{Frame, Timestamp};
use crate::source::Interface;

/// Bytes gathered before they are written; flushed whenever nothing comes.
const BUFFER: usize = 256 << 10;

/// When the next file begins, and how many are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rotation {
    /// Bytes.
    pub size: Option<u64>,
    /// Seconds of packet time.
    pub duration: Option<f64>,
    /// Files; the oldest are removed.
    pub files: Option<usize>,
}

impl Rotation {
    /// Whether there is more than one file.
    pub fn is_wanted(&self) -> bool {
        self.size.is_some() || self.duration.is_some()
    }
}

/// What was counted on an interface: frames received, frames dropped.
pub type Counted = (u64, u64);

/// The file, or the files one after the other.
#[derive(Debug)]
pub struct Rotating {
    path: PathBuf,
    rotation: Rotation,
    interfaces: Vec<Interface>,
    open: Open,
    number: u32,
    kept: VecDeque<PathBuf>,
    /// Bytes of the files that are closed.
    before: u64,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    writer: Writer<BufWriter<File>>,
    interfaces: Vec<WrittenInterface>,
    begins: Timestamp,
}

impl Rotating {
    /// Creates the first file; `interfaces` by their number.
    pub fn create(path: &Path, rotation: Rotation, interfaces: Vec<Interface>, now: Timestamp) -> io::Result<Self> {
        let first = if rotation.is_wanted() { numbered(path, 1, now) } else { path.to_owned() };
        let open = Open::create(first.clone(), &interfaces, now)?;
        let kept = VecDeque::from([first]);
        Ok(Self { path: path.to_owned(), rotation, interfaces, open, number: 1, kept, before: 0 })
    }

    /// Appends a frame; begins the next file before it where that is due.
    pub fn frame(&mut self, frame: &Frame<'_>, counted: &[Counted]) -> io::Result<()> {
        let full = self.rotation.size.is_some_and(|size| self.open.writer.written() >= size);
        let old =
            self.rotation.duration.is_some_and(|seconds| frame.at.time.seconds_since(self.open.begins) >= seconds);
        if full || old {
            self.next(frame.at.time, counted)?;
        }
        match self.open.interfaces.get(frame.interface.0 as usize) {
            Some(interface) => self.open.writer.frame(*interface, frame, &[]),
            None => Ok(()),
        }
    }

    /// Bytes written so far, to all files.
    pub fn written(&self) -> u64 {
        self.before + self.open.writer.written()
    }

    /// Hands on what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.open.writer.flush()
    }

    /// The file has been moved away: creates it again. Where it still is, nothing happens.
    pub fn reopen(&mut self, now: Timestamp, counted: &[Counted]) -> io::Result<()> {
        if self.rotation.is_wanted() {
            return self.next(now, counted);
        }
        if self.path.exists() {
            return self.flush();
        }
        self.replace(self.path.clone(), now, counted)
    }

    /// Ends the last file with what was counted.
    pub fn finish(self, now: Timestamp, counted: &[Counted]) -> io::Result<()> {
        self.open.finish(now, counted).map(|_| ())
    }

    fn next(&mut self, now: Timestamp, counted: &[Counted]) -> io::Result<()> {
        self.number += 1;
        let path = numbered(&self.path, self.number, now);
        self.replace(path.clone(), now, counted)?;
        self.kept.push_back(path);
        while let Some(files) = self.rotation.files
            && self.kept.len() > files.max(1)
            && let Some(oldest) = self.kept.pop_front()
        {
            match fs::remove_file(oldest) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn replace(&mut self, path: PathBuf, now: Timestamp, counted: &[Counted]) -> io::Result<()> {
        let next = Open::create(path, &self.interfaces, now)?;
        let last = std::mem::replace(&mut self.open, next);
        self.before += last.finish(now, counted)?;
        Ok(())
    }

    /// The file that is being written.
    pub fn current(&self) -> &Path {
        &self.open.path
    }
}

impl Open {
    fn create(path: PathBuf, interfaces: &[Interface], now: Timestamp) -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER, File::create(&path)?);
        let mut writer = Writer::new(file, &[])?;
        let interfaces = interfaces.iter().map(|interface| writer.interface(interface));
        let interfaces = interfaces.collect::<io::Result<Vec<_>>>()?;
        writer.flush()?;
        Ok(Self { path, writer, interfaces, begins: now })
    }

    /// Ends the file with what was counted so far; its length.
    fn finish(mut self, now: Timestamp, counted: &[Counted]) -> io::Result<u64> {
        for (interface, (received, dropped)) in self.interfaces.iter().zip(counted) {
            self.writer.statistics(*interface, now, *received, *dropped)?;
        }
        let written = self.writer.written();
        self.writer.finish()?;
        Ok(written)
    }
}

/// `ring.pcapng` becomes `ring_00001_1767225600.pcapng`: number and seconds since 1970, so that names sort by time.
fn numbered(path: &Path, number: u32, now: Timestamp) -> PathBuf {
    let mut name = path.file_stem().map_or_else(OsString::new, OsString::from);
    name.push(format!("_{number:05}_{}", now.0.div_euclid(1_000_000_000)));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, FrameNo, InterfaceId, LinkType, Stamp};
    use crate::source::written;

    const SECOND: i64 = 1_000_000_000;

    fn frame(seconds: i64) -> Frame<'static> {
        let at = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(seconds * SECOND));
        Frame { at, interface: InterfaceId(0), link_type: LinkType(1), bytes: &[7; 1000], wire_len: 1000 }
    }

    fn rotating(folder: &tempfile::TempDir, rotation: Rotation) -> Rotating {
        let interface = Interface { name: Some("eth0".to_owned()), ..Interface::new(InterfaceId(0), LinkType(1)) };
        Rotating::create(&folder.path().join("ring.pcapng"), rotation, vec![interface], Timestamp(SECOND)).unwrap()
    }

    /// Frames and drops of each file, in order of name.
    fn files(folder: &tempfile::TempDir) -> Vec<(String, usize, Option<u64>)> {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let read = |path: PathBuf| {
            let (frames, capture) = written::read(&fs::read(&path).unwrap()).unwrap();
            assert_eq!(capture.damage, None);
            (path.file_name().unwrap().to_string_lossy().into_owned(), frames.len(), capture.interfaces[0].dropped)
        };
        paths.into_iter().map(read).collect()
    }

    #[test]
    fn files_follow_each_other_by_size_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let rotation = Rotation { size: Some(2_500), duration: None, files: Some(2) };
        let mut file = rotating(&folder, rotation);
        for second in 1..=8 {
            file.frame(&frame(second), &[(10, 3)]).unwrap();
        }
        file.finish(Timestamp(9 * SECOND), &[(20, 4)]).unwrap();
        let name = |number: u32, second: i64| format!("ring_0000{number}_{second}.pcapng");
        assert_eq!(files(&folder), [(name(2, 4), 3, Some(3)), (name(3, 7), 2, Some(4))]);
    }

    #[test]
    fn files_follow_each_other_by_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = rotating(&folder, Rotation { duration: Some(10.0), ..Rotation::default() });
        for second in [1, 5, 11, 12] {
            file.frame(&frame(second), &[]).unwrap();
        }
        assert_eq!(file.current().file_name().unwrap(), "ring_00002_11.pcapng");
        file.finish(Timestamp(13 * SECOND), &[]).unwrap();
        assert_eq!(files(&folder).iter().map(|(_, frames, _)| *frames).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn a_file_that_was_moved_away_is_created_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = rotating(&folder, Rotation::default());
        file.frame(&frame(1), &[]).unwrap();
        file.reopen(Timestamp(0), &[]).unwrap();
        file.frame(&frame(2), &[]).unwrap();
        fs::rename(folder.path().join("ring.pcapng"), folder.path().join("old.pcapng")).unwrap();
        file.reopen(Timestamp(0), &[]).unwrap();
        file.frame(&frame(3), &[]).unwrap();
        file.finish(Timestamp(0), &[]).unwrap();
        let frames: Vec<(String, usize)> = files(&folder).into_iter().map(|(name, frames, _)| (name, frames)).collect();
        assert_eq!(frames, [("old.pcapng".to_owned(), 2), ("ring.pcapng".to_owned(), 1)]);
    }
}
