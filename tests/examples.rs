//! Every example of the README and of the manual is run, as it stands there.
//!
//! In a directory that holds the files they name. `tcpdump` and `jq` are stand-ins: the one gives a capture, the other
//! takes what comes. An example may find a fault (status 1) but must not be refused (status 2).

use std::fs;
use std::path::Path;
use std::process::Command;

use ftpwhy::cli::prose::PAGES;

const FAULTY: &str = "fixtures/time-wait-collision/fires-lab-vsftpd.pcap";
const CLEAN: &str = "fixtures/time-wait-collision/silent-lab-vsftpd-random-ports.pcap";
const MODERN: &str = "fixtures/port-wrong-interface/silent-lab-nat.pcapng";

/// What examples may name, and where it comes from.
const FILES: [(&str, &str); 13] = [
    ("capture.pcap", FAULTY),
    ("keys.log", "fixtures/_keylog/cbc.keys"),
    ("host.json", "fixtures/_facts/collision.server.facts.json"),
    ("capture.pcapng", MODERN),
    ("x.pcap", CLEAN),
    ("ring_1.pcap", FAULTY),
    ("ring_2.pcap", CLEAN),
    ("captures/one.pcap", FAULTY),
    ("captures/two.pcap", CLEAN),
    ("monday/one.pcap", FAULTY),
    ("monday/two.pcap", CLEAN),
    ("client.pcap", "fixtures/_points/act_syn_drop/client.pcap"),
    ("server.pcap", "fixtures/_points/act_syn_drop/server.pcap"),
];

/// The directory to run examples in.
fn scene() -> tempfile::TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scene = tempfile::tempdir().expect("a temporary directory");
    for (name, source) in FILES {
        let path = scene.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::copy(root.join(source), path).unwrap_or_else(|error| panic!("{source}: {error}"));
    }
    let programs = scene.path().join("bin");
    fs::create_dir(&programs).expect("a directory");
    fs::hard_link(env!("CARGO_BIN_EXE_ftpwhy"), programs.join("ftpwhy"))
        .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_ftpwhy"), programs.join("ftpwhy")).map(|_| ()))
        .expect("the program");
    for (name, script) in [("tcpdump", "#!/bin/sh\nexec cat capture.pcap\n"), ("jq", "#!/bin/sh\nexec cat\n")] {
        let path = programs.join(name);
        fs::write(&path, script).expect("a stand-in");
        make_executable(&path);
    }
    scene
}

#[cfg(unix)]
fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a stand-in can be run");
}

#[cfg(not(unix))]
fn make_executable(_: &Path) {}

/// The same command line, to be read and not to be run.
fn read_only(line: &str) -> String {
    let ours = line.trim_start_matches("sudo ");
    match ours.split_once(" -- ") {
        Some((options, _)) => format!("{options} --help"),
        None => format!("{ours} --help"),
    }
}

/// What is wrong with a command line, if anything is. Who may capture is not known here, so a line that does is only
/// read: before help is printed, unknown options are refused.
fn complaint(line: &str, scene: &Path) -> Option<String> {
    let captures = ["ftpwhy live ", "ftpwhy run ", "sudo ftpwhy run "].iter().any(|command| line.starts_with(command));
    let line = &if captures { read_only(line) } else { line.to_owned() };
    let others = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("bash");
    shell.args(["-o", "pipefail", "-c", line]).current_dir(scene);
    shell.env("PATH", format!("{}:{others}", scene.join("bin").display()));
    let output = shell.output().expect("bash runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let fine = matches!(output.status.code(), Some(0 | 1)) && !errors.contains("error:");
    (!fine).then(|| format!("`{line}` ends with {}: {errors}", output.status))
}

#[test]
fn examples_of_the_manual_run() {
    let mut complaints = Vec::new();
    let mut run = 0;
    for page in PAGES {
        let scene = scene();
        for (line, _) in page.examples {
            complaints.extend(complaint(line, scene.path()));
            run += 1;
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    assert!(run > PAGES.len(), "every page has examples");
}

#[test]
fn examples_of_the_readme_run() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README");
    let scene = scene();
    let examples = shell_lines(&readme);
    assert!(examples.len() >= 5, "{examples:?}");
    let complaints: Vec<String> = examples.iter().filter_map(|line| complaint(line, scene.path())).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The lines of the shell blocks that have no mark before them: those with one build the project, and `.ci/run` runs
/// them.
fn shell_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut inside = false;
    let mut before = "";
    for line in text.lines() {
        match (inside, line) {
            (true, "```") => inside = false,
            (true, line) if !line.is_empty() && !line.starts_with('#') => lines.push(line.to_owned()),
            (false, "```sh") => inside = !before.starts_with("<!--"),
            _ => {}
        }
        before = line;
    }
    lines
}
