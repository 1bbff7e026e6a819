//! What is expected of it, by script and by property.
use proptest::prelude::*;

use super::super::script::{Played, data_key, frames, play, segment, stamp};
use super::super::{Close, ConnectionId, End, Holder};
use super::keep::{CONNECTIONS_KEPT, HEADS_KEPT};
use super::{FlowEvent, INCARNATIONS_KEPT};

/// The old incarnation of 9.2: the client closes first and holds TIME-WAIT with SND.NXT 10002, RCV.NXT 1002.
const CLIENT_HOLDS: &str = "
        =0.000s S:20 > C:5001 S seq=1000
        =0.001s C:5001 > S:20 SA seq=9000 ack=1001
        =0.002s S:20 > C:5001 A seq=1001 ack=9001
        =0.003s C:5001 > S:20 A seq=9001 ack=1001 len=1000
        =0.004s C:5001 > S:20 F seq=10001 ack=1001
        =0.005s S:20 > C:5001 F seq=1001 ack=10002
        =0.006s C:5001 > S:20 A seq=10002 ack=1002";

fn after_close(rest: &str) -> Played {
    play(&format!("{CLIENT_HOLDS}\n{rest}"))
}

fn events(played: &Played) -> Vec<FlowEvent> {
    played.booked.iter().map(|booked| booked.event).collect()
}

#[test]
fn a_connection_runs_through_its_events() {
    let played = after_close("");
    assert_eq!(
        events(&played),
        [
            FlowEvent::Opened,
            FlowEvent::Answered,
            FlowEvent::Established,
            FlowEvent::Data,
            FlowEvent::Closing,
            FlowEvent::Closing,
            FlowEvent::Other
        ]
    );
    let connection = played.only();
    assert_eq!(connection.established, Some(stamp(3, 0.002)));
    assert_eq!(connection.from_target.bytes, 1000);
    assert_eq!(connection.from_target.head.len(), 512);
    assert!(!connection.midstream && connection.previous.is_none());
}

#[test]
fn a_challenged_attempt_does_not_overwrite_the_closed_incarnation() {
    // 9.2, lessons 10.1 to 10.4
    let played = after_close(
        "=3.000s S:20 > C:5001 S seq=500
             =3.001s C:5001 > S:20 A seq=10002 ack=1002
             =3.002s S:20 > C:5001 R seq=1002
             =3.013s S:20 > C:5001 S seq=500
             =3.014s C:5001 > S:20 SA seq=777000 ack=501
             =3.015s S:20 > C:5001 A seq=501 ack=777001",
    );
    let [old, new] = played.data()[..] else { panic!("two incarnations") };
    assert_eq!(new.previous, Some(old.id));
    let [stale] = new.stale_acks[..] else { panic!("one challenge") };
    assert_eq!((stale.at, stale.from, stale.syn), (stamp(9, 3.001), End::Target, false));
    assert_eq!(stale.reset, Some(stamp(10, 3.002)));
    assert!(new.rsts.is_empty());
    assert_eq!((new.syn_count, new.established), (2, Some(stamp(13, 3.015))));
    assert_eq!(new.close(), Close::Open);
    assert_eq!(
        old.close(),
        Close::TimeWait {
            holder: Holder::One(End::Target),
            since: stamp(7, 0.006),
            assassinated: Some(stamp(10, 3.002)),
            gapless: true
        }
    );
    let found = old.close_before(new.first);
    assert!(matches!(found, Close::TimeWait { assassinated: None, .. }), "{found:?}");
    assert_eq!(played.booked[9].connection, old.id);
    assert_eq!(played.booked[10].event, FlowEvent::Retried);
    assert_eq!(new.isn_is_recycled(old), None);
}

