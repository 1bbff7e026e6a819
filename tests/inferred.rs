//! Transfers of encrypted sessions, told from their data connections: on recorded FTPS sessions.

mod kit;

use std::path::{Path, PathBuf};
use std::process::Command;

use kit::run::{analyse, schema};
use serde_json::{Value, json};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ftpwhy"))
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The only inferred transfer of the only session, without times and ends.
fn only(name: &str) -> Value {
    let document = analyse(program(), &fixture(name)).expect("it can be read").document;
    let complaint = schema(program()).validate(&document).err().map(|error| error.to_string());
    assert_eq!(complaint, None, "{name}");
    let session = &document["sessions"][0];
    assert_eq!(session["transfers"], json!([]), "what cannot be read is no command: {name}");
    assert_eq!(document["summary"]["transfers"], 0, "{name}");
    let inferred = session["inferred"].as_array().expect("a list");
    let [one] = inferred.as_slice() else { panic!("{name}: {inferred:?}") };
    assert_eq!(one["at"]["frame"], one["attempt"]["syn"]["frame"], "{name}");
    json!([
        one["mode"],
        one["attempt"]["outcome"],
        one["outcome"],
        one["protected"],
        one["direction"],
        one["bytes"]["to_client"],
        one["bytes"]["to_server"],
    ])
}

#[test]
fn encrypted_transfers_are_told_by_their_data_connections() {
    // One listing of 257 bytes: in one record of TLS 1.3, which adds its type and 16 bytes; and in clear.
    let listing = "tls-control-opaque/fires-lab-vsftpd.pcap";
    assert_eq!(only(listing), json!(["active", "established", "completed", true, "download", 274, 0]));
    let clear = "tls-protection-mismatch/silent-lab-protc.pcap";
    assert_eq!(only(clear), json!(["passive", "established", "completed", false, "download", 257, 0]));
    // The server closed it behind the handshake: nothing but tickets passed.
    let emptied = "tls-session-reuse-required/fires-lab-ftplib.pcap";
    assert_eq!(only(emptied), json!(["passive", "established", "unknown", true, "none", 0, 0]));
    let unanswered = "data-syn-unanswered/fires-lab-implicit.pcap";
    assert_eq!(only(unanswered), json!(["active", "unanswered", "failed", null, null, 0, 0]));
}

/// The first inferred transfer of a script.
fn scripted(name: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = folder.path().join("scripted.pcap");
    let rendered = kit::render(&fixture(name)).expect("a script");
    std::fs::write(&capture, &rendered.file).expect("a capture");
    let document = analyse(program(), &capture).expect("it can be read").document;
    let one = &document["sessions"][0]["inferred"][0];
    json!([one["mode"], one["outcome"], one["protected"], one["direction"], one["bytes"]["to_server"]])
}

#[test]
fn what_goes_up_closes_first() {
    let told = scripted("tls-control-opaque/fires-upload.script");
    assert_eq!(told, json!(["passive", "completed", false, "upload", 1000]));
}

#[test]
fn what_carried_nothing_was_neither_protected_nor_clear() {
    let told = scripted("tls-control-opaque/fires-empty.script");
    assert_eq!(told, json!(["active", "unknown", null, "none", 0]));
}

#[test]
fn people_see_them_in_the_tables() {
    let shown = |arguments: &[&str]| {
        let capture = fixture("tls-control-opaque/fires-lab-vsftpd.pcap");
        let output = Command::new(program()).args(arguments).arg(capture).output().expect("the program runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let table = shown(&["--isolated", "--format", "table"]);
    let row = table.lines().find(|line| line.contains("(encrypted)")).unwrap_or_else(|| panic!("{table}"));
    assert!(table.contains("download, 274 bytes") && table.contains("completed"), "{table}");
    assert!(row.starts_with('1'), "{row}");
    assert!(table.contains("no transfer in 1 session"), "totals do not count them: {table}");
    let sessions = shown(&["sessions"]);
    assert!(sessions.contains("(encrypted)"), "{sessions}");
    assert!(sessions.contains("0 transfers, 0 failed; 1 more inferred from encrypted sessions"), "{sessions}");
}
