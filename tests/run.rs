//! `ftpwhy run` on real clients, in network namespaces that the lab makes and removes.
//!
//! Needs root, `ip`, `nft`, `vsftpd`, `tcpdump`, `curl`, `python3` and the lab's user; without them each test says so
//! and passes. lftp and ncftp take part where they are installed.

#![cfg(all(feature = "live", target_os = "linux"))]

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ftpwhy");

/// Why the lab cannot be had here.
fn missing() -> Option<&'static str> {
    static MISSING: OnceLock<Option<&str>> = OnceLock::new();
    *MISSING.get_or_init(|| {
        let runs = |program: &str, argument: &str| {
            Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
        };
        let programs = [
            ("ip", "-V"),
            ("nft", "-v"),
            ("tcpdump", "--version"),
            ("curl", "-V"),
            ("python3", "-V"),
            ("openssl", "version"),
        ];
        let name = format!("ftpwhy-run-{}", std::process::id());
        let namespaces = || {
            let made = Command::new("ip").args(["netns", "add", &name]).status().is_ok_and(|status| status.success());
            let _ = Command::new("ip").args(["netns", "del", &name]).status();
            made
        };
        if Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout != b"0\n") {
            Some("not root")
        } else if !programs.iter().all(|(program, argument)| runs(program, argument)) {
            Some("ip, nft, tcpdump, curl, python3 or openssl is not installed")
        } else if Command::new("vsftpd").arg("-v").output().is_err() {
            Some("no vsftpd")
        } else if !runs("id", "labftp") {
            Some("no user labftp (tests/lab/setup.sh)")
        } else if namespaces() {
            None
        } else {
            Some("network namespaces cannot be made")
        }
    })
}

/// One scenario after the other: whose sockets are whose is seen less well on a machine that is busy with others.
static ONE: Mutex<()> = Mutex::new(());

