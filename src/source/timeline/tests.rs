//! Files that are merged, of any number and kind, and what becomes of them meanwhile.

use super::super::written::{Little, pcap_header, pcap_record};
use super::*;
use crate::frame::Stamp;

/// A file of packets with these seconds; the packet's byte is the second.
fn file(folder: &tempfile::TempDir, name: &str, seconds: &[u8]) -> PathBuf {
    let mut bytes = pcap_header(Little, 0xa1b2_c3d4, 1);
    for second in seconds {
        bytes.extend(pcap_record(Little, u32::from(*second), 0, &[*second; 20]));
    }
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn order(timeline: &mut Timeline) -> Vec<(u32, u64, u8)> {
    let mut seen = Vec::new();
    while let Some(frame) = timeline.next() {
        seen.push((frame.at.capture.0, frame.at.number.0, frame.bytes[0]));
    }
    seen
}

#[test]
fn files_are_merged_by_time_and_keep_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let files = [file(&folder, "b", &[3, 5, 9]), file(&folder, "a", &[1, 5, 6]), file(&folder, "c", &[])];
    let (mut timeline, errors) = Timeline::open(&files, CaptureId(4), None);
    assert_eq!(errors, []);
    assert_eq!(order(&mut timeline), [(5, 1, 1), (4, 1, 3), (4, 2, 5), (5, 2, 5), (5, 3, 6), (4, 3, 9)]);
    assert!(timeline.next().is_none(), "the end stays the end");
    let captures = timeline.captures();
    assert_eq!(captures.iter().map(|capture| capture.packets).collect::<Vec<_>>(), [3, 3, 0]);
    let (read, total) = timeline.progress();
    assert_eq!(Some(read), total);
}

#[test]
fn what_is_skipped_comes_in_the_order_of_time_too() {
    let folder = tempfile::tempdir().unwrap();
    let files = [file(&folder, "b", &[1, 2, 5, 5, 6, 9]), file(&folder, "a", &[1, 3, 5, 5, 7, 8])];
    let (mut timeline, _) = Timeline::open(&files, CaptureId(0), None);
    let (mut seen, mut handed_out): (Vec<Stamp>, _) = (Vec::new(), 0);
    while timeline.step_over(&mut |frame: &Frame<'_>| {
        seen.push(frame.at);
        true
    }) {
        handed_out += 1;
        seen.extend(timeline.frame().map(|frame| frame.at));
    }
    let order: Vec<_> = seen.iter().map(|at| (at.time, at.capture.0, at.number.0)).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(order.len(), 12, "each once");
    assert!(handed_out < 12, "some were skipped");
    assert_eq!(timeline.captures().iter().map(|capture| capture.packets).collect::<Vec<_>>(), [6, 6]);
}

#[test]
fn stamps_are_in_the_order_of_frames_though_clocks_step_back_and_whatever_is_dismissed() {
    let folder = tempfile::tempdir().unwrap();
    let files =
        [file(&folder, "b", &[5, 6, 3, 3, 4, 9, 1]), file(&folder, "a", &[2, 7, 1, 8]), file(&folder, "c", &[6])];
    let (mut timeline, _) = Timeline::open(&files, CaptureId(0), None);
    let mut stamps = Vec::new();
    while let Some(frame) = timeline.next() {
        stamps.push(frame.at);
    }
    assert_eq!(stamps.len(), 12);
    assert!(stamps.windows(2).all(|pair| pair[0] < pair[1]), "{stamps:?}");
    let (mut timeline, _) = Timeline::open(&files, CaptureId(0), None);
    let mut seen: Vec<Stamp> = Vec::new();
    while timeline.step_over(&mut |frame: &Frame<'_>| {
        seen.push(frame.at);
        true
    }) {
        seen.extend(timeline.frame().map(|frame| frame.at));
    }
    assert_eq!(seen, stamps);
}

#[test]
fn only_files_that_are_due_are_open() {
    let folder = tempfile::tempdir().unwrap();
    let files = [file(&folder, "1", &[1, 2]), file(&folder, "2", &[3, 4]), file(&folder, "3", &[5])];
    let (mut timeline, _) = Timeline::open(&files, CaptureId(0), None);
    let open = |timeline: &Timeline| timeline.slots.iter().filter(|slot| matches!(slot, Slot::Open(_))).count();
    assert_eq!(open(&timeline), 0);
    while timeline.next().is_some() {
        assert_eq!(open(&timeline), 1);
    }
    assert_eq!(open(&timeline), 0);
}