#[test]
fn a_later_attempt_still_knows_the_closed_incarnation() {
    // 9.3 behind a challenged attempt (lesson 10.1): 10002 + 65537
    let played = after_close(
        "=3.0s S:20 > C:5001 S seq=500
             =3.1s C:5001 > S:20 A seq=10002 ack=1002
             =4.0s S:20 > C:5001 S seq=5000
             =4.1s C:5001 > S:20 SA seq=75539 ack=5001
             =4.2s S:20 > C:5001 A seq=5001 ack=75540",
    );
    let [old, attempt, new] = played.data()[..] else { panic!("three incarnations") };
    assert_eq!((attempt.previous, new.previous), (Some(old.id), Some(old.id)));
    assert_eq!(new.isn_is_recycled(old), Some((stamp(11, 4.1), End::Target)));
    assert_eq!(attempt.isn_is_recycled(old), None);
}

#[test]
fn the_syn_of_a_recycling_sender_bears_the_mark() {
    // S's FIN was 1001, so SND.NXT 1002; 1002 + 65537
    let played = after_close("=3.0s S:20 > C:5001 S seq=66539");
    let [old, new] = played.data()[..] else { panic!("two incarnations") };
    assert_eq!(new.isn_is_recycled(old), Some((stamp(8, 3.0), End::Origin)));
}

#[test]
fn the_mark_follows_the_socket_and_not_the_role() {
    // The client opens in the other direction: it is the origin now.
    let played = after_close("=3.0s C:5001 > S:20 S seq=75539");
    let [old, new] = played.data()[..] else { panic!("two incarnations") };
    assert_eq!(new.isn_is_recycled(old), Some((stamp(8, 3.0), End::Origin)));
}

#[test]
fn an_ack_of_unknown_state_is_stale_too() {
    let played = after_close("=3.0s S:20 > C:5001 S seq=500\n=3.1s C:5001 > S:20 A seq=12345 ack=678");
    let new = played.data()[1];
    assert_eq!(new.stale_acks[0].ack.0, 678);
    assert_eq!(new.established, None);
}

#[test]
fn the_reset_of_a_challenge_without_known_owner_does_not_end_the_attempt() {
    let played = play(
        "=3.0s S:20 > C:5001 S seq=500
             =3.1s C:5001 > S:20 A seq=12345 ack=678
             =3.2s S:20 > C:5001 R seq=678
             =3.3s S:20 > C:5001 S seq=500
             =3.4s C:5001 > S:20 SA seq=1 ack=501",
    );
    let only = played.only();
    assert_eq!(only.stale_acks[0].reset, Some(stamp(3, 3.2)));
    assert_eq!((only.close(), only.syn_acks.len()), (Close::Open, 1));
}

#[test]
fn the_challenge_of_a_half_open_connection_looks_alike_and_its_close_differs() {
    // Near miss of 9.2: the client never closed.
    let played = play(
        "=0.000s S:20 > C:5001 S seq=1000
             =0.001s C:5001 > S:20 SA seq=9000 ack=1001
             =0.002s S:20 > C:5001 A seq=1001 ack=9001
             =0.005s S:20 > C:5001 F seq=1001 ack=9001
             =0.006s C:5001 > S:20 A seq=9001 ack=1002
             =3.000s S:20 > C:5001 S seq=500
             =3.001s C:5001 > S:20 A seq=9001 ack=1002
             =3.002s S:20 > C:5001 R seq=1002",
    );
    let [old, new] = played.data()[..] else { panic!("two incarnations") };
    assert_eq!(new.stale_acks.len(), 1);
    assert_eq!(old.close(), Close::Reset { by: End::Origin, at: stamp(8, 3.002) });
    let found = old.close_before(new.first);
    assert_eq!(found, Close::Half { missing: End::Target, since: stamp(4, 0.005), gapless: true });
}

