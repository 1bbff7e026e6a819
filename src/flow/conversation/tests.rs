//! What is expected of it, by script and by property.
use proptest::prelude::*;

use super::super::End;
use super::super::script::{segment, stamp};
use super::{Conversation, Piece};
use crate::frame::Stamp;
use crate::wire::{Checksum, Flags, Segment, Seq};

/// A conversation and what it has handed out, as text: `C` and `S` for the ends, `~n` for a gap, `!` for a
/// conflict, `.` for the end.
#[derive(Default)]
struct Heard {
    conversation: Conversation,
    said: Vec<(End, u64, Vec<u8>)>,
    text: String,
    frame: u64,
    seconds: f64,
}

impl Heard {
    fn opened() -> Self {
        let mut heard = Self::default();
        heard.push(End::Origin, &segment(99, 0, Flags::SYN, b""));
        heard.push(End::Target, &segment(499, 100, Flags::SYN | Flags::ACK, b""));
        heard
    }

    fn push(&mut self, from: End, tcp: &Segment<'_>) -> Stamp {
        self.push_with(from, tcp, Checksum::Valid)
    }

    fn push_with(&mut self, from: End, tcp: &Segment<'_>, checksum: Checksum) -> Stamp {
        self.frame += 1;
        self.seconds += 0.001;
        let at = stamp(self.frame, self.seconds);
        let (said, text) = (&mut self.said, &mut self.text);
        self.conversation.push(from, at, tcp, || checksum, &mut |piece| note(said, text, piece));
        at
    }

    fn client(&mut self, seq: u32, ack: u32, bytes: &[u8]) -> Stamp {
        self.push(End::Origin, &segment(seq, ack, Flags::ACK, bytes))
    }

    fn server(&mut self, seq: u32, ack: u32, bytes: &[u8]) -> Stamp {
        self.push(End::Target, &segment(seq, ack, Flags::ACK, bytes))
    }

    fn finish(&mut self) {
        let (said, text) = (&mut self.said, &mut self.text);
        self.conversation.finish(&mut |piece| note(said, text, piece));
    }
}

fn note(said: &mut Vec<(End, u64, Vec<u8>)>, text: &mut String, piece: Piece<'_>) {
    let name = |end| if end == End::Origin { " C" } else { " S" };
    match piece {
        Piece::Bytes { from, bytes, at, conflicting } => {
            assert!(!bytes.is_empty());
            said.push((from, at.number.0, bytes.to_vec()));
            *text += name(from);
            *text += &String::from_utf8_lossy(bytes);
            *text += if conflicting { "!" } else { "" };
        }
        Piece::Gap { from, len, .. } => *text += &[name(from), "~", &len.to_string()].concat(),
        Piece::Closed { from, .. } => *text += &[name(from), "."].concat(),
    }
}

#[test]
fn a_dialogue_is_heard_as_it_is_spoken() {
    let mut heard = Heard::opened();
    heard.server(500, 100, b"220 ");
    heard.client(100, 504, b"USER");
    heard.server(504, 104, b"331 ");
    heard.push(End::Target, &segment(508, 104, Flags::ACK | Flags::FIN, b"bye"));
    heard.push(End::Origin, &segment(104, 512, Flags::ACK | Flags::FIN, b""));
    assert_eq!(heard.text, " S220  CUSER S331  Sbye S. C.");
}

#[test]
fn a_reply_waits_for_its_command() {
    let mut heard = Heard::opened();
    heard.server(500, 104, b"331 ");
    assert_eq!(heard.text, "");
    heard.client(100, 500, b"USER");
    assert_eq!(heard.text, " CUSER S331 ");
}

#[test]
fn a_missing_command_is_a_gap_after_some_grace() {
    let mut heard = Heard::opened();
    heard.server(500, 104, b"331 ");
    heard.client(104, 504, b"PASS");
    assert_eq!(heard.text, "");
    heard.seconds += 0.3;
    heard.server(504, 108, b"230 ");
    assert_eq!(heard.text, " C~4 S331  CPASS S230 ");
}

#[test]
fn many_segments_end_the_grace_as_well() {
    let mut heard = Heard::opened();
    heard.server(500, 104, b"331 ");
    for _ in 0..super::GRACE_SEGMENTS {
        assert_eq!(heard.text, "");
        heard.server(504, 104, b"");
    }
    assert_eq!(heard.text, " C~4 S331 ");
}