#[test]
fn what_is_broken_off_is_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    let files = [file(&folder, "1", &[1]), file(&folder, "2", &[2, 3]), file(&folder, "3", &[4])];
    let (mut timeline, _) = Timeline::open(&files, CaptureId(7), None);
    let complete = |timeline: &Timeline| timeline.captures().iter().map(Capture::is_complete).collect::<Vec<_>>();
    assert!(timeline.step() && timeline.step());
    timeline.break_off();
    assert_eq!(complete(&timeline), [true, false, false]);
    while timeline.step() {}
    timeline.break_off();
    assert_eq!(complete(&timeline), [true; 3]);
    assert!(timeline.captures().iter().all(|capture| capture.timeline == CaptureId(7)));
}

#[test]
fn files_that_cannot_be_opened_are_reported_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, b"").unwrap();
    let files = [folder.path().join("missing"), file(&folder, "good", &[1]), empty];
    let (mut timeline, errors) = Timeline::open(&files, CaptureId(0), None);
    let errors: Vec<&str> = errors.iter().map(|error| error.what.split(':').next().unwrap()).collect();
    assert_eq!(errors, ["there is no such file", "it is empty (0 bytes)"]);
    assert_eq!(order(&mut timeline), [(0, 1, 1)]);
}

#[test]
fn a_file_that_vanishes_while_it_waits_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let files = [file(&folder, "1", &[1]), file(&folder, "2", &[2])];
    let (mut timeline, _) = Timeline::open(&files, CaptureId(0), None);
    std::fs::remove_file(&files[1]).unwrap();
    assert_eq!(order(&mut timeline), [(0, 1, 1)]);
    let damage = timeline.captures()[1].damage.clone().unwrap();
    assert_eq!(damage.what, "it could be opened once, but not again: there is no such file");
}

#[test]
fn a_file_that_is_cut_or_replaced_while_it_waits_is_not_taken_for_what_it_was() {
    let other = |folder: &tempfile::TempDir| std::fs::read(file(folder, "other", &[7, 8])).unwrap();
    for (change, expected) in
        [("cut", "it was truncated from 60 to 24 bytes"), ("replace", "it was replaced by another file")]
    {
        let folder = tempfile::tempdir().unwrap();
        let files = [file(&folder, "1", &[1]), file(&folder, "2", &[2]), file(&folder, "3", &[3])];
        let (mut timeline, _) = Timeline::open(&files, CaptureId(0), None);
        if change == "cut" {
            let header = std::fs::read(&files[1]).unwrap()[..24].to_vec();
            std::fs::write(&files[1], header).unwrap();
        } else {
            let new = folder.path().join("new");
            std::fs::write(&new, other(&folder)).unwrap();
            std::fs::rename(new, &files[1]).unwrap();
        }
        assert_eq!(order(&mut timeline), [(0, 1, 1), (2, 1, 3)], "{change}");
        let why: Vec<_> = timeline.captures().iter().filter_map(Capture::unreadable).collect();
        assert!(why.len() == 1 && why[0].path == files[1] && why[0].what.contains(expected), "{why:?}");
        assert_eq!(timeline.captures()[1].packets, 0);
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_read_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let record = pcap_record(Little, 1, 0, &vec![1; 100_000]);
    let path = folder.path().join("large");
    std::fs::write(&path, [pcap_header(Little, 0xa1b2_c3d4, 1), record.repeat(20)].concat()).unwrap();
    let (mut timeline, _) = Timeline::open(std::slice::from_ref(&path), CaptureId(0), None);
    assert!(timeline.step());
    // Behind a packet, where nothing is torn.
    let length = 24 + 10 * record.len() as u64;
    std::fs::File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
    while timeline.step() {}
    let capture = &timeline.captures()[0];
    assert_eq!(capture.packets, 10);
    let why = capture.unreadable().unwrap().what;
    assert_eq!(
        why,
        "packets after the first 10 are missing: it was truncated from 2000344 to 1000184 bytes while it was read"
    );
}

#[test]
fn a_reading_that_fails_is_told_from_a_file_that_is_cut() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(5))
        }
    }
    let good = [pcap_header(Little, 0xa1b2_c3d4, 1), pcap_record(Little, 1, 0, &[1; 20])].concat();
    let unreadable = |bytes: &[u8], fails: bool| {
        let bytes = std::io::Cursor::new(bytes.to_vec());
        let reader: Box<dyn Read + Send> = if fails { Box::new(bytes.chain(Fails)) } else { Box::new(bytes) };
        let mut timeline = Timeline::from_reader(Path::new("x"), reader, CaptureId(0)).map_err(|error| error.what)?;
        while timeline.step() {}
        let error = timeline.captures()[0].unreadable();
        Ok::<_, String>((timeline.captures()[0].is_complete(), error.map(|error| error.what)))
    };
    let failed = "packets after the first 1 are missing: reading failed: input/output error";
    assert_eq!(unreadable(&good, true), Ok((false, Some(failed.to_owned()))));
    assert_eq!(unreadable(&good[..20], true), Err("input/output error".to_owned()), "not a cut header");
    assert_eq!(unreadable(&good[..2], true), Err("input/output error".to_owned()), "not no capture");
    assert_eq!(unreadable(&good, false), Ok((true, None)));
    assert_eq!(unreadable(&good[..24], false), Ok((true, None)), "a capture of nothing is whole");
    assert_eq!(unreadable(&[&good[..], &good[24..50]].concat(), false), Ok((false, None)), "readable up to there");
    let torn = "it is damaged at byte 24, before its first packet: the file ends in the middle of a packet";
    assert_eq!(unreadable(&good[..50], false), Ok((false, Some(torn.to_owned()))));
}

