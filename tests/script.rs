//! The test kit itself: scripts and transformations.

mod kit;

use std::path::PathBuf;

use kit::Rendered;

/// Renders a script given as text, in a folder of its own.
fn rendered(text: &str) -> Result<Rendered, String> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path: PathBuf = folder.path().join("t.script");
    std::fs::write(&path, text).expect("a script");
    kit::render(&path)
}

const SESSION: &str = "host C 10.0.0.10 02:00:00:00:00:0c\nhost S 10.0.0.21 02:00:00:00:00:15\n@ctl C:1050 S:21\n";

/// The client's control bytes as a receiver would put them together.
fn spoken(rendered: &Rendered) -> String {
    let mut pieces: Vec<(u32, &[u8])> = rendered
        .packets
        .iter()
        .filter_map(|packet| packet.tcp())
        .filter(|tcp| tcp.destination == 21 && !tcp.data.is_empty())
        .map(|tcp| (tcp.seq, &tcp.data[..]))
        .collect();
    let first = pieces[0].0;
    pieces.sort_by_key(|(seq, _)| seq.wrapping_sub(first).cast_signed());
    pieces.dedup_by_key(|(seq, _)| *seq);
    pieces.iter().map(|(_, data)| String::from_utf8_lossy(data)).collect()
}

#[test]
fn numbers_are_kept_without_being_said() {
    let rendered = rendered(&format!("{SESSION}@port 5001\nC> RETR a\n@act 5001 isn=1000,9000\n")).expect("a script");
    let data: Vec<(u32, u32)> = rendered
        .packets
        .iter()
        .filter_map(|packet| packet.tcp())
        .filter(|tcp| tcp.source == 20 || tcp.destination == 20)
        .map(|tcp| (tcp.seq, tcp.ack))
        .collect();
    let expected = [(1000, 0), (9000, 1001), (1001, 9001), (1001, 9001), (1007, 9001), (9001, 1008), (1008, 9002)];
    assert_eq!(data, expected);
}

#[test]
fn old_numbers_can_be_named_after_the_tuple_is_reused() {
    let again = "S:20 > C:5001 S seq=500\nC:5001 > S:20 A seq=old ack=old\n";
    let rendered =
        rendered(&format!("{SESSION}C> STOR a\n@act 5001 isn=1000,9000 close=accepter up data=1000\n{again}"))
            .expect("a script");
    let tcp = rendered.packets.last().and_then(|packet| packet.tcp()).expect("a segment");
    assert_eq!((tcp.seq, tcp.ack), (10_002, 1_002));
}

#[test]
fn transformations_leave_the_dialogue_as_it_is() {
    let plain = format!("{SESSION}@port 5001\nC> RETR a\n@act 5001\n@quit\n");
    let expected = spoken(&rendered(&plain).expect("a script"));
    assert!(expected.contains("PORT 10,0,0,10,19,137\r\nRETR a\r\nQUIT\r\n"), "{expected}");
    for transform in ["split 1", "split 3", "duplicate 0.2ms", "swap", "renumber 4294967280"] {
        let changed = rendered(&format!("{plain}transform {transform}\n")).expect("a script");
        assert_eq!(spoken(&changed), expected, "{transform}");
    }
}

#[test]
fn marks_follow_their_packet_through_transformations() {
    let script = format!("{SESSION}C> RETR a\nmark command\n@quit\n");
    assert_eq!(rendered(&script).expect("a script").marks["command"], 9);
    assert_eq!(rendered(&format!("{script}transform duplicate 0.2ms\n")).expect("a script").marks["command"], 17);
}

#[test]
fn errors_name_the_line() {
    for (statement, complaint) in [
        ("C:1 > Q:2 S", "no host is called Q"),
        ("Z> HELO", "Z has no control connection yet"),
        ("+5 C> QUIT", "5 has no unit"),
        ("@act 5001 close=never", "nothing closes by never"),
        ("gibberish", "cannot read `gibberish`"),
    ] {
        let error = rendered(&format!("{SESSION}{statement}\n")).err().expect("an error");
        assert!(error.contains(":4: ") && error.contains(complaint), "{error}");
    }
}
