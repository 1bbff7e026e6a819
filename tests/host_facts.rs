//! What kernels say beside captures that are made for it: each diagnosis that listens to them, where they prove it, where
//! they refute it, and where they say nothing.

mod kit;

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

const SERVER: &str = "10.0.9.21";
const CLIENT: &str = "10.0.0.10";

/// Captured at the server, and at the client; the other one is behind a router.
const AT_SERVER: &str = "host G 10.0.9.1 02:00:00:00:00:01\nhost C 10.0.0.10 02:00:00:00:00:01 ttl 63 lag 20ms\n\
                         host S 10.0.9.21 02:00:00:00:00:15\narp G asks S\narp S answers G\n";
const AT_CLIENT: &str = "host G 10.0.0.1 02:00:00:00:00:01\nhost C 10.0.0.10 02:00:00:00:00:0c\n\
                         host S 10.0.9.21 02:00:00:00:00:01 ttl 63 lag 20ms\narp G asks C\narp C answers G\n";

/// A time, in seconds from the start of a script.
fn at(seconds: f64) -> String {
    let start = jiff::Timestamp::from_nanosecond(kit::script::START.into()).expect("a time");
    (start + jiff::SignedDuration::try_from_secs_f64(seconds).expect("seconds")).to_string()
}

/// The tables of a host that has these addresses, on interfaces with these MACs, read at these seconds.
fn host(addresses: &[(&str, &str, &str)], readings: &[f64]) -> Value {
    let address = |(interface, address, mac): &(&str, &str, &str)| json!({"interface": interface, "address": address, "prefix": 24, "mac": mac});
    let reading = |seconds: &f64| {
        json!({
            "at": at(*seconds), "monotonic": 5.0, "took": 0.001, "time_wait": [], "listeners": [], "neighbours": [],
            "counters": {"TCPTimeWaitOverflow": 0, "IPReversePathFilter": 0}
        })
    };
    json!({
        "facts": 1, "tool": "ftpwhy 0", "kernel": "Linux 6.1.0 x86_64", "network_namespace": "net:[1]", "sysctls": {},
        "addresses": addresses.iter().map(address).collect::<Vec<_>>(), "routes": [],
        "readings": readings.iter().map(reading).collect::<Vec<_>>()
    })
}

fn server(readings: &[f64]) -> Value {
    host(&[("eth0", SERVER, "02:00:00:00:00:15")], readings)
}

fn client(readings: &[f64]) -> Value {
    host(&[("eth0", CLIENT, "02:00:00:00:00:0c")], readings)
}

/// The same host with something else in its document.
fn with(mut host: Value, place: &str, value: Value) -> Value {
    *host.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
    host
}

/// The server's entry for its data port and the client's port 5001.
fn held(left: f64) -> Value {
    json!([{"local": "10.0.9.21:20", "remote": "10.0.0.10:5001", "state": "time-wait", "left": left}])
}

/// All findings about a script, with facts of these hosts, captured at the host with that address.
fn findings(script: &str, facts: &[Value], here: Option<&str>) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let rendered = kit::render_text(script).unwrap_or_else(|error| panic!("{error}\n{script}"));
    let capture = folder.path().join(format!("t.{}", rendered.extension));
    fs::write(&capture, rendered.file).expect("a capture");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.args(["--isolated", "--format", "json"]).arg(&capture);
    for (number, host) in facts.iter().enumerate() {
        let path = folder.path().join(format!("{number}.facts.json"));
        fs::write(&path, host.to_string()).expect("facts");
        command.arg("--facts").arg(path);
    }
    command.args(here.into_iter().flat_map(|here| ["--here", here]));
    let output = command.output().expect("runs");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{script}\n{}", String::from_utf8_lossy(&output.stderr)));
    report["findings"].as_array().expect("findings").clone()
}

/// What is said under one name: how sure, the message, and what hosts say.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    confidence: String,
    message: String,
    hosts: String,
}

