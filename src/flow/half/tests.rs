//! What is expected of it, by script.
use super::super::Half;
use super::super::script::{Played, frames, play, stamp};
use crate::wire::Seq;

/// An open connection whose target has sent nothing yet; its next number is 9001.
const OPEN: &str = "
    =0.000s S:20 > C:5001 S seq=1000
    =0.001s C:5001 > S:20 SA seq=9000 ack=1001
    =0.002s S:20 > C:5001 A seq=1001 ack=9001";

fn open(rest: &str) -> Played {
    play(&format!("{OPEN}\n{rest}"))
}

fn client(played: &Played) -> &Half {
    &played.only().from_target
}

#[test]
fn keep_alives_add_nothing() {
    let played = open(
        "=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=10
         =0.2s S:20 > C:5001 A seq=1001 ack=9011
         =60.0s C:5001 > S:20 A seq=9010 ack=1001
         =120.0s C:5001 > S:20 A seq=9010 ack=1001 len=1",
    );
    let half = client(&played);
    assert_eq!((half.bytes, half.retransmissions, half.last_data), (10, 0, Some(stamp(4, 0.1))));
    assert!(half.unacknowledged().is_empty());
}

#[test]
fn probes_of_a_closed_window_are_no_stall() {
    let played = open(
        "=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=10
         =0.2s S:20 > C:5001 A seq=1001 ack=9011 win=0
         =1.0s C:5001 > S:20 A seq=9011 ack=1001 len=1
         =2.0s C:5001 > S:20 A seq=9011 ack=1001 len=1
         =2.1s S:20 > C:5001 A seq=1001 ack=9011 win=0",
    );
    let half = client(&played);
    assert!(played.only().from_origin.window_zero);
    assert_eq!((half.retransmissions, half.unacknowledged().len()), (0, 0));
}

#[test]
fn a_byte_that_is_missing_and_sent_again_is_no_keep_alive() {
    let played = open(
        "=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=1
         =0.4s C:5001 > S:20 A seq=9001 ack=1001 len=1",
    );
    assert_eq!(client(&played).unacknowledged(), [stamp(4, 0.1), stamp(5, 0.4)]);
}

#[test]
fn a_segment_sent_again_is_outstanding_until_acknowledged() {
    let stalled = "=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=10
         =0.3s C:5001 > S:20 A seq=9001 ack=1001 len=10
         =0.7s C:5001 > S:20 A seq=9001 ack=1001 len=10";
    let played = open(stalled);
    let half = client(&played);
    assert_eq!(half.unacknowledged(), [stamp(4, 0.1), stamp(5, 0.3), stamp(6, 0.7)]);
    assert_eq!((half.unacknowledged_seq(), half.retransmissions, half.bytes), (Some(Seq(9001)), 2, 10));
    assert_eq!(half.retransmitted(), Some((stamp(5, 0.3), stamp(6, 0.7))));
    let acked = open(&format!("{stalled}\n=0.8s S:20 > C:5001 A seq=1001 ack=9011"));
    assert!(client(&acked).unacknowledged().is_empty());
    assert_eq!(client(&acked).unacknowledged_seq(), None);
}

#[test]
fn the_second_of_two_outstanding_segments_keeps_its_first_frame() {
    let played = open(
        "=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=10
         =0.2s C:5001 > S:20 A seq=9011 ack=1001 len=20
         =0.3s S:20 > C:5001 A seq=1001 ack=9011
         =0.5s C:5001 > S:20 A seq=9011 ack=1001 len=20",
    );
    assert_eq!(client(&played).unacknowledged(), [stamp(5, 0.2), stamp(7, 0.5)]);
}

#[test]
fn an_overtaken_segment_is_reordered_and_no_gap() {
    let played = open(
        "=0.1000s C:5001 > S:20 A seq=9011 ack=1001 len=10 id=0
         =0.1004s C:5001 > S:20 A seq=9001 ack=1001 len=10 id=0
         =0.2000s S:20 > C:5001 A seq=1001 ack=9021",
    );
    let half = client(&played);
    assert_eq!(half.reordered(), [stamp(5, 0.1004)]);
    assert_eq!((half.retransmissions, half.bytes, half.gaps().len()), (0, 20, 0));
}

