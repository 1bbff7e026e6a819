//! Turns a named input into its decompressed bytes, recognising compression by magic, never by name.
//!
//! Knows nothing of capture formats.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::broken::Broken;
use super::error::OpenError;
use super::frames::{Codec, Frames};
use super::given::given;
use super::identity::Identity;
use super::lean::Lean;
use super::spool::{self, Spool};
use super::{pipe, stop};

/// Bytes looked at to tell compression.
const MAGIC: usize = 6;

/// Compressed bytes read at a time.
const COMPRESSED_BUFFER: usize = 128 << 10;

/// An opened input.
pub(super) struct Input {
    /// The bytes, decompressed.
    pub reader: Reader,
    /// `gzip`, `zstd` or `lz4`.
    pub compression: Option<&'static str>,
    /// How much of the raw file has been read.
    pub read: Arc<AtomicU64>,
    /// Size of the raw file; unknown for pipes.
    pub size: Option<u64>,
    /// Whether its end may not be its end, for reading was told to stop.
    pub is_cut: fn() -> bool,
    /// What it can be known by when it is opened again; `None` for pipes.
    pub identity: Option<Identity>,
}

/// What gives the bytes.
pub(super) enum Reader {
    /// Reads on and never back, and may hold a file open.
    Stream(Box<dyn Read + Send>),
    /// Holds no file open.
    Lean(Lean),
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.read(buf),
            Self::Lean(lean) => lean.read(buf),
        }
    }
}

/// What the first bytes say of compression.
enum Packing {
    Plain,
    Gzip,
    Framed(Codec),
    Unsupported { what: &'static str, unpack: &'static str },
}

impl Input {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        if path == Path::new("-") {
            return match spool::standard_input() {
                Some(copy) => Ok(Self { is_cut: spool::is_cut, ..Self::from_reader(path, Box::new(copy), None)? }),
                None if standard_input_is_a_file() => Self::from_reader(path, Box::new(io::stdin()), None),
                None => Self::from_pipe(path, || Ok(io::stdin())),
            };
        }
        if let Some(given) = given(path) {
            return Self::from_reader(path, given.open(), Some(given.len()));
        }
        let metadata = path.metadata().map_err(|error| OpenError::io(path, &error))?;
        if metadata.is_dir() {
            return Err(OpenError::new(path, "it is a directory"));
        }
        if !metadata.is_file() {
            let pipe = path.to_owned();
            return Self::from_pipe(path, || File::open(pipe));
        }
        let file = File::open(path).map_err(|error| OpenError::io(path, &error))?;
        Self::of_file(path, file)
    }

    /// Opens a file that was looked at before.
    pub(super) fn open_again(path: &Path, identity: &Identity) -> Result<Self, OpenError> {
        let file = identity.open(path).map_err(|error| OpenError::io(path, &error))?;
        Self::of_file(path, file)
    }

    fn of_file(path: &Path, file: File) -> Result<Self, OpenError> {
        let metadata = file.metadata().map_err(|error| OpenError::io(path, &error))?;
        if metadata.is_dir() {
            return Err(OpenError::new(path, "it is a directory"));
        }
        let input = Self::from_reader(path, Box::new(file), metadata.is_file().then_some(metadata.len()))?;
        Ok(Self { identity: Identity::of(&metadata), ..input })
    }

    /// Opens what may keep its reader waiting.
    fn from_pipe<R: Read>(
        path: &Path,
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) -> Result<Self, OpenError> {
        let pipe = pipe::until(&stop::flag(), open).map_err(|error| OpenError::io(path, &error))?;
        Self::from_reader(path, pipe, None)
    }

    /// The same without an open file; a compressed one is unpacked for that. `window` is how many bytes are to be at hand.
    pub(super) fn lean(self, path: &Path, spool: &mut Option<Spool>, window: usize) -> Result<Self, OpenError> {
        let lean = if let (None, Some(identity)) = (self.compression, self.identity) {
            Lean::named(path.to_owned(), identity, Arc::clone(&self.read), window)
        } else {
            let kept = match spool {
                Some(spool) => spool.keep(self.reader),
                none => Spool::new().and_then(|spool| none.insert(spool).keep(self.reader)),
            };
            Lean::spooled(kept.map_err(|what| OpenError::new(path, what))?, window)
        };
        Ok(Self { reader: Reader::Lean(lean), ..self })
    }

    /// Takes any byte stream; `path` is how errors name it.
    pub(super) fn from_reader(path: &Path, raw: Box<dyn Read + Send>, size: Option<u64>) -> Result<Self, OpenError> {
        let read = Arc::new(AtomicU64::new(0));
        let mut raw = Counted { raw, read: Arc::clone(&read) };
        let mut magic = Vec::with_capacity(MAGIC);
        raw.by_ref().take(MAGIC as u64).read_to_end(&mut magic).map_err(|error| OpenError::io(path, &error))?;
        let packing = packing(&magic);
        let whole = Cursor::new(magic).chain(raw);
        let (reader, compression): (Box<dyn Read + Send>, _) = match packing {
            Packing::Plain => (Box::new(whole), None),
            Packing::Gzip => {
                (Unpacked::boxed(MultiGzDecoder::new(buffered(whole)), "gzip", size.is_some()), Some("gzip"))
            }
            Packing::Framed(codec) => {
                let frames = Frames::new(codec, buffered(whole));
                (Unpacked::boxed(frames, codec.name(), size.is_some()), Some(codec.name()))
            }
            Packing::Unsupported { what, unpack } => {
                let what = format!("it is {what}; unpack it first, for example `{unpack} FILE | ftpwhy -`");
                return Err(OpenError::new(path, what));
            }
        };
        let is_cut = if size.is_some() { || false } else { stop::is_stopped };
        Ok(Self { reader: Reader::Stream(reader), compression, read, size, is_cut, identity: None })
    }
}