fn said(diagnosis: &str, script: &str, facts: &[Value], here: Option<&str>) -> Option<Said> {
    let all = findings(script, facts, here);
    let finding = all.iter().find(|finding| finding["diagnosis"] == diagnosis)?;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let evidence = finding["evidence"].as_array().expect("evidence").iter();
    let hosts: Vec<String> = evidence.filter(|one| one["kind"] == "host").map(|one| text(&one["fact"])).collect();
    assert_eq!(finding["evidence"][0]["kind"], "seen", "the primary evidence is a frame: {finding}");
    Some(Said { confidence: text(&finding["confidence"]), message: text(&finding["message"]), hosts: hosts.join("; ") })
}

/// Asserts that it is found, so sure, with a message and facts that hold these words.
#[track_caller]
fn assert_said(said: Option<&Said>, confidence: &str, message: &str, hosts: &str) {
    let said = said.expect("it is found");
    assert_eq!(said.confidence, confidence, "{said:?}");
    assert!(said.message.contains(message) && said.hosts.contains(hosts), "{said:?}");
}

#[test]
fn a_collision_is_proven_by_the_kernel_alone_where_its_host_was_captured() {
    let script = format!(
        "{AT_SERVER}udp C:5353 > S:53 \"x\"\n@ctl C:1050 S:21\n@port 5001\nC> LIST\n\
         S> 425 Can't open data connection.\n+5s @quit\n"
    );
    let name = "time-wait-collision";
    let of = |readings: &[f64], left: f64| with(server(readings), "/readings/0/time_wait", held(left));
    assert_eq!(said(name, &script, &[], Some(SERVER)), None, "no packet shows an earlier connection");
    let proven = said(name, &script, &[of(&[2.0], 30.0)], Some(SERVER));
    assert_said(
        proven.as_ref(),
        "proven",
        "10.0.9.21:20 -> 10.0.0.10:5001 in TIME-WAIT, as its kernel says",
        "with 30.00 s left",
    );
    // Read before the reply, it may have been used again since.
    assert_said(
        said(name, &script, &[of(&[-2.0], 30.0)], Some(SERVER)).as_ref(),
        "probable",
        "as its kernel says",
        "30.00 s left",
    );
    for (facts, here, why) in [
        (of(&[2.0], 30.0), None, "the clock of another host"),
        (of(&[2.0], 59.9), Some(SERVER), "it began behind the reply"),
        (of(&[-40.0], 30.0), Some(SERVER), "it ended before the command"),
        (
            with(of(&[2.0], 30.0), "/readings/0/time_wait/0/remote", json!("10.0.0.10:5002")),
            Some(SERVER),
            "another port",
        ),
        (
            with(of(&[2.0], 30.0), "/readings/0/time_wait/0/local", json!("10.0.9.21:40000")),
            Some(SERVER),
            "not its data port",
        ),
        (with(of(&[2.0], 30.0), "/readings/0/time_wait/0/state", json!("fin-wait2")), Some(SERVER), "not TIME-WAIT"),
    ] {
        let found = findings(&script, &[facts], here);
        assert!(!found.iter().any(|finding| finding["diagnosis"] == name), "{why}: {found:?}");
        assert!(found.iter().any(|finding| finding["severity"] == "error"), "{why}: {found:?}");
    }
    // A server on another port may send from 20 or from the port below.
    let on = |port: u16, data: u16| {
        let script = script.replace("S:21", &format!("S:{port}"));
        let local = json!(format!("10.0.9.21:{data}"));
        said(name, &script, &[with(of(&[2.0], 30.0), "/readings/0/time_wait/0/local", local)], Some(SERVER))
    };
    assert!(on(2121, 20).is_some() && on(2121, 2120).is_some() && on(2121, 2119).is_none());
    // Nor does it explain a transfer for which a SYN was sent.
    let tried = script.replace("S> 425", "S:20 > C:5001 S\nC:5001 > S:20 RA seq=0\nS> 425");
    assert_eq!(said(name, &tried, &[of(&[2.0], 30.0)], Some(SERVER)), None);
}