#[test]
fn the_same_isn_is_a_repeat_and_another_one_an_attempt() {
    // Lesson 10.3
    let played = play(
        "=0.0s S:20 > C:5001 S seq=1000
             =1.0s S:20 > C:5001 S seq=1000
             =3.0s S:20 > C:5001 S seq=1000
             =9.0s S:20 > C:5001 S seq=2000",
    );
    assert_eq!(events(&played)[1..], [FlowEvent::Retried, FlowEvent::Retried, FlowEvent::Opened]);
    let [first, second] = played.data()[..] else { panic!("two attempts") };
    assert_eq!((first.syn_count, first.syns.len(), second.syn_count), (3, 3, 1));
    assert_eq!(second.previous, None);
}

#[test]
fn a_stack_that_always_takes_the_same_isn_opens_anew() {
    let played = after_close("=30.0s S:20 > C:5001 S seq=1000");
    assert_eq!(played.data().len(), 2);
    let late_copy = after_close("=0.5s S:20 > C:5001 S seq=1000");
    assert_eq!(late_copy.data().len(), 1);
}

#[test]
fn an_answer_to_an_earlier_attempt_goes_there() {
    let played = play(
        "=0.0s S:20 > C:5001 S seq=1000
             =9.0s S:20 > C:5001 S seq=2000
             =9.1s C:5001 > S:20 RA seq=0 ack=1001
             =9.2s C:5001 > S:20 SA seq=7 ack=2001",
    );
    let [first, second] = played.data()[..] else { panic!("two attempts") };
    assert_eq!(first.close(), Close::Reset { by: End::Target, at: stamp(3, 9.1) });
    assert_eq!(second.syn_acks.len(), 1);
}

#[test]
fn a_syn_ack_for_another_syn_is_stale() {
    let played = play("=0.0s S:20 > C:5001 S seq=1000\n=0.1s C:5001 > S:20 SA seq=7 ack=55");
    let only = played.only();
    assert!(only.syn_acks.is_empty() && only.stale_acks[0].syn);
}

#[test]
fn a_syn_ack_may_be_captured_before_its_syn() {
    let played = play(
        "=0.0001s C:5001 > S:20 SA seq=9000 ack=1001 on=if1
             =0.0002s S:20 > C:5001 S seq=1000
             =0.0003s S:20 > C:5001 A seq=1001 ack=9001",
    );
    let only = played.only();
    assert_eq!((only.origin.port(), only.syns.len(), only.syn_acks.len()), (20, 1, 1));
    assert_eq!(only.established, Some(stamp(3, 0.0003)));
    assert!(!only.midstream);
}

#[test]
fn crossing_syns_are_one_connection() {
    let played = play(
        "=0.0s S:20 > C:5001 S seq=1000
             =0.0s C:5001 > S:20 S seq=9000
             =0.1s C:5001 > S:20 SA seq=9000 ack=1001
             =0.1s S:20 > C:5001 SA seq=1000 ack=9001
             =0.2s S:20 > C:5001 A seq=1001 ack=9001",
    );
    assert_eq!(played.only().established, Some(stamp(5, 0.2)));
    assert_eq!(played.only().syn_count, 1);
}

#[test]
fn a_syn_on_an_open_connection_is_an_attempt() {
    let played = play(
        "=0.000s S:20 > C:5001 S seq=1000
             =0.001s C:5001 > S:20 SA seq=9000 ack=1001
             =0.002s S:20 > C:5001 A seq=1001 ack=9001
             =5.000s S:20 > C:5001 S seq=2000000
             =5.001s C:5001 > S:20 A seq=9001 ack=1001",
    );
    let [old, new] = played.data()[..] else { panic!("two incarnations") };
    assert_eq!((new.previous, old.close()), (Some(old.id), Close::Open));
    assert_eq!(new.stale_acks.len(), 1);
}

#[test]
fn repeats_of_the_old_incarnation_do_not_touch_the_new_one() {
    let played = after_close(
        "=3.0s S:20 > C:5001 S seq=500000
             =3.1s C:5001 > S:20 SA seq=70000000 ack=500001
             =3.2s S:20 > C:5001 A seq=500001 ack=70000001
             =3.3s S:20 > C:5001 F seq=1001 ack=10002",
    );
    let [old, new] = played.data()[..] else { panic!("two incarnations") };
    assert_eq!(new.close(), Close::Open);
    assert_eq!(old.from_origin.retransmissions, 1);
}

