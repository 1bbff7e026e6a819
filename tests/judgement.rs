//! What findings say beyond their name: who is named, what cannot be excluded, what is advised.

mod kit;

use std::fs;
use std::path::Path;

use kit::run::analyse;
use serde_json::Value;

/// The first finding of that name on a fixture.
fn finding(fixture: &str, diagnosis: &str) -> Value {
    let source = kit::root().join("fixtures").join(fixture);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let capture = if fixture.ends_with(".script") {
        let rendered = kit::render(&source).unwrap_or_else(|error| panic!("{fixture}: {error}"));
        let capture = folder.path().join(format!("capture.{}", rendered.extension));
        fs::write(&capture, rendered.file).expect("writes the capture");
        capture
    } else {
        source
    };
    let answer = analyse(Path::new(env!("CARGO_BIN_EXE_ftpwhy")), &capture).expect("JSON");
    let findings = answer.document["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["diagnosis"] == diagnosis);
    found.unwrap_or_else(|| panic!("{fixture}: no {diagnosis}")).clone()
}

fn message(finding: &Value) -> &str {
    finding["message"].as_str().expect("a message")
}

/// The names of the causes that cannot be excluded.
fn alternatives(finding: &Value) -> Vec<&str> {
    let all = finding["alternatives"].as_array().expect("alternatives");
    all.iter().filter_map(|other| other["diagnosis"].as_str()).collect()
}

/// The notes of the evidence, in one text.
fn notes(finding: &Value) -> String {
    let all = finding["evidence"].as_array().expect("evidence");
    all.iter().filter_map(|evidence| evidence["note"].as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_refused_syn_proves_no_missing_listener() {
    for (fixture, diagnosis) in [
        ("data-syn-refused/fires-field-filter.pcap", "data-syn-refused"),
        ("pasv-connect-failed/fires-field-host-ignored.pcap", "pasv-connect-failed"),
    ] {
        let finding = finding(fixture, diagnosis);
        assert!(message(&finding).contains("nothing listens") && message(&finding).contains("filter"), "{finding}");
    }
}

#[test]
fn a_syn_that_came_too_late_blames_who_delayed_it() {
    let late = finding("data-syn-refused/fires-too-late.script", "data-syn-refused");
    let text = message(&late);
    assert!(text.contains("too late") && text.contains("11.0 s behind RETR") && text.contains("(FIN)"), "{text}");
    assert!(text.contains("the server took too long") && !text.contains("listens"), "{text}");
    let in_time = finding("data-syn-refused/fires.script", "data-syn-refused");
    assert!(!message(&in_time).contains("too late"), "{in_time}");
    let impatient = finding("data-syn-refused/fires-did-not-wait.script", "data-syn-refused");
    assert!(message(&impatient).contains("the client did not wait"), "{impatient}");
}

#[test]
fn a_silence_as_long_as_connect_tries_is_no_client_that_did_not_try() {
    let tried = finding("pasv-syn-not-seen/fires-127-s.script", "pasv-syn-not-seen");
    assert!(message(&tried).contains("how long Linux tries to connect"), "{tried}");
    let other = finding("pasv-client-never-connects/fires-120-s.script", "pasv-client-never-connects");
    assert!(!message(&other).contains("tries to connect"), "{other}");
}

#[test]
fn a_nat_beyond_a_private_client_is_not_excluded() {
    let private = finding("data-syn-not-seen/fires-private-client.script", "data-syn-not-seen");
    assert!(alternatives(&private).contains(&"port-nat-unrewritten"), "{private}");
    let refused = finding("port-refused/fires-private-client.script", "port-refused");
    assert!(alternatives(&refused).contains(&"port-nat-unrewritten"), "{refused}");
    for fixture in ["data-syn-not-seen/fires.script", "data-syn-not-seen/fires-public-client.script"] {
        let other = finding(fixture, "data-syn-not-seen");
        assert!(!alternatives(&other).contains(&"port-nat-unrewritten"), "{other}");
    }
}

#[test]
fn words_of_a_connection_that_is_not_there_are_told_beside_the_verdict() {
    let told = finding("data-syn-not-seen/fires-field-words-of-established.pcap", "data-syn-not-seen");
    assert!(notes(&told).contains("but the capture holds no SYN"), "{told}");
    let plain = finding("data-syn-not-seen/fires.script", "data-syn-not-seen");
    assert!(!notes(&plain).contains("but the capture holds no SYN"), "{plain}");
}

#[test]
fn a_host_of_227_that_was_ignored_is_said_to_be() {
    let ignored = finding("pasv-connect-failed/fires-field-host-ignored.pcap", "pasv-address-mismatch");
    assert!(message(&ignored).contains("ignored that address"), "{ignored}");
    let used = finding("pasv-address-mismatch/fires.script", "pasv-address-mismatch");
    assert!(!message(&used).contains("ignored"), "{used}");
}