/// A port that is announced again 10 s after its tuple was closed, and the capture ends.
fn announced_again(stack: &str, seconds: u32) -> String {
    let hosts = AT_SERVER.replace("ttl 63", &format!("{stack} ttl 63")).replace(":15\n", &format!(":15 {stack}\n"));
    format!(
        "{hosts}@ctl C:1050 S:21\n@port 5001\nC> RETR a\n@act 5001 close=opener\n\
         +{seconds}s C> PORT 10,0,0,10,19,137\nS> 200 PORT command successful.\n"
    )
}

#[test]
fn a_port_that_is_announced_again_is_judged_by_this_kernels_rules() {
    let name = "port-reused-within-2msl";
    let plain = announced_again("stack plain", 10);
    let of = |entries: Value| with(server(&[10.5]), "/readings/0/time_wait", entries);
    assert_said(
        said(name, &plain, &[], Some(SERVER)).as_ref(),
        "proven",
        "on Linux and the BSDs, 120 or 240 s on Windows",
        "",
    );
    let known = said(name, &plain, &[of(held(49.6))], Some(SERVER));
    assert_said(known.as_ref(), "proven", "60 s (Linux, by the facts of that host)", "in TIME-WAIT with 49.60 s left");
    assert_eq!(said(name, &plain, &[of(json!([]))], Some(SERVER)), None, "its table is whole and lacks it");
    let elsewhere = said(name, &plain, &[client(&[10.5])], Some(SERVER));
    assert_said(
        elsewhere.as_ref(),
        "proven",
        "Linux and the BSDs, 120",
        "no facts are from the host or network namespace with 10.0.9.21",
    );
    // Linux recycles what was used with timestamps.
    let stamped = announced_again("stack linux", 10);
    assert!(said(name, &stamped, &[], Some(SERVER)).is_some());
    assert_eq!(said(name, &stamped, &[of(held(49.6))], Some(SERVER)), None);
    // And keeps nothing longer than 60 s.
    let late = announced_again("stack plain", 100);
    assert_said(said(name, &late, &[], Some(SERVER)).as_ref(), "possible", "120 s or more", "");
    assert_eq!(said(name, &late, &[server(&[100.5])], Some(SERVER)), None);
    let other = with(server(&[100.5]), "/kernel", json!("FreeBSD 14"));
    assert!(said(name, &late, &[other], Some(SERVER)).is_some(), "no rules of Linux");
}

/// The server refuses or ignores the SYN to port 5001, for two seconds.
fn refused(answer: &str) -> String {
    format!(
        "{AT_CLIENT}udp C:5353 > S:53 \"x\"\n@ctl C:1050 S:21\n@port 5001\nC> LIST\n+1s S:20 > C:5001 S\n{answer}\
         +2s S> 425 Can't open data connection.\n+5s @quit\n"
    )
}

#[test]
fn whether_anybody_listened_is_told_where_the_client_was_captured() {
    let (rst, silence) = ("C:5001 > S:20 RA seq=0\n", "+1s S:20 > C:5001 again\n+2s S:20 > C:5001 again\n");
    let listening = |port: u16| with(client(&[0.7]), "/readings/0/listeners", json!([format!("0.0.0.0:{port}")]));
    for (name, answer) in [("data-syn-refused", rst), ("data-syn-unanswered", silence)] {
        let told = |facts: &[Value], here| said(name, &refused(answer), facts, here);
        let without = told(&[], Some(CLIENT)).expect("found");
        assert!(!without.message.contains("listened on"), "{without:?}");
        let nobody = told(&[listening(5002)], Some(CLIENT)).expect("found");
        assert!(nobody.message.contains("no socket"), "{nobody:?}");
        assert_said(Some(nobody).as_ref(), "proven", "listened on", "no socket listens on port 5001");
        let filter = told(&[listening(5001)], Some(CLIENT)).expect("found");
        assert!(!filter.message.contains("no socket"), "{filter:?}");
        assert_said(Some(filter).as_ref(), "proven", "listened on", "a socket listens on port 5001");
        // Another clock, another time, another host: as without.
        let late = with(with(client(&[60.0]), "/readings/0/listeners", json!(["0.0.0.0:5001"])), "/tool", json!("x"));
        for (facts, here, why) in [
            (listening(5001), None, "its clock may differ from the capture's"),
            (late, Some(CLIENT), "not read while the connection was tried"),
            (server(&[0.7]), Some(CLIENT), "no facts are from the host or network namespace with 10.0.0.10"),
        ] {
            let open = told(std::slice::from_ref(&facts), here).expect("found");
            assert!(open.hosts.contains(why) && !open.message.contains("listened on"), "{open:?}");
        }
    }
}

