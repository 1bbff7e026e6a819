//! Where a capture was taken: each clue alone, where it holds and where it does not, as `-v` tells it.

mod kit;

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// A session with a good transfer.
const TALK: &str = "@ctl C:1050 S:21\n@port 5001\nC> LIST\n@act 5001\n+1s @quit\n";

/// What `ftpwhy` says of a capture in full, on one line.
fn told(capture: &Path, verbosity: &[&str]) -> String {
    let mut command = Command::cargo_bin("ftpwhy").expect("the binary is built");
    command.args(["--isolated", "--format", "full"]).args(verbosity).arg(capture);
    let output = command.output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What `-v` says of a script.
fn of_script(script: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.script");
    std::fs::write(&path, script).expect("a script");
    let rendered = kit::render(&path).unwrap_or_else(|error| panic!("{error}\n{script}"));
    let capture: PathBuf = folder.path().join(format!("t.{}", rendered.extension));
    std::fs::write(&capture, rendered.file).expect("a capture");
    let silent = told(&capture, &[]);
    assert!(!silent.contains("; captured"), "only -v tells it: {silent}");
    told(&capture, &["-v"])
}

/// Client and server with these TTLs, each so far away.
fn hosts(client: &str, server: &str) -> String {
    format!("host C 10.0.0.10 02:00:00:00:00:0c {client}\nhost S 10.0.9.21 02:00:00:00:00:15 {server}\n")
}

/// Asserts that the clue is told, and what it decides.
fn assert_holds(script: &str, clue: &str, place: &str) {
    let said = of_script(script);
    assert!(said.contains(clue) && said.contains(&format!("; captured {place} - ")), "{clue}, {place}: {said}");
}

/// Asserts that the clue is not told.
fn assert_fails(script: &str, clue: &str) {
    let said = of_script(script);
    assert!(said.contains("session 1: ") && !said.contains(clue), "{clue}: {said}");
}

#[test]
fn the_handshake_tells_the_nearer_end() {
    let clue = "SYN to SYN-ACK";
    let near_server = "away from the client, nearer to the server";
    assert_holds(&(hosts("ttl 60 lag 20ms", "ttl 60") + TALK), clue, near_server);
    assert_holds(&(hosts("ttl 60", "ttl 60 lag 20ms") + TALK), clue, "nearer to the client, away from the server");
    assert_fails(&(hosts("ttl 60 lag 20ms", "ttl 60 lag 20ms") + TALK), clue);
    assert_fails(&(hosts("ttl 60", "ttl 60") + TALK), clue);
}

#[test]
fn a_ttl_tells_whether_routers_lie_between() {
    let routers = "the client's packets arrive with TTL 57: there are routers in between";
    let old = "the client's packets arrive with TTL 60: from an old TCP stack on this link, or from behind routers";
    for ttl in [64, 128, 255] {
        let script = hosts(&format!("ttl {ttl}"), "ttl 57") + TALK;
        let clue = format!("the client's packets arrive with TTL {ttl}: no router in between");
        assert_holds(&script, &clue, "on the link of the client, away from the server");
    }
    assert_holds(&(hosts("ttl 57", "ttl 60") + TALK), routers, "away from the client");
    assert_holds(&(hosts("ttl 60", "ttl 57") + TALK), old, "away from the server");
}

#[test]
fn the_mac_that_answers_arp_is_the_hosts_own() {
    let asked = "host G 10.0.0.1 02:00:00:00:00:01\narp G asks C\n";
    let clue = "the client's packets come from the MAC of its address, known by";
    let answer = "arp C answers G\n";
    assert_holds(
        &(hosts("ttl 60", "ttl 57") + asked + answer + TALK),
        clue,
        "on the link of the client, away from the server",
    );
    // A proxy answers for others too, and counts their TTL down.
    assert_fails(&(hosts("ttl 57", "ttl 57") + asked + answer + TALK), clue);
    let another = "arp C answers G mac=02:00:00:00:00:99\n";
    assert_fails(&(hosts("ttl 60", "ttl 57") + asked + another + TALK), clue);
}

#[test]
fn checksums_left_to_the_card_are_of_the_capturing_host() {
    let clue = "only the client's TCP checksums are not filled in";
    let talk = |bad: &str, last: &str| {
        format!(
            "{}C:1050 > S:21 S {bad}\nS:21 > C:1050 SA\nC:1050 > S:21 A {bad}\nuse C:1050 S:21\nS> 220 Ready.\n\
             C:1050 > S:21 {bad} \"USER a\\r\\n\"\nS> 331 Password required.\nC:1050 > S:21 {last} \"PASS b\\r\\n\"\n\
             S> 230 Logged in.\n",
            hosts("ttl 60", "ttl 57")
        )
    };
    assert_holds(&talk("badsum", "badsum"), clue, "at the client, away from the server");
    // One that is whole: then the card fills none in, and the others are broken.
    assert_fails(&talk("badsum", ""), clue);
    assert_fails(&talk("", ""), clue);
}

#[test]
fn packets_above_the_mtu_are_told_and_decide_nothing() {
    // Segments that one end's card is to cut, or that the other end's has joined: one of the two hosts, not which.
    let help = |len: usize| {
        let text = "x".repeat(len);
        hosts("ttl 60", "ttl 60") + &format!("@ctl C:1050 S:21\nC> HELP\nS> 214 {text}\n+1s @quit\n")
    };
    let said = of_script(&help(3000));
    assert!(
        said.contains("from the server: such packets exist on a host, not on the network")
            && !said.contains("; captured"),
        "{said}"
    );
    assert_fails(&help(1400), "such packets exist on a host, not on the network");
}

#[test]
fn linux_cooked_captures_mark_what_the_host_sent() {
    let clue = "are marked as sent by the capturing host";
    let recorded = kit::root().join("fixtures/_format/lab-any.pcap");
    let said = told(&recorded, &["-v"]);
    assert!(said.contains(clue) && said.contains("; captured at the "), "{said}");
    // All of these were received: both ends are elsewhere.
    let received = String::from("link sll\n") + &hosts("ttl 57", "ttl 57") + TALK;
    assert_fails(&received, clue);
    assert_holds(&received, "there are routers in between", "away from the client, away from the server");
}