#[test]
fn the_end_of_the_capture_leaves_nothing_behind() {
    let mut heard = Heard::opened();
    heard.client(104, 500, b"late");
    heard.server(500, 120, b"230 ");
    assert_eq!(heard.text, "");
    heard.finish();
    assert_eq!(heard.text, " C~4 Clate C~12 S230 ");
}

#[test]
fn one_direction_alone_is_heard() {
    let mut heard = Heard::default();
    heard.server(500, 104, b"331 ");
    heard.server(504, 110, b"230 ");
    assert_eq!(heard.text, " S331  S230 ");
}

#[test]
fn midstream_begins_with_the_first_segment() {
    let mut heard = Heard::default();
    heard.client(1000, 5000, b"RETR");
    heard.server(5000, 1004, b"150 ");
    heard.client(996, 5000, b"old.");
    heard.client(1002, 5004, b"TR++");
    assert_eq!(heard.text, " CRETR S150  C++");
}

#[test]
fn a_stale_answer_does_not_set_the_numbers() {
    let mut heard = Heard::default();
    heard.push(End::Origin, &segment(99, 0, Flags::SYN, b""));
    heard.server(7_000_000, 8_000_000, b"");
    heard.push(End::Target, &segment(499, 100, Flags::SYN | Flags::ACK, b""));
    heard.server(500, 100, b"220 ");
    assert_eq!(heard.text, " S220 ");
}

#[test]
fn identical_repeats_are_heard_once_and_are_no_conflict() {
    let mut heard = Heard::opened();
    heard.client(100, 500, b"USER");
    heard.client(100, 500, b"USER a");
    heard.client(102, 500, b"ER");
    assert_eq!(heard.text, " CUSER C a");
    assert!(heard.conversation.conflicts().is_empty());
}

#[test]
fn keep_alives_add_no_byte() {
    let mut heard = Heard::opened();
    heard.client(100, 500, b"NOOP");
    heard.server(500, 104, b"");
    heard.client(103, 500, b"\0");
    heard.client(103, 500, b"");
    assert_eq!(heard.text, " CNOOP");
    assert!(heard.conversation.conflicts().is_empty());
}

#[test]
fn bytes_in_order_replace_what_was_queued() {
    let mut heard = Heard::opened();
    let queued = heard.client(104, 500, b"evil");
    let due = heard.client(100, 500, b"goodtext");
    assert_eq!(heard.text, " Cgood Ctext!");
    let [conflict] = heard.conversation.conflicts() else { panic!("one conflict") };
    assert_eq!((conflict.first, conflict.second, conflict.winner, conflict.seq), (queued, due, due, Seq(104)));
}

#[test]
fn else_the_first_copy_stays() {
    let mut heard = Heard::opened();
    let first = heard.client(104, 500, b"text");
    heard.client(102, 500, b"xxevil");
    heard.client(100, 500, b"go");
    assert_eq!(heard.text, " Cgo Cxx Ctext!");
    assert_eq!(heard.conversation.conflicts()[0].winner, first);
    let mut delivered = Heard::opened();
    let first = delivered.client(100, 500, b"text");
    delivered.client(100, 500, b"evil");
    assert_eq!(delivered.text, " Ctext");
    assert_eq!(delivered.conversation.conflicts()[0].winner, first);
}

#[test]
fn the_copy_whose_checksum_verifies_wins() {
    let mut heard = Heard::opened();
    heard.push_with(End::Origin, &segment(100, 500, Flags::ACK, b"PORX"), Checksum::Bad);
    assert_eq!(heard.text, "");
    let good = heard.client(100, 500, b"PORT");
    assert_eq!(heard.text, " CPORT!");
    assert_eq!(heard.conversation.conflicts()[0].winner, good);
    let mut queued = Heard::opened();
    queued.client(104, 500, b"good");
    queued.push_with(End::Origin, &segment(100, 500, Flags::ACK, b"1234evil"), Checksum::Bad);
    queued.server(500, 108, b"");
    assert_eq!(queued.text, " C1234 Cgood!");
}

#[test]
fn a_checksum_left_to_the_card_costs_nothing_but_the_acknowledgement() {
    let mut heard = Heard::opened();
    heard.push_with(End::Origin, &segment(100, 500, Flags::ACK, b"USER"), Checksum::Bad);
    heard.push_with(End::Target, &segment(500, 104, Flags::ACK, b"331 "), Checksum::Valid);
    assert_eq!(heard.text, " CUSER S331 ");
    heard.push_with(End::Origin, &segment(104, 504, Flags::ACK, b"PASS"), Checksum::Bad);
    heard.finish();
    assert_eq!(heard.text, " CUSER S331  CPASS");
}

