//! `ftpwhy extract`: reads the inputs for what is wanted of them, then again to write it.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::frames::Frames;
use super::{
    CLEAN, TROUBLE, Trouble, complain, create, interrupt, must_be_read_again, plan, read_all, settings, status,
    unreadable,
};
use crate::cli::ExtractOptions;
use crate::diagnosis::selection::Selection;
use crate::extract::{Choice, Collected, Comments, Wanted};
use crate::frame::{CaptureId, Timestamp};
use crate::points::Plan;
use crate::record::{Sink, Summary};
use crate::source::write::{Writer, WrittenInterface};
use crate::source::{Capture, Everything, Named, Remarks};

/// What annotated captures say of themselves: frames are numbered anew in them.
const NUMBERING: &str = "ftpwhy: frame numbers in comments are those of the capture that this one was taken from";

/// Writes what `options` ask for. The exit status.
pub fn extract(options: &ExtractOptions) -> u8 {
    status(extracted(options))
}

fn extracted(options: &ExtractOptions) -> Result<u8, Trouble> {
    let to_stdout = options.write.as_path() == Path::new("-");
    if to_stdout && io::stdout().is_terminal() {
        return Err(Trouble::Refused("a capture is nothing for a terminal: redirect it, or name a file".to_owned()));
    }
    let plan = plan(&options.input)?;
    if !to_stdout {
        spare_inputs(&options.write, &plan)?;
    }
    let concluded = options.choice != Choice::All || options.annotate;
    if concluded {
        options.input.files.iter().try_for_each(|file| must_be_read_again(file))?;
    }
    let settings = settings(&options.input, Selection::default(), false);
    let mut collected = Collected::default();
    let mut complete = true;
    let mut lacking = Summary::default();
    if concluded {
        let read = read_all(&plan, &options.input, &settings, &mut collected)?;
        collected.end(&read.captures, &read.summary)?;
        (complete, lacking) = (read.complete, read.summary);
    } else {
        unreadable::note(&mut lacking, &plan.errors, &options.input);
    }
    let mut wanted = collected.wanted(&options.choice).map_err(Trouble::Refused)?;
    let comments = if options.annotate { collected.comments() } else { Comments::default() };
    let stop = interrupt();
    let mut output: Option<Output> = None;
    let mut first = CaptureId(0);
    for group in &plan.groups {
        let (mut frames, errors) = Frames::open(&group.files, first, &options.input, &settings, &stop)?;
        // What the first reading told is not told again.
        unreadable::note(&mut lacking, &errors, &options.input);
        let opened = u32::try_from(frames.captures().len()).unwrap_or(u32::MAX);
        first = CaptureId(first.0.saturating_add(opened));
        // Where nothing could be read there is no capture to write.
        if opened > 0 {
            let output = match &mut output {
                Some(output) => output,
                none => none.insert(Output::create(&options.write, frames.captures(), options.annotate)?),
            };
            output.write(&mut frames, &mut wanted, &comments, &stop)?;
        }
        unreadable::note_captures(&mut lacking, frames.captures(), &options.input);
        if !concluded {
            for error in frames.filter_refusals() {
                complete = false;
                complain(&format!("packets were left out: {error}"), None);
            }
        }
    }
    let Some(output) = output else { return Ok(TROUBLE) };
    if output.overfull {
        complain("there are more comments and names of addresses than are kept; the rest is left out", None);
    }
    let (read, written) = output.finish()?;
    // The packets are what was asked for; whoever has closed standard error has not asked how many.
    let _ = writeln!(io::stderr(), "{written} of {read} packets written to {}", options.write.display());
    Ok(if complete && lacking.is_all_read() { CLEAN } else { TROUBLE })
}

/// Refuses to write over what is to be read.
fn spare_inputs(target: &Path, plan: &Plan) -> Result<(), Trouble> {
    let target = target.canonicalize().ok();
    for file in plan.groups.iter().flat_map(|group| &group.files) {
        if target.is_some() && file.canonicalize().ok() == target {
            return Err(Trouble::Refused(format!("{} is one of the inputs: write to another file", file.display())));
        }
    }
    Ok(())
}