/// A server on two links that sends from the address of eth0 by eth1; the transfer fails by it.
const SPOOF: &str = "format pcapng\ninterface eth0 10.0.0.21\ninterface eth1 172.16.5.21\n\
    host G 10.0.0.1 02:00:00:00:00:01 on eth0\nhost N 172.16.5.1 02:00:00:00:00:02 on eth1\n\
    host S 10.0.0.21 02:00:00:00:00:15 on eth0\nhost S2 172.16.5.21 02:00:00:00:00:16 on eth1\n\
    host C 10.0.9.10 02:00:00:00:00:01 ttl 63 lag 20ms on eth0\n\
    arp G asks S\narp S answers G\narp N asks S2\narp S2 answers N\n@ctl C:1050 S:21\n\
    host S 10.0.0.21 02:00:00:00:00:16 on eth1\n+5s @port 5001\nC> LIST\nS:20 > C:5001 S\n\
    +1s S:20 > C:5001 again\n+2s S:20 > C:5001 again\n+20s S> 425 Failed to establish connection.\n+5s @quit\n";

/// That server's kernel, which reaches the client's network by this interface.
fn two_links(second_mac: &str, interface: &str) -> Value {
    let host = host(&[("eth0", "10.0.0.21", "02:00:00:00:00:15"), ("eth1", "172.16.5.21", second_mac)], &[6.0]);
    let route = json!([{
        "network": "10.0.9.0", "prefix": 24, "gateway": null, "interface": interface, "metric": 0, "refused": false
    }]);
    with(host, "/routes", route)
}

#[test]
fn the_routes_of_a_host_prove_that_it_sends_by_the_wrong_interface() {
    let name = "source-spoof-mismatch";
    let without = findings(SPOOF, &[], None);
    let verdict = |all: &[Value]| {
        let one = all.iter().find(|finding| finding["diagnosis"] == name && finding["role"] == "verdict");
        one.map(|one| one["message"].as_str().expect("text").to_owned())
    };
    assert!(verdict(&without).is_some(), "{without:?}");
    let routed = said(name, SPOOF, &[two_links("02:00:00:00:00:16", "eth1")], None);
    assert!(
        routed.as_ref().is_some_and(|said| said.hosts.contains("the route to 10.0.9.10 goes out at eth1")),
        "{routed:?}"
    );
    // Its routes do not say so: as without.
    let home = said(name, SPOOF, &[two_links("02:00:00:00:00:16", "eth0")], None).expect("found");
    assert_eq!(Some(home.confidence), said(name, SPOOF, &[], None).map(|said| said.confidence));
    // The MAC is none of its own: somebody else forges its address.
    assert_eq!(said(name, SPOOF, &[two_links("02:00:00:00:00:17", "eth1")], None), None);
    // Facts of another host say nothing of it.
    let other = said(name, SPOOF, &[client(&[6.0])], None).expect("found");
    assert!(other.hosts.contains("no facts are from the host or network namespace with 10.0.0.21"), "{other:?}");
}

