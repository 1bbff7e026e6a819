//! `ftpwhy check`: every capture against the expectation beside it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::facts;
use super::incident;
use super::interrupt::Interrupt;
use super::output::{Destination, Files, Role, replace};
use super::unreadable::{is_allowed, say};
use super::{CLEAN, FOUND, TROUBLE, Trouble, claim, complain, reading, settings};
use crate::check::{Bless, Expectation, Files as PointFiles, Observations, blessed, changes, widened};
use crate::cli::CheckOptions;
use crate::diagnosis::selection::{Pattern, Selection};
use crate::finding::SessionId;
use crate::frame::CaptureId;
use crate::pipeline::{Pipeline, Settings};
use crate::points::{self, Inputs, Looking, NamedPoint};
use crate::report::{CheckFormat, CheckResult, Checked, Comparison, Out, Style, keep_worst, write_checked};
use crate::source::{OpenError, Timeline, check_filter, is_capture, is_stopped, reason};
use crate::text::printable;

/// What an expectation's name ends in.
const ENDING: &str = ".expect.toml";

/// Endings of packed files, which are not part of a capture's name.
const PACKED: [&str; 3] = ["gz", "zst", "lz4"];

/// Checks what `options` name and writes the result. The exit status.
pub fn check(options: &CheckOptions) -> u8 {
    reading(|interrupt| compare(options, interrupt))
}

fn compare(options: &CheckOptions, interrupt: &Interrupt) -> Result<u8, Trouble> {
    if let Some(filter) = &options.input.filter {
        check_filter(filter).map_err(Trouble::Filter)?;
    }
    let mut reports = Vec::new();
    let result = interrupt.watch(|| find_and_check(options, interrupt, &mut reports))?;
    if result.checked.is_empty() && result.interrupted.is_none() {
        complain("no capture to check", None);
        return Ok(TROUBLE);
    }
    for one in &result.checked {
        if matches!(one.comparison, Comparison::Unreadable | Comparison::Allowed) {
            one.lines.iter().for_each(|line| say(line, one.comparison == Comparison::Allowed));
        }
    }
    if let Some(why) = result.interrupted() {
        complain(&why, None);
    }
    let mut failed = None;
    for (format, style, mut out) in reports {
        let written = write_checked(format, &result, &style, &mut out);
        if let Err(error) = written.and_then(|()| out.finish()) {
            keep_worst(&mut failed, error);
        }
    }
    failed.map_or(Ok(()), Err)?;
    Ok(match result.has(Comparison::Unreadable) {
        true => TROUBLE,
        false if result.has(Comparison::Failed) || result.has(Comparison::Unexpected) => FOUND,
        false => CLEAN,
    })
}

/// A report of the result: its format, its looks, and where it goes.
type Report = (CheckFormat, Style, Destination);

/// Finds what there is to check, opens the reports, and checks.
fn find_and_check(
    options: &CheckOptions,
    interrupt: &Interrupt,
    reports: &mut Vec<Report>,
) -> Result<CheckResult, Trouble> {
    let mut found = Found::default();
    for input in &options.input.files {
        found.add(input, interrupt);
    }
    let mut shared = Shared::default();
    found.captures.iter_mut().for_each(|capture| capture.share(&mut shared));
    found.spare(options)?;
    *reports = opened(options)?;
    if interrupt.is_wanted() {
        // What there is to check is not known.
        return Ok(CheckResult { interrupted: interrupt.cut_off(), ..CheckResult::default() });
    }
    let settings = settings(&options.input, Selection::default(), false)?;
    let mut result = CheckResult {
        checked: check_all(&found.captures, options, &settings),
        orphans: found.orphans(),
        interrupted: None,
    };
    if result.has(Comparison::Unchecked) {
        result.interrupted = interrupt.cut_off();
    }
    Ok(result)
}

fn opened(options: &CheckOptions) -> io::Result<Vec<Report>> {
    let mut reports = vec![(options.format, options.style.clone(), Destination::standard_output())];
    for (format, path) in &options.beside {
        reports.push((
            *format,
            Style { color: false, links: false, ..options.style.clone() },
            Destination::whole(path)?,
        ));
    }
    Ok(reports)
}