/// What the sections of captures tell as one: all comments, and what one alone says of its machine.
fn sections(captures: &[Capture]) -> Remarks {
    let all = || captures.iter().map(|capture| &capture.annotations.section);
    let comments = all().flat_map(|section| section.comments.iter().cloned()).collect();
    let others = if let [only] = captures { only.annotations.section.others.clone() } else { Vec::new() };
    Remarks { comments, others }
}

/// The file being written.
struct Output {
    writer: Writer<Box<dyn Write>>,
    interfaces: Vec<Interface>,
    /// How many names of each capture are written.
    told: BTreeMap<CaptureId, usize>,
    /// Whether there was more to tell than is kept.
    overfull: bool,
    read: u64,
    written: u64,
}

/// An interface of an input, and what was written of it.
struct Interface {
    capture: CaptureId,
    written: WrittenInterface,
    packets: u64,
    last: Timestamp,
}

impl Output {
    /// What the sections of these captures tell, that of the file does.
    fn create(path: &Path, captures: &[Capture], annotated: bool) -> Result<Self, Trouble> {
        let to_stdout = path == Path::new("-");
        let out = if to_stdout { Box::new(BufWriter::new(io::stdout())) } else { create(path)? };
        let mut section = sections(captures);
        if annotated && !section.comments.iter().any(|comment| comment == NUMBERING) {
            section.comments.push(NUMBERING.to_owned());
        }
        let writer = Writer::telling(out, &section)?;
        let told = captures.iter().map(|capture| (capture.id, 0)).collect();
        Ok(Self { writer, interfaces: Vec::new(), told, overfull: false, read: 0, written: 0 })
    }

    fn write(
        &mut self,
        frames: &mut Frames,
        wanted: &mut Wanted,
        comments: &Comments,
        stop: &AtomicBool,
    ) -> io::Result<()> {
        let before = self.interfaces.len();
        self.describe(frames.captures(), wanted)?;
        while !stop.load(Ordering::Relaxed) && frames.step(&mut Everything) {
            let mut remarks = frames.remarks();
            let Some((frame, captures)) = frames.frame() else { break };
            self.read += 1;
            self.describe(captures, wanted)?;
            if !wanted.takes(&frame) {
                continue;
            }
            let mut of_capture =
                self.interfaces.iter_mut().skip(before).filter(|known| known.capture == frame.at.capture);
            let Some(interface) = of_capture.nth(frame.interface.0 as usize) else { continue };
            interface.packets += 1;
            interface.last = interface.last.max(frame.at.time);
            let said = comments.get(&(frame.at.capture, frame.at.number)).map_or(&[][..], Vec::as_slice);
            for comment in said {
                // It may have been annotated before.
                if !remarks.comments.contains(comment) {
                    remarks.comments.push(comment.clone());
                }
            }
            self.writer.frame_telling(interface.written, &frame, &remarks)?;
            self.written += 1;
        }
        self.describe(frames.captures(), wanted)?;
        self.overfull |= frames.captures().iter().any(|capture| capture.annotations.overfull);
        self.count(before, frames.captures())
    }

    /// Describes the interfaces and gives the names that have not been yet, in the order of the inputs.
    fn describe(&mut self, captures: &[Capture], wanted: &Wanted) -> io::Result<()> {
        for capture in captures {
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
                let written = self.writer.interface(&interface)?;
                let last = Timestamp(0);
                self.interfaces.push(Interface { capture: capture.id, written, packets: 0, last });
            }
        }
        Ok(())
    }

    /// What the inputs count as dropped is said again.
    fn count(&mut self, before: usize, captures: &[Capture]) -> io::Result<()> {
        for capture in captures {
            let own = self.interfaces.iter().skip(before).filter(|known| known.capture == capture.id);
            for (interface, known) in capture.interfaces.iter().zip(own) {
                if let Some(dropped) = interface.dropped {
                    self.writer.statistics(known.written, known.last, known.packets, dropped)?;
                }
            }
        }
        Ok(())
    }

    /// Packets read and written.
    fn finish(self) -> io::Result<(u64, u64)> {
        self.writer.finish()?;
        Ok((self.read, self.written))
    }
}
