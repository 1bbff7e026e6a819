//! What is written never destroys what is read, nor another output; and a file changes only when its report is whole.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

const FAULTY: &str = "fixtures/time-wait-collision/fires-lab-vsftpd.pcap";
const CLEAN: &str = "fixtures/time-wait-collision/silent-lab-vsftpd-random-ports.pcap";

/// What stands in files that must not be touched.
const OLD: &str = "# what was here before\n";

/// Every way to name a file to write, `OUT`, without an input.
const WRITING: [&str; 12] = [
    "-o OUT",
    "-o sarif=OUT",
    "-o json=other.json -o junit=OUT",
    "--write-baseline OUT",
    "--follow -o OUT",
    "show --html OUT",
    "show --ladder --svg OUT",
    "extract -w OUT",
    "extract --slim --annotate -w OUT",
    "extract --anonymize -w OUT",
    "check -o junit=OUT",
    "check --bless -o github=OUT",
];

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a fixture")
}

/// A directory with a capture, names that lead to it, and a directory of captures.
fn scene() -> TempDir {
    let scene = tempfile::tempdir().expect("a directory");
    let at = |name: &str| scene.path().join(name);
    fs::write(at("a.pcap"), fixture(FAULTY)).expect("a capture");
    fs::hard_link(at("a.pcap"), at("hard.pcap")).expect("a hard link");
    symlink("a.pcap", at("soft.pcap")).expect("a link");
    fs::create_dir(at("many")).expect("a directory");
    fs::write(at("many/one.pcap"), fixture(FAULTY)).expect("a capture");
    fs::write(at("many/two.pcap"), fixture(CLEAN)).expect("a capture");
    fs::hard_link(at("many/two.pcap"), at("two.pcap")).expect("a hard link");
    scene
}

/// `ftpwhy` with these words, in `folder`; `OUT` is `out`.
fn ftpwhy(folder: &Path, words: &str, out: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.current_dir(folder).stdin(Stdio::null()).env("TMPDIR", folder);
    command.args(words.split(' ').map(|word| word.replace("OUT", out)));
    command
}

fn run(folder: &Path, words: &str, out: &str) -> Output {
    ftpwhy(folder, words, out).output().expect("runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every file below a directory: its inode, and what stands in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, (u64, Vec<u8>)> {
    let mut files = BTreeMap::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let metadata = fs::symlink_metadata(&path).expect("is there");
            if metadata.is_dir() {
                waiting.push(path);
            } else if metadata.is_file() {
                files.insert(path.clone(), (metadata.ino(), fs::read(&path).expect("a file")));
            } else {
                files.insert(path, (metadata.ino(), Vec::new()));
            }
        }
    }
    files
}

/// Runs what must be refused with these words, and sees that nothing has changed.
fn refused(folder: &Path, command: &mut Command, why: &str) {
    let before = files(folder);
    let output = command.output().expect("runs");
    assert_eq!(output.status.code(), Some(2), "{command:?}: {}", said(&output));
    assert!(said(&output).contains(why), "{command:?}: {}", said(&output));
    assert!(output.stdout.is_empty(), "{command:?}: {output:?}");
    assert!(files(folder) == before, "{command:?} changed a file");
}

#[test]
fn an_input_is_spared_by_every_name() {
    let scene = scene();
    for writing in WRITING {
        for out in ["a.pcap", "./a.pcap", "many/../a.pcap", "hard.pcap", "soft.pcap"] {
            let words = format!("{writing} a.pcap");
            refused(scene.path(), &mut ftpwhy(scene.path(), &words, out), "it is one of the inputs");
        }
        let mut by_link = ftpwhy(scene.path(), &format!("{writing} soft.pcap"), "hard.pcap");
        refused(scene.path(), &mut by_link, "hard.pcap: it is one of the inputs (soft.pcap); write to another file");
    }
}

#[test]
fn a_report_takes_no_captures_place() {
    let scene = scene();
    // Two captures, one of them taken for the input: as they are typed by mistake.
    for writing in WRITING.iter().filter(|writing| !writing.starts_with("extract")) {
        for out in ["two.pcap", "many/one.pcap"] {
            let mut command = ftpwhy(scene.path(), &format!("{writing} a.pcap"), out);
            refused(scene.path(), &mut command, &format!("{out}: it is a capture"));
        }
    }
    let mut manifest = ftpwhy(scene.path(), "extract --slim -w slim.pcapng --manifest OUT a.pcap", "two.pcap");
    refused(scene.path(), &mut manifest, "two.pcap: it is a capture");
    let written = run(scene.path(), "extract --slim -w OUT a.pcap", "two.pcap");
    assert_eq!(written.status.code(), Some(0), "a capture may: {}", said(&written));
}

