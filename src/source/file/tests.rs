//! Whole files, as they are and spoilt.

use std::io::Write;

use proptest::prelude::*;

use super::super::written::{
    Big, Little, block, fields, interface, option, packet, pcap_header, pcap_record, read, section, simple_packet,
};
use super::*;

/// A small file of each format with everything in it.
fn samples() -> [Vec<u8>; 2] {
    let pcap = [
        pcap_header(Little, 0xa1b2_c3d4, 1),
        pcap_record(Little, 10, 0, &[1; 60]),
        pcap_record(Little, 11, 5, &[2; 61]),
    ];
    let pcapng = [
        section(Little),
        interface(Little, 1, 0, &option(Little, 9, &[9])),
        packet(Little, 0, 10_000_000_000, &[1; 60]),
        interface(Little, 101, 40, &option(Little, 2, b"eth1")),
        packet(Little, 1, 9_000_000, &[2; 40]),
        simple_packet(Little, 20, &[3; 20]),
        block(Little, 5, &[0; 32]),
        block(Little, 0xbad, &[0; 8]),
        section(Big),
        interface(Big, 113, 0, &[]),
        packet(Big, 0, 12_000_000, &[4; 33]),
        block(Big, 2, &[0; 20]),
    ];
    [pcap.concat(), pcapng.concat()]
}

#[test]
fn two_interfaces_are_put_in_time_order_with_their_numbers() {
    let file = [
        section(Little),
        interface(Little, 1, 0, &[]),
        interface(Little, 1, 0, &[]),
        packet(Little, 0, 20, b"a"),
        packet(Little, 0, 40, b"b"),
        packet(Little, 1, 10, b"c"),
        packet(Little, 1, 30, b"d"),
    ];
    let (frames, capture) = read(&file.concat()).unwrap();
    let seen: Vec<_> = frames.iter().map(|frame| (frame.0, frame.3.as_slice())).collect();
    assert_eq!(seen, [(3, &b"c"[..]), (1, b"a"), (4, b"d"), (2, b"b")]);
    assert_eq!((capture.first, capture.last), (Some(Timestamp(10_000)), Some(Timestamp(40_000))));
    assert!(capture.backwards.is_empty(), "each interface runs forwards");
}

#[test]
fn a_clock_that_steps_back_is_told_with_its_frames() {
    let mut file = pcap_header(Little, 0xa1b2_c3d4, 1);
    for (seconds, micros) in [(10, 0), (9, 999_500), (9, 998_000), (20, 0)] {
        file.extend(pcap_record(Little, seconds, micros, b"x"));
    }
    let (frames, capture) = read(&file).unwrap();
    assert_eq!(frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let steps: Vec<_> = capture.backwards.iter().map(|(a, b)| (a.number.0, b.number.0)).collect();
    assert_eq!(steps, [(2, 3)]);
    assert_eq!(capture.first, Some(Timestamp(9_998_000_000)));
}

#[test]
fn compressed_files_say_so_and_a_cut_one_is_damaged() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&samples()[0]).unwrap();
    let packed = encoder.finish().unwrap();
    let (frames, capture) = read(&packed).unwrap();
    assert_eq!((frames.len(), capture.format.as_str(), capture.damage), (2, "pcap + gzip", None));
    let (frames, capture) = read(&packed[..packed.len() - 8]).unwrap();
    assert_eq!(frames.len(), 2);
    let what = capture.damage.unwrap().what;
    assert!(what.starts_with("reading failed: "), "{what}");
}

#[test]
fn what_is_no_capture_is_refused() {
    assert!(read(b"").unwrap_err().to_string().starts_with("could not read test: it is empty (0 bytes)"));
    let error = read(b"snoop\0\0\0\0\0\0\x02").unwrap_err().to_string();
    assert_eq!(
        error,
        "could not read test: it is a snoop capture; convert it with `editcap -F pcapng test out.pcapng`"
    );
}

#[test]
fn every_cut_of_a_file_gives_the_packets_before_it() {
    for (whole, boundaries) in samples().into_iter().zip([2, 11]) {
        let (all, _) = read(&whole).unwrap();
        let mut clean = 0;
        for len in 0..whole.len() {
            let Ok((frames, capture)) = read(&whole[..len]) else { continue };
            clean += usize::from(capture.damage.is_none());
            assert!(frames.len() <= all.len() && frames.iter().all(|frame| all.contains(frame)), "{len}");
        }
        assert_eq!(clean, boundaries, "only a cut between two packets or blocks cannot be seen");
    }
}