/// A host whose spoof is no failure's cause and not certain: its packets to another service come from the wrong interface.
#[test]
fn a_foreign_source_is_proven_by_routes_where_packets_leave_it_open() {
    let name = "source-spoof-mismatch";
    let script = "format pcapng\ninterface eth0 10.0.0.10\ninterface eth1 172.16.5.10\n\
        host G 10.0.0.1 02:00:00:00:00:01 on eth0\nhost N 172.16.5.1 02:00:00:00:00:02 on eth1\n\
        host C 10.0.0.10 02:00:00:00:00:0c on eth0\nhost C2 172.16.5.10 02:00:00:00:00:0d on eth1\n\
        host S 10.0.9.21 02:00:00:00:00:01 ttl 63 lag 20ms\narp G asks C\narp C answers G\narp N asks C2\narp C2 answers N\n\
        C2:3000 > S:80 S on=eth0 mac=C>G\n+1s C2:3000 > S:80 again on=eth0 mac=C>G\n+5s @ctl C:3001 S:21\n+1s @quit\n";
    let facts = |interface: &str| {
        let host = host(&[("eth0", CLIENT, "02:00:00:00:00:0c"), ("eth1", "172.16.5.10", "02:00:00:00:00:0d")], &[1.0]);
        with(
            host,
            "/routes",
            json!([{
                "network": "0.0.0.0", "prefix": 0, "gateway": "10.0.0.1", "interface": interface, "metric": 0, "refused": false
            }]),
        )
    };
    assert_said(said(name, script, &[], None).as_ref(), "probable", "with the source address 172.16.5.10", "");
    assert_said(
        said(name, script, &[facts("eth0")], None).as_ref(),
        "proven",
        "172.16.5.10",
        "goes out at eth0 by 10.0.0.1",
    );
    assert_said(said(name, script, &[facts("eth1")], None).as_ref(), "probable", "172.16.5.10", "goes out at eth1");
}

#[test]
fn a_reverse_path_filter_that_counts_proves_who_dropped_them() {
    let script = "format pcapng\ninterface eth0 ethernet 10.0.0.1\ninterface eth1 ethernet 10.0.9.1\n\
        interface eth2 ethernet 172.16.5.1\nhost R 10.0.9.1 02:00:00:00:fe:01 on eth1\n\
        host Q 172.16.5.1 02:00:00:00:fe:02 on eth2\nhost C 10.0.0.10 02:00:00:00:00:0c stack linux on eth0\n\
        host S 10.0.9.21 02:00:00:00:00:15 stack linux on eth1\nhost S2 172.16.5.21 02:00:00:00:01:15 stack linux on eth2\n\
        arp R asks S\narp S answers R\narp Q asks S2\narp S2 answers Q\ntransform route\n@ctl C:1050 S:21\n@port 5001\n\
        C> RETR a\n@act 5001\n+2s @port 5002\nC> RETR b\nS2:20 > C:5002 S lost on=eth1 mac=S>R\n\
        +1s S2:20 > C:5002 again lost on=eth1 mac=S>R\n+2s S2:20 > C:5002 again lost on=eth1 mac=S>R\n\
        +27s S> 425 Failed to establish connection.\n+5s @quit\n";
    let name = "antispoof-drop";
    let counted = |address: &str, readings: [f64; 2], dropped: u64| {
        let host = host(&[("eth1", address, "02:00:00:00:fe:01")], &readings);
        with(host, "/readings/1/counters/IPReversePathFilter", json!(dropped))
    };
    assert_said(said(name, script, &[], None).as_ref(), "probable", "foreign source address 172.16.5.21", "");
    let proven = said(name, script, &[counted("10.0.9.1", [0.5, 20.0], 3)], None);
    assert_said(proven.as_ref(), "proven", "foreign source", "its reverse path filter dropped 3 packets");
    assert_said(
        said(name, script, &[counted("10.0.9.1", [0.5, 20.0], 1)], None).as_ref(),
        "probable",
        "",
        "dropped 1 packet ",
    );
    for (facts, why) in [
        (counted("10.0.9.1", [0.5, 20.0], 0), "nothing was counted"),
        (counted("10.0.9.1", [10.0, 20.0], 3), "read behind the loss both times"),
        (counted("172.16.5.21", [0.5, 20.0], 3), "the sender's own filter is of what it receives"),
    ] {
        let open = said(name, script, &[facts], None).expect("found");
        assert_eq!((open.confidence.as_str(), open.hosts.as_str()), ("probable", ""), "{why}");
    }
}