#[test]
fn repeats_from_before_the_isn_are_of_the_old_incarnation() {
    // The new ISN is the old SND.NXT + 65537: near enough to be taken for one stream.
    let played = after_close(
        "=3.0s C:5001 > S:20 S seq=75539
             =3.1s S:20 > C:5001 SA seq=66539 ack=75540
             =3.2s C:5001 > S:20 A seq=75540 ack=66540
             =3.3s S:20 > C:5001 F seq=1001 ack=10002",
    );
    assert_eq!(played.booked[10].connection, played.data()[0].id);
    assert_eq!(played.data()[1].close(), Close::Open);
}

#[test]
fn data_of_an_incarnation_never_seen_open_a_midstream_one() {
    let played = after_close("=30.0s S:20 > C:5001 A seq=3000000000 ack=2000000000 len=5");
    let [old, new] = played.data()[..] else { panic!("two incarnations") };
    assert!(new.midstream);
    assert_eq!((new.previous, new.from_origin.bytes), (Some(old.id), 5));
}

#[test]
fn copies_are_not_counted() {
    let syn = |time: &str, rest: &str| format!("={time}s S:20 > C:5001 S seq=1000 id=0 {rest}\n");
    let mirrored = play(&(syn("0.0", "") + &syn("0.0002", "")));
    assert!(mirrored.booked[1].copy);
    assert_eq!(mirrored.only().syn_count, 1);
    assert_eq!(mirrored.only().from_origin.duplicates(), [(stamp(1, 0.0), stamp(2, 0.0002))]);
    let routed = play(&(syn("0.0", "") + &syn("0.003", "ttl=63")));
    assert!(routed.booked[1].copy);
    let bridged = play(&(syn("0.0", "") + &syn("0.003", "on=if1")));
    assert!(bridged.booked[1].copy);
    let tagged = play(&(syn("0.0", "") + &syn("0.0001", "vlan=1")));
    assert!(tagged.booked[1].copy);
    assert_eq!(tagged.booked[0].connection, tagged.booked[1].connection);
}

#[test]
fn what_is_sent_again_is_no_copy() {
    for again in [
        "=0.011s S:20 > C:5001 S seq=1000 id=0", // no router in between, too late for a mirror
        "=0.0002s S:20 > C:5001 S seq=1000 id=8", // the sender gave it another identification
        "=0.003s S:20 > C:5001 S seq=1000 id=0 ttl=60", // not one hop
        "=0.0002s S:20 > C:5001 S seq=1000 id=0 ts=5/0", // another clock value
    ] {
        let played = play(&format!("=0.0s S:20 > C:5001 S seq=1000 id=0\n{again}"));
        assert!(!played.booked[1].copy, "{again}");
        assert_eq!(played.only().syn_count, 2, "{again}");
    }
}

#[test]
fn a_copy_is_found_behind_any_number_of_packets() {
    // Of a burst of so many packets, all come again four milliseconds after the first one.
    for count in [1_u32, 15, 16, 17, 100] {
        let burst = |from: f64, rest: &str| {
            let segment = |n| {
                let time = from + f64::from(n) * 0.000_01;
                format!("={time}s S:20 > C:5001 A seq={} ack=1 len=5 id={n} {rest}\n", 1000 + 5 * n)
            };
            (0..count).map(segment).collect::<Vec<_>>().concat()
        };
        let played = play(&(burst(0.0, "") + &burst(0.004, "ttl=63")));
        let (first, again) = played.booked.split_at(count as usize);
        assert!(first.iter().all(|booked| !booked.copy), "{count}");
        assert!(again.iter().all(|booked| booked.copy), "{count}");
        let late = play(&(burst(0.0, "") + &burst(0.006, "ttl=63")));
        assert!(late.booked.iter().all(|booked| !booked.copy), "{count}");
    }
}

