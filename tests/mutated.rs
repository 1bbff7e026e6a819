//! Captures that were spoilt at random give the same findings when they are anonymised: all fixtures, each spoilt in
//! several ways. `FTPWHY_MUTATIONS=20000 cargo test --release --test mutated` looks at more, `FTPWHY_SEED=N` at one
//! alone, and `FTPWHY_KEEP=DIR` writes both captures to look at.

mod kit;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use ftpwhy::anonymize::{Anonymizer, Key};
use ftpwhy::check::Observations;
use ftpwhy::finding::SessionId;
use ftpwhy::pipeline::{Pipeline, Settings};
use ftpwhy::source::Capture;
use kit::frames::{Owned, Specimen, observed, read_bytes, specimens};
use kit::mutate::{Dice, pcapng, spoilt};

const MUTATIONS: u64 = 2_000;
/// Larger captures take longer and show no more.
const FRAMES: usize = 400;

#[test]
fn spoilt_captures_give_the_same_findings_when_they_are_anonymised() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let specimens = specimens(FRAMES);
    let (first, last) = match number("FTPWHY_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, number("FTPWHY_MUTATIONS").unwrap_or(MUTATIONS)),
    };
    let next = AtomicU64::new(first);
    let look = || {
        let seeds = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        seeds.take_while(|seed| *seed < last).filter_map(|seed| judge(&specimens, seed)).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let judged: Vec<Judged> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(look)).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    let findings: usize = judged.iter().map(|one| one.findings).sum();
    let count = usize::try_from(last - first).expect("not that many");
    println!("{} of {count} could be read, with {findings} findings", judged.len());
    assert!(judged.len() * 10 >= count * 9 && findings >= count, "too little of them can be read");
    let conflicting = judged.iter().filter(|one| one.conflicting).count();
    assert!(conflicting * 200 <= judged.len().max(200), "{conflicting} of them are excused");
    let differences: Vec<String> = judged.into_iter().filter_map(|one| one.difference).collect();
    assert!(differences.is_empty(), "{} of {count}:\n{}", differences.len(), differences.join("\n"));
}

/// Two segments claim the same bytes: the manual says that one may lose what it said. Rare, or nothing is tested.
const CONFLICT: &str = "control-overlap-conflict";
/// Which packets count as copies may change, as the manual says: those that differ only in data.
const COPIES: &str = "capture-duplicates";

/// Whether only copies are told differently.
fn is_of_copies(original: &[String], hidden: &[String]) -> bool {
    let others =
        |lines: &[String]| -> Vec<String> { lines.iter().filter(|line| !line.contains(COPIES)).cloned().collect() };
    others(original) == others(hidden)
}

/// What came of a spoilt capture.
struct Judged {
    /// How many are found in it as it is.
    findings: usize,
    /// Whether it differs as the manual says of conflicting segments.
    conflicting: bool,
    /// What is found in one of both alone.
    difference: Option<String>,
}

/// Spoils a capture and judges it, as it is and anonymised; `None` if it cannot be read any more.
fn judge(specimens: &[Specimen], seed: u64) -> Option<Judged> {
    let mut dice = Dice::new(seed);
    let specimen = &specimens[dice.roll(specimens.len())];
    let (file, done) = spoilt(&specimen.frames, &specimen.captures, &mut dice);
    let (frames, captures) = read_bytes(&file)?;
    let found = observed(&frames, &captures);
    let original = said(&found);
    keep("original.pcapng", &frames, &captures);
    let (frames, captures) = anonymised(&frames, captures);
    let hidden = said(&observed(&frames, &captures));
    keep("anonymised.pcapng", &frames, &captures);
    let lacking = |these: &[String], those: &[String]| {
        let new: Vec<&str> = these.iter().filter(|line| !those.contains(line)).map(String::as_str).collect();
        new.join("\n    ")
    };
    let (lost, new) = (lacking(&original, &hidden), lacking(&hidden, &original));
    let differs = original != hidden && !is_of_copies(&original, &hidden);
    let conflicting = differs && original.iter().any(|line| line.contains(CONFLICT));
    let difference = (differs && !conflicting)
        .then(|| format!("seed {seed}, {}: {done:?}\n  lost:\n    {lost}\n  new:\n    {new}", specimen.path.display()));
    Some(Judged { findings: found.findings.len(), conflicting, difference })
}

/// Writes a capture into the directory that is named for it, if one is.
fn keep(name: &str, frames: &[Owned], captures: &[Capture]) {
    if let Some(directory) = std::env::var_os("FTPWHY_KEEP") {
        std::fs::write(PathBuf::from(directory).join(name), pcapng(frames, captures)).expect("written");
    }
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
