//! `ftpwhy extract`: reads the inputs for what is wanted of them, then again to write it.

mod thinning;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::facts;
use super::frames::{Frames, Order};
use super::interrupt::Interrupt;
use super::output::{Destination, Digested};
use super::{
    CLEAN, TROUBLE, Trouble, claim, complain, is_whole, keep_for_two_readings, note, plan, read_all, read_by, reading,
    settings, unreadable, whole,
};
use crate::decrypt::{Keys, Lines, Random, random_in};
use crate::diagnosis::selection::Selection;
use crate::extract::{Choice, Collected, Comments, WantedFrames};
use crate::frame::{CaptureId, Frame, InterfaceId, LinkType, Stamp, Timestamp};
use crate::options::ExtractOptions;
use crate::pipeline::Settings;
use crate::points::{Group, Plan, Point};
use crate::record::{Signal, Sink, Summary};
use crate::report::{Manifest, Out};
use crate::source::thinned;
use crate::source::write::{Packing, Writer, WrittenInterface};
use crate::source::{Capture, Named, Remarks, standard_input_is_cut};
use crate::wire::{Body, Decoder};
use thinning::Thinning;

/// What annotated captures say of themselves: frames are numbered anew in them.
const NUMBERING: &str = "ftpwhy: frame numbers in comments are those of the capture that this one was taken from";

/// Writes what `options` ask for. The exit status.
pub fn extract(options: &ExtractOptions) -> u8 {
    reading(|interrupt| extracted(options, interrupt))
}

fn extracted(options: &ExtractOptions, interrupt: &Interrupt) -> Result<u8, Trouble> {
    let to_stdout = target(options).is_none();
    if to_stdout && io::stdout().is_terminal() {
        return Err(Trouble::Refused("will not write a capture to a terminal: redirect it, or name a file".to_owned()));
    }
    let plan = plan(&options.input, interrupt)?;
    let files: usize = plan.groups.iter().map(|group| group.files.len()).sum();
    if options.manifest.is_some() && files > 1 {
        let why = format!("--manifest describes one capture, and {files} were named: run it for each file");
        return Err(Trouble::Refused(why));
    }
    let several = plan.groups.iter().map(points).find(|points| *points > 1);
    if let (Choice::Slim, Some(points)) = (&options.choice, several) {
        // In one file nobody could tell their clocks apart.
        let why = format!(
            "--slim thins one capture point, and {points} were named: thin each file by itself, and name all thinned files together"
        );
        return Err(Trouble::Refused(why));
    }
    let carried: Vec<PathBuf> = match target(options) {
        // As many as there can be hosts.
        Some(path) => (0..options.input.facts.len()).map(|number| facts::beside(path, number)).collect(),
        None => Vec::new(),
    };
    let beside = carried.iter().chain(&options.manifest).map(PathBuf::as_path);
    let mut files = read_by(&options.input, &plan);
    claim(&mut files, to_stdout, beside)?;
    target(options).map_or(Ok(()), |path| files.writes(path)).map_err(Trouble::Refused)?;
    let concluded = options.choice != Choice::All || options.annotate;
    if concluded {
        interrupt.watch(|| keep_for_two_readings(&options.input, interrupt))?;
    }
    let mut settings = settings(&options.input, Selection::default(), false)?;
    let mut collected = Collected::default();
    let mut lacking = Summary::default();
    if concluded {
        let read = read_all(&plan, &options.input, &settings, interrupt, &mut collected)?;
        collected.end(&read.captures, &read.summary)?;
        lacking = read.summary;
        if let Some(keys) = &mut settings.keys {
            Arc::make_mut(keys).add_all(&read.resumed);
        }
    } else {
        unreadable::note(&mut lacking, &plan.errors, &options.input);
    }
    let anonymous = options.input.anonymize.is_some();
    // Either it is not known yet what is wanted, or a part of what is to be hidden.
    if interrupt.is_wanted() || (anonymous && standard_input_is_cut()) {
        interrupt.cut_off();
        is_whole(interrupt, &options.write);
        return Ok(TROUBLE);
    }
    let mut selected = Selected {
        wanted: collected.wanted(&options.choice, &options.input.ports).map_err(Trouble::Refused)?,
        comments: if options.annotate { collected.comments() } else { Comments::default() },
    };
    let output = interrupt.watch(|| write(&plan, options, &settings, &mut selected, interrupt, &mut lacking))?;
    let Some(output) = output else { return Ok(TROUBLE) };
    // What an anonymised file rests on must be whole: what was begun is dropped, and what was there stays.
    if anonymous && !is_whole(interrupt, &options.write) {
        return Ok(TROUBLE);
    }
    if output.overfull {
        complain("too many comments and names of addresses; the rest is left out", None);
    }
    if options.with_secrets {
        let secrets = output.secrets.as_ref().map_or(0, |secrets| secrets.told.len());
        let connections = if secrets == 1 { "connection" } else { "connections" };
        let warning = if secrets > 0 { "; anyone who has it can decrypt them, passwords included" } else { "" };
        note(&format!("the file contains the TLS keys of {secrets} {connections} (--with-secrets){warning}"));
    }
    let tap = options.input.points.first().map(|point| point.name.clone());
    let (read, written) = output.finish(interrupt.cut(), tap, options.manifest.as_deref())?;
    if let Some(path) = target(options) {
        facts::write_beside(path, &settings.policy.facts)?;
    }
    // The packets are what was asked for; whoever has closed standard error has not asked how many.
    let _ = writeln!(io::stderr(), "{written} of {read} packets written to {}", options.write.display());
    Ok(if lacking.is_all_read() { CLEAN } else { TROUBLE })
}