const LAN: &str = "host C 10.0.0.10 02:00:00:00:00:0c\nhost S 10.0.0.21 02:00:00:00:00:15\n";

fn lan_server(readings: &[f64], neighbours: Value) -> Value {
    let host = host(&[("eth0", "10.0.0.21", "02:00:00:00:00:15")], readings);
    with(host, "/readings/0/neighbours", neighbours)
}

fn neighbour(address: &str, mac: &Value, state: &str) -> Value {
    json!([{"interface": "eth0", "address": address, "mac": mac, "state": state}])
}

#[test]
fn a_neighbour_that_failed_proves_that_nobody_answered_and_one_that_answered_refutes_it() {
    let script = format!(
        "{LAN}arp S asks C\narp C answers S\nhost N 10.0.0.77 02:00:00:00:00:77\n@ctl C:1050 S:21\n@port 5001 10.0.0.77\n\
         C> LIST\nS> 150 Here.\narp S asks N\n+1s arp S asks N\n+2s S> 425 No route to host\n+5s @quit\n"
    );
    let name = "data-arp-unresolved";
    let told = |facts: &[Value]| said(name, &script, facts, None);
    assert_said(told(&[]).as_ref(), "probable", "sent 2 ARP or ND requests for 10.0.0.77", "");
    let failed = neighbour("10.0.0.77", &Value::Null, "unresolved");
    assert_said(told(&[lan_server(&[2.5], failed)]).as_ref(), "proven", "", "no answer for it");
    let answered = neighbour("10.0.0.77", &json!("02:00:00:00:00:77"), "resolved");
    assert_eq!(told(&[lan_server(&[2.0], answered.clone())]), None, "the answer was missed");
    let probing = neighbour("10.0.0.77", &json!("02:00:00:00:00:77"), "probing");
    let asked = "it was at 02:00:00:00:00:77, which is not confirmed again yet";
    assert_said(told(&[lan_server(&[2.0], probing)]).as_ref(), "probable", "", asked);
    // It may have come later.
    assert_said(told(&[lan_server(&[40.0], answered)]).as_ref(), "probable", "", "it is at 02:00:00:00:00:77");
    assert_said(told(&[lan_server(&[2.0], json!([]))]).as_ref(), "probable", "", "");
    assert_said(
        told(&[client(&[2.0])]).as_ref(),
        "probable",
        "",
        "no facts are from the host or network namespace with 10.0.0.21",
    );
}

#[test]
fn an_entry_that_was_set_by_hand_is_why_a_peer_stays_with_the_old_mac() {
    let asked = "arp S asks C to=02:00:00:00:00:0c\n";
    let script = format!(
        "{LAN}arp C asks S\narp S answers C\narp S asks C\narp C answers S\n@ctl C:1050 S:21\n+5s @port 5001\nC> NOOP\n\
         S> 200 NOOP ok.\nhost C 10.0.0.10 02:00:00:00:00:0e\n+1s C> LIST\nhost C 10.0.0.10 02:00:00:00:00:0c\n\
         +100ms S:20 > C:5001 S\n+1s S:20 > C:5001 again\n+2s S:20 > C:5001 again\n+4s S:20 > C:5001 again\n\
         +5s {asked}+1s {asked}+1s {asked}host C 10.0.0.10 02:00:00:00:00:0e\narp C answers S\n+1s C> NOOP\n"
    );
    let name = "mac-stale-peer";
    let told = |mac: &str, state: &str| {
        said(name, &script, &[lan_server(&[8.0], neighbour(CLIENT, &json!(mac), state))], None)
    };
    let without = said(name, &script, &[], None).expect("found");
    assert!(!without.message.contains("by hand"), "{without:?}");
    let by_hand = told("02:00:00:00:00:0c", "permanent");
    let words = "its entry was set by hand (PERMANENT)";
    assert!(by_hand.as_ref().is_some_and(|said| said.message.contains(words)), "{by_hand:?}");
    assert!(by_hand.is_some_and(|said| said.hosts.contains("static entry with 02:00:00:00:00:0c")));
    for (mac, state) in [("02:00:00:00:00:0c", "resolved"), ("02:00:00:00:00:0e", "permanent")] {
        let other = told(mac, state).expect("found");
        assert!(!other.message.contains(words) && other.message.starts_with(&without.message), "{other:?}");
    }
}