/// More overlapping files than are kept open, each with packets of these lengths, `pack`ed; all frames must come, in
/// order, with their numbers and bytes.
fn merged(lengths: &[usize], write: impl Fn(u32, usize, &[u8]) -> Vec<u8>, head: &[u8], pack: fn(&[u8]) -> Vec<u8>) {
    const FILES: u32 = 150;
    let folder = tempfile::tempdir().unwrap();
    let byte = |number: u32, turn: usize| u8::try_from((number as usize * 7 + turn) % 251).unwrap();
    let write_file = |number: u32| {
        let mut bytes = head.to_vec();
        for (turn, length) in lengths.iter().enumerate() {
            bytes.extend(write(number, turn, &vec![byte(number, turn); *length]));
        }
        let path = folder.path().join(number.to_string());
        std::fs::write(&path, pack(&bytes)).unwrap();
        path
    };
    let files: Vec<PathBuf> = (0..FILES).map(write_file).collect();
    let (mut timeline, errors) = Timeline::open(&files, CaptureId(0), None);
    assert_eq!(errors, []);
    for (turn, length) in lengths.iter().enumerate() {
        for number in 0..FILES {
            let frame = timeline.next().unwrap();
            let seen = (frame.at.capture.0, frame.at.number.0, frame.bytes.len(), frame.bytes.last().copied());
            assert_eq!(seen, (number, turn as u64 + 1, *length, Some(byte(number, turn))));
            assert!(timeline.open.all <= MAX_OPEN && timeline.open.zstd <= MAX_OPEN_ZSTD);
        }
    }
    assert!(timeline.next().is_none() && timeline.crowded);
    assert_eq!((timeline.open.all, timeline.open.zstd), (0, 0));
    assert!(timeline.captures().iter().all(|capture| capture.is_complete() && capture.unreadable().is_none()));
    let (read, total) = timeline.progress();
    assert_eq!(Some(read), total);
}

fn as_pcap(number: u32, turn: usize, bytes: &[u8]) -> Vec<u8> {
    pcap_record(Little, u32::try_from(turn).unwrap(), number, bytes)
}

