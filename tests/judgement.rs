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
        assert!(message(&finding).contains("nothing listens") && message(&finding).contains("firewall"), "{finding}");
    }
}

#[test]
fn a_syn_that_came_too_late_blames_who_delayed_it() {
    let late = finding("data-syn-refused/fires-too-late.script", "data-syn-refused");
    let text = message(&late);
    assert!(text.contains("too late") && text.contains("11.0 s after RETR") && text.contains("(FIN)"), "{text}");
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
    assert!(notes(&told).contains("but the capture has no data SYN"), "{told}");
    let plain = finding("data-syn-not-seen/fires.script", "data-syn-not-seen");
    assert!(!notes(&plain).contains("but the capture has no data SYN"), "{plain}");
}

#[test]
fn a_host_of_227_that_was_ignored_is_said_to_be() {
    let ignored = finding("pasv-connect-failed/fires-field-host-ignored.pcap", "pasv-address-mismatch");
    assert!(message(&ignored).contains("ignored that address"), "{ignored}");
    let used = finding("pasv-address-mismatch/fires.script", "pasv-address-mismatch");
    assert!(!message(&used).contains("ignored"), "{used}");
}

/// What one side is told to change.
fn advice<'a>(finding: &'a Value, side: &str) -> &'a str {
    let remedies = finding["remedies"].as_array().expect("remedies");
    let own = remedies.iter().find(|remedy| remedy["side"] == side);
    own.and_then(|remedy| remedy["text"].as_str()).expect("a remedy")
}

#[test]
fn who_ended_the_control_connection_is_advised() {
    let client = finding("control-lost/fires-client-resets.script", "control-lost");
    assert!(message(&client).contains("the client reset the control connection after 60.0 s"), "{client}");
    assert!(advice(&client, "client").contains("why the client left"), "{client}");
    assert!(!advice(&client, "network").contains("idle timeout"), "{client}");
    let server = finding("control-lost/fires.script", "control-lost");
    assert!(advice(&server, "server").contains("the reason it ended the session"), "{server}");
    assert!(!advice(&server, "network").contains("idle timeout"), "{server}");
}

#[test]
fn a_reply_that_was_sent_and_lost_is_told_by_the_servers_numbers() {
    let lost = finding("control-lost/fires-field-reply-lost.pcap", "control-lost");
    assert!(message(&lost).contains("43 bytes of a reply that never arrived here"), "{lost}");
    assert!(advice(&lost, "network").contains("loses the server's packets"), "{lost}");
    assert!(!lost["remedies"].to_string().contains("log for the reason"), "{lost}");
    let silent = finding("control-lost/fires-client-resets.script", "control-lost");
    assert!(!message(&silent).contains("never arrived"), "{silent}");
}

#[test]
fn an_idle_control_connection_that_was_forgotten_is_named_with_its_idle_time() {
    for (fixture, diagnosis, seconds) in [
        ("control-lost-during-transfer/fires-field-forgotten.pcap", "control-lost-during-transfer", "2460.0 s"),
        ("control-stalled/fires-field-forgotten.pcap", "control-stalled", "4.0 s"),
    ] {
        let forgotten = finding(fixture, diagnosis);
        let text = message(&forgotten);
        assert!(text.contains(&format!("idle for {seconds}")) && text.contains("NAT or firewall"), "{text}");
        assert!(advice(&forgotten, "network").contains("idle timeout"), "{forgotten}");
        assert!(!forgotten["remedies"].to_string().contains("MTU"), "{forgotten}");
    }
    let own = finding("control-lost-during-transfer/fires-field-data-goes-on.pcap", "control-lost-during-transfer");
    assert!(message(&own).contains("idle for 600.4 s") && !message(&own).contains("NAT"), "the server closed: {own}");
    let reset = finding("control-lost/fires-forgotten.script", "control-lost");
    assert!(message(&reset).contains("idle for 1800.0 s: a NAT or firewall"), "{reset}");
    let busy = finding("control-stalled/fires.script", "control-stalled");
    assert!(!message(&busy).contains("idle"), "{busy}");
}

#[test]
fn data_that_go_on_behind_the_loss_are_no_negative_time() {
    let later = finding("control-lost-during-transfer/fires-field-data-goes-on.pcap", "control-lost-during-transfer");
    assert!(notes(&later).contains("30.0 s after the control connection was lost"), "{later}");
    let earlier = finding("control-lost-during-transfer/fires-421.script", "control-lost-during-transfer");
    assert!(notes(&earlier).contains("s earlier"), "{earlier}");
}

#[test]
fn who_gives_up_before_150_had_waited_since_the_command() {
    let gave_up = finding("data-syn-not-seen/fires-abor-crosses-150.script", "data-syn-not-seen");
    assert!(message(&gave_up).contains("the client had waited for 20.0 s"), "{gave_up}");
}

#[test]
fn an_attempt_that_worked_later_is_told() {
    let later = finding("control-unanswered/fires-later-works.script", "control-unanswered");
    assert!(message(&later).contains("a later connection to it worked, 30.0 s after"), "{later}");
    let never = finding("control-unanswered/fires.script", "control-unanswered");
    assert!(!message(&never).contains("worked"), "{never}");
}