#[test]
fn an_acknowledgement_recorded_before_the_bytes_does_not_vouch_for_this_copy() {
    let acknowledged_early = || {
        let mut heard = Heard::opened();
        heard.server(500, 104, b"");
        heard.push_with(End::Origin, &segment(100, 500, Flags::ACK, b"PORX"), Checksum::Bad);
        assert_eq!(heard.text, "");
        heard
    };
    let mut corrected = acknowledged_early();
    corrected.client(100, 500, b"PORT");
    assert_eq!(corrected.text, " CPORT!");
    let mut alone = acknowledged_early();
    alone.server(500, 104, b"");
    assert_eq!(alone.text, " CPORX", "nothing better comes within what clocks differ by");
}

#[test]
fn what_the_snap_length_cut_is_a_gap_at_once() {
    let mut heard = Heard::opened();
    let whole = segment(100, 500, Flags::ACK, b"PORT 10,0");
    heard.push(End::Origin, &Segment { payload: &whole.payload[..4], ..whole });
    assert_eq!(heard.text, " CPORT C~5");
    heard.client(109, 500, b"!");
    assert_eq!(heard.text, " CPORT C~5 C!");
}

#[test]
fn an_rst_that_fits_closes_and_another_does_not() {
    let mut heard = Heard::opened();
    heard.client(100, 500, b"QUIT");
    heard.push(End::Target, &segment(9999, 0, Flags::RST, b""));
    assert_eq!(heard.text, " CQUIT");
    heard.push(End::Target, &segment(500, 0, Flags::RST, b""));
    assert_eq!(heard.text, " CQUIT S.");
}

#[test]
fn a_fin_ahead_of_its_bytes_waits_for_them() {
    let mut heard = Heard::opened();
    heard.push(End::Target, &segment(503, 100, Flags::ACK | Flags::FIN, b"421"));
    assert_eq!(heard.text, "");
    heard.server(500, 100, b"...");
    assert_eq!(heard.text, " S... S421 S.");
}

#[test]
fn a_repeat_that_answers_more_than_its_first_copy_does_not_stall() {
    // The client's first copy is missing; the repeat acknowledges the reply to it.
    let mut heard = Heard::opened();
    heard.server(500, 104, b"200 ");
    heard.client(100, 504, b"NOOP");
    assert_eq!(heard.text, " S200  CNOOP");
}

#[test]
fn what_waits_is_bounded() {
    let mut heard = Heard::opened();
    let block = vec![b'x'; 60_000];
    for number in 0..4 {
        heard.client(101 + number * 60_000, 500, &block);
    }
    assert!(heard.text.starts_with(" C~1 Cx"), "given up waiting");
    assert_eq!(heard.said.len(), 4);
    let mut far = Heard::opened();
    far.client(100 + (1 << 30), 500, b"far away");
    far.finish();
    assert_eq!(far.text, "");
}

/// The segments of `text` by offset and length.
fn parts(text: &[u8]) -> impl Strategy<Value = Vec<(usize, usize)>> + use<> {
    let len = text.len();
    (prop::collection::btree_set(1..len.max(2), 0..12), prop::collection::vec((0..len, 1..=len), 0..12))
        .prop_map(move |(cuts, extra)| {
            let starts = std::iter::once(0).chain(cuts.iter().copied().filter(|cut| *cut < len));
            let ends = cuts.iter().copied().filter(|cut| *cut < len).chain(std::iter::once(len));
            let partition = starts.zip(ends).map(|(start, end)| (start, end - start));
            let extra = extra.into_iter().map(|(start, wanted)| (start, wanted.min(len - start)));
            partition.chain(extra).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

fn text_and_parts() -> impl Strategy<Value = (Vec<u8>, Vec<(usize, usize)>)> {
    prop::collection::vec(any::<u8>(), 1..300).prop_flat_map(|text| {
        let parts = parts(&text);
        (Just(text), parts)
    })
}

/// Initial sequence numbers, half of them shortly before the wrap.
fn isn() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), (u32::MAX - 400)..=u32::MAX]
}

