//! Captures that were spoilt at random give the same findings when they are anonymised: all fixtures, each spoilt in
//! several ways. `FTPWHY_MUTATIONS=20000 cargo test --release --test mutated` looks at more, and
//! `FTPWHY_SEED=N` at one alone.

mod kit;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use ftpwhy::anonymize::{Anonymizer, Key};
use ftpwhy::check::Observations;
use ftpwhy::finding::SessionId;
use ftpwhy::pipeline::{Pipeline, Settings};
use ftpwhy::source::Capture;
use kit::frames::{Owned, observed, read_bytes};
use kit::mutate::{Dice, file_of, spoil};

const CAPTURES: [&str; 6] = [".script", ".pcap", ".pcapng", ".pcap.gz", ".pcap.zst", ".pcap.lz4"];
const MUTATIONS: u64 = 2_000;
/// Larger captures take longer and show no more.
const FRAMES: usize = 400;

#[test]
fn spoilt_captures_give_the_same_findings_when_they_are_anonymised() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let specimens = specimens();
    let (first, last) = match number("FTPWHY_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, number("FTPWHY_MUTATIONS").unwrap_or(MUTATIONS)),
    };
    let next = AtomicU64::new(first);
    let look = || {
        let mut differences = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return differences;
            }
            differences.extend(difference(&specimens, seed));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let differences: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(look)).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), last - first, differences.join("\n"));
}

/// A capture to spoil.
struct Specimen {
    path: PathBuf,
    frames: Vec<Owned>,
    captures: Vec<Capture>,
}

fn specimens() -> Vec<Specimen> {
    let files = kit::files_below(&kit::root().join("fixtures"), &CAPTURES);
    let read = |path: PathBuf| {
        let is_script = path.extension().is_some_and(|extension| extension == "script");
        let file = if is_script { kit::render(&path).ok()?.file } else { std::fs::read(&path).ok()? };
        let (frames, captures) = read_bytes(&file)?;
        (1..=FRAMES).contains(&frames.len()).then_some(Specimen { path, frames, captures })
    };
    let specimens: Vec<Specimen> = files.into_iter().filter_map(read).collect();
    assert!(specimens.len() > 100, "the fixtures are gone");
    specimens
}

/// Spoils a capture and judges it, as it is and anonymised.
fn difference(specimens: &[Specimen], seed: u64) -> Option<String> {
    let mut dice = Dice::new(seed);
    let specimen = &specimens[dice.roll(specimens.len())];
    let mut frames = specimen.frames.clone();
    let done = spoil(&mut frames, &mut dice);
    let (frames, captures) = read_bytes(&file_of(&frames, &specimen.captures, &mut dice))?;
    let original = said(&observed(&frames, &captures));
    keep("/tmp/seed-a.pcapng", &frames, &captures);
    let (frames, captures) = anonymised(&frames, captures);
    keep("/tmp/seed-b.pcapng", &frames, &captures);
    let hidden = said(&observed(&frames, &captures));
    let lacking = |these: &[String], those: &[String]| {
        let new = these.iter().filter(|line| !those.contains(line));
        new.map(|line| format!("\n    {line}")).collect::<String>()
    };
    let (lost, new) = (lacking(&original, &hidden), lacking(&hidden, &original));
    let differs = original != hidden;
    differs.then(|| format!("seed {seed}, {}: {done:?}\n  lost:{lost}\n  new:{new}", specimen.path.display()))
}

/// All that is found, and how each transfer ended.
fn said(seen: &Observations) -> Vec<String> {
    let mut lines: Vec<String> = seen.findings.iter().map(ToString::to_string).collect();
    lines.sort();
    lines.extend(seen.transfers.iter().cloned());
    lines
}

/// As `extract --anonymize` writes it.
fn anonymised(frames: &[Owned], mut captures: Vec<Capture>) -> (Vec<Owned>, Vec<Capture>) {
    let key = Key::from_hex("000102030405060708090a0b0c0d0e0f").expect("a key");
    let mut anonymizer = Anonymizer::new(key);
    let settings = Settings { overhear: true, ..Settings::default() };
    let mut pipeline = Pipeline::new(settings, SessionId(1));
    let mut nobody = Observations::default();
    for frame in frames {
        pipeline.push(&frame.frame(), &captures, &mut nobody).expect("nothing is written");
        pipeline.overheard().into_iter().for_each(|overheard| anonymizer.hear(overheard));
        anonymizer.look(&frame.frame(), pipeline.booked());
    }
    pipeline.finish(&captures, &mut nobody).expect("nothing is written");
    pipeline.overheard().into_iter().for_each(|overheard| anonymizer.hear(overheard));
    anonymizer.heard();
    captures.iter_mut().flat_map(|capture| &mut capture.interfaces).for_each(|one| anonymizer.interface(one));
    (frames.iter().map(|frame| Owned::of(&anonymizer.frame(&frame.frame()))).collect(), captures)
}

fn keep(path: &str, frames: &[Owned], captures: &[Capture]) {
    if std::env::var_os("FTPWHY_KEEP").is_none() {
        return;
    }
    let mut writer = ftpwhy::source::write::Writer::new(Vec::new(), &[]).expect("memory can be written");
    let interfaces = captures.iter().flat_map(|capture| &capture.interfaces);
    let interfaces: Vec<_> = interfaces.filter_map(|interface| writer.interface(interface).ok()).collect();
    for frame in frames {
        writer.frame(interfaces[frame.interface.0 as usize], &frame.frame(), &[]).expect("memory can be written");
    }
    std::fs::write(path, writer.finish().unwrap()).unwrap();
}