#[test]
fn what_is_found_in_a_directory_is_an_input() {
    let scene = scene();
    for writing in WRITING.iter().filter(|writing| !writing.contains("--follow")) {
        for out in ["many/two.pcap", "two.pcap"] {
            refused(scene.path(), &mut ftpwhy(scene.path(), &format!("{writing} many"), out), "one of the inputs");
        }
    }
    let notes = scene.path().join("many/notes.txt");
    fs::write(&notes, OLD).expect("a file");
    assert_eq!(run(scene.path(), "-o OUT many", "many/notes.txt").status.code(), Some(1), "no capture: no input");
    assert!(fs::read_to_string(&notes).expect("a report").contains("time-wait-collision"));
}

#[test]
fn standard_input_may_be_a_file() {
    let scene = scene();
    for writing in WRITING.iter().filter(|writing| !writing.contains("check") && !writing.contains("--follow")) {
        let mut command = ftpwhy(scene.path(), &format!("{writing} -"), "hard.pcap");
        command.stdin(File::open(scene.path().join("a.pcap")).expect("a capture"));
        refused(scene.path(), &mut command, "it is one of the inputs (standard input)");
    }
}

#[test]
fn standard_output_may_be_a_file() {
    let scene = scene();
    for words in [
        "a.pcap",
        "--json a.pcap",
        "show a.pcap",
        "sessions a.pcap",
        "hosts a.pcap",
        "check a.pcap",
        "extract -w - a.pcap",
    ] {
        let before = files(scene.path());
        let end = File::options().append(true).open(scene.path().join("hard.pcap")).expect("a capture");
        let output = ftpwhy(scene.path(), words, "").stdout(end).output().expect("runs");
        assert_eq!(output.status.code(), Some(2), "{words}");
        let why = "could not write standard output: it is one of the inputs (a.pcap)";
        assert!(said(&output).contains(why), "{words}: {}", said(&output));
        assert!(files(scene.path()) == before, "{words}");
    }
    let report = scene.path().join("report");
    let mut command = ftpwhy(scene.path(), "-o json=OUT a.pcap", "report");
    let output = command.stdout(File::create(&report).expect("a file")).output().expect("runs");
    assert!(
        said(&output).contains("another output is written to the same file (standard output)"),
        "{}",
        said(&output)
    );
}

#[test]
fn settings_and_the_baseline_are_spared() {
    let scene = scene();
    let at = |name: &str| scene.path().join(name);
    assert_eq!(run(scene.path(), "--write-baseline OUT a.pcap", "known.toml").status.code(), Some(0));
    fs::write(at("settings.toml"), "fail-on = \"never\"\n").expect("settings");
    fs::hard_link(at("settings.toml"), at("hard.toml")).expect("a hard link");
    symlink("known.toml", at("soft.toml")).expect("a link");
    for writing in WRITING {
        for out in ["settings.toml", "./settings.toml", "hard.toml"] {
            let words = format!("{writing} --config settings.toml a.pcap");
            let why = "it is the configuration file";
            refused(scene.path(), &mut ftpwhy(scene.path(), &words, out), why);
            let words = format!("{writing} a.pcap");
            refused(scene.path(), ftpwhy(scene.path(), &words, out).env("FTPWHY_CONFIG", "settings.toml"), why);
        }
    }
    for writing in ["-o OUT", "-o sarif=OUT", "--write-baseline OUT"] {
        for out in ["known.toml", "./known.toml", "soft.toml"] {
            let words = format!("--baseline known.toml {writing} a.pcap");
            refused(scene.path(), &mut ftpwhy(scene.path(), &words, out), "it is the baseline");
        }
    }
    fs::rename(at("settings.toml"), at(".ftpwhy.toml")).expect("renamed");
    refused(scene.path(), &mut ftpwhy(scene.path(), "-o OUT a.pcap", "hard.toml"), "it is the configuration file");
    assert_eq!(run(scene.path(), "--isolated -o OUT a.pcap", "hard.toml").status.code(), Some(1), "nobody reads it");
}