#[test]
fn a_copy_is_found_in_a_file_that_goes_back() {
    let bursts = |first: &str| {
        let burst = |from: f64, count: u32, rest: &str| {
            let segment = |n| format!("={from}s S:20 > C:5001 A seq={} ack=1 len=5 id={n} {rest}\n", 1000 + 5 * n);
            (0..count).map(segment).collect::<Vec<_>>().concat()
        };
        // The burst is 40 ms old when others take its place, and then come its copies.
        let others = burst(2.04, 20, "win=7");
        let played = play(&(first.to_owned() + &burst(2.0, 40, "") + &others + &burst(2.004, 40, "ttl=63")));
        played.booked.iter().rev().take(40).filter(|booked| booked.copy).count()
    };
    let back = |seconds: f64| {
        format!("=1.1s S:20 > C:5001 A seq=900 ack=1\n={}s S:20 > C:5001 A seq=901 ack=1\n", 1.1 - seconds)
    };
    assert_eq!(bursts(&back(0.045)), 40);
    assert!(bursts(&back(0.0)) < 40, "a sorted file has no copies of what is so old");
}

#[test]
fn a_segment_sent_again_with_another_end_is_no_copy() {
    let command = |time: &str, name: &str| {
        format!("={time}s C:5001 > S:20 A seq=1000 ack=1 id=0 \"STOR_{}{name}\"\n", "x".repeat(200))
    };
    let played = play(&(command("0.0", "a") + &command("0.0002", "b") + &command("0.0004", "a")));
    assert_eq!(played.booked.iter().map(|booked| booked.copy).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn a_reset_for_each_segment_is_no_copy() {
    let resets = "=0.1s C:5001 > S:20 R seq=10002 id=0\n=0.1001s C:5001 > S:20 R seq=10002 id=0";
    let played = after_close(resets);
    assert!(!played.booked[8].copy);
    let bridged = after_close(&format!("{resets} on=if1"));
    assert!(bridged.booked[8].copy);
}

#[test]
fn the_whole_script_twice_gives_the_same_facts() {
    // 9.11: every frame duplicated after 0.2 ms
    let once = after_close("");
    let mut twice = play("");
    for frame in frames(CLIENT_HOLDS) {
        let mut copy = frame.clone();
        copy.at.time = copy.at.time.plus_seconds(0.0002);
        twice.push(&frame);
        twice.push(&copy);
    }
    assert_eq!(twice.only().close(), once.only().close());
    assert_eq!(twice.only().from_target.bytes, 1000);
    assert_eq!(twice.only().segments(), 7);
}

#[test]
fn an_icmp_error_finds_the_incarnation_by_its_number() {
    use crate::wire::{IcmpError, Quoted, Seq, Wrapping};
    let mut played = after_close("=3.0s S:20 > C:5001 S seq=500000");
    let frame = frames("=3.1s S:20 > C:5001 S seq=500000").remove(0);
    let quoted = |seq| Quoted {
        source: std::net::SocketAddr::new(frame.ip.source, 20),
        destination: std::net::SocketAddr::new(frame.ip.destination, 5001),
        seq: Seq(seq),
    };
    let error = |seq| IcmpError { kind: 3, code: 13, v6: false, quoted: quoted(seq) };
    let ids: Vec<ConnectionId> = played.data().iter().map(|connection| connection.id).collect();
    assert_eq!(played.table.icmp(stamp(9, 3.1), Wrapping(7), &frame.ip, &error(500_000)), Some(ids[1]));
    assert_eq!(played.table.icmp(stamp(10, 3.2), Wrapping(0), &frame.ip, &error(1001)), Some(ids[0]));
    assert_eq!(played.table.icmp(stamp(11, 3.3), Wrapping(0), &frame.ip, &error(77)), None);
    assert_eq!(played.data()[1].icmp[0].about, End::Origin);
}

/// A SYN from one of many clients, at a time of its own.
fn syn(number: usize) -> super::super::script::Scripted {
    let (port, host) = (number % 60_000 + 1, number / 60_000);
    let mut frame = frames(&format!("=0.0s 10.1.{host}.1:{port} > S:80 S seq=1")).remove(0);
    frame.at = stamp(1000 + number as u64, 1.0 + 1e-6 * f64::from(u32::try_from(number).expect("few")));
    frame
}

#[test]
fn the_table_is_bounded_and_lets_the_longest_silent_go_first() {
    let mut played = after_close("");
    played.push(&syn(0));
    let attempt = played.booked.last().expect("pushed").connection;
    for number in 1..CONNECTIONS_KEPT {
        played.push(&syn(number));
    }
    // The closed one was silent longer than the first attempt.
    assert_eq!(played.table.history(&data_key()).count(), 0);
    assert!(played.table.connection(attempt).is_some());
    assert_eq!(played.table.evicted().map(|(count, _)| count), Some(1));
    played.push(&syn(CONNECTIONS_KEPT));
    assert!(played.table.connection(attempt).is_none());
    assert_eq!(played.table.connections.len(), CONNECTIONS_KEPT);
}

#[test]
fn the_heads_of_the_oldest_are_given_back_for_good() {
    let mut played = play("=0.0s S:20 > C:5001 A seq=1 ack=1 \"hello\"");
    for number in 0..HEADS_KEPT {
        let mut frame = frames("=0.0s 10.1.0.1:1 > S:80 A seq=1 ack=1 \"hello\"").remove(0);
        frame.speak_from(u16::try_from(number + 1).expect("few"));
        played.push(&frame);
    }
    assert!(played.only().from_origin.head.is_empty());
    played.push(&frames("=9.0s S:20 > C:5001 A seq=6 ack=1 \"again\"").remove(0));
    assert!(played.only().from_origin.head.is_empty());
    assert_eq!(played.table.heads.len(), HEADS_KEPT);
}

#[test]
fn open_connections_outlast_a_flood_of_attempts() {
    let mut played = play(
        "=0.000s S:20 > C:5001 S seq=1000
             =0.001s C:5001 > S:20 SA seq=9000 ack=1001
             =0.002s S:20 > C:5001 A seq=1001 ack=9001",
    );
    for number in 0..CONNECTIONS_KEPT + 10 {
        played.push(&syn(number));
    }
    assert_eq!(played.data().len(), 1);
    assert_eq!(played.table.evicted().map(|(count, _)| count), Some(11));
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let table = super::Table::new(|_, _| crate::wire::Checksum::Valid).holding(16);
    let mut played = Played { table, booked: Vec::new() };
    let mut closing = Vec::new();
    for number in 0..400 {
        // Each is open while the next one begins, and closed soon after.
        let mut opening =
            frames(&CLIENT_HOLDS.replace("C:5001", &format!("10.1.{}.{}:5001", number / 200, number % 200 + 1)));
        for frame in &mut opening {
            frame.at = stamp(number * 10 + frame.at.number.0, f64::from(u32::try_from(number).expect("few")));
        }
        let rest = opening.split_off(3);
        opening.iter().chain(&std::mem::replace(&mut closing, rest)).for_each(|frame| played.push(frame));
    }
    let super::Queues { closed, started, open } = &played.table.queues;
    for queue in [closed.len(), started.len(), open.len()] {
        assert!(queue <= 33, "{queue}");
    }
}

#[test]
fn what_closed_long_ago_is_let_go_without_regret() {
    let mut played = after_close("");
    for number in 0..CONNECTIONS_KEPT {
        let mut frame = syn(number);
        frame.at.time = frame.at.time.plus_seconds(1000.0);
        played.push(&frame);
    }
    assert_eq!(played.data().len(), 0);
    assert_eq!(played.table.evicted(), None);
}

#[test]
fn the_incarnations_of_a_tuple_are_bounded_and_the_open_one_stays() {
    let attempts: Vec<String> =
        (0..100).map(|n| format!("={}.0s S:20 > C:5001 S seq={}", n + 1, 1_000_000 + n)).collect();
    let played = after_close(&attempts.join("\n"));
    let all = played.data();
    assert_eq!(all.len(), INCARNATIONS_KEPT);
    assert_eq!(all[0].close(), after_close("").only().close());
    assert_eq!(all[INCARNATIONS_KEPT - 1].previous, Some(all[0].id));
    assert!(played.table.evicted().is_some());
}

proptest! {
    /// Whatever is on the wire: nothing panics, every segment finds a place, and all lists stay bounded.
    #[test]
    fn any_segments_find_a_place(
        segments in prop::collection::vec(
            (any::<bool>(), 0_u8..64, number(), number(), 0_usize..40, 0_u64..4_000_000_000),
            0..200,
        ),
    ) {
        let mut played = play("");
        let mut conversation = crate::flow::Conversation::new();
        let mut heard = 0;
        let mut seconds = 0.0;
        let bytes = [b'x'; 40];
        for (index, (forth, flags, seq, ack, len, nanoseconds)) in segments.iter().enumerate() {
            let route = if *forth { "S:20 > C:5001" } else { "C:5001 > S:20" };
            let scripted = frames(&format!("=0s {route} A")).remove(0);
            let (from, to) = if *forth { (20, 5001) } else { (5001, 20) };
            let tcp = crate::wire::Segment {
                source_port: from,
                destination_port: to,
                ..segment(*seq, *ack, *flags, &bytes[..*len])
            };
            seconds += f64::from(u32::try_from(*nanoseconds).expect("small")) / 1e9;
            let at = stamp(index as u64 + 1, seconds);
            let booked = played.table.push(at, scripted.interface, &scripted.link, scripted.wrapping, &scripted.ip, &tcp);
            prop_assert!(played.table.connection(booked.connection).is_some());
            let mut out = |piece: crate::flow::Piece<'_>| {
                if let crate::flow::Piece::Bytes { bytes, .. } = piece {
                    heard += bytes.len();
                }
            };
            conversation.push(booked.from, at, &tcp, || crate::wire::Checksum::Valid, &mut out);
        }
        conversation.finish(&mut |_| {});
        prop_assert!(heard <= segments.iter().map(|(.., len, _)| *len).sum());
        for connection in played.data() {
            connection.close();
            prop_assert!(connection.first <= connection.last);
            for half in [&connection.from_origin, &connection.from_target] {
                prop_assert!(half.gaps().len() <= crate::flow::half::GAPS_KEPT);
                prop_assert!(half.head.len() <= crate::flow::HEAD_BYTES);
            }
        }
    }
}

/// Sequence numbers that meet each other often, some at the wrap and some anywhere.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..100, 0xffff_ffc0..=u32::MAX, 65_500_u32..65_700, any::<u32>()]
}

#[test]
fn a_refusal_recorded_just_before_its_syn_is_its_answer() {
    let played = play(
        "=0.0001s C:5001 > S:20 RA seq=0 ack=1001
         =0.0002s S:20 > C:5001 S seq=1000",
    );
    let syn = played.table.connections().find(|one| !one.syns.is_empty()).expect("the SYN");
    assert_eq!(syn.rsts.iter().map(|rst| (rst.from, rst.acceptable)).collect::<Vec<_>>(), [(End::Target, true)]);
    let late = play(
        "=0.0001s C:5001 > S:20 RA seq=0 ack=1001
         =0.1s S:20 > C:5001 S seq=1000",
    );
    assert!(late.table.connections().all(|one| one.syns.is_empty() || one.rsts.is_empty()));
}