/// The captures to check, and the expectations that were come across.
#[derive(Default)]
struct Found {
    captures: Vec<Candidate>,
    expectations: Vec<PathBuf>,
}

/// Something to check.
struct Candidate {
    path: PathBuf,
    /// The points of an incident, if `path` is an expectation that stands for several captures.
    points: Vec<NamedPoint>,
    /// The expectation of many captures that is of this one too, if it has none of its own.
    shared: Option<PathBuf>,
    /// Why it cannot even be opened.
    refused: Option<OpenError>,
}

impl Candidate {
    fn new(path: PathBuf, refused: Option<OpenError>) -> Self {
        Self { path, points: Vec::new(), shared: None, refused }
    }

    /// The points that an expectation stands for, if it stands for several captures.
    fn of_points(path: &Path) -> Option<Self> {
        let expectation = Expectation::parse(&fs::read_to_string(path).ok()?).ok()?;
        let point =
            |(name, files): (&String, &PointFiles)| NamedPoint { name: name.clone(), files: beside(path, files) };
        let points: Vec<NamedPoint> = expectation.points.iter().map(point).collect();
        (!points.is_empty()).then(|| Self { path: path.into(), points, shared: None, refused: None })
    }

    /// The facts of hosts that its expectation names.
    fn facts(&self) -> Vec<PathBuf> {
        let path = self.expectation();
        let expectation = fs::read_to_string(&path).ok().and_then(|text| Expectation::parse(&text).ok());
        expectation.map_or_else(Vec::new, |expectation| facts_beside(&expectation, &path))
    }

    /// Where its expectation is.
    fn expectation(&self) -> PathBuf {
        match &self.shared {
            Some(shared) => shared.clone(),
            None if self.points.is_empty() => expectation_path(&self.path),
            None => self.path.clone(),
        }
    }

    /// Finds the expectation of many captures that is of this one, too: the first beside it, by name.
    fn share(&mut self, shared: &mut Shared) {
        if self.points.is_empty() && !expectation_path(&self.path).is_file() {
            self.shared = shared.of(&self.path);
        }
    }
}

/// The expectations of many captures, by the directory that they lie in.
#[derive(Default)]
struct Shared(BTreeMap<PathBuf, Vec<(PathBuf, Expectation)>>);

impl Shared {
    /// The first one that is of this capture.
    fn of(&mut self, capture: &Path) -> Option<PathBuf> {
        let (folder, name) = (capture.parent()?, capture.file_name()?);
        let known = self.0.entry(folder.to_path_buf()).or_insert_with(|| Self::in_folder(folder));
        known.iter().find(|(_, expectation)| expectation.is_of(Path::new(name))).map(|(path, _)| path.clone())
    }

    /// The captures of an expectation of many, if that is what `path` is and there are any.
    fn captures_of(path: &Path) -> Option<Vec<PathBuf>> {
        let expectation = is_expectation(path).then(|| fs::read_to_string(path).ok()).flatten()?;
        let expectation = Expectation::parse(&expectation).ok()?;
        let folder = path.parent()?;
        let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let names = fs::read_dir(listed).ok()?.flatten().map(|entry| entry.file_name());
        let mut captures: Vec<PathBuf> =
            names.filter(|name| expectation.is_of(Path::new(name))).map(|name| folder.join(name)).collect();
        captures.sort();
        (!captures.is_empty()).then_some(captures)
    }

    fn in_folder(folder: &Path) -> Vec<(PathBuf, Expectation)> {
        let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let names = fs::read_dir(listed).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let mut paths: Vec<PathBuf> = names.map(|name| folder.join(name)).filter(|path| is_expectation(path)).collect();
        paths.sort();
        let read = |path: PathBuf| {
            let expectation = Expectation::parse(&fs::read_to_string(&path).ok()?).ok()?;
            (!expectation.captures.all().is_empty()).then_some((path, expectation))
        };
        paths.into_iter().filter_map(read).collect()
    }
}

