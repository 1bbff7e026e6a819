//! The dialogue as bytes in and events out.

use proptest::prelude::*;

use super::{Dialogue, Event, Speaker};
use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};
use crate::redact::unmarked;

use Speaker::{Client, Server};

fn at(number: u64) -> Stamp {
    Stamp::new(CaptureId(0), FrameNo(number), Timestamp(0))
}

/// Each turn is one frame, numbered from 1.
fn play(mut dialogue: Dialogue, turns: &[(Speaker, &[u8])]) -> Vec<Event> {
    let mut out = Vec::new();
    for (number, (speaker, bytes)) in (1..).zip(turns) {
        dialogue.bytes(*speaker, bytes, at(number), false, &mut out);
    }
    out
}

/// Events in short: `C1 LIST` is the command that frame 1 completed, `S2 226 x >0` its reply.
fn short(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::Command(command) => format!("C{} {}", command.at().number, unmarked(&command.line())),
        Event::Reply(reply) => {
            let answers = reply.answers.map_or("-".to_owned(), |no| no.0.to_string());
            format!("S{} {} >{answers}", reply.at().number, unmarked(&reply.line()))
        }
        Event::Interrupt { at } => format!("{} interrupt", at.number),
        Event::Protected { at, by } => format!("{} protected by {by}", at.number),
        Event::Record { .. } => String::new(),
        Event::Cleared { at } => format!("{} cleared", at.number),
        Event::Lost { len, at, .. } => format!("{} lost {len}", at.number),
        Event::LongLine { speaker, at } => format!("{} long line of {speaker:?}", at.number),
    };
    events.iter().map(line).filter(|line| !line.is_empty()).collect()
}

fn plain(turns: &[(Speaker, &[u8])]) -> Vec<String> {
    short(&play(Dialogue::new(false), turns))
}

const HELLO: &[u8] = b"\x16\x03\x01\x00\x02ab";
const SECRET_RECORD: &[u8] = b"\x17\x03\x03\x00\x04\xff\n22";
const CLOSE_NOTIFY: &[u8] = b"\x15\x03\x03\x00\x02\x01\x00";

#[test]
fn a_session_in_clear() {
    let events = plain(&[
        (Server, b"220-Hi\r\n227 (1,2,3,4,5,6)\r\n220 there\r\n"),
        (Client, b"user a\r\nPASS b\r\n"),
        (Server, b"331 pw\r\n230 in\r\n"),
        (Client, b"\xff\xf4\xff\xf2ABOR\r\n"),
        (Server, b"225 none\r\n"),
    ]);
    let expected =
        ["S1 220 there >-", "C2 USER a", "C2 PASS ***", "S3 331 pw >0", "S3 230 in >1", "C4 ABOR", "S5 225 none >2"];
    assert_eq!(events, expected);
}

#[test]
fn a_telnet_interrupt_is_told_where_no_abor_follows() {
    let closed = |turns: &[(Speaker, &[u8])]| {
        let (mut dialogue, mut out) = (Dialogue::new(false), Vec::new());
        for (number, (speaker, bytes)) in (1..).zip(turns) {
            dialogue.bytes(*speaker, bytes, at(number), false, &mut out);
        }
        dialogue.closed(Client, at(9), &mut out);
        short(&out)
    };
    assert_eq!(
        closed(&[(Client, b"PASV\r\n"), (Client, b"\xff\xf4\xff"), (Client, b"\xf2")]),
        ["C1 PASV", "2 interrupt"]
    );
    assert_eq!(closed(&[(Client, b"\xff\xf4\xff\xf2ABOR\r\n")]), ["C1 ABOR"]);
    assert_eq!(closed(&[(Client, b"\xff\xf4\xff\xf2QUIT\r\n")]), ["1 interrupt", "C1 QUIT"]);
    assert_eq!(closed(&[(Server, b"\xff\xf4"), (Client, b"NOOP \xf4\r\n")])[..], ["C2 NOOP \\xf4"]);
}