#[test]
fn two_outputs_are_two_files() {
    let scene = scene();
    symlink("new", scene.path().join("dangling")).expect("a link");
    fs::write(scene.path().join("old"), OLD).expect("a file");
    fs::hard_link(scene.path().join("old"), scene.path().join("older")).expect("a hard link");
    let words = [
        "-o ONE -o sarif=OUT a.pcap",
        "-o sarif=ONE -o json=OUT a.pcap",
        "-o ONE --write-baseline OUT a.pcap",
        "show --html ONE --svg OUT a.pcap",
        "check -o junit=ONE -o github=OUT a.pcap",
        "live -i lo -o ONE -w OUT",
        "live -i lo -o ONE --metrics-file OUT",
        "live -i lo -w ONE --metrics-file OUT",
        "live -i lo -o ONE --evidence OUT",
    ];
    for words in words {
        for (one, two) in
            [("new", "new"), ("new", "./new"), ("new", "many/../new"), ("new", "dangling"), ("old", "older")]
        {
            let mut command = ftpwhy(scene.path(), &words.replace("ONE", one), two);
            refused(scene.path(), &mut command, "another output is written to the same file");
        }
    }
    let twice = run(scene.path(), "-o json=OUT -o sarif=OUT a.pcap", "/dev/null");
    assert_eq!(twice.status.code(), Some(1), "nothing is lost there: {}", said(&twice));
}

#[test]
fn expectations_are_spared() {
    let scene = scene();
    let at = |name: &str| scene.path().join(name);
    let bless = "check --bless -o junit=OUT a.pcap";
    refused(scene.path(), &mut ftpwhy(scene.path(), bless, "./a.expect.toml"), "it is one of the expectations");
    assert_eq!(run(scene.path(), "check --bless a.pcap", "").status.code(), Some(0));
    for out in ["a.expect.toml", "./a.expect.toml"] {
        for words in [bless, "check -o junit=OUT a.pcap"] {
            refused(scene.path(), &mut ftpwhy(scene.path(), words, out), "it is one of the expectations");
        }
    }
    // The expectation of one capture is another capture.
    fs::remove_file(at("a.expect.toml")).expect("removed");
    symlink("many/two.pcap", at("a.expect.toml")).expect("a link");
    refused(scene.path(), &mut ftpwhy(scene.path(), "check --bless a.pcap many", ""), "it is one of the inputs");
}

#[test]
fn a_live_capture_spares_its_settings() {
    let scene = scene();
    fs::write(scene.path().join("settings.toml"), "fail-on = \"never\"\n").expect("settings");
    fs::hard_link(scene.path().join("settings.toml"), scene.path().join("hard.toml")).expect("a hard link");
    for option in ["-o", "-w", "--metrics-file", "--evidence"] {
        let words = format!("live -i lo --config settings.toml {option} OUT");
        refused(scene.path(), &mut ftpwhy(scene.path(), &words, "hard.toml"), "it is the configuration file");
    }
}

/// Runs where no file can grow, as on a full disk.
fn on_a_full_disk(folder: &Path, words: &str, out: &str) -> Output {
    let plain = ftpwhy(folder, words, out);
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
        .arg(plain.get_program())
        .args(plain.get_args());
    command.current_dir(folder).env("TMPDIR", folder).stdin(Stdio::null()).output().expect("sh runs")
}

/// What writes a report that is finite.
fn finite() -> impl Iterator<Item = &'static str> {
    WRITING.into_iter().filter(|writing| !writing.contains("--follow") && !writing.contains("other.json"))
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let scene = scene();
    fs::write(scene.path().join("old"), OLD).expect("a file");
    for writing in finite() {
        for out in ["old", "new"] {
            // There is nothing to bless: the report alone is to be written.
            let words = format!("{} a.pcap", writing.replace("--bless ", ""));
            let before = files(scene.path());
            let output = on_a_full_disk(scene.path(), &words, out);
            assert_eq!(output.status.code(), Some(2), "{words}: {}", said(&output));
            let why = format!("could not write {out}: file too large");
            assert!(said(&output).contains(&why), "{words}: {}", said(&output));
            assert!(files(scene.path()) == before, "{words}");
        }
    }
}