#[test]
fn the_identification_tells_a_late_segment_from_a_repeat() {
    let late = |id: u16, time: f64| {
        open(&format!(
            "=0.1s C:5001 > S:20 A seq=9011 ack=1001 len=10 id=500
             ={time}s C:5001 > S:20 A seq=9001 ack=1001 len=10 id={id}"
        ))
    };
    assert_eq!(client(&late(499, 0.2)).reordered_count(), 1);
    let repeated = late(501, 0.1001);
    assert_eq!((client(&repeated).reordered_count(), client(&repeated).retransmissions), (0, 1));
}

#[test]
fn what_was_acknowledged_and_not_captured_is_a_gap() {
    let played = open(
        "=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=10
         =0.2s C:5001 > S:20 A seq=9031 ack=1001 len=10
         =0.3s S:20 > C:5001 A seq=1001 ack=9061",
    );
    let gaps: Vec<(u32, u32)> = client(&played).gaps().iter().map(|gap| (gap.seq.0, gap.len)).collect();
    assert_eq!(gaps, [(9011, 20), (9041, 20)]);
    assert_eq!(client(&played).gaps()[0].at, stamp(6, 0.3));
}

#[test]
fn an_acknowledgement_captured_before_its_bytes_leaves_no_gap() {
    let played = open(
        "=0.1000s S:20 > C:5001 A seq=1001 ack=9021 on=if1
         =0.1001s C:5001 > S:20 A seq=9001 ack=1001 len=10
         =0.1002s C:5001 > S:20 A seq=9011 ack=1001 len=10",
    );
    assert!(client(&played).gaps().is_empty());
    assert_eq!((client(&played).bytes, client(&played).reordered_count()), (20, 0));
}

#[test]
fn a_partly_new_segment_counts_only_what_is_new() {
    let played = open(
        "=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=10
         =0.4s C:5001 > S:20 A seq=9001 ack=1001 len=15",
    );
    assert_eq!((client(&played).bytes, client(&played).retransmissions), (15, 1));
}

#[test]
fn a_wild_acknowledgement_is_no_gap() {
    let played = open(
        "=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=10
         =0.2s S:20 > C:5001 A seq=1001 ack=2000009000",
    );
    assert!(client(&played).gaps().is_empty());
}

#[test]
fn cut_segments_count_with_their_length_on_the_wire() {
    let mut played = open("");
    let mut frame = frames("=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=100").remove(0);
    frame.at = stamp(4, 0.1);
    frame.cut(90);
    played.push(&frame);
    let half = client(&played);
    assert_eq!((half.bytes, half.cut, half.first_cut()), (100, 1, Some(stamp(4, 0.1))));
    assert_eq!(half.head.len(), 10);
    assert_eq!(half.largest_packet, 140);
}

#[test]
fn the_head_is_in_order_and_bounded() {
    let played = open(
        "=0.1s C:5001 > S:20 A seq=9001 ack=1001 \"USER\"
         =0.2s C:5001 > S:20 A seq=9001 ack=1001 \"USERanon\"
         =0.3s C:5001 > S:20 A seq=9100 ack=1001 \"later\"",
    );
    assert_eq!(client(&played).head, b"USERanon");
}

#[test]
fn a_sender_that_never_sent_what_was_acknowledged_lags() {
    let lag = |rest: &str| {
        let played = open(&format!("=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=10\n{rest}"));
        client(&played).lag().map(|lag| (lag.bytes, lag.frames.len()))
    };
    let repeated = "=0.2s S:20 > C:5001 A seq=1001 ack=9014 len=5
        =0.3s C:5001 > S:20 A seq=9011 ack=1001
        =0.5s S:20 > C:5001 A seq=1001 ack=9014 len=5
        =0.6s C:5001 > S:20 A seq=9011 ack=1001";
    assert_eq!(lag(repeated), Some((3, 2)));
    assert_eq!(lag(&format!("{repeated}\n=0.7s C:5001 > S:20 A seq=9014 ack=1006")), None);
    assert_eq!(lag("=0.2s S:20 > C:5001 A seq=1001 ack=9011\n=0.3s C:5001 > S:20 A seq=9011 ack=1001"), None);
}