/// How many points have files of their own; interfaces of one file are in one file anyway.
fn points(group: &Group) -> usize {
    let is_one_file = group.is_one_device || group.points.iter().any(|point| point.interface.is_some());
    if is_one_file { 1 } else { group.points.len().max(1) }
}

/// The file that is written; nothing for standard output.
fn target(options: &ExtractOptions) -> Option<&Path> {
    Some(options.write.as_path()).filter(|path| *path != Path::new("-"))
}

/// What is said of an extract that a signal has cut off.
fn interrupted_by(signal: Signal) -> String {
    format!("interrupted by {}, so not everything was read", signal.name())
}

/// What of the inputs is written, and what is said of it.
struct Selected {
    wanted: WantedFrames,
    comments: Comments,
}

/// Reads the inputs and writes what is selected of them; `None` where nothing could be read.
fn write(
    plan: &Plan,
    options: &ExtractOptions,
    settings: &Settings,
    selected: &mut Selected,
    interrupt: &Interrupt,
    lacking: &mut Summary,
) -> Result<Option<Output>, Trouble> {
    let mut output: Option<Output> = None;
    let mut first = CaptureId(0);
    let mut timelines = 0;
    let mut cut = standard_input_is_cut();
    for group in &plan.groups {
        if interrupt.is_wanted() {
            cut = true;
            break;
        }
        // All packets are kept, so the interfaces of one file need not be read one by one.
        let is_slim = options.choice == Choice::Slim && points(group) == 1;
        let is_whole = group.points.is_empty() || group.is_one_device || is_slim;
        let points = group.points.iter().filter(|_| !is_whole).map(|point| (&point.files, Some(point)));
        let whole = is_whole.then_some((&group.files, None));
        let mut parts: Vec<Part<'_>> = Vec::new();
        let mut begun: BTreeMap<&[PathBuf], CaptureId> = BTreeMap::new();
        for (files, point) in points.chain(whole) {
            let order = if options.choice == Choice::Slim { Order::File } else { Order::Time };
            let (frames, errors) = Frames::open_in(order, files, first, &options.input, settings, interrupt)?;
            // What the first reading told is not told again.
            unreadable::note(lacking, &errors, &options.input);
            let opened = u32::try_from(frames.captures().len()).unwrap_or(u32::MAX);
            let earlier = *begun.entry(files).or_insert(first);
            let is_shared = point.is_some_and(|point| point.interface.is_some()) && earlier != first;
            if let Some(output) = output.as_mut().filter(|_| is_shared) {
                output.same.extend((0..opened).map(|one| (CaptureId(first.0 + one), CaptureId(earlier.0 + one))));
            }
            let own = first.0..first.0.saturating_add(opened);
            first = CaptureId(own.end);
            // Where nothing could be read there is no capture to write.
            if opened > 0 && !interrupt.is_wanted() {
                if output.is_none() {
                    output = Some(Output::create(plan, target(options), frames.captures(), options, settings)?);
                }
                // What files are called may tell whose they are.
                if let (Some(output), Some(point), None) = (&mut output, point, options.input.anonymize) {
                    output.points.extend(own.map(|id| (CaptureId(id), point.name.clone())));
                }
                timelines += 1;
                // A thinned capture keeps the clock of its source.
                let point = point.filter(|_| options.choice != Choice::Slim);
                parts.push(Part { frames, point, next: None });
            } else {
                unreadable::note(lacking, &frames.unreadable(), &options.input);
            }
        }
        match (&mut output, parts.as_mut_slice()) {
            (Some(output), [alone]) => output.write(&mut alone.frames, selected, interrupt)?,
            (Some(output), parts) => output.write_all(parts, selected, interrupt)?,
            (None, _) => {}
        }
        for part in &parts {
            unreadable::note(lacking, &part.frames.unreadable(), &options.input);
        }
        cut |= interrupt.is_wanted();
    }
    if options.choice == Choice::Slim && timelines > 1 {
        let help = "thin each file by itself, and name all thinned files together";
        complain(&format!("{timelines} timelines are in one thinned file, which is judged as one"), Some(help));
    }
    if cut && let Some(signal) = interrupt.cut_off() {
        complain(&interrupted_by(signal), None);
    }
    Ok(output)
}

