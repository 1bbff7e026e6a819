//! Turns control bytes into commands, replies and announced endpoints, each with the frames its bytes came from.
//!
//! Knows the FTP dialogue (RFC 959, 1123, 1639, 2228, 2428, 4217) and Telnet; knows no data connections.
//! What PASS and ACCT say does not leave this module but as a [`crate::redact::Secret`].

pub mod codes;
mod command;
pub mod dialogue;
pub mod endpoint;
mod line;
pub mod meaning;
pub mod pairing;
pub mod recognise;
mod reply;
mod secret;
pub mod software;
mod telnet;
pub mod texts;
mod verb;
pub mod vocabulary;

pub use dialogue::Dialogue;
pub use pairing::OpenCommand;
pub use secret::{may_begin_secret, secret_command};

use std::net::{IpAddr, SocketAddr};

use crate::frame::{FrameList, Stamp};
use crate::redact::foreign;

/// The port of control connections (RFC 959 5.2).
pub const CONTROL_PORT: u16 = 21;

/// The port on which FTP is encrypted from the first byte (IANA: ftps).
pub const IMPLICIT_TLS: u16 = 990;

/// Who speaks on the control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The user-FTP process.
    Client,
    /// The server-FTP process.
    Server,
}

/// A command's place in its session, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandNo(pub u32);

/// What a command asks for, as far as diagnosis cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// USER
    User,
    /// PASS
    Pass,
    /// ACCT
    Acct,
    /// PORT
    Port,
    /// EPRT (RFC 2428)
    Eprt,
    /// LPRT (RFC 1639)
    Lprt,
    /// PASV
    Pasv,
    /// EPSV (RFC 2428)
    Epsv,
    /// LPSV (RFC 1639)
    Lpsv,
    /// RETR
    Retr,
    /// STOR
    Stor,
    /// STOU
    Stou,
    /// APPE
    Appe,
    /// LIST
    List,
    /// NLST
    Nlst,
    /// MLSD (RFC 3659)
    Mlsd,
    /// ABOR
    Abor,
    /// REIN
    Rein,
    /// QUIT
    Quit,
    /// AUTH (RFC 2228)
    Auth,
    /// PROT (RFC 2228)
    Prot,
    /// CCC (RFC 2228)
    Ccc,
    /// SYST
    Syst,
    /// REST
    Rest,
    /// Anything else.
    Other,
}

impl Verb {
    /// Whether it starts a transfer over a data connection.
    pub fn is_transfer(self) -> bool {
        matches!(self, Self::Retr | Self::Stor | Self::Stou | Self::Appe | Self::List | Self::Nlst | Self::Mlsd)
    }

    /// Whether the client, not the server, sends the data and closes the data connection to end the file.
    pub fn is_upload(self) -> bool {
        matches!(self, Self::Stor | Self::Stou | Self::Appe)
    }

    /// Whether it announces or asks for a data endpoint.
    pub fn is_endpoint(self) -> bool {
        matches!(self, Self::Port | Self::Eprt | Self::Lprt | Self::Pasv | Self::Epsv | Self::Lpsv)
    }

    /// Whether its argument is never to be shown.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Pass | Self::Acct)
    }

    /// Whether the client announces where it listens.
    pub fn is_active_endpoint(self) -> bool {
        matches!(self, Self::Port | Self::Eprt | Self::Lprt)
    }
}

/// A command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Its place in the session.
    pub no: CommandNo,
    /// What it asks for.
    pub verb: Verb,
    /// The verb as it was typed, upper case, printable.
    pub name: String,
    /// The argument, printable, bounded; `***` where a secret may stand.
    pub argument: String,
    /// Bytes of its line, without the line end.
    pub len: usize,
    /// The frames its bytes came from, oldest first, never empty.
    pub frames: FrameList,
    /// The endpoint it announces (PORT, EPRT, LPRT only). `None` too when the end of the line was not captured: then
    /// the argument ends with an ellipsis.
    pub endpoint: Option<Result<Endpoint, Malformed>>,
    /// Whether copies of its bytes differed, so that the text may not be what the server read.
    pub unreliable: bool,
}

impl Command {
    /// The frame that completed the line.
    pub fn at(&self) -> Stamp {
        self.frames.last()
    }

    /// Bytes it takes, about.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.argument.len() + self.frames.len() * size_of::<Stamp>()
    }

    /// The verb as it is shown, marked ([`crate::redact`]) if FTP does not know it.
    pub fn marked_name(&self) -> String {
        let is_known = self.verb != Verb::Other || vocabulary::verb(self.name.as_bytes()).is_some();
        if is_known { self.name.clone() } else { foreign(&self.name) }
    }

    /// The line as it is shown, strangers' words marked.
    pub fn line(&self) -> String {
        let name = self.marked_name();
        match &self.endpoint {
            _ if self.argument.is_empty() => name,
            Some(Ok(_)) => format!("{name} {}", self.argument),
            Some(Err(_)) | None => format!("{name} {}", foreign(&self.argument)),
        }
    }
}

