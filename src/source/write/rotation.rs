//! A capture file that begins anew when it is large or old enough, and of whose predecessors only some are kept.
//!
//! Writing may fail for a time, for want of space or because the directory is gone: what could not be written is the
//! caller's to count, the file goes on with whole blocks when there is room again, and none of 0 bytes is left.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::{Writer, WrittenInterface};
use crate::frame::{Frame, Timestamp};
use crate::source::{Interface, is_removed};

/// Bytes gathered before they are written; flushed whenever nothing comes. More than the longest block, so that none is
/// written in part when there is no room.
const BUFFER: usize = 512 << 10;

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
    /// Frames written since the file was last seen.
    unseen: u64,
    /// The last file that should have been removed and could not be.
    stuck: Option<(PathBuf, io::Error)>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    writer: Writer<BufWriter<File>>,
    /// The same file, to be looked at.
    file: File,
    interfaces: Vec<WrittenInterface>,
    begins: Timestamp,
}

impl Rotating {
    /// Creates the first file; `interfaces` by their number.
    pub fn create(path: &Path, rotation: Rotation, interfaces: Vec<Interface>, now: Timestamp) -> io::Result<Self> {
        let first = if rotation.is_wanted() { numbered(path, 1, now) } else { path.to_owned() };
        let open = Open::create(first.clone(), &interfaces, now)?;
        Ok(Self {
            path: path.to_owned(),
            rotation,
            interfaces,
            open,
            number: 1,
            kept: VecDeque::from([first]),
            before: 0,
            unseen: 0,
            stuck: None,
        })
    }

    /// Appends a frame; begins the next file before it where that is due. After an error the frame is not in the file,
    /// and nothing else is lost.
    pub fn frame(&mut self, frame: &Frame<'_>, counted: &[Counted]) -> io::Result<()> {
        if self.next_is_due(frame.at.time) {
            self.next(frame.at.time, counted)?;
        }
        let Some(interface) = self.open.interfaces.get(frame.interface.0 as usize) else { return Ok(()) };
        self.open.writer.frame(*interface, frame, &[])?;
        self.unseen += 1;
        Ok(())
    }

    fn next_is_due(&self, now: Timestamp) -> bool {
        let full = self.rotation.size.is_some_and(|size| self.open.writer.written() >= size);
        let age = now.seconds_since(self.open.begins);
        full || self.rotation.duration.is_some_and(|seconds| age >= seconds)
    }

    /// Bytes written so far, to all files.
    pub fn written(&self) -> u64 {
        self.before + self.open.writer.written()
    }

    /// Hands on what is buffered. Fails too when the file has been removed; one that was moved away is written on.
    pub fn flush(&mut self) -> io::Result<()> {
        self.open.writer.flush()?;
        if is_removed(&self.open.file) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.unseen = 0;
        Ok(())
    }

    /// Tries to go on after an error: hands on what is buffered, begins the next file where that is due, creates the one
    /// that was removed. Gives the number of frames that were written to what was removed, since it was last seen.
    pub fn resume(&mut self, now: Timestamp, counted: &[Counted]) -> io::Result<u64> {
        let is_removed = is_removed(&self.open.file);
        let gone = if is_removed { self.unseen } else { 0 };
        if self.rotation.is_wanted() && (is_removed || self.next_is_due(now)) {
            self.next(now, counted)?;
        } else if is_removed {
            self.replace(Open::restore(self.path.clone(), &self.interfaces, now)?, now, counted);
        }
        self.flush().map(|()| gone)
    }

    /// The file has been moved away: creates it again. Where it still is, nothing happens.
    pub fn reopen(&mut self, now: Timestamp, counted: &[Counted]) -> io::Result<()> {
        if self.rotation.is_wanted() {
            return self.next(now, counted);
        }
        if self.path.exists() {
            return self.flush();
        }
        self.replace(Open::create(self.path.clone(), &self.interfaces, now)?, now, counted);
        Ok(())
    }

    /// Ends the last file with what was counted.
    pub fn finish(mut self, now: Timestamp, counted: &[Counted]) -> io::Result<()> {
        self.open.finish(now, counted)?;
        self.flush()
    }

    /// The file that should have been removed and could not be, once.
    pub fn take_stuck(&mut self) -> Option<(PathBuf, io::Error)> {
        self.stuck.take()
    }

    fn next(&mut self, now: Timestamp, counted: &[Counted]) -> io::Result<()> {
        let path = numbered(&self.path, self.number + 1, now);
        let mut created = Open::create(path.clone(), &self.interfaces, now);
        if created.is_err() && self.rotation.files.is_some_and(|files| self.kept.len() >= files) {
            // Perhaps there is room when the one has gone that goes anyway.
            self.remove_oldest();
            created = Open::create(path.clone(), &self.interfaces, now);
        }
        self.replace(created?, now, counted);
        self.number += 1;
        self.kept.push_back(path);
        while self.rotation.files.is_some_and(|files| self.kept.len() > files.max(1)) {
            self.remove_oldest();
        }
        Ok(())
    }