/// The packets of one point, or of the only one, and the next of them.
struct Part<'a> {
    frames: Frames,
    point: Option<&'a Point>,
    next: Option<Next>,
}

/// A packet that waits for its turn, its time by the reference's clock.
struct Next {
    at: Stamp,
    interface: InterfaceId,
    link_type: LinkType,
    wire_len: u32,
    bytes: Vec<u8>,
    remarks: Remarks,
}

impl Next {
    fn frame(&self) -> Frame<'_> {
        let Self { at, interface, link_type, wire_len, .. } = *self;
        Frame { at, interface, link_type, bytes: &self.bytes, wire_len }
    }
}

impl Part<'_> {
    fn advance(&mut self) {
        let point = self.point;
        let is_own = |frame: &Frame<'_>| point.is_none_or(|point| point.takes(frame));
        while self.frames.step(&mut |frame| !is_own(frame)) {
            let remarks = self.frames.remarks();
            let Some((frame, _)) = self.frames.frame() else { return };
            if !is_own(&frame) {
                continue;
            }
            let Frame { at, interface, link_type, bytes, wire_len } = frame;
            // The interfaces of one file keep its times.
            let clock = point.filter(|point| point.interface.is_none()).map(|point| &point.clock);
            let at = Stamp { time: clock.map_or(at.time, |clock| clock.by_reference(at)), ..at };
            self.next = Some(Next { at, interface, link_type, wire_len, bytes: bytes.to_vec(), remarks });
            return;
        }
    }
}

/// What the sections of captures tell as one: all comments, and what one alone says of its machine.
fn sections(captures: &[Capture]) -> Remarks {
    let all = || captures.iter().map(|capture| &capture.annotations.section);
    let comments = all().flat_map(|section| section.comments.iter().cloned()).collect();
    let others = if let [only] = captures { only.annotations.section.others.clone() } else { Vec::new() };
    Remarks { comments, others, is_untimed: false }
}

/// The file being written.
struct Output {
    writer: Writer<Packing<Digested<Destination>>>,
    interfaces: Vec<Interface>,
    /// What is told of captures that are thinned, each in its turn.
    thinned: Option<Thinning>,
    /// The capture that was thinned, as far as it was read.
    described: Option<Capture>,
    anonymous: bool,
    /// How many names of each capture are written.
    told: BTreeMap<CaptureId, usize>,
    /// The points that captures were taken at, as their interfaces are called where they have no name.
    points: BTreeMap<CaptureId, String>,
    /// Captures that were described for another point, which is another interface of them.
    same: BTreeMap<CaptureId, CaptureId>,
    /// Whether there was more to tell than is kept.
    overfull: bool,
    read: u64,
    written: u64,
    /// The keys that are written, where that is wanted.
    secrets: Option<Secrets>,
}

/// The TLS keys that packets need.
struct Secrets {
    decoder: Decoder,
    given: Arc<Keys>,
    /// The client randoms whose keys are written.
    told: BTreeSet<Random>,
}

impl Secrets {
    /// The key lines of the connection that begins in this frame, unless they are written.
    fn needed(&mut self, frame: &Frame<'_>, captures: &[Capture]) -> Option<Lines> {
        let Body::Tcp(_, tcp) = self.decoder.decode(frame).body else { return None };
        let random = random_in(tcp.payload).filter(|random| !self.told.contains(random))?;
        let all = std::iter::once(&self.given).chain(captures.iter().map(|capture| &capture.keys));
        let lines = all.into_iter().find_map(|keys| keys.lines_of(&random))?;
        self.told.insert(random);
        Some(lines)
    }
}

