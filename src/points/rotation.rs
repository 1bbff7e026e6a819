//! Which file names are those of one capture that was written into several files.
//!
//! Looks at names only. Recognised are dumpcap's ring buffer (`x_00001_20261122101500.pcapng`), tcpdump's `-C`, with
//! `-W` too (`x.pcap`, `x.pcap1`; `x.pcap00`), and `-G` with a date in the name; a time of day alone is too little.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Group, Why};
use crate::source::name::{ENDINGS, PACKED};

/// Groups files by rotation, in the order of the first of each; those that belong to none are alone for `otherwise`.
pub(super) fn families(files: Vec<PathBuf>, otherwise: Why) -> Vec<Group> {
    let mut places: BTreeMap<(PathBuf, String), usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for file in files {
        let parent = file.parent().map(Path::to_owned).unwrap_or_default();
        let place = *places.entry((parent, family(unpacked_name(&file)))).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.files.push(file),
            None => groups.push(Group::new(vec![file], otherwise)),
        }
    }
    groups.into_iter().flat_map(|group| rotation_or_alone(group, otherwise)).collect()
}

/// The same file twice, for example packed and unpacked, is no rotation.
fn rotation_or_alone(group: Group, otherwise: Why) -> Vec<Group> {
    let names: BTreeSet<&str> = group.files.iter().map(|file| unpacked_name(file)).collect();
    match group.files.len() {
        1 => vec![group],
        count if names.len() == count => vec![Group { why: Why::Rotation, ..group }],
        _ => group.files.into_iter().map(|file| Group::new(vec![file], otherwise)).collect(),
    }
}

/// The file name without the ending of a compressed file; empty when it is no text.
fn unpacked_name(file: &Path) -> &str {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    PACKED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// What the names of one rotation have in common: no counter, and `#` for the digits of date and time.
fn family(name: &str) -> String {
    let counted = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_capture = counted.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending));
    let name = if is_capture { counted } else { name };
    let starts_number = |at: usize| at == 0 || !name.as_bytes().get(at - 1).is_some_and(u8::is_ascii_digit);
    let begins = |at: &usize| starts_number(*at) && name.get(*at..).is_some_and(begins_with_date);
    let Some(start) = (0..name.len()).find(begins) else { return name.to_owned() };
    let (before, dated) = name.split_at(start);
    let end = dated
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '_' | ':' | '.' | '+' | 'T' | 'Z')))
        .unwrap_or(dated.len());
    let (date, after) = dated.split_at(end);
    let date: String = date.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    format!("{}{date}{after}", without_ring_number(before))
}

/// dumpcap writes the number of the file before the date: `_00001_`.
fn without_ring_number(before: &str) -> &str {
    let number = before.strip_suffix('_').and_then(|rest| rest.rsplit_once('_'));
    match number {
        Some((base, number)) if number.len() == 5 && number.bytes().all(|b| b.is_ascii_digit()) => base,
        _ => before,
    }
}

/// A date of this century (`20261122`, `2026-11-22`) or ten digits of seconds since 1970.
fn begins_with_date(text: &str) -> bool {
    let run = text.bytes().take_while(u8::is_ascii_digit).count();
    if run == 10 && text.starts_with('1') {
        return true;
    }
    let digits: Vec<u8> =
        text.bytes().filter(|b| !matches!(b, b'-' | b'_' | b'.')).take_while(u8::is_ascii_digit).take(8).collect();
    let two =
        |at: usize| digits.get(at..at + 2).map_or(0, |pair| pair.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')));
    text.starts_with("20") && digits.len() == 8 && (1..=12).contains(&two(4)) && (1..=31).contains(&two(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotation(names: &[&str]) -> bool {
        let groups = families(names.iter().map(PathBuf::from).collect(), Why::Directory);
        groups.len() == 1 && groups[0].why == Why::Rotation
    }

    #[test]
    fn rotations_of_dumpcap_and_tcpdump() {
        for names in [
            &["x_00001_20261122101500.pcapng", "x_00002_20261122101600.pcapng"][..],
            &["f.pcap", "f.pcap1", "f.pcap10"],
            &["f.pcap00", "f.pcap01"],
            &["trace-20261122-101500.pcap", "trace-20261122-111500.pcap"],
            &["trace_2026-11-22_10:15:00.pcap", "trace_2026-11-23_10:15:00.pcap"],
            &["ftp.1763800000.cap", "ftp.1763803600.cap"],
            &["d/trace-20261122.pcap1.gz", "d/trace-20261122.pcap2"],
        ] {
            assert!(rotation(names), "{names:?}");
        }
    }

    #[test]
    fn other_names_that_differ_in_digits_are_no_rotation() {
        for names in [
            &["case1.pcap", "case2.pcap"][..],
            &["host1_20261122.pcap", "host2_20261122.pcap"],
            &["20261122_case1.pcap", "20261122_case2.pcap"],
            &["a/f.pcap", "b/f.pcap1"],
            &["f.pcap", "f.pcap.gz"],
            &["client.pcap", "server.pcap"],
            &["bug-99999999.pcap", "bug-12345678.pcap"],
            &["id-920261122.pcap", "id-920261123.pcap"],
            &["dump", "dump1"],
        ] {
            assert!(!rotation(names), "{names:?}");
        }
    }

    #[test]
    fn the_order_of_the_first_files_is_kept() {
        let names = ["z.pcap", "b.pcap1", "a.pcap", "b.pcap2"];
        let groups = families(names.iter().map(PathBuf::from).collect(), Why::Alone);
        let first: Vec<_> = groups.iter().map(|group| group.files[0].to_str().unwrap()).collect();
        assert_eq!(first, ["z.pcap", "b.pcap1", "a.pcap"]);
    }
}
