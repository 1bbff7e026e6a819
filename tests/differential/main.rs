//! ftpwhy beside tshark: the same frames with the same numbers, times and interfaces, and the same control lines.
//!
//! Runs over the fixtures and, when FTPWHY_CAPTURES names a folder, over every capture below its `lab/captures`. Only
//! what tshark is known to get right is compared (see [`ours::Heard::comparable`]). Without tshark it says so.

#[path = "../kit/mod.rs"]
mod kit;
mod ours;
mod theirs;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// tshark takes a quarter of a second to start; two at a time keep two cores busy.
const AT_ONCE: usize = 2;

#[test]
fn tshark_sees_the_same() {
    if !theirs::is_installed() {
        println!("skipped: tshark is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary directory");
    let captures = captures(folder.path());
    assert!(captures.len() > 50, "only {} captures were found", captures.len());
    let queue = Mutex::new(captures.iter());
    let differences = Mutex::new(Vec::new());
    let compared = Mutex::new(Compared::default());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((name, path)) = queue.lock().expect("unpoisoned").next() else { break };
                    let (mut found, counts) = compare(path);
                    compared.lock().expect("unpoisoned").add(counts);
                    found.truncate(5);
                    differences.lock().expect("unpoisoned").extend(found.into_iter().map(|d| format!("{name}: {d}")));
                }
            });
        }
    });
    let Compared { frames, lines } = compared.into_inner().expect("unpoisoned");
    println!("{} captures, {frames} frames and {lines} control lines compared", captures.len());
    assert!(lines > 1000, "only {lines} control lines could be compared");
    let mut differences = differences.into_inner().expect("unpoisoned");
    differences.sort();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[derive(Clone, Copy, Default)]
struct Compared {
    frames: usize,
    lines: usize,
}

impl Compared {
    fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.lines += other.lines;
    }
}

/// What is compared, by the name that a failure shows.
fn captures(folder: &Path) -> Vec<(String, PathBuf)> {
    const CAPTURES: [&str; 5] = [".pcap", ".pcapng", ".pcap.gz", ".pcap.zst", ".pcap.lz4"];
    let mut found = Vec::new();
    for (index, path) in kit::files_below(&kit::root().join("fixtures"), &[".script"]).into_iter().enumerate() {
        let rendered = kit::render(&path).unwrap_or_else(|error| panic!("{error}"));
        let capture = folder.join(format!("{index}.{}", rendered.extension));
        std::fs::write(&capture, rendered.file).expect("a capture");
        found.push((path.display().to_string(), capture));
    }
    let mut folders = vec![kit::root().join("fixtures")];
    folders.extend(std::env::var_os("FTPWHY_CAPTURES").map(|path| Path::new(&path).join("lab/captures")));
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        found.extend(kit::files_below(folder, &CAPTURES).into_iter().map(|path| (path.display().to_string(), path)));
    }
    // Many fixtures are captures of the lab: tshark looks at each content once.
    let mut seen = HashSet::new();
    found.retain(|(_, path)| std::fs::read(path).map_or(true, |file| seen.insert(file)));
    found
}

fn compare(path: &Path) -> (Vec<String>, Compared) {
    let theirs = match theirs::read(path) {
        Ok(theirs) => theirs,
        Err(theirs::Unread::Unsupported) => return (Vec::new(), Compared::default()),
        Err(theirs::Unread::Failed(error)) => return (vec![error], Compared::default()),
    };
    let ours = match ours::read(path) {
        Ok(ours) => ours,
        Err(error) => return (vec![error], Compared::default()),
    };
    let mut differences = Vec::new();
    if ours.frames.len() != theirs.len() {
        differences.push(format!("{} frames, tshark has {}", ours.frames.len(), theirs.len()));
    }
    for frame in &theirs {
        match ours.frames.get(&frame.number) {
            Some(own) if (own.time, own.interface) == (frame.time, frame.interface) => {}
            own => differences.push(format!("frame {}: {own:?}, tshark {frame:?}", frame.number)),
        }
    }
    let comparable = ours.comparable();
    for frame in theirs.iter().filter(|frame| !frame.encrypted) {
        let (Some(own), Some(line)) = (comparable.get(&frame.number), &frame.line) else { continue };
        if own != line {
            differences.push(format!("frame {}: {own:?}, tshark {line:?}", frame.number));
        }
    }
    let silent = theirs.iter().filter(|frame| frame.line.is_none() && !frame.irregular);
    for (frame, own) in silent.filter_map(|frame| Some((frame, comparable.get(&frame.number)?))) {
        differences.push(format!("frame {}: {own:?}, tshark sees no line", frame.number));
    }
    (differences, Compared { frames: theirs.len(), lines: comparable.len() })
}