/// An interface of an input, and what was written of it.
#[derive(Clone, Copy)]
struct Interface {
    capture: CaptureId,
    written: WrittenInterface,
    packets: u64,
    last: Timestamp,
}

impl Output {
    /// What the sections of these captures tell, that of the file does.
    fn create(
        plan: &Plan,
        path: Option<&Path>,
        captures: &[Capture],
        options: &ExtractOptions,
        settings: &Settings,
    ) -> io::Result<Self> {
        let mut section = sections(captures);
        if options.annotate && !section.comments.iter().any(|comment| comment == NUMBERING) {
            section.comments.push(NUMBERING.to_owned());
        }
        let slim = options.choice == Choice::Slim;
        let thinned = slim.then(|| Thinning::of(plan, captures));
        let anonymous = options.input.anonymize.is_some();
        if let Some(thinned) = &thinned {
            thinned.tell_section(&mut section, anonymous);
        }
        let out = Digested::new(whole(path)?);
        let writer = Writer::telling(if slim { Packing::gzip(out) } else { Packing::Plain(out) }, &section)?;
        let told = captures.iter().map(|capture| (capture.id, 0)).collect();
        let secrets = options.with_secrets.then(|| Secrets {
            decoder: Decoder::new(),
            given: settings.keys.clone().unwrap_or_default(),
            told: BTreeSet::new(),
        });
        Ok(Self {
            writer,
            interfaces: Vec::new(),
            thinned,
            described: None,
            anonymous,
            told,
            points: BTreeMap::new(),
            same: BTreeMap::new(),
            overfull: false,
            read: 0,
            written: 0,
            secrets,
        })
    }

    /// Writes what is selected of a timeline.
    fn write(&mut self, frames: &mut Frames, selected: &mut Selected, interrupt: &Interrupt) -> io::Result<()> {
        let before = self.interfaces.len();
        self.describe(frames.captures(), &selected.wanted)?;
        while !interrupt.is_wanted() && frames.step(&mut |_| false) {
            let remarks = frames.remarks();
            let Some((frame, captures)) = frames.frame() else { break };
            self.describe(captures, &selected.wanted)?;
            self.take(&frame, captures, remarks, before, selected)?;
        }
        self.done(before, frames.captures(), &selected.wanted)
    }