proptest! {
    #[test]
    fn any_order_and_overlap_gives_the_same_bytes((text, parts) in text_and_parts(), isn in isn()) {
        let mut heard = Heard::default();
        heard.push(End::Origin, &segment(isn, 0, Flags::SYN, b""));
        let mut frames = vec![None; text.len()];
        for (start, len) in parts {
            let seq = isn.wrapping_add(1 + u32::try_from(start).expect("short"));
            let at = heard.push(End::Origin, &segment(seq, 1, Flags::ACK, &text[start..start + len]));
            for frame in &mut frames[start..start + len] {
                frame.get_or_insert(at.number.0);
            }
        }
        let bytes: Vec<u8> = heard.said.iter().flat_map(|(_, _, bytes)| bytes.clone()).collect();
        prop_assert_eq!(bytes, text);
        let from: Vec<u64> = heard.said.iter().flat_map(|(_, frame, bytes)| vec![*frame; bytes.len()]).collect();
        prop_assert_eq!(from, frames.into_iter().flatten().collect::<Vec<_>>());
        prop_assert!(heard.conversation.conflicts().is_empty());
    }

    #[test]
    fn missing_bytes_are_gaps_of_their_length((text, parts) in text_and_parts(), isn in isn(), lost in any::<u32>()) {
        let mut conversation = Conversation::new();
        let mut heard: Vec<Option<u8>> = Vec::new();
        let mut out = |piece: Piece<'_>| match piece {
            Piece::Bytes { bytes, .. } => heard.extend(bytes.iter().copied().map(Some)),
            Piece::Gap { len, .. } => heard.resize(heard.len() + usize::try_from(len).expect("short"), None),
            Piece::Closed { .. } => {}
        };
        conversation.push(End::Origin, stamp(1, 0.0), &segment(isn, 0, Flags::SYN, b""), || Checksum::Valid, &mut out);
        let mut expected = vec![None; text.len()];
        for (index, (start, len)) in parts.into_iter().enumerate() {
            if lost & (1 << (index % 32)) != 0 {
                continue;
            }
            let seq = isn.wrapping_add(1 + u32::try_from(start).expect("short"));
            let tcp = segment(seq, 1, Flags::ACK, &text[start..start + len]);
            conversation.push(End::Origin, stamp(2, 0.1), &tcp, || Checksum::Valid, &mut out);
            for (slot, byte) in expected[start..start + len].iter_mut().zip(&text[start..]) {
                *slot = Some(*byte);
            }
        }
        let ack = isn.wrapping_add(1 + u32::try_from(text.len()).expect("short"));
        conversation.push(End::Target, stamp(3, 0.2), &segment(7, ack, Flags::ACK, b""), || Checksum::Valid, &mut out);
        conversation.finish(&mut out);
        prop_assert_eq!(heard, expected);
    }

    #[test]
    fn a_reply_never_comes_before_its_command(
        lengths in prop::collection::vec((1_usize..20, 1_usize..20), 1..20),
        swaps in prop::collection::vec(any::<bool>(), 40),
        isns in (isn(), isn()),
    ) {
        let mut frames = Vec::new();
        let (mut client, mut server) = (isns.0.wrapping_add(1), isns.1.wrapping_add(1));
        for (index, (command, reply)) in lengths.iter().enumerate() {
            let name = u8::try_from(index).expect("few");
            frames.push((End::Origin, client, server, vec![name; *command]));
            client = client.wrapping_add(u32::try_from(*command).expect("short"));
            frames.push((End::Target, server, client, vec![name; *reply]));
            server = server.wrapping_add(u32::try_from(*reply).expect("short"));
        }
        let spoken: Vec<(End, u8)> = frames.iter().map(|(from, _, _, bytes)| (*from, bytes[0])).collect();
        let mut index = 1;
        while index < frames.len() {
            if swaps[index % swaps.len()] {
                frames.swap(index - 1, index);
                index += 1;
            }
            index += 1;
        }
        let mut heard = Heard::default();
        heard.push(End::Origin, &segment(isns.0, 0, Flags::SYN, b""));
        heard.push(End::Target, &segment(isns.1, isns.0.wrapping_add(1), Flags::SYN | Flags::ACK, b""));
        for (from, seq, ack, bytes) in &frames {
            heard.push(*from, &segment(*seq, *ack, Flags::ACK, bytes));
        }
        let said: Vec<(End, u8)> = heard.said.iter().map(|(from, _, bytes)| (*from, bytes[0])).collect();
        prop_assert_eq!(said, spoken);
    }
}