/// A file of each format whose packets can be plain to see: of one interface, some with options, one cut short.
fn plain_samples() -> [Vec<u8>; 2] {
    let cut = fields(Little).u32(&[12, 7, 40, 90]).bytes(&[3; 40]).0;
    let pcap = [pcap_header(Little, 0xa1b2_c3d4, 1), pcap_record(Little, 10, 0, &[1; 60]), cut];
    let noted = [&packet(Little, 0, 11_000_000, &[2; 32])[8..60], &option(Little, 1, b"note")].concat();
    let pcapng = [
        section(Little),
        interface(Little, 1, 0, &[]),
        packet(Little, 0, 10_000_000, &[1; 61]),
        block(Little, 6, &noted),
    ];
    let rest = [(13, &[4; 70][..]), (14, &[]), (14, &[5; 3])];
    let pcap = pcap.concat().into_iter().chain(rest.iter().flat_map(|(at, bytes)| pcap_record(Little, *at, 0, bytes)));
    let later = rest.iter().flat_map(|(at, bytes)| packet(Little, 0, u64::from(*at) * 1_000_000, bytes));
    [pcap.collect(), pcapng.concat().into_iter().chain(later).collect()]
}

/// Reads a file packet by packet, and holds what is plain to see of each to what the general way reads; how many
/// packets there are, and how many of them are plain to see.
fn compared(file: &[u8]) -> (usize, usize) {
    let reader = Box::new(std::io::Cursor::new(file.to_vec()));
    let input = Input::from_reader(Path::new("test"), reader, None).unwrap();
    let Ok((mut source, mut capture)) = FileSource::new(input, Path::new("test"), CaptureId(0), 0) else {
        return (0, 0);
    };
    let (mut all, mut plain) = (0, 0);
    loop {
        let FileSource { window, format, record, .. } = &mut source;
        window.fill(1 << 16);
        let (number, offset) = (format.number(), window.offset());
        let seen = format.plain(window.data()).map(|seen| (seen.time, seen.wire_len, seen.bytes.to_vec(), seen.total));
        let read = match format {
            Reader::Pcap(pcap) => pcap.next(window, record),
            Reader::Pcapng(pcapng) => pcapng.next(window, &mut capture, record),
        };
        let is_read = matches!(read, Ok(true));
        if let Some((time, wire_len, bytes, total)) = seen {
            assert!(is_read, "{read:?}");
            let packet = (record.time, record.wire_len, window.passed(&record.bytes).to_vec());
            assert_eq!((time, wire_len, bytes), packet);
            assert_eq!((record.number.0, window.offset()), (number + 1, offset + total as u64));
            assert!(record.timed && record.interface.0 == 0);
            plain += 1;
        }
        if !is_read {
            return (all, plain);
        }
        all += 1;
    }
}

#[test]
fn packets_of_one_interface_are_plain_to_see() {
    assert_eq!(plain_samples().map(|file| compared(&file)), [(5, 5), (5, 4)], "before one an interface is described");
    let [pcap, pcapng] = samples().map(|file| compared(&file));
    assert_eq!(pcap, (2, 2));
    assert!(pcapng.1 < pcapng.0, "those of several interfaces are not: {pcapng:?}");
}

proptest! {
    /// Whatever is changed and cut, what is plain to see is what the general way reads.
    #[test]
    fn what_is_plain_to_see_is_what_the_general_way_reads(
        (which, plain) in (0..2_usize, any::<bool>()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = if plain { plain_samples() } else { samples() }[which].clone();
        for (at, value) in edits {
            let at = at.index(file.len());
            file[at] = value;
        }
        file.truncate(cut.index(file.len() + 1).max(file.len() / 2));
        compared(&file);
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_run_forever(
        which in 0..2_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = samples()[which].clone();
        for (at, value) in edits {
            let at = at.index(file.len());
            file[at] = value;
        }
        file.truncate(cut.index(file.len() + 1).max(file.len() / 2));
        if let Ok((frames, capture)) = read(&file) {
            // No packet without its sixteen bytes of header.
            prop_assert!(frames.len() <= file.len() / 16);
            prop_assert!(capture.packets >= frames.len() as u64);
        }
    }
}
