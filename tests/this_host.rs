//! What is said of a session whose server or client is the host that was captured on, and where nobody is: each side, with
//! a SYN that did not leave, one that came and was not answered, and one that did not come.

mod kit;

use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;

/// The server is here. Its TTL is untouched, that of the client counted down.
const AT_SERVER: &str = "host C 10.0.0.10 02:00:00:00:00:01 ttl 62 lag 20ms\nhost S 10.0.9.21 02:00:00:00:00:15\n";

/// The client is here.
const AT_CLIENT: &str = "host C 10.0.0.10 02:00:00:00:00:0c\nhost S 10.0.9.21 02:00:00:00:00:01 ttl 62 lag 20ms\n";

/// A router that has both behind it.
const BETWEEN: &str =
    "host C 10.0.0.10 02:00:00:00:00:01 ttl 63 lag 5ms\nhost S 10.0.9.21 02:00:00:00:00:02 ttl 63 lag 5ms\n";

const SERVER: &str = "10.0.9.21";
const CLIENT: &str = "10.0.0.10";

/// Other traffic, so that the capture is seen to hold more than control connections.
const MORE: &str = "udp C:5353 > S:53 \"x\"\n";

/// The server sends no SYN.
const NONE_SENT: &str = "@ctl C:1050 S:21\n@port 5001\nC> LIST\n+30s S> 425 Can't open data connection.\n+1s @quit\n";

/// The server's SYNs get no answer.
const NO_ANSWER: &str = "@ctl C:1050 S:21\n@port 5001\nC> LIST\nS> 150 Here.\nS:20 > C:5001 S\n+1s S:20 > C:5001 again\n\
                         +2s S:20 > C:5001 again\n+30s S> 425 Can't open data connection.\n+1s @quit\n";

/// The client sends no SYN.
const PASSIVE_NONE: &str = "@ctl C:1050 S:21\n@pasv 50000\nC> LIST\n+60s S> 425 No connection.\n+1s @quit\n";

/// The client's SYNs get no answer.
const PASSIVE_NO_ANSWER: &str = "@ctl C:1050 S:21\n@pasv 50000\nC> LIST\nC:3000 > S:50000 S\n+1s C:3000 > S:50000 again\n\
                                 +2s C:3000 > S:50000 again\n+60s S> 425 No connection.\n+1s @quit\n";