    fn remove_oldest(&mut self) {
        let Some(oldest) = self.kept.pop_front() else { return };
        match fs::remove_file(&oldest) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => self.stuck = Some((oldest, error)),
            _ => {}
        }
    }

    fn replace(&mut self, next: Open, now: Timestamp, counted: &[Counted]) {
        let mut last = std::mem::replace(&mut self.open, next);
        // What it still holds back is lost if there is no room for it: it was whole up to there.
        let _ = last.finish(now, counted);
        self.before += last.writer.written();
        self.unseen = 0;
    }

    /// The file that is being written.
    pub fn current(&self) -> &Path {
        &self.open.path
    }
}

impl Open {
    /// Creates a file, and takes the place of one that is there.
    fn create(path: PathBuf, interfaces: &[Interface], now: Timestamp) -> io::Result<Self> {
        Self::begin(File::create(&path)?, path, interfaces, now)
    }

    /// Creates a file again that is gone. What somebody else put there meanwhile stays, unless it is empty.
    fn restore(path: PathBuf, interfaces: &[Interface], now: Timestamp) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        if file.metadata()?.len() > 0 {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file with that name exists"));
        }
        Self::begin(file, path, interfaces, now)
    }

    fn begin(file: File, path: PathBuf, interfaces: &[Interface], now: Timestamp) -> io::Result<Self> {
        let header = |file: File| {
            let mut writer = Writer::new(BufWriter::with_capacity(BUFFER, file), &[])?;
            let interfaces = interfaces.iter().map(|interface| writer.interface(interface));
            let interfaces = interfaces.collect::<io::Result<Vec<_>>>()?;
            writer.flush().map(|()| (writer, interfaces))
        };
        match file.try_clone().and_then(header) {
            Ok((writer, interfaces)) => Ok(Self { path, writer, file, interfaces, begins: now }),
            Err(error) => {
                // Without a header it is of no use; if it cannot be removed either, that is for the same reason.
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Ends the file with what was counted so far.
    fn finish(&mut self, now: Timestamp, counted: &[Counted]) -> io::Result<()> {
        for (interface, (received, dropped)) in self.interfaces.iter().zip(counted) {
            self.writer.statistics(*interface, now, *received, *dropped)?;
        }
        self.writer.flush()
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
        Frame { at, interface: InterfaceId(0), link_type: LinkType::ETHERNET, bytes: &[7; 1000], wire_len: 1000 }
    }

    fn rotating(folder: &tempfile::TempDir, rotation: Rotation) -> Rotating {
        let interface =
            Interface { name: Some("eth0".to_owned()), ..Interface::new(InterfaceId(0), LinkType::ETHERNET) };
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

    /// Whether the frames of the only file are those of these seconds.
    fn only(folder: &tempfile::TempDir, name: &str, seconds: &[i64]) {
        let (frames, capture) = written::read(&fs::read(folder.path().join(name)).unwrap()).unwrap();
        assert_eq!(capture.damage, None);
        let times: Vec<i64> = frames.iter().map(|(_, time, ..)| time / SECOND).collect();
        assert_eq!(times, seconds);
    }

    #[test]
    fn a_file_that_was_removed_is_created_again_and_what_was_in_it_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = rotating(&folder, Rotation::default());
        file.frame(&frame(1), &[]).unwrap();
        file.flush().unwrap();
        let path = folder.path().join("ring.pcapng");
        fs::remove_file(&path).unwrap();
        file.frame(&frame(2), &[]).unwrap();
        assert_eq!(file.flush().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(file.resume(Timestamp(0), &[]).unwrap(), 1, "one frame since the file was last seen");
        file.frame(&frame(3), &[]).unwrap();
        file.finish(Timestamp(0), &[]).unwrap();
        only(&folder, "ring.pcapng", &[3]);
    }

    #[test]
    fn a_file_that_somebody_else_put_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = rotating(&folder, Rotation::default());
        let path = folder.path().join("ring.pcapng");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "not ours").unwrap();
        assert_eq!(file.resume(Timestamp(0), &[]).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "not ours");
        // As logrotate leaves it behind.
        fs::write(&path, "").unwrap();
        file.resume(Timestamp(0), &[]).unwrap();
        file.frame(&frame(1), &[]).unwrap();
        file.finish(Timestamp(0), &[]).unwrap();
        only(&folder, "ring.pcapng", &[1]);
    }

    #[test]
    fn a_directory_that_was_removed_and_made_again_is_written_to_again() {
        let outer = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir_in(outer.path()).unwrap();
        let rotation = Rotation { size: Some(2_500), duration: None, files: Some(2) };
        let mut file = rotating(&folder, rotation);
        file.frame(&frame(1), &[]).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(file.flush().is_err());
        assert!(file.resume(Timestamp(2 * SECOND), &[]).is_err());
        fs::create_dir(folder.path()).unwrap();
        assert_eq!(file.resume(Timestamp(3 * SECOND), &[]).unwrap(), 1);
        file.frame(&frame(4), &[]).unwrap();
        file.finish(Timestamp(5 * SECOND), &[]).unwrap();
        only(&folder, "ring_00002_3.pcapng", &[4]);
    }
}