    /// Writes what is selected of several points, their packets in the order of one clock.
    fn write_all(&mut self, parts: &mut [Part<'_>], selected: &mut Selected, interrupt: &Interrupt) -> io::Result<()> {
        let before = self.interfaces.len();
        for part in &mut *parts {
            self.describe(part.frames.captures(), &selected.wanted)?;
            part.advance();
        }
        while !interrupt.is_wanted() {
            let waiting = parts.iter_mut().filter(|part| part.next.is_some());
            let first = waiting.min_by_key(|part| part.next.as_ref().map(|next| next.at.time));
            let Some((part, next)) = first.and_then(|part| part.next.take().map(|next| (part, next))) else { break };
            self.describe(part.frames.captures(), &selected.wanted)?;
            self.take(&next.frame(), part.frames.captures(), next.remarks.clone(), before, selected)?;
            part.advance();
        }
        parts.iter().try_for_each(|part| self.done(before, part.frames.captures(), &selected.wanted))
    }

    /// Writes a packet, if it is selected.
    fn take(
        &mut self,
        frame: &Frame<'_>,
        captures: &[Capture],
        mut remarks: Remarks,
        before: usize,
        selected: &mut Selected,
    ) -> io::Result<()> {
        let Selected { wanted, comments } = selected;
        self.read += 1;
        let Some(bytes) = wanted.taken(frame) else { return Ok(()) };
        let mut of_capture = self.interfaces.iter_mut().skip(before).filter(|known| known.capture == frame.at.capture);
        let Some(interface) = of_capture.nth(frame.interface.0 as usize) else { return Ok(()) };
        interface.packets += 1;
        interface.last = interface.last.max(frame.at.time);
        let said = comments.get(&(frame.at.capture, frame.at.number)).map_or(&[][..], Vec::as_slice);
        for comment in said {
            // It may have been annotated before.
            if !remarks.comments.contains(comment) {
                remarks.comments.push(comment.clone());
            }
        }
        if let Some(lines) = self.secrets.as_mut().and_then(|secrets| secrets.needed(frame, captures)) {
            self.writer.secrets(lines.text())?;
        }
        if let Some(thinned) = &mut self.thinned {
            thinned.tell(frame, &mut remarks);
        }
        self.writer.frame_telling(interface.written, &Frame { bytes, ..*frame }, &remarks)?;
        self.written += 1;
        Ok(())
    }

    /// All packets of these captures are written.
    fn done(&mut self, before: usize, captures: &[Capture], wanted: &WantedFrames) -> io::Result<()> {
        self.describe(captures, wanted)?;
        self.overfull |= captures.iter().any(|capture| capture.annotations.overfull);
        self.count(before, captures)?;
        let Some(thinned) = &mut self.thinned else { return Ok(()) };
        self.described = captures.first().cloned();
        for (capture, damage) in captures.iter().filter_map(|capture| Some((capture, capture.damage.as_ref()?))) {
            self.writer.damaged(thinned.place(capture), damage)?;
        }
        Ok(())
    }

    /// Describes the interfaces and gives the names that have not been yet, in the order of the inputs.
    fn describe(&mut self, captures: &[Capture], wanted: &WantedFrames) -> io::Result<()> {
        for capture in captures {
            if let Some(same) = self.same.get(&capture.id).copied() {
                self.share(same, capture.id);
                continue;
            }
            let told = self.told.get(&capture.id).copied();
            let names = capture.annotations.names.get(told.unwrap_or(0)..).unwrap_or_default();
            if !names.is_empty() {
                let names: Vec<Named> = names.iter().filter(|named| wanted.names(named)).cloned().collect();
                self.writer.names(&names)?;
            }
            if told != Some(capture.annotations.names.len()) {
                self.told.insert(capture.id, capture.annotations.names.len());
            }
            let known = self.interfaces.iter().filter(|known| known.capture == capture.id).count();
            for (turn, interface) in capture.interfaces.iter().enumerate().skip(known) {
                let mut interface = interface.clone();
                if turn == 0 && told.is_none() {
                    // The file's section was begun before this capture was opened.
                    interface.remarks.comments.extend_from_slice(&capture.annotations.section.comments);
                }
                let source = self.thinned.as_mut().and_then(|one| thinned::of_source(one.place(capture)));
                interface.remarks.others.extend(source);
                interface.name = interface.name.or_else(|| self.points.get(&capture.id).cloned());
                let written = self.writer.interface(&interface)?;
                let last = Timestamp(0);
                self.interfaces.push(Interface { capture: capture.id, written, packets: 0, last });
            }
        }
        Ok(())
    }

    /// The interfaces of a capture that was described for another point are not described again.
    fn share(&mut self, same: CaptureId, own: CaptureId) {
        let known = self.interfaces.iter().filter(|one| one.capture == own).count();
        let all: Vec<Interface> = self.interfaces.iter().filter(|one| one.capture == same).copied().collect();
        let shared = all.into_iter().skip(known).map(|one| Interface { capture: own, packets: 0, ..one });
        self.interfaces.extend(shared);
    }

    /// What the inputs count as dropped is said again.
    fn count(&mut self, before: usize, captures: &[Capture]) -> io::Result<()> {
        for capture in captures {
            let own = self.interfaces.iter().skip(before).filter(|known| known.capture == capture.id);
            let is_shared = self.same.iter().any(|(one, other)| [*one, *other].contains(&capture.id));
            for (interface, known) in capture.interfaces.iter().zip(own) {
                if let Some(dropped) = interface.dropped.filter(|_| !is_shared || known.packets > 0) {
                    self.writer.statistics(known.written, known.last, known.packets, dropped)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the file, which says so if a signal has cut it off, and describes it. Packets read and written.
    fn finish(mut self, cut: Option<Signal>, tap: Option<String>, manifest: Option<&Path>) -> io::Result<(u64, u64)> {
        if let (Some(signal), Some(interface)) = (cut, self.interfaces.iter().max_by_key(|interface| interface.last)) {
            let comment = format!("ftpwhy: {}", interrupted_by(signal));
            self.writer.comment(interface.written, interface.last, &comment)?;
        }
        let (mut out, size, sha256) = self.writer.finish()?.finish()?.finish();
        out.finish()?;
        // Whoever finds a manifest finds the file.
        if let (Some(path), None, Some(capture)) = (manifest, cut, &self.described) {
            let source = Some(capture.path.clone()).filter(|_| !self.anonymous);
            let mut file = Destination::whole(path)?;
            file.write_all(Manifest { source, tap, size, sha256 }.line(capture).as_bytes())?;
            file.finish()?;
        }
        Ok((self.read, self.written))
    }
}
