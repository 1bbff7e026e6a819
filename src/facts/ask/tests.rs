//! Each question, with answers and without.

use super::*;
use crate::facts::testing::host;
use crate::facts::{Held, HeldIn};

const SERVER: &str = "10.9.0.20:20";
const CLIENT: &str = "10.9.0.10:5000";

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn second(seconds: f64) -> Timestamp {
    Timestamp(1_000_000_000_000).plus_seconds(seconds)
}

/// A server that read its tables so many seconds behind the close, with that much left of TIME-WAIT.
fn server(readings: &[(f64, Option<f64>)]) -> Host {
    let mut host = host("10.9.0.20", &vec![0; readings.len()]);
    for (reading, (at, left)) in host.readings.iter_mut().zip(readings) {
        reading.at = second(*at);
        let held =
            |left: &f64| Held { local: socket(SERVER), remote: socket(CLIENT), state: HeldIn::TimeWait, left: *left };
        reading.time_wait = left.iter().map(held).collect();
    }
    host
}

/// What is said of a tuple that was closed at 0 and wanted at 2.
fn asked(host: Host, is_here: bool) -> Answer<Tuple> {
    let mut facts = Facts::default();
    facts.add("host.json", host);
    facts.tuple(socket(SERVER), socket(CLIENT), Moment { closed: Some(second(0.0)), wanted: second(2.0), is_here })
}