#[test]
fn later_numbers_tell_what_was_sent_and_lost() {
    let ahead = "=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=10
         =0.2s S:20 > C:5001 A seq=1001 ack=9011
         =1.0s C:5001 > S:20 A seq=9054 ack=1001";
    let lost = |rest: &str| client(&open(&format!("{ahead}\n{rest}"))).lost_before_here();
    assert_eq!(lost(""), Some((43, stamp(6, 1.0))));
    assert_eq!(lost("=2.0s C:5001 > S:20 A seq=9054 ack=1001"), Some((43, stamp(6, 1.0))));
    assert_eq!(lost("=2.0s C:5001 > S:20 F seq=9054 ack=1001"), Some((43, stamp(7, 2.0))));
    assert_eq!(lost("=1.1s C:5001 > S:20 A seq=9011 ack=1001 len=43"), None, "recorded late");
    assert_eq!(lost("=1.1s S:20 > C:5001 A seq=1001 ack=9054"), None, "lost by the capture");
    assert_eq!(client(&open("=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=10")).lost_before_here(), None);
    let absurd = open("=0.1s C:5001 > S:20 A seq=9001 ack=1001\n=1.0s C:5001 > S:20 A seq=90000000 ack=1001");
    assert_eq!(client(&absurd).lost_before_here(), None);
}

#[test]
fn a_packet_that_does_not_pass_is_remembered_with_its_size() {
    let sent = |rest: &str| {
        open(&format!(
            "=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=100
             =0.2s S:20 > C:5001 A seq=1001 ack=9101
             =0.3s C:5001 > S:20 A seq=9101 ack=1001 len=1400
             =0.6s C:5001 > S:20 A seq=9101 ack=1001 len=1400
             =1.2s C:5001 > S:20 A seq=9101 ack=1001 len=1400
             {rest}"
        ))
    };
    let stalled = sent("");
    let stuck = client(&stalled).stuck().expect("it is stuck");
    assert_eq!((stuck.size, stuck.frames.len(), stuck.passed), (1440, 3, None));
    assert_eq!(client(&stalled).largest_passed(), 140);
    let passed = sent("=1.3s S:20 > C:5001 A seq=1001 ack=10501");
    assert_eq!(client(&passed).stuck(), None, "it was lost by chance");
    let smaller = sent(
        "=2.4s C:5001 > S:20 A seq=9101 ack=1001 len=500
         =2.5s S:20 > C:5001 A seq=1001 ack=9601",
    );
    let stuck = client(&smaller).stuck().expect("it came in smaller ones");
    assert_eq!((stuck.smaller, stuck.passed), (Some((540, stamp(9, 2.4))), Some(stamp(10, 2.5))));
    assert_eq!(client(&smaller).largest_passed(), 140);
}

#[test]
fn a_large_packet_that_passes_is_remembered() {
    let large = |rest: &str| open(&format!("=0.1s C:5001 > S:20 A seq=9001 ack=1001 len=1400\n{rest}"));
    assert_eq!(client(&large("")).largest_passed(), 40, "the SYN");
    assert_eq!(client(&large("=0.2s S:20 > C:5001 A seq=1001 ack=10401")).largest_passed(), 1440);
    let in_pieces = "=0.2s C:5001 > S:20 A seq=9001 ack=1001 len=700
        =0.3s C:5001 > S:20 A seq=9701 ack=1001 len=700
        =0.4s S:20 > C:5001 A seq=1001 ack=10401";
    assert_eq!(client(&large(in_pieces)).largest_passed(), 40, "it came in two");
}