#[test]
fn the_clients_own_list_tells_its_other_interface_from_a_third_host() {
    // The other address answers ARP from another MAC: by packets it is another host's.
    let script = format!(
        "{AT_CLIENT}host D 172.16.5.10 02:00:00:00:00:dd\nhost N 172.16.5.99 02:00:00:00:00:63\narp N asks D\narp D answers N\n\
         @ctl C:1050 S:21\nC> PORT 172,16,5,10,19,137\nS> 500 Illegal PORT command.\nC> LIST\nS> 425 Use PORT first.\n+5s @quit\n"
    );
    let own = |addresses: &[(&str, &str, &str)]| host(addresses, &[0.5]);
    let (first, second) = (("eth0", CLIENT, "02:00:00:00:00:0c"), ("eth1", "172.16.5.10", "02:00:00:00:00:dd"));
    let both = [own(&[first, second])];
    let list = "172.16.5.10 is an address of its interface eth1";
    assert_said(
        said("port-wrong-interface", &script, &both, None).as_ref(),
        "proven",
        "another address of the client",
        list,
    );
    assert_eq!(said("port-third-party", &script, &both, None), None);
    let one = [own(&[first])];
    assert_eq!(said("port-wrong-interface", &script, &one, None), None);
    let third = ["port-third-party", "port-foreign-address"].iter().find_map(|name| said(name, &script, &one, None));
    assert!(
        third.as_ref().is_some_and(|said| said.hosts.contains("172.16.5.10 is none of its addresses")),
        "{third:?}"
    );
    // Where one MAC answers for both, the list refutes what that seemed to show.
    let proxy = script.replace("02:00:00:00:00:dd", "02:00:00:00:00:0c");
    assert!(said("port-wrong-interface", &proxy, &[], None).is_some());
    assert_eq!(said("port-wrong-interface", &proxy, &one, None), None);
}

#[test]
fn the_rules_of_a_host_choose_its_route_or_leave_it_open() {
    let script = format!(
        "{AT_SERVER}udp C:5353 > S:53 \"x\"\n@ctl C:1050 S:21\n@port 5001\nC> LIST\n+3s S> 425 Can't open data connection.\n+5s @quit\n"
    );
    let route = |table: u32| {
        json!({
            "network": "0.0.0.0", "prefix": 0, "gateway": "10.0.9.1", "interface": "eth0", "metric": 0, "table": table,
            "refused": false
        })
    };
    let rule =
        |priority: u32, table: u32| json!({"priority": priority, "family": "ipv4", "action": "lookup", "table": table});
    let told = |routes: Value, rules: Value| {
        let mut host = with(server(&[1.0]), "/routes", routes);
        host["rules"] = rules;
        said("data-syn-never-sent", &script, &[host], Some(SERVER))
    };
    let mut by_source = rule(100, 7);
    by_source["from"] = json!({"address": SERVER, "prefix": 32});
    let rules = json!([by_source.clone(), rule(32_766, 254)]);
    assert_said(
        told(json!([route(7)]), rules.clone()).as_ref(),
        "probable",
        "",
        "the route to 10.0.0.10 goes out at eth0 by 10.0.9.1",
    );
    let none = told(json!([route(8)]), rules);
    assert_said(none.as_ref(), "proven", "; there is no route to 10.0.0.10", "there is no route to 10.0.0.10");
    // A kernel without policy routing has no rules: its one table is the main one.
    let one_table = told(json!([route(254)]), json!([])).expect("found");
    assert!(!one_table.message.contains("no route"), "{one_table:?}");
    by_source["conditions"] = json!(["fwmark"]);
    let open = told(json!([route(7)]), json!([by_source, rule(32_766, 254)])).expect("found");
    assert!(open.hosts.contains("its rule 100 depends on more than addresses (fwmark)"), "{open:?}");
    assert!(!open.message.contains("no route"), "{open:?}");
}

