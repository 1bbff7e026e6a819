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
fn the_demo_needs_no_file_and_shows_a_failure_with_its_cause() {
    let empty = tempfile::tempdir().expect("a directory");
    let output = ftpwhy().current_dir(empty.path()).args(["demo", "--ascii"]).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("error[time-wait-collision]: LIST failed") && text.contains("--> demo.pcap, session 1"),
        "{text}"
    );
    assert!(text.contains("2 transfers in 1 session: 1 completed, 1 failed"), "{text}");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]));
    let refused = ftpwhy().args(["demo", "x.pcap"]).output().expect("runs");
    assert_eq!(refused.status.code(), Some(2), "it takes no files");
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

#[test]
fn a_reply_is_explained_by_its_code_or_its_text() {
    let explain = |arguments: &[&str]| ftpwhy().arg("explain").args(arguments).output().expect("runs");
    let text = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    for code in ["425", "227"] {
        let output = explain(&[code]);
        assert_eq!(output.status.code(), Some(0), "{code}");
        let text = text(&output);
        let parts = ["What servers mean by it:", "vsftpd", "Diagnoses that fit", "tcpdump -i any -s 0", "See: RFC 959"];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    let local = explain(&["425 Can't build data connection: Cannot assign requested address"]);
    let first = text(&local)
        .lines()
        .find(|line| line.starts_with("- time-wait") || line.starts_with("- data-"))
        .map(str::to_owned);
    assert!(first.is_some_and(|line| line.starts_with("- time-wait-collision")), "{}", text(&local));
    // A near miss: another error of the system has other causes.
    let refused = explain(&["425 Can't build data connection: Connection refused"]);
    assert!(text(&refused).contains("- data-syn-refused") && !text(&refused).contains("time-wait-collision"));
    // Without quotes, with a diagnosis before it, and without a match.
    let both = explain(&["mac-changed", "426", "Failure", "writing", "network", "stream."]);
    assert!(
        text(&both).starts_with("warning[mac-changed]") && text(&both).contains("reply[426] Failure writing"),
        "{}",
        text(&both)
    );
    for (arguments, near) in [("428", "421, 425, 426"), ("syn-lost", "data-syn-lost-in-transit")] {
        let output = explain(&[arguments]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(near), "{arguments}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_an_error() {
    let commands = "--help|--version|-h|check --help|schema|rules|rules --format json|explain mac-*|completions bash";
    for arguments in commands.split('|').chain(cfg!(feature = "live").then_some("interfaces")) {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("opens");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
        let output = command.args(arguments.split(' ')).stdout(full).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said, "error: could not write to standard output: no space left\n", "{arguments}");
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        // A reader who has seen enough is no error.
        let mut run = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
        let run = run.as_mut().expect("runs");
        drop(run.stdout.take());
        assert_eq!(run.wait().expect("ends").code(), Some(0), "{arguments}");
    }
}

#[test]
fn a_misspelt_subcommand_is_answered() {
    for (arguments, meant) in [("hosst x", "hosts"), ("chekc --bless .", "check"), ("--isolated sesions x", "sessions")]
    {
        let output = ftpwhy().args(arguments.split(' ')).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("did you mean {meant}?")), "{arguments}: {said}");
        assert!(!said.contains("could not read"), "{arguments}: {said}");
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
}