#[test]
fn no_reply_repeats_a_secret() {
    let events = plain(&[
        (Server, b"220 x\r\n"),
        (Client, b"USER a\r\nPASS hun"),
        (Client, b"ter2\r\nACCT b\r\nRETR b\r\n"),
        (Server, b"331 pw\r\n530-sorry\r\n a/hunter2 is no login\r\n530 (hunter2)\r\n"),
        (Server, b"532 no account b\r\n550 b: no such file\r\n"),
    ]);
    assert_eq!(
        events[5..],
        ["S4 331 pw >0", "S4 530 (***) >1", "S5 532 no account *** >2", "S5 550 b: no such file >3"]
    );
    let all = play(Dialogue::new(false), &[(Client, b"PASS hunter2\r\n"), (Server, b"530-to hunter2:\r\n530 no\r\n")]);
    let Some(Event::Reply(reply)) = all.last() else { panic!("{all:?}") };
    assert_eq!(reply.more, ["to ***:"], "its answer or not");
}

#[test]
fn the_long_reply_of_a_fuzzer_is_one_reply() {
    let mut turns: Vec<(Speaker, &[u8])> = vec![(Server, b"220 x\r\n"), (Client, b"PASV\r\n"), (Server, b"227 ")];
    turns.extend([(Server, &[b'A'; 1000][..]); 120]);
    turns.extend([(Server, &b"\r\n"[..]), (Client, b"QUIT\r\n"), (Server, b"221 bye\r\n")]);
    let events = play(Dialogue::new(false), &turns);
    let Some(Event::Reply(reply)) = events.get(3) else { panic!("{events:?}") };
    assert_eq!((reply.code, reply.at().number, &reply.endpoint), (227, FrameNo(124), &None));
    assert!(reply.text.len() < 600 && reply.answers.is_some());
    assert_eq!(short(&events)[2], "124 long line of Server");
    assert_eq!(short(&events)[5], "S126 221 bye >1");
}

#[test]
fn the_last_line_of_a_closed_connection_counts() {
    let mut dialogue = Dialogue::new(false);
    let mut out = Vec::new();
    dialogue.bytes(Server, b"220-a\r\n421 ", at(1), false, &mut out);
    dialogue.closed(Server, at(2), &mut out);
    dialogue.bytes(Client, b"pass secret", at(3), false, &mut out);
    dialogue.closed(Client, at(4), &mut out);
    assert_eq!(short(&out), ["S1 220 421 >-", "C3 PASS ***"]);
    assert_eq!(dialogue.outstanding().count(), 1);
}