/// The only error that is found, as JSON.
fn error(script: &str, arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.script");
    std::fs::write(&path, script).expect("a script");
    let rendered = kit::render(&path).unwrap_or_else(|error| panic!("{error}\n{script}"));
    let capture: PathBuf = folder.path().join(format!("t.{}", rendered.extension));
    std::fs::write(&capture, rendered.file).expect("a capture");
    let mut command = Command::cargo_bin("ftpwhy").expect("the binary is built");
    let output = command.args(["--isolated", "--format", "json"]).args(arguments).arg(&capture).output().expect("runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let errors: Vec<&Value> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["severity"] == "error" && finding["role"] != "related")
        .collect();
    assert_eq!(errors.len(), 1, "{script}\n{report:#}");
    errors[0].clone()
}

/// Name, place and headline of the error, and whom it tells what to do.
struct Said {
    diagnosis: String,
    place: Option<String>,
    message: String,
    sides: Vec<String>,
    texts: String,
}

fn said(script: &str, arguments: &[&str]) -> Said {
    let error = error(script, arguments);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let remedies = error["remedies"].as_array().expect("remedies");
    let alternatives = error["alternatives"].as_array().expect("alternatives");
    let texts =
        remedies.iter().map(|remedy| &remedy["text"]).chain(alternatives.iter().map(|one| &one["would_decide"]));
    Said {
        diagnosis: text(&error["diagnosis"]).expect("a name"),
        place: text(&error["where"]),
        message: text(&error["message"]).expect("a message"),
        sides: remedies.iter().filter_map(|remedy| text(&remedy["side"])).collect(),
        texts: texts.filter_map(text).collect::<Vec<_>>().join("\n"),
    }
}

/// What is said of a dialogue that was captured at one of the hosts.
fn at(hosts: &str, dialogue: &str, here: &str) -> Said {
    said(&format!("{hosts}{MORE}{dialogue}"), &["--here", here])
}

/// Asserts name, place and a part of the headline.
fn assert_place(said: &Said, diagnosis: &str, place: Option<&str>, headline: &str) {
    assert_eq!((said.diagnosis.as_str(), said.place.as_deref()), (diagnosis, place), "{}", said.message);
    assert!(said.message.contains(headline), "{}", said.message);
}

/// Asserts that the error is found and says of no host that it is this one.
fn assert_nobodys(said: &Said, diagnosis: &str) {
    assert_place(said, diagnosis, None, "");
    assert!(!said.message.contains("this host") && !said.texts.contains("this host"), "{}", said.message);
    assert_eq!(said.sides.len(), 3, "{:?}", said.sides);
}

#[test]
fn at_the_server_no_syn_left() {
    let said = at(AT_SERVER, NONE_SENT, SERVER);
    assert_place(&said, "data-syn-never-sent", Some("this-host"), "this host did not send it");
    assert!(!said.sides.contains(&"network".to_owned()), "{:?}", said.sides);
    assert!(said.texts.contains("On this host") && !said.texts.to_lowercase().contains("capture"), "{}", said.texts);
}

#[test]
fn at_the_server_syns_came_and_nothing_answered() {
    let said = at(AT_SERVER, PASSIVE_NO_ANSWER, SERVER);
    assert_place(&said, "pasv-connect-failed", Some("this-filter"), "its filter or its backlog, not the network");
    assert!(!said.sides.contains(&"network".to_owned()), "{:?}", said.sides);
}

#[test]
fn at_the_server_no_syn_came() {
    let said = at(AT_SERVER, PASSIVE_NONE, SERVER);
    assert_place(&said, "pasv-syn-not-seen", Some("path"), "neither this host nor its filter");
    assert!(!said.texts.contains("in the server's firewall"), "{}", said.texts);
}

#[test]
fn at_the_server_syns_left_and_were_not_answered() {
    assert_place(&at(AT_SERVER, NO_ANSWER, SERVER), "data-syn-unanswered", None, "the SYNs left this host");
}

#[test]
fn at_the_client_no_syn_left() {
    let said = at(AT_CLIENT, PASSIVE_NONE, CLIENT);
    assert_place(&said, "pasv-client-never-connects", Some("this-host"), "this host did not send it");
    assert!(!said.sides.contains(&"network".to_owned()) && said.texts.contains("On this host"), "{}", said.texts);
}

#[test]
fn at_the_client_syns_came_and_nothing_answered() {
    let said = at(AT_CLIENT, NO_ANSWER, CLIENT);
    assert_place(&said, "data-syn-unanswered", Some("this-filter"), "its filter or its backlog, not the network");
    assert!(!said.sides.contains(&"network".to_owned()) && said.texts.contains("this host's INPUT"), "{}", said.texts);
}

#[test]
fn at_the_client_no_syn_came() {
    let said = at(AT_CLIENT, NONE_SENT, CLIENT);
    assert_place(&said, "data-syn-not-seen", Some("path"), "neither this host nor its filter");
    // A reply that no dropped SYN can explain may as well be the server's own.
    let at_once = NONE_SENT.replace("+30s ", "+20ms ");
    assert_place(&at(AT_CLIENT, &at_once, CLIENT), "data-syn-not-seen", None, "too fast");
}

#[test]
fn at_the_client_syns_left_and_were_not_answered() {
    assert_place(&at(AT_CLIENT, PASSIVE_NO_ANSWER, CLIENT), "pasv-connect-failed", None, "the SYNs left this host");
}

#[test]
fn at_the_client_a_silence_as_long_as_connect_tries_is_its_own_filter() {
    let silence = "@ctl C:1050 S:21\nC> EPSV\nS> 229 Entering Extended Passive Mode (|||50000|)\n+127100ms @quit\n";
    let said = at(AT_CLIENT, silence, CLIENT);
    assert_place(&said, "pasv-syn-not-seen", Some("this-filter"), "no SYN left this host: probably its OUTPUT rules");
    assert!(!said.texts.contains("Capture at the client"), "{}", said.texts);
}

#[test]
fn a_refusal_by_this_host_is_this_hosts() {
    let refused =
        "@ctl C:1050 S:21\n@pasv 50000\nC> LIST\nC:3000 > S:50000 S\nS:50000 > C:3000 RA\n+60s S> 425 None.\n";
    assert_place(
        &at(AT_SERVER, refused, SERVER),
        "pasv-connect-failed",
        Some("this-host"),
        "the fault is on this host",
    );
    // From afar it may be anything on the way.
    assert_place(&at(AT_CLIENT, refused, CLIENT), "pasv-connect-failed", None, "answered by a RST");
}

#[test]
fn an_icmp_error_is_of_who_sends_it() {
    let rejected = |by: &str| {
        format!(
            "host G 10.0.5.1 02:00:00:00:00:01\n@ctl C:1050 S:21\n@pasv 50000\nC> LIST\nC:3000 > S:50000 S\n\
             icmp {by} > C 3/13 about C:3000 > S:50000\n+60s S> 425 None.\n"
        )
    };
    assert_place(
        &at(AT_CLIENT, &rejected("G"), CLIENT),
        "pasv-connect-failed",
        Some("path"),
        "in the network between the hosts",
    );
    assert_place(
        &at(AT_CLIENT, &rejected("S"), CLIENT),
        "pasv-connect-failed",
        Some("other-filter"),
        "the other host's",
    );
    assert_place(
        &at(AT_SERVER, &rejected("S"), SERVER),
        "pasv-connect-failed",
        Some("this-filter"),
        "this host's filter",
    );
    // What is on the way is so from everywhere.
    let nowhere = said(&format!("{BETWEEN}{MORE}{}", rejected("G")), &[]);
    assert_place(&nowhere, "pasv-connect-failed", Some("path"), "in the network between the hosts");
    assert_nobodys(&said(&format!("{BETWEEN}{MORE}{}", rejected("S")), &[]), "pasv-connect-failed");
}

#[test]
fn a_control_connection_that_this_host_does_not_answer() {
    let silence = "C:1050 > S:21 S\n+1s C:1050 > S:21 again\n+2s C:1050 > S:21 again\n+9s arp C asks S\n";
    let said = at(AT_SERVER, silence, SERVER);
    assert_place(&said, "control-unanswered", Some("this-filter"), "its filter or its backlog");
    assert_place(&at(AT_CLIENT, silence, CLIENT), "control-unanswered", None, "the SYNs left this host");
    assert_nobodys(&at(AT_SERVER, silence, "10.0.9.22"), "control-unanswered");
}

#[test]
fn an_address_of_another_host_is_nobodys() {
    for (hosts, dialogue, diagnosis) in [
        (AT_SERVER, NONE_SENT, "data-syn-never-sent"),
        (AT_SERVER, PASSIVE_NO_ANSWER, "pasv-connect-failed"),
        (AT_SERVER, PASSIVE_NONE, "pasv-syn-not-seen"),
        (AT_CLIENT, NO_ANSWER, "data-syn-unanswered"),
        (AT_CLIENT, NONE_SENT, "data-syn-not-seen"),
        (AT_CLIENT, PASSIVE_NO_ANSWER, "pasv-connect-failed"),
    ] {
        assert_nobodys(&at(hosts, dialogue, "10.0.9.1"), diagnosis);
    }
}

#[test]
fn a_router_with_the_address_of_one_end_is_neither() {
    // Outside of a NAT the client has the router's address, and a TTL that has been counted down.
    assert_nobodys(&at(BETWEEN, NO_ANSWER, CLIENT), "data-syn-unanswered");
    assert_nobodys(&at(BETWEEN, PASSIVE_NONE, CLIENT), "pasv-syn-not-seen");
    // A port forwarded to a server behind it.
    assert_nobodys(&at(BETWEEN, PASSIVE_NO_ANSWER, SERVER), "pasv-connect-failed");
    assert_nobodys(&at(BETWEEN, PASSIVE_NONE, SERVER), "pasv-syn-not-seen");
}

#[test]
fn the_addresses_of_a_pcapng_interface_are_this_hosts() {
    let file = |address: &str| format!("format pcapng\ninterface eth0 ethernet {address}\n{AT_SERVER}{MORE}");
    let own = |dialogue: &str| said(&(file(SERVER) + dialogue), &[]);
    assert_place(&own(NONE_SENT), "data-syn-never-sent", Some("this-host"), "this host did not send it");
    assert_place(&own(PASSIVE_NO_ANSWER), "pasv-connect-failed", Some("this-filter"), "not the network");
    assert_place(&own(PASSIVE_NONE), "pasv-syn-not-seen", Some("path"), "neither this host");
    // A probe on a mirror port has its own address.
    assert_nobodys(&said(&(file("10.0.9.99") + PASSIVE_NO_ANSWER), &[]), "pasv-connect-failed");
}

#[test]
fn checksums_left_to_the_card_are_this_hosts() {
    let dialogue = |own: &str, last: &str| {
        format!(
            "{AT_SERVER}{MORE}C:1050 > S:21 S\nS:21 > C:1050 SA {own}\nC:1050 > S:21 A\nuse C:1050 S:21\n\
             S:21 > C:1050 {own} \"220 Ready.\\r\\n\"\nC> PASV\n\
             S:21 > C:1050 {last} \"227 Entering Passive Mode (10,0,9,21,195,80)\\r\\n\"\nC> LIST\n\
             C:3000 > S:50000 S\n+1s C:3000 > S:50000 again\n+2s C:3000 > S:50000 again\n\
             +60s S:21 > C:1050 {own} \"425 No connection.\\r\\n\"\n+5s udp C:5353 > S:53 \"x\"\n"
        )
    };
    assert_place(&said(&dialogue("badsum", "badsum"), &[]), "pasv-connect-failed", Some("this-filter"), "this host");
    // One that is filled in: the others are broken, not left out.
    assert_nobodys(&said(&dialogue("badsum", ""), &[]), "pasv-connect-failed");
}

#[test]
fn a_syn_to_another_address_may_have_taken_another_interface() {
    let other = NONE_SENT.replace("@port 5001", "C> PORT 10,0,3,10,19,137\nS> 200 PORT command successful.");
    let said = error(&format!("{AT_SERVER}{MORE}{other}"), &["--here", SERVER]);
    assert_eq!(said["where"], Value::Null, "{said:#}");
}

#[test]
fn a_syn_to_another_mac_does_not_come_to_this_host() {
    let astray = PASSIVE_NO_ANSWER
        .replace("C:3000 > S:50000 S\n", "C:3000 > S:50000 S mac=02:00:00:00:00:01>02:00:00:00:00:77\n");
    assert_place(&at(AT_SERVER, &astray, SERVER), "pasv-connect-failed", None, "no answer");
}

#[test]
fn at_the_server_nobody_is_sent_to_capture_there() {
    // Nothing but the control connection: a filter may have hidden the SYN.
    let bare = said(&format!("{AT_SERVER}{NONE_SENT}"), &["--here", SERVER]);
    assert_place(&bare, "data-syn-not-seen", None, "no SYN");
    assert!(bare.texts.contains("Capture here again") && !bare.texts.contains("at the server"), "{}", bare.texts);
    assert!(!bare.texts.to_lowercase().contains("on the server"), "{}", bare.texts);
    let elsewhere = said(&format!("{AT_SERVER}{NONE_SENT}"), &[]);
    assert!(elsewhere.texts.contains("Capture on the server"), "{}", elsewhere.texts);
}

#[test]
fn two_files_of_two_hosts_are_not_one() {
    let untouched = AT_SERVER.replace(" ttl 62", "");
    let said = said(&format!("{untouched}{MORE}{PASSIVE_NO_ANSWER}"), &["--here", SERVER, "--here", CLIENT]);
    assert_nobodys(&said, "pasv-connect-failed");
}

#[test]
fn pseudonyms_keep_the_place() {
    let said = said(&format!("{AT_SERVER}{MORE}{PASSIVE_NONE}"), &["--here", SERVER, "--anonymize"]);
    assert_place(&said, "pasv-syn-not-seen", Some("path"), "neither this host");
    assert!(!said.message.contains(SERVER), "{}", said.message);
}
