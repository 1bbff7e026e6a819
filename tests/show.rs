//! `ftpwhy show` from outside, over every packet script below `fixtures/`.

mod kit;

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// Runs `ftpwhy show` and gives what it wrote.
fn show(capture: &Path, arguments: &[&str]) -> String {
    let mut command = Command::cargo_bin("ftpwhy").expect("the binary is built");
    let output = command.arg("show").args(arguments).arg(capture).output().expect("runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(0), "{} {arguments:?}: {errors}", capture.display());
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The script below `fixtures/` as a capture.
fn rendered(script: &Path, folder: &Path) -> PathBuf {
    let rendered = kit::render(script).expect("a script");
    let name = script.file_stem().expect("a name").to_string_lossy().into_owned();
    let capture = folder.join(format!("{name}.{}", rendered.extension));
    std::fs::write(&capture, &rendered.file).expect("a capture");
    capture
}

fn fixture(name: &str, folder: &Path) -> PathBuf {
    rendered(&kit::root().join("fixtures").join(name), folder)
}

/// Elements that have no end.
const VOID: [&str; 2] = ["input", "meta"];

/// Walks the tags: every element is closed, and in the right order.
fn assert_balanced(markup: &str, name: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in markup.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("{name}: a tag without end: {part}"));
        let word = tag.split([' ', '/']).next().unwrap_or_default();
        assert!(!text.contains('>') || word == "style", "{name}: a stray bracket: {text}");
        if let Some(ended) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(ended), "{name}: </{ended}>");
        } else if !tag.starts_with('!') && !tag.ends_with('/') && !VOID.contains(&word) {
            open.push(word);
        }
    }
    assert!(open.is_empty(), "{name}: {open:?} stay open");
}

#[test]
fn every_fixture_can_be_shown_in_every_way() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let scripts = kit::files_below(&kit::root().join("fixtures"), &[".script"]);
    assert!(!scripts.is_empty(), "there are no scripts");
    for script in &scripts {
        let name = script.display().to_string();
        let capture = rendered(script, folder.path());
        let (svg, html) = (folder.path().join("figure.svg"), folder.path().join("page.html"));
        let [svg_path, html_path] = [&svg, &html].map(|path| path.to_str().expect("UTF-8"));
        let plain = ["--transcript", "--ladder", "--ascii", "--width", "80"];
        let text = show(&capture, &[&plain[..], &["--svg", svg_path, "--html", html_path]].concat());
        let long = text.lines().find(|line| line.chars().count() > 80);
        assert!(text.is_ascii() && long.is_none(), "{name}: {long:?}\n{text}");
        assert_balanced(&std::fs::read_to_string(&svg).expect("a figure"), &name);
        let page = std::fs::read_to_string(&html).expect("a page");
        assert_balanced(&page, &name);
        assert!(!page.contains("<script") && !page.contains("://"), "{name}");
    }
}

#[test]
fn a_collision_shows_who_holds_time_wait() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let capture = fixture("time-wait-collision/fires.script", folder.path());
    let ladder = show(&capture, &["--ladder", "--ascii", "--width", "100"]);
    let begins = ladder.lines().find(|line| line.contains("sender holds TIME-WAIT")).expect("the last ACK");
    assert!(begins.ends_with("=#"), "{ladder}");
    let refused = ladder.lines().find(|line| line.contains(" 425 ")).expect("the refusal");
    assert!(refused.ends_with("-#"), "{ladder}");
    assert!(ladder.contains("time-wait-collision: "), "{ladder}");
}

#[test]
fn sessions_are_selected_by_number() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let capture = fixture("time-wait-collision/fires.script", folder.path());
    assert!(show(&capture, &["-s", "1"]).starts_with("session 1: "));
    let mut command = Command::cargo_bin("ftpwhy").expect("the binary is built");
    let output = command.args(["show", "-s", "77"]).arg(&capture).output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no session 77"));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "no such session\n");
}

#[test]
fn a_document_stands_alone_on_standard_output() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let capture = fixture("time-wait-collision/fires.script", folder.path());
    for together in [&["--html", "-", "--svg", "-"][..], &["--ladder", "--svg", "-"]] {
        let mut command = Command::cargo_bin("ftpwhy").expect("the binary is built");
        let output = command.arg("show").args(together).arg(&capture).output().expect("runs");
        assert_eq!(output.status.code(), Some(2), "{together:?}");
        assert!(output.stdout.is_empty(), "{together:?}");
    }
    let page = folder.path().join("page.html");
    assert!(show(&capture, &["--ladder", "--html", page.to_str().expect("UTF-8")]).starts_with("session 1: "));
}
