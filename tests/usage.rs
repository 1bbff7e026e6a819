//! The program from outside, as far as it needs no capture.

use assert_cmd::Command;

fn ftpwhy() -> Command {
    Command::cargo_bin("ftpwhy").expect("the binary is built")
}

#[test]
fn wrong_usage_is_2_and_goes_to_standard_error() {
    let output = ftpwhy().arg("--prot").arg("21").output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--port"), "names what was probably meant");
}

#[test]
fn help_and_version_are_0_and_go_to_standard_output() {
    let help = ftpwhy().arg("--help").output().expect("runs");
    assert_eq!(help.status.code(), Some(0));
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(text.contains("Exit status:") && text.contains("Examples:"), "{text}");
    let version = ftpwhy().arg("--version").output().expect("runs");
    let text = String::from_utf8_lossy(&version.stdout).into_owned();
    assert!(text.starts_with("ftpwhy ") && text.contains("libpcap"), "{text}");
}

#[test]
fn the_schema_is_json_of_draft_2020_12() {
    let output = ftpwhy().arg("schema").output().expect("runs");
    assert_eq!(output.status.code(), Some(0));
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["$defs"]["Line"].is_object());
}

#[test]
fn a_diagnosis_is_explained_and_a_slip_of_the_pen_is_answered() {
    let output = ftpwhy().args(["explain", "time-wait-*"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("error[time-wait-collision]") && text.contains("info[time-wait-reuse-accepted]"), "{text}");
    let output = ftpwhy().args(["explain", "time-wait-colision"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("time-wait-collision"));
}