#[test]
fn a_full_disk_leaves_the_expectation() {
    let scene = scene();
    let expectation = scene.path().join("a.expect.toml");
    fs::write(&expectation, "clean = true\n").expect("an expectation");
    let before = files(scene.path());
    let output = on_a_full_disk(scene.path(), "check --bless a.pcap", "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(files(scene.path()) == before, "{output:?}");
}

#[test]
fn what_cannot_be_written_does_not_spoil_the_others() {
    let scene = scene();
    for words in ["-o json=/dev/full -o sarif=OUT a.pcap", "show --svg /dev/full --html OUT a.pcap"] {
        let output = run(scene.path(), words, "new");
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(said(&output).contains("could not write /dev/full: no space left"), "{words}: {}", said(&output));
        assert!(fs::read_to_string(scene.path().join("new")).expect("a report").contains("time-wait-collision"));
        fs::remove_file(scene.path().join("new")).expect("removed");
    }
    // The reader of standard output has gone before anything was written to it.
    for (words, status) in
        [("show --html OUT a.pcap --ladder", 0), ("--write-baseline OUT a.pcap", 0), ("check -o junit=OUT a.pcap", 0)]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = ftpwhy(scene.path(), words, "new").stdout(writer).output().expect("runs");
        assert_eq!(output.status.code(), Some(status), "{words}: {}", said(&output));
        assert!(fs::read_to_string(scene.path().join("new")).expect("a report").contains("time-wait-collision"));
        fs::remove_file(scene.path().join("new")).expect("removed");
    }
}

/// What is told of a file beside its content.
fn kind(path: &Path) -> (u32, u32, u32) {
    let metadata = fs::metadata(path).expect("is there");
    (metadata.mode(), metadata.uid(), metadata.gid())
}

/// Whether root runs this, as a new file shows.
fn is_root() -> bool {
    tempfile::tempfile().and_then(|file| file.metadata()).expect("a file").uid() == 0
}

#[test]
fn an_old_file_keeps_its_mode_and_owner_and_a_new_one_gets_those_of_the_umask() {
    for writing in finite() {
        let scene = scene();
        let at = |name: &str| scene.path().join(name);
        fs::write(at("plain"), "").expect("a file");
        fs::write(at("old"), OLD).expect("a file");
        fs::set_permissions(at("old"), Permissions::from_mode(0o604)).expect("a mode");
        if is_root() {
            chown(at("old"), Some(12_345), Some(54_321)).expect("an owner");
        }
        let (before, inode) = (kind(&at("old")), fs::metadata(at("old")).expect("is there").ino());
        let there = files(scene.path());
        for out in ["old", "new"] {
            let output = run(scene.path(), &format!("{writing} a.pcap"), out);
            assert_ne!(output.status.code(), Some(2), "{writing}: {}", said(&output));
            assert_ne!(fs::read(at(out)).expect("a report"), OLD.as_bytes(), "{writing}");
        }
        assert_eq!(kind(&at("old")), before, "{writing}");
        assert_ne!(fs::metadata(at("old")).expect("is there").ino(), inode, "{writing}: another file took its place");
        assert_eq!(kind(&at("new")), kind(&at("plain")), "{writing}");
        let added: Vec<PathBuf> = files(scene.path()).into_keys().filter(|path| !there.contains_key(path)).collect();
        let blessed = writing.contains("--bless").then(|| at("a.expect.toml"));
        assert_eq!(added, blessed.into_iter().chain([at("new")]).collect::<Vec<_>>(), "{writing} left something");
    }
}

#[test]
fn links_are_followed() {
    for writing in finite() {
        let scene = scene();
        let at = |name: &str| scene.path().join(name);
        fs::write(at("many/old"), OLD).expect("a file");
        fs::hard_link(at("many/old"), at("copy")).expect("a hard link");
        symlink("many/old", at("link")).expect("a link");
        symlink("link", at("to-old")).expect("a link");
        symlink("many/new", at("to-new")).expect("a link");
        for (link, target) in [("to-old", "many/old"), ("to-new", "many/new")] {
            // What is blessed gives no annotations.
            let words = format!("{} a.pcap", writing.replace("--bless ", ""));
            assert_ne!(run(scene.path(), &words, link).status.code(), Some(2), "{writing}: {link}");
            assert!(fs::symlink_metadata(at(link)).expect("is there").is_symlink(), "{writing}: {link}");
            assert!(fs::metadata(at(target)).expect("is there").len() > OLD.len() as u64, "{writing}: {link}");
        }
        assert_eq!(fs::read_to_string(at("copy")).expect("a file"), OLD, "{writing}: a hard link is another file now");
    }
}