impl Found {
    /// A file is a capture; of a directory and those below it whatever looks like one, and what is expected to be
    /// unreadable. Links to directories are not followed.
    fn add(&mut self, input: &Path, interrupt: &Interrupt) {
        if let Some(captures) = Shared::captures_of(input) {
            self.captures.extend(captures.into_iter().map(|path| Candidate::new(path, None)));
            return;
        }
        if !input.is_dir() {
            let of_points = is_expectation(input).then(|| Candidate::of_points(input)).flatten();
            self.captures.push(of_points.unwrap_or_else(|| Candidate::new(input.into(), None)));
            return;
        }
        let mut files = Vec::new();
        let mut waiting = vec![input.to_path_buf()];
        while let Some(directory) = waiting.pop() {
            if interrupt.is_wanted() {
                return;
            }
            if let Err(error) = list(&directory, &mut files, &mut waiting) {
                let error = OpenError::io(&directory, &error);
                self.captures.push(Candidate::new(directory, Some(error)));
            }
        }
        files.sort();
        for path in files {
            if interrupt.is_wanted() {
                return;
            }
            if is_expectation(&path) {
                self.captures.extend(Candidate::of_points(&path));
                self.expectations.push(path);
                continue;
            }
            match is_capture(&path) {
                Ok(looks_like_one) if looks_like_one || path.is_file() && expects_unreadable(&path) => {
                    self.captures.push(Candidate::new(path, None));
                }
                Ok(_) => {}
                Err(error) => self.captures.push(Candidate::new(path, Some(error))),
            }
        }
        self.leave_points();
    }

    /// What is a point of an incident is not judged alone, unless something is expected of it alone.
    fn leave_points(&mut self) {
        let of_points: BTreeSet<PathBuf> =
            self.captures.iter().flat_map(|one| &one.points).flat_map(|point| point.files.clone()).collect();
        self.captures.retain(|one| !of_points.contains(&one.path) || expectation_path(&one.path).is_file());
    }

    /// Refuses what would be written to a file that is read, or to another one that is written.
    fn spare(&self, options: &CheckOptions) -> Result<(), Trouble> {
        let mut files = Files::default();
        options.input.config.iter().for_each(|path| files.reads(Role::Configuration, path));
        options.input.keylog.iter().for_each(|path| files.reads(Role::KeyLog, path));
        let told = self.captures.iter().flat_map(Candidate::facts);
        options.input.facts.iter().cloned().chain(told).for_each(|path| files.reads(Role::Facts, &path));
        let alone = self.captures.iter().filter(|capture| capture.points.is_empty());
        alone.for_each(|capture| files.reads(Role::Input, &capture.path));
        let points = self.captures.iter().flat_map(|one| &one.points).flat_map(|point| &point.files);
        points.for_each(|path| files.reads(Role::Input, path));
        let expected: Vec<PathBuf> = self.captures.iter().map(Candidate::expectation).collect();
        if options.bless.is_some() {
            files.rewrites(&expected).map_err(Trouble::Refused)?;
        }
        expected.iter().chain(&self.expectations).for_each(|path| files.reads(Role::Expectation, path));
        claim(&mut files, true, options.beside.iter().map(|(_, path)| path.as_path()))
    }

    /// The expectations that belong to no capture, printable.
    fn orphans(&self) -> Vec<String> {
        let owned: BTreeSet<PathBuf> = self.captures.iter().map(Candidate::expectation).collect();
        let orphans = self.expectations.iter().filter(|expectation| !owned.contains(*expectation));
        orphans.map(|orphan| printable(orphan.as_os_str().as_encoded_bytes())).collect()
    }
}

/// Files that an expectation names: they are beside it.
fn beside(expectation: &Path, files: &PointFiles) -> Vec<PathBuf> {
    let beside = |file: &PathBuf| expectation.parent().map_or_else(|| file.clone(), |folder| folder.join(file));
    files.all().iter().map(beside).collect()
}

fn facts_beside(expectation: &Expectation, path: &Path) -> Vec<PathBuf> {
    expectation.facts.as_ref().map_or_else(Vec::new, |files| beside(path, files))
}

fn is_expectation(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(ENDING.as_bytes())
}

/// Lists a directory: what is in it, and the directories below it.
fn list(directory: &Path, files: &mut Vec<PathBuf>, directories: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if is_stopped() {
            break;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => directories.push(entry.path()),
            _ => files.push(entry.path()),
        }
    }
    Ok(())
}