#[test]
fn more_files_than_may_be_open_are_merged_whatever_they_are() {
    use super::super::written::{interface, packet, section};
    let head = pcap_header(Little, 0xa1b2_c3d4, 1);
    merged(&[20, 1_500, 60, 9_000, 1], as_pcap, &head, <[u8]>::to_vec);
    merged(&[100_000, 20, 200_000, 70_000], as_pcap, &head, <[u8]>::to_vec);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    merged(&[20, 100_000, 60, 70_000], as_pcap, &head, gzip);
    let zstd = |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    merged(&[20, 2_000, 60], as_pcap, &head, zstd);
    let interfaces = [section(Little), interface(Little, 1, 0, &[]), interface(Little, 1, 0, &[])].concat();
    let as_pcapng = |number: u32, turn: usize, bytes: &[u8]| {
        packet(Little, u32::try_from(turn % 2).unwrap(), turn as u64 * 1_000_000 + u64::from(number), bytes)
    };
    merged(&[20, 1_500, 60, 100_000, 1], as_pcapng, &interfaces, <[u8]>::to_vec);
}

#[test]
fn a_file_that_goes_while_it_is_not_kept_open_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let name = |number: usize| folder.path().join(number.to_string());
    let files: Vec<PathBuf> = (0..100).map(name).collect();
    for (number, path) in files.iter().enumerate() {
        let mut bytes = pcap_header(Little, 0xa1b2_c3d4, 1);
        for turn in 0..3 {
            bytes.extend(as_pcap(u32::try_from(number).unwrap(), turn, &vec![7; 100_000]));
        }
        std::fs::write(path, bytes).unwrap();
    }
    let (mut timeline, _) = Timeline::open(&files, CaptureId(0), None);
    (0..150).for_each(|_| assert!(timeline.step()));
    std::fs::remove_file(&files[99]).unwrap();
    std::fs::write(&files[98], b"").unwrap();
    while timeline.step() {}
    let why: Vec<_> = timeline.captures().iter().filter_map(Capture::unreadable).collect();
    let told: Vec<_> = why.iter().map(|error| (&error.path, error.what.rsplit(": ").next().unwrap())).collect();
    assert_eq!(
        told,
        [(&files[98], "it was truncated from 300072 to 0 bytes"), (&files[99], "there is no such file")],
        "{why:?}"
    );
    assert!(timeline.captures()[..98].iter().all(|capture| capture.packets == 3));
}

#[cfg(feature = "live")]
#[test]
fn a_filter_leaves_frames_out_but_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let (mut timeline, errors) = Timeline::open(&[file(&folder, "1", &[1, 2, 3])], CaptureId(0), Some("ether[0] = 2"));
    assert_eq!(errors, []);
    assert_eq!(order(&mut timeline), [(0, 2, 2)]);
    assert_eq!(timeline.captures()[0].packets, 3);
}

#[cfg(feature = "live")]
#[test]
fn a_filter_that_one_link_type_of_a_file_does_not_know_leaves_its_frames_out() {
    use super::super::written::{interface, packet, section};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.pcapng");
    let mut ether = [0; 40];
    (ether[12], ether[14], ether[23]) = (8, 0x45, 6);
    let blocks = [
        section(Little),
        interface(Little, 1, 0, &[]),
        interface(Little, 101, 0, &[]),
        packet(Little, 1, 1, &[0x45; 40]),
        packet(Little, 0, 2, &ether),
    ];
    std::fs::write(&path, blocks.concat()).unwrap();
    for (filter, refusals) in [("ip or vlan", 1), ("arp or tcp", 0)] {
        let (mut timeline, errors) = Timeline::open(std::slice::from_ref(&path), CaptureId(0), Some(filter));
        assert_eq!(errors, []);
        assert_eq!(order(&mut timeline).last().map(|(_, number, _)| *number), Some(2), "{filter}");
        let unreadable = timeline.unreadable();
        assert_eq!(unreadable.len(), refusals, "{filter}");
        let told =
            |error: &OpenError| error.path == path && error.what.starts_with("packets were left out: the filter");
        assert!(unreadable.iter().all(told), "{unreadable:?}");
        assert!(timeline.captures()[0].is_complete(), "the file is not damaged");
    }
}

#[test]
fn a_filter_that_does_not_compile_is_an_error_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (timeline, errors) = Timeline::open(&[file(&folder, "1", &[1])], CaptureId(0), Some("tcp.port == 21"));
    assert!(timeline.captures().is_empty());
    assert!(errors[0].what.starts_with("the filter `tcp.port == 21` cannot be used: "), "{}", errors[0].what);
}