/// What a scenario of `tests/lab/run.py` gave; `None` where that cannot be.
fn lab(scenario: &str) -> Option<Value> {
    if let Some(why) = missing() {
        eprintln!("skipped: {why}");
        return None;
    }
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/run.py");
    let output = Command::new("timeout")
        .args(["180", "python3"])
        .arg(script)
        .arg(scenario)
        .arg(folder.path())
        .arg(PROGRAM)
        .output()
        .expect("the lab runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let result = text.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
    Some(result.unwrap_or_else(|| panic!("{scenario}: {text}{}", String::from_utf8_lossy(&output.stderr))))
}

/// Names of the findings of a run, and of what a command says the times that it took.
fn names(run: &Value) -> Vec<&str> {
    let findings = run["report"]["findings"].as_array().unwrap_or_else(|| panic!("no report: {run}"));
    findings.iter().filter_map(|finding| finding["diagnosis"].as_str()).collect()
}

fn without_times(text: &Value) -> String {
    let words = text.as_str().expect("text").split(' ').collect::<Vec<_>>();
    let is_time = |at: usize| words.get(at + 1).is_some_and(|next| next.starts_with("ms"));
    let words = words.iter().enumerate().map(|(at, word)| if is_time(at) { "N" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Each client says and does the same with and without, and its one session is judged as `expected`.
fn same_with_and_without(scenario: &str, expected: &dyn Fn(&str, &[&str])) -> Option<Value> {
    let result = lab(scenario)?;
    let clients = result.as_object().expect("an object").iter().filter(|(_, of)| of["run"].is_object());
    let mut seen = 0;
    for (client, of) in clients {
        let (plain, run) = (&of["plain"], &of["run"]);
        assert_eq!(plain["status"], run["status"], "{scenario} {client}: {of}");
        assert_eq!(plain["out"], run["out"], "{scenario} {client}");
        assert_eq!(without_times(&plain["err"]), without_times(&run["err"]), "{scenario} {client}");
        let sessions = run["report"]["sessions"].as_array().expect("sessions");
        assert_eq!(sessions.len(), 1, "{scenario} {client}, the others are other commands': {run}");
        expected(client, &names(run));
        seen += 1;
    }
    assert!(seen >= 2, "curl and ftplib at least: {result}");
    Some(result)
}

#[test]
fn what_works_goes_on_working() {
    same_with_and_without("works", &|client, names| assert!(names.is_empty(), "{client}: {names:?}"));
}

#[test]
fn a_firewall_on_this_host_is_named() {
    let result =
        same_with_and_without("dropped", &|client, names| assert_eq!(names, ["data-syn-unanswered"], "{client}"));
    let Some(result) = result else { return };
    let finding = &result["curl"]["run"]["report"]["findings"][0];
    assert_eq!(finding["where"], "this-filter", "{finding}");
}

#[test]
fn a_wrong_address_in_227_is_named() {
    same_with_and_without("wrong_227", &|client, names| {
        assert!(names.contains(&"pasv-address-mismatch"), "{client}: {names:?}");
    });
}

#[test]
fn a_refused_login_is_named() {
    same_with_and_without("login_refused", &|client, names| assert_eq!(names, ["login-refused"], "{client}"));
}

#[test]
fn ftps_is_judged_in_clear_and_no_keys_are_left() {
    let result = same_with_and_without("tls", &|client, names| match client {
        "ftplib" => assert_eq!(names, ["tls-session-reuse-required"]),
        _ => assert!(names.is_empty(), "{client}: {names:?}"),
    });
    let Some(result) = result else { return };
    for client in ["curl", "ftplib"] {
        let transfer = &result[client]["run"]["report"]["sessions"][0]["transfers"][0];
        assert_eq!(transfer["command"], "LIST", "{client}: {transfer}");
    }
    assert_eq!(result["left"], serde_json::json!([]));
}

#[test]
fn no_key_file_is_left_behind_by_a_run_that_was_killed() {
    let Some(result) = lab("killed") else { return };
    assert_eq!(result["before"].as_array().map(Vec::len), Some(1), "that of the run before is gone: {result}");
    assert_eq!(result["said"], "wrote\n", "the command goes on");
    assert_eq!(result["during"], serde_json::json!(["# key\n"]), "it may still open the file");
    assert_eq!(result["left"], serde_json::json!([]));
}

#[test]
fn a_second_client_is_not_blamed() {
    let Some(result) = lab("second_client") else { return };
    let run = &result["run"];
    assert_eq!((run["status"].as_i64(), names(run)), (Some(0), Vec::new()));
    let sessions = run["report"]["sessions"].as_array().expect("sessions");
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["transfers"][0]["outcome"], "completed");
    let others = "2 other FTP sessions on this host are not judged: they are not the command's";
    assert_eq!(run["report"]["grouping"], serde_json::json!([others]));
}

#[test]
fn the_command_has_the_users_identity_and_no_capability_of_ours() {
    let Some(result) = lab("identity") else { return };
    let capabilities = |run: &str| -> Vec<(String, u64)> {
        let status = result[run]["out"].as_str().expect("text");
        let lines = status.lines().filter_map(|line| line.strip_prefix("Cap")?.split_once(":\t"));
        lines.map(|(set, bits)| (set.to_owned(), u64::from_str_radix(bits, 16).expect("bits"))).collect()
    };
    let none = |run: &str, sets: &[&str]| {
        let all = capabilities(run);
        assert_eq!(all.len(), 5, "{run}: {all:?}");
        assert!(all.iter().all(|(set, bits)| *bits == 0 || !sets.contains(&set.as_str())), "{run}: {all:?}");
    };
    none("user", &["Inh", "Prm", "Eff", "Bnd", "Amb"]);
    // What a user without privileges could ever get is not ours to take away.
    none("capable", &["Inh", "Prm", "Eff", "Amb"]);
    for run in ["root", "user", "capable"] {
        assert_eq!(result[run]["status"], 0, "{}", result[run]);
        let owner = if run == "root" { &Value::from(0) } else { &result["uid"] };
        assert_eq!(&result[run]["owner"], owner, "{run}");
        // `ls` has its own folder open, nobody else's packets.
        let text = result[run]["out"].as_str().expect("text");
        let open: Vec<&str> = text.lines().filter(|line| line.len() < 3 && line.parse::<u8>().is_ok()).collect();
        assert_eq!(open.len(), 4, "{run}: {open:?}");
    }
}

#[test]
fn the_exit_status_is_the_commands() {
    let Some(result) = lab("statuses") else { return };
    for (case, status) in [
        ("zero", 0),
        ("seven", 7),
        ("most", 255),
        ("killed", 137),
        ("terminated", 143),
        ("missing", 127),
        ("unfit", 126),
        ("overdue", 143),
        ("stubborn", 137),
        ("interface", 125),
        ("user", 125),
        ("output", 125),
        ("usage", 125),
        ("verdict_none", 2),
        ("verdict_good", 0),
        ("verdict_bad", 1),
        ("missing_verdict", 2),
    ] {
        assert_eq!(result[case]["status"], status, "{case}: {}", result[case]);
    }
    assert_eq!(result["started"], false, "nothing is started that cannot be recorded");
    let said = |case: &str| result[case]["err"].as_str().expect("text").to_owned();
    assert!(said("missing").contains("could not run /nonexistent: no such command"));
    assert!(said("zero").starts_with("No FTP connection was made by the command"));
}

#[test]
fn a_signal_to_it_ends_the_command_and_it_still_reports() {
    let Some(result) = lab("terminated") else { return };
    assert_eq!(result["status"], 143);
    assert!(result["err"].as_str().expect("text").contains("No FTP connection was made"), "{result}");
}

#[test]
fn without_ftp_it_says_what_there_was() {
    let Some(result) = lab("other_port") else { return };
    let said = result["unnamed"]["report"]["grouping"][0].as_str().expect("a sentence").to_owned();
    assert!(said.starts_with("No FTP connection was made by the command") && said.contains("port 8080"), "{said}");
    assert_eq!(result["named"]["report"]["sessions"].as_array().map(Vec::len), Some(1));
    let refused = result["refused"]["report"]["grouping"][0].as_str().expect("a sentence").to_owned();
    assert!(refused.contains("port 21"), "{refused}");
}

#[test]
fn the_first_syn_is_in_the_capture_a_hundred_times() {
    let Some(result) = lab("first_syn") else { return };
    let runs = result.as_array().expect("runs");
    assert_eq!(runs.len(), 100);
    for run in runs {
        assert_eq!(run["status"], 0);
        assert!(run["first"].as_str().expect("a line").contains("Flags [S]"), "{run}");
        let port = run["out"].as_str().expect("a port").trim();
        let mine = |session: &&Value| session["client"] == format!("10.1.0.10:{port}");
        assert_eq!(run["sessions"].as_array().expect("sessions").iter().filter(mine).count(), 1, "{run}");
        assert_eq!(run["findings"], serde_json::json!([]), "capture-midstream would say that it began before: {run}");
    }
}

#[test]
fn the_example_says_which_modes_work() {
    let Some(result) = lab("modes") else { return };
    let said = result["out"].as_str().expect("text");
    assert!(said.starts_with("PASV works\nEPSV works\nPORT does not work\n    any:"), "{result}");
    assert!(said.contains("EPRT does not work\n    any:"), "{result}");
    assert_eq!(said.matches("error[data-syn-unanswered]").count(), 2, "{result}");
}

#[test]
fn the_report_follows_what_the_command_says() {
    let Some(result) = lab("report") else { return };
    assert_eq!((result["status"].as_i64(), result["out"].as_str()), (Some(0), Some("\u{0}\u{ff}in")));
    let said = result["err"].as_str().expect("text");
    assert!(
        said.starts_with("said\n") && said.trim_end().ends_with("1 transfer in 1 session, all completed"),
        "{said}"
    );
}
