//! The picture of the README is what the program prints of a capture of this project:
//! `UPDATE_PICTURE=1 cargo test --test picture` draws it anew.

use std::fs;
use std::path::Path;
use std::process::Command;

use anstyle_svg::Term;

const CAPTURE: &str = "fixtures/time-wait-collision/fires-lab-vsftpd.pcap";
const PICTURE: &str = "docs/ftpwhy.svg";
/// As wide as a code host shows it without making it smaller.
const WIDTH: &str = "88";

/// The command, as a reader would type it at a terminal, and what it prints there.
fn session() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a temporary directory");
    fs::copy(root.join(CAPTURE), folder.path().join("x.pcap")).expect("the capture is there");
    let mut ftpwhy = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    ftpwhy
        .args(["-q", "x.pcap", "--format", "full", "--color", "always", "--width", WIDTH, "--isolated"])
        .current_dir(folder.path());
    let output = ftpwhy.output().expect("runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    format!("$ ftpwhy -q x.pcap\n{}\n", printed.trim_end())
}

/// With a size of its own and a view, so that a narrow page shows all of it, smaller.
fn scalable(svg: &str) -> String {
    let pixels = |name: &str| {
        let (_, rest) = svg.split_once(&format!("{name}=\"")).expect("a size");
        rest.split_once("px\"").expect("in pixels").0.to_owned()
    };
    let opening = format!("<svg viewBox=\"0 0 {} {}\" ", pixels("width"), pixels("height"));
    svg.replacen("<svg ", &opening, 1)
}

#[test]
fn the_picture_of_the_readme_is_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let drawn = scalable(&Term::new().render_svg(&session()));
    let path = root.join(PICTURE);
    if std::env::var_os("UPDATE_PICTURE").is_some() {
        fs::write(&path, &drawn).expect("the picture can be written");
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == drawn, "{PICTURE} is stale: UPDATE_PICTURE=1 cargo test --test picture");
    assert!(drawn.contains("time-wait-collision") && drawn.contains("FIN of the earlier connection"));
    let readme = fs::read_to_string(root.join("README.md")).expect("a README");
    let at = readme.lines().position(|line| line.contains(PICTURE)).expect("the README shows it");
    assert!(at < 40, "on the first screen");
}
