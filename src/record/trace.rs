//! What happened in a session, line by line and packet by packet: what `ftpwhy show` draws.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::finding::TransferId;
use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};

/// One session from its first packet to the last of its data connections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// The control dialogue in its order, bounded.
    pub lines: Vec<DialogueLine>,
    /// Lines beyond the bound.
    pub lines_left_out: u64,
    /// The control connection, then the data connections in order of their first frame.
    pub connections: Vec<ConnectionTrace>,
    /// The capture points by name, where there are several: the one nearest to the client first.
    pub taps: Vec<String>,
    /// Which of these points show a packet or line, by its frame; of frames that are not named all do.
    pub passages: BTreeMap<(CaptureId, FrameNo), Passage>,
    /// Frames in which other points have a line of the dialogue, and the frame in which it is told here.
    pub same: BTreeMap<(CaptureId, FrameNo), Stamp>,
}

/// How far a packet came on its way past several points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The first and the last of the points that show it, in the order of the path from the client on.
    pub seen: (usize, usize),
    /// Whether the next point that it should have passed was recording, and lacks it.
    pub lost: bool,
    /// Whether the point that it should have passed before was recording, and lacks it.
    pub added: bool,
}

impl Trace {
    /// Every text in it that may quote what was captured.
    pub fn texts(&mut self, mut change: impl FnMut(&mut String)) {
        for line in &mut self.lines {
            match &mut line.said {
                DialogueEvent::Command(text) => change(text),
                DialogueEvent::Reply { text, more, .. } => {
                    change(text);
                    more.iter_mut().for_each(&mut change);
                }
                DialogueEvent::Interrupt
                | DialogueEvent::Protected(_)
                | DialogueEvent::Cleared
                | DialogueEvent::Lost(_)
                | DialogueEvent::Cut => {}
            }
        }
    }
}

/// The two sides of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DialogueSide {
    /// The user-FTP process.
    Client,
    /// The server-FTP process.
    Server,
}

/// A line of the dialogue, or what took the place of lines.
#[derive(Clone, Debug, PartialEq)]
pub struct DialogueLine {
    /// The frame that completed it.
    pub at: Stamp,
    /// Who said it; `None` for what both sides did.
    pub by: Option<DialogueSide>,
    /// What was said.
    pub said: DialogueEvent,
}

/// What was said on the control connection. Texts are printable.
#[derive(Clone, Debug, PartialEq)]
pub enum DialogueEvent {
    /// A command with its argument.
    Command(String),
    /// A reply.
    Reply {
        /// Three digits.
        code: u16,
        /// Its last line, without the code.
        text: String,
        /// The lines before it.
        more: Vec<String>,
    },
    /// The Telnet interrupt that comes before ABOR, without it.
    Interrupt,
    /// From here on it is encrypted: TLS or GSSAPI.
    Protected(&'static str),
    /// Clear text again.
    Cleared,
    /// So many bytes were not captured.
    Lost(u64),
    /// A line was too long and was cut.
    Cut,
}

/// What a connection is to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its control connection.
    Control,
    /// A data connection, of this transfer if it is known.
    Data(Option<TransferId>),
    /// An earlier connection on a 5-tuple that a transfer wanted again.
    Earlier,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Address and port.
    pub socket: SocketAddr,
    /// Whose it is; `None` for a third host, and for another address of a side.
    pub side: Option<DialogueSide>,
}

/// A connection by the packets that open, break and close it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionTrace {
    /// What it is to the session.
    pub part: Part,
    /// Who opened it.
    pub origin: Peer,
    /// Whom to.
    pub target: Peer,
    /// Its packets in order of time.
    pub packets: Vec<Packet>,
    /// Payload bytes of both directions.
    pub bytes: u64,
    /// Whether it was opened, used and closed as it should be.
    pub smooth: bool,
    /// Who holds it in TIME-WAIT, if it closed completely.
    pub time_wait: Option<TimeWait>,
}

/// A packet that matters, or the first of several that do the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Packet {
    /// The frame.
    pub at: Stamp,
    /// Whether the connection's origin sent it; of an ICMP error, whether it is about the origin's packet.
    pub by_origin: bool,
    /// What it does.
    pub does: Does,
}

/// What a packet does to its connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Does {
    /// SYN; sent again if it is not the first.
    Syn {
        /// Whether it is a repeat.
        again: bool,
    },
    /// SYN-ACK
    SynAck,
    /// The ACK that completes the handshake.
    Established,
    /// An answer to a SYN with other numbers than a handshake wants.
    StaleAck,
    /// The first payload; so many bytes came in all.
    Data(u64),
    /// FIN
    Fin,
    /// The ACK of the last FIN.
    LastAck,
    /// RST
    Rst,
    /// An ICMP error.
    Icmp {
        /// Who sent it.
        from: IpAddr,
        /// The error in words.
        meaning: &'static str,
    },
}

/// How long somebody holds a closed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWait {
    /// Whether the origin holds it.
    pub by_origin: bool,
    /// Whether the target holds it; after a simultaneous close both do.
    pub by_target: bool,
    /// From here.
    pub since: Stamp,
    /// Until here at least, on common systems.
    pub at_least: Timestamp,
    /// Until here at most.
    pub at_most: Timestamp,
    /// Whether the same 5-tuple was wanted again in this session.
    pub wanted_again: bool,
}