#[test]
fn a_blessed_expectation_stays_where_its_link_leads() {
    let scene = scene();
    let at = |name: &str| scene.path().join(name);
    fs::write(at("kept.toml"), "clean = true\n").expect("an expectation");
    fs::set_permissions(at("kept.toml"), Permissions::from_mode(0o640)).expect("a mode");
    symlink("kept.toml", at("a.expect.toml")).expect("a link");
    let output = run(scene.path(), "check --bless a.pcap", "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(fs::symlink_metadata(at("a.expect.toml")).expect("is there").is_symlink());
    assert!(fs::read_to_string(at("kept.toml")).expect("text").contains("time-wait-collision"));
    assert_eq!(kind(&at("kept.toml")).0 & 0o7777, 0o640);
}

/// A copy of the program that anybody may run, and the command as somebody without rights; nothing where that cannot be.
fn as_nobody(folder: &Path, words: &str) -> Option<Command> {
    if !is_root() {
        eprintln!("skipped: only root can run the program as another user");
        return None;
    }
    let program = folder.join("ftpwhy");
    fs::copy(env!("CARGO_BIN_EXE_ftpwhy"), &program).expect("a copy");
    fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("a mode");
    let temporary = folder.join("tmp");
    fs::create_dir_all(&temporary).expect("a directory");
    fs::set_permissions(&temporary, Permissions::from_mode(0o777)).expect("a mode");
    let reaches = Command::new(&program).arg("--version").uid(65_534).gid(65_534).output();
    if reaches.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
        eprintln!("skipped: other users cannot reach {}", folder.display());
        return None;
    }
    let mut command = Command::new(program);
    command.args(words.split(' ')).current_dir(folder).stdin(Stdio::null()).env("TMPDIR", temporary);
    command.uid(65_534).gid(65_534);
    Some(command)
}

#[test]
fn a_file_that_cannot_be_replaced_is_written_over_when_the_report_is_whole() {
    let scene = scene();
    let at = |name: &str| scene.path().join(name);
    for (out, open_folder) in [("closed/old", 0o755), ("open/old", 0o777)] {
        let Some(mut command) = as_nobody(scene.path(), &format!("-o {out} a.pcap")) else { return };
        let folder = at(out).parent().expect("a folder").to_owned();
        fs::create_dir(&folder).expect("a directory");
        fs::set_permissions(&folder, Permissions::from_mode(open_folder)).expect("a mode");
        fs::write(at(out), OLD.repeat(1000)).expect("a file");
        fs::set_permissions(at(out), Permissions::from_mode(0o666)).expect("a mode");
        let (before, inode) = (kind(&at(out)), fs::metadata(at(out)).expect("is there").ino());
        let output = command.output().expect("runs");
        assert_eq!(output.status.code(), Some(1), "{out}: {}", said(&output));
        let text = fs::read_to_string(at(out)).expect("a report");
        assert!(text.contains("time-wait-collision") && !text.contains(OLD), "{out}: {text}");
        assert_eq!((kind(&at(out)), fs::metadata(at(out)).expect("is there").ino()), (before, inode), "{out}");
        assert_eq!(fs::read_dir(&folder).expect("a directory").count(), 1, "{out}: nothing is left");
        assert_eq!(fs::read_dir(at("tmp")).expect("a directory").count(), 0, "{out}: nothing is left");
    }
}

#[test]
fn a_file_that_must_not_be_written_stays() {
    let scene = scene();
    let Some(mut command) = as_nobody(scene.path(), "-o open/old a.pcap") else { return };
    fs::create_dir(scene.path().join("open")).expect("a directory");
    fs::set_permissions(scene.path().join("open"), Permissions::from_mode(0o777)).expect("a mode");
    fs::write(scene.path().join("open/old"), OLD).expect("a file");
    refused(scene.path(), &mut command, "could not write open/old: permission denied");
}

#[test]
fn pipes_and_standard_output_are_written_in_place() {
    let scene = scene();
    let at = |name: &str| scene.path().join(name);
    let plain = run(scene.path(), "--json a.pcap", "").stdout;
    assert_eq!(run(scene.path(), "--json -o OUT a.pcap", "/dev/stdout").stdout, plain);
    let errors = run(scene.path(), "--json -o OUT a.pcap", "/dev/stderr").stderr;
    assert_eq!(errors, plain);

    // What standard output holds already stays, wherever it goes.
    fs::write(at("log"), OLD).expect("a file");
    let log = File::options().append(true).open(at("log")).expect("a file");
    assert!(ftpwhy(scene.path(), "--json -o OUT a.pcap", "/dev/stdout").stdout(log).status().is_ok());
    assert_eq!(fs::read(at("log")).expect("a file"), [OLD.as_bytes(), &plain].concat());

    // Another descriptor of a file: the file that it leads to is written, not one that takes its name.
    fs::write(at("third"), "").expect("a file");
    let inode = fs::metadata(at("third")).expect("is there").ino();
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "exec \"$@\" 3>third",
        "sh",
        env!("CARGO_BIN_EXE_ftpwhy"),
        "--json",
        "-o",
        "/dev/fd/3",
        "a.pcap",
    ]);
    assert!(command.current_dir(scene.path()).status().is_ok());
    assert_eq!(
        (fs::metadata(at("third")).expect("is there").ino(), fs::read(at("third")).expect("a file")),
        (inode, plain.clone())
    );

    let fifo = at("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    let mut writer = ftpwhy(scene.path(), "--json -o OUT a.pcap", "fifo").spawn().expect("runs");
    let mut read = Vec::new();
    File::open(&fifo).and_then(|mut fifo| fifo.read_to_end(&mut read)).expect("a report");
    assert_eq!(writer.wait().expect("ends").code(), Some(1));
    assert_eq!(read, plain);
    assert!(fs::metadata(&fifo).expect("is there").file_type().is_fifo());
}

