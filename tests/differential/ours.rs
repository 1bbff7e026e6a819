//! What the library says of a capture, without any judgement: frames, and the events of control connections.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use ftpwhy::flow::{ConnectionId, Conversation, End, Piece, Table};
use ftpwhy::frame::{CaptureId, Stamp};
use ftpwhy::ftp::{Dialogue, Event, Speaker};
use ftpwhy::source::Timeline;
use ftpwhy::wire::{Body, Decoder};

/// A control line as both programs can show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Command { name: String, argument: String },
    Reply { code: u16, text: String },
}

#[derive(Debug)]
pub struct Frame {
    pub time: i64,
    pub interface: u32,
}

/// Everything that was read.
pub struct Heard {
    pub frames: BTreeMap<u64, Frame>,
    events: Vec<Event>,
}

struct Control {
    conversation: Conversation,
    dialogue: Dialogue,
    server: End,
}

pub fn read(path: &Path) -> Result<Heard, String> {
    let (mut timeline, errors) = Timeline::open(&[path.to_path_buf()], CaptureId(0), None);
    if let Some(error) = errors.first() {
        return Err(error.to_string());
    }
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method itself is not general enough")]
    let mut table = Table::new(|tcp, ip| tcp.checksum(ip));
    let mut decoder = Decoder::new();
    let mut controls: HashMap<ConnectionId, Control> = HashMap::new();
    let mut heard = Heard { frames: BTreeMap::new(), events: Vec::new() };
    while let Some(frame) = timeline.next() {
        let own = Frame { time: frame.at.time.0, interface: frame.interface.0 };
        heard.frames.insert(frame.at.number.0, own);
        let packet = decoder.decode(&frame);
        let Body::Tcp(ip, tcp) = &packet.body else { continue };
        if tcp.source_port != 21 && tcp.destination_port != 21 {
            continue;
        }
        let booked = table.push(frame.at, frame.interface, &packet.link, packet.wrapping, ip, tcp);
        let Some(connection) = table.connection(booked.connection).filter(|_| !booked.copy) else { continue };
        let control = controls.entry(booked.connection).or_insert_with(|| Control {
            conversation: Conversation::new(),
            dialogue: if connection.midstream { Dialogue::picked_up() } else { Dialogue::new(false) },
            server: if connection.target.port() == 21 { End::Target } else { End::Origin },
        });
        let Control { conversation, dialogue, server } = control;
        let mut out = |piece: Piece<'_>| speak(dialogue, *server, piece, &mut heard.events);
        conversation.push(booked.from, frame.at, tcp, || tcp.checksum(ip), &mut out);
    }
    let mut rest: Vec<(ConnectionId, Control)> = controls.into_iter().collect();
    rest.sort_by_key(|(id, _)| *id);
    for (_, Control { mut conversation, mut dialogue, server }) in rest {
        conversation.finish(&mut |piece| speak(&mut dialogue, server, piece, &mut heard.events));
    }
    Ok(heard)
}

fn speak(dialogue: &mut Dialogue, server: End, piece: Piece<'_>, events: &mut Vec<Event>) {
    let speaker = |end: End| if end == server { Speaker::Server } else { Speaker::Client };
    match piece {
        Piece::Bytes { from, bytes, at, conflicting } => {
            drop(dialogue.bytes(speaker(from), bytes, at, conflicting, events));
        }
        Piece::Gap { from, len, at } => dialogue.gap(speaker(from), len, at, events),
        Piece::Closed { from, at } => dialogue.closed(speaker(from), at, events),
    }
}

impl Heard {
    /// The lines that tshark must show too, by frame: its first line in a frame that begins with it. tshark parses the
    /// first line of a segment only, does not put lines together, passes Telnet negotiation through, shows the first
    /// line of a reply of several, and prints bytes that are no text differently.
    pub fn comparable(&self) -> BTreeMap<u64, Line> {
        let shared = self.in_several_frames();
        let mut lines = BTreeMap::new();
        for event in &self.events {
            let (frames, line, plain) = match event {
                Event::Command(command) => {
                    // A secret may stand there, and tshark shows it.
                    let hidden = [&command.name, &command.argument].iter().any(|text| text.contains("***"));
                    let argument = if hidden { String::new() } else { command.argument.clone() };
                    let plain = !command.unreliable && !hidden && command.name.len() <= 4;
                    (&command.frames, Line::Command { name: command.name.clone(), argument }, plain)
                }
                Event::Reply(reply) => {
                    let line = Line::Reply { code: reply.code, text: reply.text.trim_end().to_owned() };
                    (&reply.frames, line, reply.more.is_empty() && !reply.unreliable && !reply.text.contains("***"))
                }
                Event::Interrupt { .. }
                | Event::Protected { .. }
                | Event::Record { .. }
                | Event::Cleared { .. }
                | Event::Lost { .. }
                | Event::LongLine { .. } => continue,
            };
            let text = format!("{line:?}");
            let printable = plain && !text.contains("\\\\") && text.is_ascii();
            if let [at] = frames[..]
                && !shared.contains(&at.number.0)
            {
                // Later lines of the frame are not tshark's first one; an uncomparable first one bars the frame.
                lines.entry(at.number.0).or_insert(printable.then_some(line));
            }
        }
        lines.into_iter().filter_map(|(number, line)| Some((number, line?))).collect()
    }

    /// Frames that hold only a part of some line.
    fn in_several_frames(&self) -> BTreeSet<u64> {
        let several = |frames: &[Stamp]| if frames.len() > 1 { frames.to_vec() } else { Vec::new() };
        let frames = self.events.iter().flat_map(|event| match event {
            Event::Command(command) => several(&command.frames),
            Event::Reply(reply) => several(&reply.frames),
            Event::Lost { at, .. } | Event::LongLine { at, .. } => vec![*at],
            Event::Interrupt { .. } | Event::Protected { .. } | Event::Record { .. } | Event::Cleared { .. } => {
                Vec::new()
            }
        });
        frames.map(|at| at.number.0).collect()
    }
}