/// Whether an input that could not be opened was not even waited for, for reading was told to stop.
pub(super) fn is_cut(path: &Path) -> bool {
    let is_file = if path == Path::new("-") { standard_input_is_a_file() } else { path.is_file() };
    (stop::is_stopped() && !is_file) || (path == Path::new("-") && spool::is_cut())
}

/// Whether standard input is a file, which keeps nobody waiting.
pub(super) fn standard_input_is_a_file() -> bool {
    Path::new("/dev/stdin").metadata().is_ok_and(|stdin| stdin.is_file())
}

fn buffered<R: Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(COMPRESSED_BUFFER, reader)
}

/// Whether the first bytes are those of a compressed file.
pub(super) fn is_packed(magic: &[u8]) -> bool {
    matches!(packing(magic), Packing::Gzip | Packing::Framed(_))
}

fn packing(magic: &[u8]) -> Packing {
    match magic {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        // Skippable frames (RFC 8878 3.1.2) are common to both; only zstd tools write them first.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Framed(Codec::Zstd),
        [0x04, 0x22, 0x4d, 0x18, ..] => Packing::Framed(Codec::Lz4),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Packing::Unsupported { what: "compressed with xz", unpack: "xz -dc" },
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => {
            Packing::Unsupported { what: "compressed with bzip2", unpack: "bzip2 -dc" }
        }
        [b'P', b'K', 3, 4, ..] => Packing::Unsupported { what: "a zip archive", unpack: "unzip -p" },
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c] => Packing::Unsupported { what: "a 7z archive", unpack: "7z x -so" },
        _ => Packing::Plain,
    }
}

/// What a decompressor gives, its failures in words for the person who named the file.
struct Unpacked<R> {
    bytes: R,
    by: &'static str,
}

impl<R: Read + Send + 'static> Unpacked<R> {
    /// Of a file, which keeps nobody waiting, on a thread where there are any.
    fn boxed(bytes: R, by: &'static str, is_file: bool) -> Box<dyn Read + Send> {
        let unpacked = Box::new(Self { bytes, by });
        match is_file {
            #[cfg(feature = "fast-decompression")]
            true => Box::new(super::ahead::Ahead::new(unpacked)),
            _ => unpacked,
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buf).map_err(|error| match (error.raw_os_error(), error.kind()) {
            (Some(_), _) | (None, io::ErrorKind::Interrupted | io::ErrorKind::Unsupported) => error,
            (None, kind) => io::Error::new(kind, Broken { by: self.by }),
        })
    }
}

struct Counted {
    raw: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buf)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn read_all(bytes: Vec<u8>) -> (io::Result<Vec<u8>>, Option<&'static str>) {
        let input = Input::from_reader(Path::new("x"), Box::new(Cursor::new(bytes)), None);
        let mut input = input.unwrap_or_else(|error| panic!("{error}"));
        let mut out = Vec::new();
        let result = input.reader.read_to_end(&mut out).map(|_| out);
        (result, input.compression)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_bytes_are_passed_on_even_if_there_are_few() {
        for bytes in [&b""[..], b"ab", b"abcdefghij"] {
            let (out, compression) = read_all(bytes.to_vec());
            assert_eq!((out.unwrap().as_slice(), compression), (bytes, None));
        }
    }

    #[test]
    fn all_members_of_a_gzip_file_are_read() {
        let mut bytes = gzip(b"one ");
        bytes.extend(gzip(b"two"));
        let (out, compression) = read_all(bytes);
        assert_eq!((out.unwrap().as_slice(), compression), (&b"one two"[..], Some("gzip")));
    }

    #[test]
    fn a_cut_gzip_file_is_an_error_after_its_bytes() {
        let mut bytes = gzip(&[7; 5000]);
        bytes.truncate(bytes.len() - 9);
        assert_eq!(read_all(bytes).0.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn damaged_compression_is_told_in_words() {
        for (packed, by) in [
            (&b"\x1f\x8b\xff\xff\xff\xff\xff\xff"[..], "gzip"),
            (b"\x28\xb5\x2f\xfd\x64", "zstd"),
            (b"\x04\x22\x4d\x18\xc0\0\0", "lz4"),
        ] {
            let error = read_all(packed.to_vec()).0.unwrap_err();
            assert_eq!(error.to_string(), format!("its {by} data are damaged or cut short"));
        }
    }

    #[test]
    fn other_compressions_are_named() {
        let bytes = Cursor::new(b"BZh91AY&SY");
        let error = Input::from_reader(Path::new("x.bz2"), Box::new(bytes), None).err().unwrap();
        assert_eq!(
            error.to_string(),
            "could not read x.bz2: it is compressed with bzip2; unpack it first, for example `bzip2 -dc FILE | ftpwhy -`"
        );
    }

    #[test]
    fn a_directory_is_no_input() {
        let error = Input::open(&std::env::temp_dir()).err().unwrap();
        assert_eq!(error.what, "it is a directory");
    }

    #[test]
    fn raw_bytes_are_counted() {
        let bytes = gzip(&[0; 10_000]);
        let raw_len = bytes.len() as u64;
        let mut input = Input::from_reader(Path::new("x"), Box::new(Cursor::new(bytes)), Some(raw_len)).ok().unwrap();
        io::copy(&mut input.reader, &mut io::sink()).unwrap();
        assert_eq!(input.read.load(Ordering::Relaxed), raw_len);
    }
}
