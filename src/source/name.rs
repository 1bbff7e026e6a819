//! Which file names say that a file is a capture. Looks at no file.

use std::path::Path;

/// Endings of compressed files that are read.
pub const PACKED: [&str; 3] = [".gz", ".zst", ".lz4"];

/// Endings of compressed files that are not read.
const PACKED_OTHERWISE: [&str; 6] = [".xz", ".bz2", ".zip", ".7z", ".lzma", ".z"];

/// Endings of captures, behind a dot; tcpdump puts the number of a rotated file behind them.
pub const ENDINGS: [&str; 5] = ["pcap", "pcapng", "cap", "dmp", "dump"];

/// Whether a file has the name of a capture: `x.pcap`, compressed (`x.pcap.gz`), of a rotation (`x.pcap1`, `x.pcap.3`,
/// `x.pcap-20261122`). Letter case does not matter.
pub(super) fn is_of_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let packed = PACKED.iter().chain(&PACKED_OTHERWISE).find_map(|ending| name.strip_suffix(ending));
    let rotated = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let name = packed.unwrap_or(&name).trim_end_matches(rotated);
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_captures_compressed_and_rotated_ones_are_known() {
        for name in [
            "x.pcap",
            "d/X.PCAPNG",
            "x.cap",
            "x.pcap.gz",
            "x.pcapng.zst",
            "x.pcap.xz",
            "x.pcap0",
            "x.pcap007",
            "x.pcap.3",
            "x.pcap.3.gz",
            "x.pcap-20261122",
            "ring_00001_20261122101500.pcapng",
            ".pcap",
        ] {
            assert!(is_of_capture(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for name in ["x.txt", "pcap", "pcap.1", "x.pcap.part", "x.pcapx", "x.gz", "x.expect.toml", "1.2.3", "", ".."] {
            assert!(!is_of_capture(Path::new(name)), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_need_not_be_text() {
        use std::os::unix::ffi::OsStrExt;
        assert!(is_of_capture(Path::new(std::ffi::OsStr::from_bytes(b"\xff\xfe.pcap"))));
    }
}