/// `NAME.expect.toml` for `NAME.pcap` and `NAME.pcapng.gz`.
fn expectation_path(capture: &Path) -> PathBuf {
    let packed = capture.extension().is_some_and(|ending| PACKED.iter().any(|packed| ending == *packed));
    let name = if packed { capture.with_extension("") } else { capture.to_path_buf() };
    let mut stem = name.with_extension("").into_os_string();
    stem.push(ENDING);
    stem.into()
}

fn expects_unreadable(file: &Path) -> bool {
    let text = fs::read_to_string(expectation_path(file)).unwrap_or_default();
    Expectation::parse(&text).is_ok_and(|expectation| expectation.unreadable.is_some())
}

/// Checks the captures, as many at the same time as `--jobs` says, and one after the other where expectations are
/// rewritten; the results are in the order of the captures.
fn check_all(captures: &[Candidate], options: &CheckOptions, settings: &Settings) -> Vec<Checked> {
    // Two captures may share an expectation: it is rewritten by one after the other.
    let workers = if options.bless.is_some() { 1 } else { options.input.jobs.min(captures.len()).max(1) };
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let (place, Some(capture)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            (place, captures.get(place))
        } {
            done.push((place, check_one(capture, options, settings)));
        }
        done
    };
    let mut all: Vec<(usize, Checked)> = thread::scope(|scope| {
        let workers: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for worker in workers {
            // A worker that panicked has said so; the scope panics, too.
            all.extend(worker.join().unwrap_or_default());
        }
        all
    });
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, checked)| checked).collect()
}

fn check_one(capture: &Candidate, options: &CheckOptions, settings: &Settings) -> Checked {
    let compared = if is_stopped() { Ok(UNCHECKED) } else { compared(capture, options, settings) };
    let (comparison, lines) = compared.unwrap_or_else(|why| (Comparison::Unreadable, vec![why]));
    Checked { path: printable(capture.path.as_os_str().as_encoded_bytes()), comparison, lines }
}

const UNCHECKED: (Comparison, Vec<String>) = (Comparison::Unchecked, Vec::new());

/// The error says what could not be read.
fn compared(
    capture: &Candidate,
    options: &CheckOptions,
    settings: &Settings,
) -> Result<(Comparison, Vec<String>), String> {
    let path = capture.expectation();
    let of_path = |what: &str, why: &str| format!("could not {what} {}: {why}", path.display());
    let text = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(of_path("read", &reason(&error))),
    };
    let expectation = text.as_deref().map(Expectation::parse).transpose().map_err(|why| of_path("read", &why))?;
    if let Some(wrong) = expectation.iter().flat_map(Expectation::diagnoses).find_map(misspelt) {
        return Err(of_path("read", &wrong));
    }
    let told = expectation.iter().flat_map(|expectation| facts_beside(expectation, &path)).collect::<Vec<_>>();
    let settings = if told.is_empty() {
        Cow::Borrowed(settings)
    } else {
        let mut settings = settings.clone();
        let all = [options.input.facts.as_slice(), &told].concat();
        settings.policy.facts = facts::read(&all, None).map_err(|trouble| trouble.to_string())?;
        Cow::Owned(settings)
    };
    let Some(observed) = observe(capture, options.input.filter.as_deref(), &settings).transpose() else {
        return Ok(UNCHECKED);
    };
    if let Some(words) = expectation.as_ref().and_then(|expectation| expectation.unreadable.as_ref()) {
        return Ok(match observed {
            Err(why) if why.contains(words.as_str()) => (Comparison::AsExpected, Vec::new()),
            Err(why) => (Comparison::Failed, vec![format!("unreadable is `{why}`, without `{words}`")]),
            Ok(_) => (Comparison::Failed, vec![format!("it could be read, not unreadable with `{words}`")]),
        });
    }
    let Observations { findings, transfers } = match observed {
        Err(why) if is_allowed(&capture.path, &options.input) => return Ok((Comparison::Allowed, vec![why])),
        observed => observed?,
    };
    let mut differences = if let Some(expectation) = &expectation {
        expectation.compare(&findings, &transfers)
    } else {
        let reached = findings
            .iter()
            .filter(|finding| finding.is_cut() || options.fail_on.is_reached(finding.role, finding.severity));
        reached.map(ToString::to_string).collect()
    };
    let has_frames = || expectation.as_ref().is_some_and(Expectation::names_frames);
    if let Some(how) = options.bless
        && (expectation.is_none() || !differences.is_empty() || how == Bless::Loose && has_frames())
    {
        let old = text.unwrap_or_default();
        let new = match capture.shared {
            Some(_) => widened(&old, &findings, &transfers)?,
            None => blessed(&old, &findings, &transfers, how)?,
        };
        replace(&path, &new).map_err(|error| of_path("write", &reason(&error)))?;
        if expectation.is_none() {
            differences.clear();
        }
        differences.extend(changes(&old, &new));
        return Ok((Comparison::Blessed, differences));
    }
    Ok(match (&expectation, differences.is_empty()) {
        (_, true) => (Comparison::AsExpected, differences),
        (Some(_), false) => (Comparison::Failed, differences),
        (None, false) => (Comparison::Unexpected, differences),
    })
}