#[test]
fn one_connection_may_be_both_input_and_output() {
    let scene = scene();
    let (ours, theirs) = UnixStream::pair().expect("a socket");
    let mut command = ftpwhy(scene.path(), "--json -", "");
    let input = std::os::fd::OwnedFd::from(theirs.try_clone().expect("a descriptor"));
    let mut child = command.stdin(input).stdout(std::os::fd::OwnedFd::from(theirs)).spawn().expect("runs");
    drop(command);
    (&ours).write_all(&fixture(FAULTY)).expect("a capture");
    ours.shutdown(std::net::Shutdown::Write).expect("the end");
    let mut report = String::new();
    (&ours).read_to_string(&mut report).expect("a report");
    assert_eq!(child.wait().expect("ends").code(), Some(1));
    assert!(report.contains("time-wait-collision"), "{report}");
}

/// A run whose input goes on.
fn started(folder: &Path, words: &str, out: &str) -> Child {
    ftpwhy(folder, words, out).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("runs")
}

#[test]
fn what_grows_with_its_input_is_written_in_place_and_the_rest_at_the_end() {
    let scene = scene();
    let at = |name: &str| scene.path().join(name);
    let inode = |name: &str| fs::metadata(at(name)).expect("is there").ino();
    for (words, in_place) in [
        ("-o OUT -", true),
        ("--format ndjson -o OUT -", true),
        ("-o ndjson=OUT -", true),
        ("-o sarif=OUT -", false),
        ("-o full=OUT -", false),
        ("--json -o OUT -", false),
        ("--anonymize -o OUT -", false),
    ] {
        fs::write(at("old"), OLD).expect("a file");
        let before = inode("old");
        let mut child = started(scene.path(), words, "old");
        child.stdin.take().expect("a pipe").write_all(&fixture(FAULTY)).expect("written");
        assert_eq!(child.wait().expect("ends").code(), Some(1), "{words}");
        assert_eq!(inode("old") == before, in_place, "{words}");
        assert!(fs::read_to_string(at("old")).expect("a report").contains("time-wait-collision"), "{words}");
    }
}

/// The files below `folder` that a process has open, as the system names them.
fn opened(process: u32, folder: &Path) -> Vec<String> {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("a process");
    let names = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let below = names.filter(|name| name.starts_with(folder));
    below.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_run_that_is_killed_leaves_what_was_there_and_nothing_else() {
    let scene = scene();
    let real = scene.path().canonicalize().expect("a path");
    fs::write(scene.path().join("old"), OLD).expect("a file");
    for words in ["extract -w OUT -", "--json -o OUT -"] {
        for out in ["old", "new"] {
            let before = files(scene.path());
            let mut child = started(scene.path(), words, out);
            let capture = fixture(FAULTY);
            child.stdin.as_mut().expect("a pipe").write_all(&capture[..capture.len() / 2]).expect("written");
            let new = loop {
                if let Some(new) = opened(child.id(), &real).pop() {
                    break new;
                }
                assert!(child.try_wait().expect("a process").is_none(), "{words} ended by itself");
                std::thread::sleep(std::time::Duration::from_millis(5));
            };
            assert!(
                files(scene.path())
                    .iter()
                    .all(|file| before.get(file.0) == Some(file.1) || !new.ends_with("(deleted)"))
            );
            child.kill().expect("killed");
            child.wait().expect("ends");
            if !new.ends_with("(deleted)") {
                eprintln!("skipped: this file system has no files without a name");
                return;
            }
            assert!(files(scene.path()) == before, "{words} {out}");
        }
    }
}