#[test]
fn tls_follows_on_auth_only_when_it_comes() {
    let start: [(Speaker, &[u8]); 3] = [(Server, b"220 x\r\n"), (Client, b"AUTH TLS\r\n"), (Server, b"234 go\r\n")];
    let with = |rest: &[(Speaker, &'static [u8])]| plain(&[&start[..], rest].concat())[3..].to_vec();
    assert_eq!(with(&[(Client, HELLO), (Server, HELLO), (Client, SECRET_RECORD)]), ["4 protected by TLS"]);
    assert_eq!(with(&[(Client, b"\x80\x04\x01\x03\x00x"), (Client, SECRET_RECORD)]), ["4 protected by TLS"]);
    assert_eq!(with(&[(Client, b"USER a\r\n"), (Server, b"331 x\r\n")]), ["C4 USER a", "S5 331 x >1"]);
    let refused = plain(&[start[0], start[1], (Server, b"502 no\r\n"), (Client, HELLO), (Client, b"\r\nNOOP\r\n")]);
    assert!(refused.iter().all(|event| !event.contains("protected")), "{refused:?}");
    let with_334 = plain(&[start[0], (Client, b"auth ssl\r\n"), (Server, b"334 go\r\n"), (Client, HELLO)]);
    assert_eq!(with_334[3], "4 protected by TLS");
}

#[test]
fn one_direction_is_enough_to_see_tls() {
    assert_eq!(plain(&[(Client, b"AUTH TLS\r\n"), (Client, HELLO)])[1], "2 protected by TLS");
    assert_eq!(plain(&[(Server, b"220 x\r\n234 go\r\n"), (Server, HELLO)])[2], "2 protected by TLS");
}

#[test]
fn implicit_tls_begins_at_once() {
    assert_eq!(short(&play(Dialogue::new(true), &[(Client, HELLO), (Server, HELLO)])), ["1 protected by TLS"]);
    let clear = short(&play(Dialogue::new(true), &[(Server, b"220 x\r\n"), (Client, b"NOOP\r\n")]));
    assert_eq!(clear, ["S1 220 x >-", "C2 NOOP"]);
}

#[test]
fn ccc_clears_at_a_record_boundary() {
    let mixed = [CLOSE_NOTIFY, b"PASV\r\n"].concat();
    let events = plain(&[
        (Client, b"AUTH TLS\r\n"),
        (Client, HELLO),
        (Server, HELLO),
        (Server, SECRET_RECORD),
        (Client, &mixed),
        (Server, CLOSE_NOTIFY),
        (Server, b"227 (10,0,0,1,4,1)\r\n"),
    ]);
    let expected = ["C1 AUTH TLS", "2 protected by TLS", "5 cleared", "C5 PASV", "S7 227 (10,0,0,1,4,1) >1"];
    assert_eq!(events, expected);
}

#[test]
fn the_last_words_of_a_dying_server_do_not_clear() {
    let words = [SECRET_RECORD, b"500 OOPS: x\r\n"].concat();
    let events = plain(&[(Client, b"AUTH TLS\r\n"), (Client, HELLO), (Server, HELLO), (Server, &words)]);
    assert_eq!(events, ["C1 AUTH TLS", "2 protected by TLS", "S4 500 OOPS: x >-"]);
}

#[test]
fn records_that_lost_their_bounds_never_clear() {
    let mut dialogue = Dialogue::new(true);
    let mut out = Vec::new();
    dialogue.bytes(Client, HELLO, at(1), false, &mut out);
    dialogue.gap(Client, 100, at(2), &mut out);
    dialogue.gap(Server, 100, at(2), &mut out);
    dialogue.bytes(Client, b"QUIT\r\n", at(3), false, &mut out);
    dialogue.bytes(Server, b"221 x\r\n", at(3), false, &mut out);
    assert_eq!(short(&out), ["1 protected by TLS", "2 lost 100", "2 lost 100"]);
}

#[test]
fn gssapi_hides_lines() {
    let events = plain(&[
        (Server, b"220 x\r\n"),
        (Client, b"AUTH GSSAPI\r\nADAT x\r\n"),
        (Server, b"334 more\r\n235 ok\r\n"),
        (Client, b"ENC Zm9v\r\n"),
        (Server, b"632-YmFy\r\n632 YmFy\r\n"),
        (Client, b"MIC Zm9v\r\n"),
        (Server, b"631 YmFy\r\n"),
        (Client, b"QUIT\r\n"),
    ]);
    assert_eq!(events[3..], ["S3 334 more >0", "S3 235 ok >1", "4 protected by GSSAPI", "8 cleared", "C8 QUIT"]);
}

#[test]
fn behind_a_gap_lines_must_make_sense() {
    let mut dialogue = Dialogue::new(false);
    let mut out = Vec::new();
    dialogue.bytes(Server, b"220 x\r\n", at(1), false, &mut out);
    dialogue.bytes(Client, b"PASS secr", at(2), false, &mut out);
    dialogue.gap(Client, 10, at(3), &mut out);
    dialogue.bytes(Client, b"LIST of secrets\r\nmore\r\nTYPE A\r\nXFOO\r\n", at(4), false, &mut out);
    assert_eq!(short(&out), ["S1 220 x >-", "C2 PASS ***", "3 lost 10", "C4 TYPE A", "C4 XFOO"]);
}

#[test]
fn lines_that_the_snap_length_cut_keep_their_place() {
    let mut dialogue = Dialogue::new(false);
    let mut out = Vec::new();
    let turns: [(Speaker, &[u8], u64); 7] = [
        (Server, b"220-Hello\r\n220-and", 9),
        (Client, b"PORT 10,0,0,1,4,", 3),
        (Server, b"200 PORT comm", 20),
        (Client, b"RETR /a/long/na", 9),
        (Server, b"425 Use PO", 20),
        (Client, b"QUIT\r\n", 0),
        (Server, b"221 bye\r\n", 0),
    ];
    for (number, (speaker, bytes, lost)) in (1..).zip(turns) {
        dialogue.bytes(speaker, bytes, at(number), false, &mut out);
        if lost > 0 {
            dialogue.gap(speaker, lost, at(number), &mut out);
        }
    }
    out.retain(|event| !matches!(event, Event::Lost { .. }));
    let expected = [
        "S1 220 and >-",
        "C2 PORT 10,0,0,1,4,\u{2026}",
        "S3 200 PORT comm\u{2026} >0",
        "C4 RETR /a/long/na\u{2026}",
        "S5 425 Use PO\u{2026} >1",
        "C6 QUIT",
        "S7 221 bye >2",
    ];
    assert_eq!(short(&out), expected);
    assert!(matches!(&out[1], Event::Command(port) if port.endpoint.is_none()));
}

#[test]
fn picked_up_in_mid_stream() {
    let turns: [(Speaker, &[u8]); 4] = [
        (Client, b"secret\r\nRETR x\r\n"),
        (Server, b"sent.\r\n226 ok\r\n150 go\r\n"),
        (Client, b"XFOO\r\n"),
        (Server, b"226 ok\r\n"),
    ];
    let events = short(&play(Dialogue::picked_up(), &turns));
    assert_eq!(events, ["C1 RETR x", "S2 226 ok >0", "S2 150 go >-", "C3 XFOO", "S4 226 ok >1"]);
    let opaque = short(&play(
        Dialogue::picked_up(),
        &[(Client, b"\x91\n\x02"), (Server, SECRET_RECORD), (Client, SECRET_RECORD)],
    ));
    assert_eq!(opaque, ["2 protected by TLS"]);
}

#[test]
fn unreliable_bytes_mark_their_line_only() {
    let mut dialogue = Dialogue::new(false);
    let mut out = Vec::new();
    dialogue.bytes(Client, b"PO", at(1), true, &mut out);
    dialogue.bytes(Client, b"RT 10,0,0,1,4,1\r\nLIST\r\n", at(2), false, &mut out);
    let marks: Vec<bool> = out.iter().map(|event| matches!(event, Event::Command(c) if c.unreliable)).collect();
    assert_eq!(marks, [true, false]);
}

/// Lines of both speakers, and Telnet within them.
fn turn() -> impl Strategy<Value = (bool, Vec<u8>)> {
    let client: &[&[u8]] = &[
        b"USER a\r\n",
        b"pass hunter2\r\n",
        b" \tPaSs hunter2 hunter2\r\n",
        b"\xff\xfb\x01PA\xff\xf1SS hunter2\n",
        b"ACCT hunter2\r\0",
        b"P\0ASS hunter2\r\n",
        b"PORT 10,0,0,1,4,1\r\n",
        b"\xff\xf4\xff\xf2ABOR\r\n",
        b"AUTH TLS\r\n",
        b"\x16\x03\x01\x00\x02ab",
        b"\x15\x03\x03\x00\x02ab",
        b"ENC x\r\n",
        b"RETR a\xff\xffb\r\n\r\n",
        b"QUIT\n",
    ];
    let server: &[&[u8]] = &[
        b"220 hi\r\n",
        b"230-a\r\n 230 b\r\n230 c\r\n",
        b"227-x\r\n227 (10,0,0,1,4,1)\r\n",
        b"500 'PASS hunter2': no\r\n",
        b"234 go\r\n",
        b"\x16\x03\x01\x00\x02\n\r",
        b"421\r\n",
        b"150 go\r\n226 done\r\n",
        b"noise\r\n",
    ];
    let turns: Vec<(bool, Vec<u8>)> = client
        .iter()
        .map(|line| (true, line.to_vec()))
        .chain(server.iter().map(|line| (false, line.to_vec())))
        .collect();
    proptest::sample::select(turns)
}

fn without_frames(mut event: Event) -> Event {
    match &mut event {
        Event::Command(command) => command.frames = crate::frame::FrameList::one(at(0)),
        Event::Reply(reply) => reply.frames = crate::frame::FrameList::one(at(0)),
        Event::Interrupt { at: stamp }
        | Event::Protected { at: stamp, .. }
        | Event::Record { at: stamp, .. }
        | Event::Cleared { at: stamp }
        | Event::Lost { at: stamp, .. }
        | Event::LongLine { at: stamp, .. } => *stamp = at(0),
    }
    event
}

fn frames(event: &Event) -> Vec<u64> {
    match event {
        Event::Command(command) => command.frames.iter().map(|at| at.number.0).collect(),
        Event::Reply(reply) => reply.frames.iter().map(|at| at.number.0).collect(),
        Event::Interrupt { at }
        | Event::Protected { at, .. }
        | Event::Record { at, .. }
        | Event::Cleared { at }
        | Event::Lost { at, .. }
        | Event::LongLine { at, .. } => {
            vec![at.number.0]
        }
    }
}

proptest! {
    /// The reference has one byte a frame, so that its frames are the bytes of each line.
    #[test]
    fn segmentation_changes_nothing_but_the_frames(
        turns in proptest::collection::vec(turn(), 0..12),
        cuts: u64,
    ) {
        let (mut whole, mut parts) = (Dialogue::new(false), Dialogue::new(false));
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        let (mut byte_frames, mut segment) = (Vec::new(), 0);
        for (is_client, bytes) in &turns {
            let speaker = if *is_client { Client } else { Server };
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let len = (1..rest.len()).find(|len| cuts.rotate_right(u32::try_from(byte_frames.len() + len).unwrap()) & 1 == 1).unwrap_or(rest.len());
                let (head, tail) = rest.split_at(len);
                parts.bytes(speaker, head, at(segment), false, &mut found);
                for byte in head {
                    whole.bytes(speaker, &[*byte], at(byte_frames.len() as u64), false, &mut expected);
                    byte_frames.push(segment);
                }
                segment += 1;
                rest = tail;
            }
        }
        let debug = format!("{found:?}");
        prop_assert!(!debug.contains("hunter2"));
        prop_assert_eq!(found.len(), expected.len());
        for (found, expected) in found.into_iter().zip(expected) {
            let mut segments: Vec<u64> =
                frames(&expected).iter().map(|byte| byte_frames[usize::try_from(*byte).unwrap()]).collect();
            segments.dedup();
            prop_assert_eq!(frames(&found), segments);
            prop_assert_eq!(without_frames(found), without_frames(expected));
        }
    }

    #[test]
    fn no_bytes_panic(turns in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..80)), 0..10)) {
        let mut dialogue = Dialogue::picked_up();
        let mut out = Vec::new();
        for (number, (is_client, bytes)) in (0..).zip(turns) {
            let speaker = if is_client { Client } else { Server };
            if bytes.len() == 7 {
                dialogue.gap(speaker, 7, at(number), &mut out);
            }
            dialogue.bytes(speaker, &bytes, at(number), false, &mut out);
        }
        dialogue.closed(Client, at(99), &mut out);
        dialogue.closed(Server, at(99), &mut out);
        prop_assert!(out.iter().all(|event| !frames(event).is_empty()));
    }
}