/// What is wrong with the name of a diagnosis: what is misspelt would be forbidden in vain. A name like none of ours may
/// be one of another version.
fn misspelt(name: &str) -> Option<String> {
    match Pattern::parse(name) {
        Ok(pattern) if pattern.diagnoses().any(|diagnosis| diagnosis.name.as_str() == name) => None,
        Ok(_) => Some(format!("{name:?} is no name of a diagnosis; globs are not understood here")),
        Err(unknown) => (!unknown.near.is_empty()).then(|| unknown.to_string()),
    }
}

/// What the program says of a capture that is judged alone; `None` if reading was told to stop before its end. The error
/// says why it is unreadable.
fn observe(capture: &Candidate, filter: Option<&str>, settings: &Settings) -> Result<Option<Observations>, String> {
    if let Some(error) = &capture.refused {
        return Err(error.to_string());
    }
    let path = std::slice::from_ref(&capture.path);
    let looking = Looking { ports: &settings.ports, filter };
    let files = if capture.points.is_empty() { path } else { &[] };
    let plan = points::plan(&Inputs { files, points: &capture.points, looking, ..Inputs::default() });
    match plan.groups.as_slice() {
        [incident] if !incident.points.is_empty() => {
            let mut observations = Observations::default();
            let told = incident::observe(incident, filter, settings, &mut observations)?;
            return Ok(told.map(|()| observations));
        }
        _ if !capture.points.is_empty() => return Err("these points have nothing in common".to_owned()),
        _ => {}
    }
    let (mut timeline, errors) = Timeline::open(path, CaptureId(0), filter);
    if let Some(error) = errors.first() {
        return Err(error.to_string());
    }
    let mut pipeline = Pipeline::new(settings.clone(), SessionId(1));
    let mut observations = Observations::default();
    let failed = |error: io::Error| error.to_string();
    while !is_stopped() && timeline.step() {
        let Some(frame) = timeline.frame() else { break };
        pipeline.push(&frame, timeline.captures(), &mut observations).map_err(failed)?;
    }
    if is_stopped() {
        return Ok(None);
    }
    pipeline.finish(timeline.captures(), &mut observations).map_err(failed)?;
    match timeline.unreadable().first() {
        Some(error) => Err(error.to_string()),
        None => Ok(Some(observations)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{expectation_path, misspelt};

    #[test]
    fn misspelt_names_are_told() {
        for name in ["mac-changed", "a-name-of-the-next-version"] {
            assert_eq!(misspelt(name), None, "{name}");
        }
        for name in ["mac-chnged", "mac-*"] {
            assert!(misspelt(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_expectation_is_beside_the_capture() {
        for capture in ["a/b.pcap", "a/b.pcapng", "a/b.pcapng.gz", "a/b.txt"] {
            assert_eq!(expectation_path(Path::new(capture)), PathBuf::from("a/b.expect.toml"), "{capture}");
        }
        assert_eq!(expectation_path(Path::new("a.1.pcap")), PathBuf::from("a.1.expect.toml"));
    }
}