#[test]
fn facts_set_where_a_session_was_captured() {
    // A stack with a TTL that tells nothing, and no ARP: whether the server is next to this point is open.
    let script = |mac: &str| {
        format!(
            "host C 10.0.0.10 02:00:00:00:00:01 ttl 50\nhost S 10.0.9.21 {mac} ttl 60\nudp C:5353 > S:53 \"x\"\n\
             @ctl C:1050 S:21\n@port 5001\nC> LIST\n+30s S> 425 Can't open data connection.\n+5s @quit\n"
        )
    };
    let own = script("02:00:00:00:00:15");
    let is_never = |script: &str, facts: &[Value]| said("data-syn-never-sent", script, facts, None).is_some();
    assert!(!is_never(&own, &[]) && is_never(&own, &[server(&[1.0])]));
    // With another MAC a router lies between; facts of another host, or of another day, say nothing.
    assert!(!is_never(&script("02:00:00:00:00:99"), &[server(&[1.0])]));
    assert!(!is_never(&own, &[client(&[1.0])]) && !is_never(&own, &[server(&[9_000.0])]));
    // A proxy's TTL is untouched.
    let near = script("02:00:00:00:00:99").replace("ttl 60", "ttl 64");
    assert!(is_never(&near, &[]) && !is_never(&near, &[server(&[1.0])]));
}

#[test]
fn check_judges_with_facts_that_are_named_or_beside_the_expectation() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let script = format!(
        "{AT_SERVER}udp C:5353 > S:53 \"x\"\nformat pcapng\ninterface eth0 ethernet 10.0.9.21\n@ctl C:1050 S:21\n@port 5001\n\
         C> LIST\nS> 425 Can't open data connection.\n+5s @quit\n"
    );
    let rendered = kit::render_text(&script).unwrap_or_else(|error| panic!("{error}"));
    fs::write(path("a.pcapng"), rendered.file).expect("a capture");
    let facts = with(server(&[2.0]), "/readings/0/time_wait", held(30.0));
    fs::write(path("host.json"), facts.to_string()).expect("facts");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
        let output =
            command.current_dir(folder.path()).args(["check", "--isolated"]).args(arguments).output().expect("runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), said)
    };
    let expected = "[[expect]]\ndiagnosis = \"time-wait-collision\"\nconfidence = \"proven\"\n";
    fs::write(path("a.expect.toml"), expected).expect("an expectation");
    assert_eq!(run(&["a.pcapng"]).0, Some(1), "without facts there is no such finding");
    assert_eq!(
        run(&["--facts", "host.json", "a.pcapng"]).0,
        Some(0),
        "{}",
        run(&["--facts", "host.json", "a.pcapng"]).1
    );
    fs::write(path("a.expect.toml"), format!("facts = \"host.json\"\n{expected}")).expect("an expectation");
    assert_eq!(run(&["."]).0, Some(0), "{}", run(&["."]).1);
    // They stay when it is written anew, and are not written over.
    fs::write(path("a.expect.toml"), "facts = [\"host.json\"]\nclean = true\n").expect("an expectation");
    assert_eq!(run(&["--bless", "."]).0, Some(0));
    let text = fs::read_to_string(path("a.expect.toml")).expect("readable");
    assert!(text.contains("facts = \"host.json\"") && text.contains("time-wait-collision"), "{text}");
    let (status, said) = run(&["-o", "junit=host.json", "."]);
    assert!(status == Some(2) && said.contains("it has the facts of a host"), "{said}");
    fs::write(path("a.expect.toml"), "facts = \"gone.json\"\n").expect("an expectation");
    let (status, said) = run(&["."]);
    assert!(status == Some(2) && said.contains("gone.json: no such file"), "{said}");
}