/// A complete reply, single-line or multi-line.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// The text of its last line, printable, bounded, without the code.
    pub text: String,
    /// The text of the other lines, printable, bounded; empty for a single line.
    pub more: Vec<String>,
    /// The frames its bytes came from, oldest first, never empty.
    pub frames: FrameList,
    /// The command it answers; `None` for greetings and unsolicited replies (421).
    pub answers: Option<CommandNo>,
    /// The endpoint a 227, 228 or 229 announces. `None` for other replies, for a 227 without any
    /// address, and for a line whose end was not captured (its text ends with an ellipsis).
    pub endpoint: Option<Result<Endpoint, Malformed>>,
    /// Whether copies of its bytes differed.
    pub unreliable: bool,
}

impl Reply {
    /// The frame that completed the reply.
    pub fn at(&self) -> Stamp {
        self.frames.last()
    }

    /// Bytes it takes, about.
    pub fn weight(&self) -> usize {
        let text: usize = self.more.iter().map(|line| size_of::<String>() + line.len()).sum();
        size_of::<Self>() + self.text.len() + text + self.frames.len() * size_of::<Stamp>()
    }

    /// 1xx: another reply follows.
    pub fn is_preliminary(&self) -> bool {
        self.code / 100 == 1
    }

    /// 2xx
    pub fn is_success(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4xx or 5xx
    pub fn is_failure(&self) -> bool {
        matches!(self.code / 100, 4 | 5)
    }

    /// Whether the end of its last line is not in the capture, or was too long to be kept.
    pub fn is_cut(&self) -> bool {
        self.text.ends_with('\u{2026}')
    }

    /// The last line as it is shown, strangers' words marked ([`crate::redact`]), without blanks at its end.
    pub fn line(&self) -> String {
        let text = vocabulary::marked(self.text.trim_end());
        if text.is_empty() { self.code.to_string() } else { format!("{} {text}", self.code) }
    }

    /// The same without the code, as it was said.
    pub fn marked(&self) -> String {
        vocabulary::marked(&self.text)
    }

    /// The lines before it, likewise.
    pub fn more_marked(&self) -> Vec<String> {
        self.more.iter().map(|line| vocabulary::marked(line)).collect()
    }

    /// How long its last line is, as it is shown.
    pub fn line_len(&self) -> usize {
        self.text.len() + "227 ".len()
    }
}

/// A data endpoint as it was announced. EPSV's 229 names only a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The address, if one was named.
    pub address: Option<IpAddr>,
    /// The port; may be below 1024, never 0 (that is malformed).
    pub port: u16,
}

impl Endpoint {
    /// The socket, where the address is implied by `control`, the announcing host's control address.
    pub fn socket(self, control: IpAddr) -> SocketAddr {
        SocketAddr::new(self.address.unwrap_or(control), self.port)
    }
}

/// Why an endpoint argument cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong, a sentence part.
    pub why: String,
    /// EPRT and LPRT only: the address family named, when it is unknown or does not fit the address.
    pub protocol: Option<u32>,
}

/// What the control stream tells, in the order of the dialogue.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The client sent a command.
    Command(Command),
    /// The server completed a reply.
    Reply(Reply),
    /// The client sent the Telnet interrupt (IAC IP) that comes before ABOR, and no ABOR behind it.
    Interrupt {
        /// Its frame.
        at: Stamp,
    },
    /// From here on the control connection is encrypted (TLS after AUTH or at once on 990; GSSAPI after AUTH).
    Protected {
        /// The first opaque frame.
        at: Stamp,
        /// TLS or GSSAPI.
        by: &'static str,
    },
    /// A TLS record.
    Record {
        /// Whose record.
        speaker: Speaker,
        /// Its type and length.
        record: crate::wire::tls::Record,
        /// The frame in which its header ends.
        at: Stamp,
    },
    /// The client speaks in clear text again, after CCC.
    Cleared {
        /// The first clear frame.
        at: Stamp,
    },
    /// Bytes were lost here; commands and replies around it may be missing.
    Lost {
        /// Whose bytes.
        speaker: Speaker,
        /// How many.
        len: u64,
        /// Where it shows.
        at: Stamp,
    },
    /// A line exceeded the cap and was cut.
    LongLine {
        /// Whose line.
        speaker: Speaker,
        /// Where it ended.
        at: Stamp,
    },
}

impl Event {
    /// Bytes it takes, about.
    pub fn weight(&self) -> usize {
        match self {
            Self::Command(command) => command.weight(),
            Self::Reply(reply) => reply.weight(),
            Self::Interrupt { .. }
            | Self::Protected { .. }
            | Self::Record { .. }
            | Self::Cleared { .. }
            | Self::Lost { .. }
            | Self::LongLine { .. } => size_of::<Self>(),
        }
    }
}
