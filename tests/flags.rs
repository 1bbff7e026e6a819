//! Every option of the help is also in the manual, the completions, the settings and the CHANGELOG, and what these name is
//! an option.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use ftpwhy::cli::command;
use ftpwhy::cli::prose::PAGES;

/// Options that settings cannot set: they say where settings come from, or print something else.
const NO_SETTINGS: [&str; 4] = ["config", "isolated", "help", "version"];

/// Options of other programs that our texts name.
const OF_OTHERS: [&str; 14] = [
    "bench",
    "debug-trailer",
    "doc",
    "features",
    "ftp-skip-pasv-ip",
    "keepalive-time",
    "lib",
    "locked",
    "long",
    "no-default-features",
    "no-deps",
    "open",
    "path",
    "release",
];

/// The long options by subcommand; those of the program itself under an empty name.
fn options() -> BTreeMap<String, BTreeSet<String>> {
    let mut command = command();
    command.build();
    let of = |command: &clap::Command| -> BTreeSet<String> {
        command
            .get_arguments()
            .filter(|arg| !arg.is_hide_set())
            .filter_map(|arg| Some(arg.get_long()?.to_owned()))
            .collect()
    };
    let mut all: BTreeMap<String, BTreeSet<String>> =
        command.get_subcommands().map(|one| (one.get_name().to_owned(), of(one))).collect();
    all.insert(String::new(), of(&command));
    all
}

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The words that begin with two hyphens.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let words =
        text.match_indices("--").filter(|(at, _)| !text[..*at].ends_with(|c: char| c == '-' || c.is_alphanumeric()));
    let names = words.map(|(at, _)| {
        let rest = &text[at + 2..];
        rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())].trim_end_matches('-').to_owned()
    });
    names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).collect()
}

fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_manual_has_every_option() {
    let mut complaints = Vec::new();
    for (command, options) in options() {
        let page = if command.is_empty() { "man/ftpwhy.1".to_owned() } else { format!("man/ftpwhy-{command}.1") };
        let plain = ["\\fB", "\\fI", "\\fR"].iter().fold(text(&page), |text, font| text.replace(font, " "));
        let named = named(&plain.replace("\\-", "-"));
        complaints.extend(options.difference(&named).map(|option| format!("{page} has no --{option}")));
    }
    report(&complaints);
}

#[test]
fn completions_have_every_option() {
    let all = options();
    let mut complaints = Vec::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = Command::new(env!("CARGO_BIN_EXE_ftpwhy")).args(["completions", shell]).output().expect("runs");
        let script = String::from_utf8(output.stdout).expect("UTF-8");
        for option in all.values().flatten() {
            let written = if shell == "fish" { format!("-l {option}") } else { format!("--{option}") };
            if !script.contains(&written) {
                complaints.push(format!("the completions of {shell} have no --{option}"));
            }
        }
    }
    report(&complaints);
}

/// A key that is known is not complained of as unknown, whatever is wrong with its value.
#[test]
fn every_option_is_a_key_of_the_settings_and_a_variable() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let config = folder.path().join("all.toml");
    let mut complaints = Vec::new();
    let mut tried = 0;
    for (command, options) in options() {
        for option in options.iter().filter(|option| !NO_SETTINGS.contains(&option.as_str())) {
            let table = if command.is_empty() { String::new() } else { format!("[{command}]\n") };
            fs::write(&config, format!("{table}{option} = []\n")).expect("writes");
            let mut ftpwhy = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
            let reader = if command.is_empty() || command == "run" { "hosts" } else { &command };
            let output = ftpwhy.args([reader, "nothing-here", "--config"]).arg(&config).output().expect("runs");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if said.contains("unknown key") {
                complaints.push(format!("{table}{option} is no key: {said}"));
            }
            let variable = format!("FTPWHY_{}", option.to_uppercase().replace('-', "_"));
            let mut ftpwhy = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
            let output = ftpwhy.args(["hosts", "nothing-here"]).env(&variable, "x").current_dir(&folder).output();
            let said = String::from_utf8_lossy(&output.expect("runs").stderr).into_owned();
            if said.contains("there is no setting") {
                complaints.push(format!("{variable} is no variable: {said}"));
            }
            tried += 1;
        }
    }
    assert!(tried > 100, "{tried}");
    report(&complaints);
}

#[test]
fn the_changelog_has_every_option_and_subcommand() {
    let changelog = text("CHANGELOG.md");
    let named = named(&changelog);
    let mut complaints = Vec::new();
    for (command, options) in options() {
        if !changelog.contains(&format!("`ftpwhy {command}")) && !changelog.contains(&format!("`{command}`")) {
            complaints.push(format!("CHANGELOG.md does not name {command}"));
        }
        let known: BTreeSet<String> = NO_SETTINGS[2..].iter().map(|name| (*name).to_owned()).collect();
        let missing = options.difference(&named).filter(|option| !known.contains(*option));
        complaints.extend(missing.map(|option| format!("CHANGELOG.md has no --{option} ({command})")));
    }
    report(&complaints);
}

#[test]
fn what_our_texts_name_is_an_option() {
    let all: BTreeSet<String> = options().into_values().flatten().collect();
    let prose =
        PAGES.iter().flat_map(|page| [page.examples, page.limits, page.files, page.exit_status, page.environment]);
    let prose: String = prose.flatten().flat_map(|(term, meaning)| [*term, "\n", *meaning, "\n"]).collect();
    let mut complaints = Vec::new();
    for (place, text) in
        [("README.md", text("README.md")), ("CHANGELOG.md", text("CHANGELOG.md")), ("src/cli/prose.rs", prose)]
    {
        let foreign =
            named(&text).into_iter().filter(|name| !all.contains(name) && !OF_OTHERS.contains(&name.as_str()));
        complaints.extend(foreign.map(|name| format!("{place} names --{name}, which is no option")));
    }
    report(&complaints);
}