fn why(answer: &Answer<Tuple>) -> &str {
    match answer {
        Answer::Open(said) => said.fact.as_str(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_entry_that_covers_the_moment_is_held() {
    for (at, left, through) in [(2.3, 57.7, true), (1.0, 59.0, false), (50.0, 10.0, true)] {
        let answer = asked(server(&[(at, Some(left))]), true);
        assert_eq!(answer.says(), Some(&Tuple::Held { through }), "{answer:?}");
        assert_eq!(asked(server(&[(at, Some(left))]), false).says(), Some(&Tuple::Held { through }), "clocks agree");
    }
    let both = server(&[(1.0, Some(59.0)), (2.3, Some(57.7))]);
    assert_eq!(asked(both, true).says(), Some(&Tuple::Held { through: true }));
}

#[test]
fn an_entry_of_another_time_or_tuple_is_none() {
    assert!(why(&asked(server(&[(72.0, Some(50.0))]), true)).contains("read 72 s after the close"));
    assert!(why(&asked(server(&[(-100.0, Some(50.0))]), true)).contains("100 s before the close"));
    let mut other = server(&[(2.3, Some(57.7))]);
    other.readings[0].time_wait[0].remote.set_port(5001);
    assert_eq!(asked(other, true).says(), Some(&Tuple::Free));
    let mut half = server(&[(2.3, Some(57.7))]);
    half.readings[0].time_wait[0].state = HeldIn::FinWait2;
    assert_ne!(asked(half, true).says(), Some(&Tuple::Held { through: true }));
}

#[test]
fn another_clock_proves_nothing() {
    // It began 20 s behind the close, by its clock, and covers the moment none the less.
    let late = asked(server(&[(-18.0, Some(20.1))]), false);
    assert!(why(&late).contains("its clock differs from the capture's"), "{late:?}");
    let missing = asked(server(&[(2.3, None)]), false);
    assert!(why(&missing).contains("may differ from the capture's"), "{missing:?}");
}

#[test]
fn a_missing_entry_tells_only_if_the_table_was_whole() {
    assert_eq!(asked(server(&[(2.3, None)]), true).says(), Some(&Tuple::Free));
    assert_eq!(asked(server(&[(1.0, None)]), true).says(), Some(&Tuple::Free), "no entry comes later");
    assert!(why(&asked(server(&[(70.0, None)]), true)).contains("read 70 s after"));
    let changed = |change: fn(&mut Reading)| {
        let mut host = server(&[(2.3, None)]);
        change(&mut host.readings[0]);
        asked(host, true)
    };
    let overflowed = changed(|reading| {
        reading.counters.insert("TCPTimeWaitOverflow".to_owned(), 5);
    });
    assert!(why(&overflowed).contains("overflowed 5 times"), "{overflowed:?}");
    assert!(why(&changed(|reading| reading.counters.clear())).contains("overflowed perhaps"));
    assert!(why(&changed(|reading| reading.left_out = 1)).contains("not all were kept"));
    assert!(why(&changed(|reading| reading.peers = vec!["10.9.0.77".parse().unwrap()])).contains("not all"));
    assert_eq!(changed(|reading| reading.peers = vec!["10.9.0.10".parse().unwrap()]).says(), Some(&Tuple::Free));
}

#[test]
fn facts_of_another_namespace_say_nothing() {
    let elsewhere = asked(host("10.9.0.99", &[1_001]), true);
    assert!(why(&elsewhere).contains("network namespace with 10.9.0.20"), "{elsewhere:?}");
    let mut facts = Facts::default();
    let moment = Moment { closed: Some(second(0.0)), wanted: second(2.0), is_here: true };
    assert_eq!(facts.tuple(socket(SERVER), socket(CLIENT), moment), Answer::Silent);
    facts.add("one", server(&[(2.3, Some(57.7))]));
    facts.add("two", Host { network_namespace: "net:[2]".to_owned(), ..server(&[]) });
    assert!(why(&facts.tuple(socket(SERVER), socket(CLIENT), moment)).contains("two network namespaces"));
}

#[test]
fn documents_of_one_host_are_one() {
    let mut facts = Facts::default();
    facts.add("late", server(&[(9.0, None)]));
    facts.add("early", server(&[(1.0, None)]));
    assert_eq!(facts.hosts().count(), 1);
    let times: Vec<Timestamp> = facts.hosts().flat_map(|host| &host.readings).map(|reading| reading.at).collect();
    assert_eq!(times, [second(1.0), second(9.0)]);
}

#[test]
fn a_listener_counts_while_it_was_read_to_listen() {
    let asked = |listeners: &[&str], is_here: bool| {
        let mut host = host("10.9.0.20", &[1_000]);
        host.readings[0].listeners = listeners.iter().map(|text| socket(text)).collect();
        let mut facts = Facts::default();
        facts.add("host.json", host);
        facts.listens(socket("10.9.0.20:5000"), second(-1.0), second(1.0), is_here)
    };
    assert_eq!(asked(&["10.9.0.20:5000"], true).says(), Some(&true));
    assert_eq!(asked(&["0.0.0.0:5000"], true).says(), Some(&true));
    assert_eq!(asked(&["10.9.0.20:5001", "10.9.0.21:5000"], true).says(), Some(&false));
    assert!(asked(&["[::]:5000"], true).says().is_none(), "its program decides");
    assert!(asked(&["10.9.0.20:5000"], false).says().is_none(), "another clock");
}

#[test]
fn addresses_and_routes_hold_for_a_while() {
    let mut facts = Facts::default();
    facts.add("host.json", server(&[(0.0, None)]));
    let own: IpAddr = "10.9.0.20".parse().unwrap();
    let other: IpAddr = "10.9.0.21".parse().unwrap();
    assert_eq!(facts.has(own, own, second(60.0)).says(), Some(&true));
    assert_eq!(facts.has(own, other, second(60.0)).says(), Some(&false));
    assert!(facts.has(own, own, second(9_000.0)).says().is_none());
    assert!(facts.has(other, own, second(60.0)).says().is_none());
    assert_eq!(facts.route(own, other, second(0.0)).says(), Some(&None));
}

#[test]
fn an_entry_of_a_connection_that_nobody_saw_tells_on_its_own_host_alone() {
    let asked = |host: Host, is_here: bool| {
        let mut facts = Facts::default();
        facts.add("host.json", host);
        facts.tuple(socket(SERVER), socket(CLIENT), Moment { closed: None, wanted: second(2.0), is_here })
    };
    let held = || server(&[(2.3, Some(40.0))]);
    assert_eq!(asked(held(), true).says(), Some(&Tuple::Held { through: true }));
    assert!(why(&asked(held(), false)).contains("its clock may differ from the capture's"));
    assert_eq!(asked(server(&[(2.3, None)]), true), Answer::Silent, "nothing is known to have been there");
    assert_eq!(asked(server(&[(72.0, Some(50.0))]), true), Answer::Silent, "it began behind the moment");
}

#[test]
fn a_kernel_tells_how_long_it_keeps_a_tuple_and_which_macs_are_its_own() {
    let mut facts = Facts::default();
    facts.add("host.json", Host { kernel: "Linux 6.1.0 x86_64".to_owned(), ..server(&[(0.0, None)]) });
    let [own, other] = ["10.9.0.20", "10.9.0.10"].map(|ip| ip.parse::<IpAddr>().unwrap());
    assert_eq!(facts.time_wait(own, second(0.0)).says(), Some(&60.0));
    assert!(facts.time_wait(other, second(0.0)).says().is_none());
    assert!(facts.time_wait(own, second(9_000.0)).says().is_none(), "read too long before");
    assert_eq!(facts.has_mac(own, "02:00:00:00:00:AA", second(0.0)).says(), Some(&true));
    assert_eq!(facts.has_mac(own, "02:00:00:00:00:ab", second(0.0)).says(), Some(&false));
    assert!(facts.has_mac(other, "02:00:00:00:00:aa", second(0.0)).says().is_none());
}
