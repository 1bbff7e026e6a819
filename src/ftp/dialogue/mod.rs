//! The dialogue of one control connection: bytes of both speakers in, commands, replies and changes of state out.
//!
//! Knows where clear text ends (TLS, GSSAPI) and begins again. Knows no packets beyond the frames it is told.

use std::collections::VecDeque;
use std::ops::Range;

use super::line::{Line, LineReader, Start, TEXT_BYTES, shown};
use super::pairing::{OpenCommand, Pairing};
use super::reply::{RawReply, ReplyReader, is_reply};
use super::secret::{self, Login, Said};
use super::{CommandNo, Event, Reply, Speaker, Verb};
use super::{command, verb};
use crate::frame::{FrameList, Stamp};
use crate::redact::Secret;
use crate::wire::tls::{self, Records};

/// Whether, and how, the dialogue is protected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protection {
    /// Clear text, and nothing else is expected.
    None,
    /// Clear text so far; a TLS handshake may come: AUTH was sent, or the port is for implicit TLS.
    MayBegin,
    /// TLS. Each speaker's records begin and end on their own.
    Tls,
    /// Lines in ENC, MIC or CONF, and replies 631 to 633 (RFC 2228 4, 5.1).
    Gssapi,
}

/// What one speaker sent. Holds passwords, so it has no `Debug`.
struct Side {
    lines: LineReader,
    records: Option<Records>,
}

/// The dialogue of a control connection. Holds passwords, so it has no `Debug`.
pub struct Dialogue {
    client: Side,
    server: Side,
    replies: ReplyReader,
    pairing: Pairing,
    protection: Protection,
    /// What PASS and ACCT said whose replies may repeat it: the last few.
    said: VecDeque<Said>,
    login: Login,
    /// What the client said where its lines were not known to begin: the end of a PASS, if the server answers so.
    fragment: Option<Vec<u8>>,
    /// Secrets that were seen and not handed on yet.
    secrets: Vec<Secret>,
    next: CommandNo,
    /// The client's Telnet interrupt that no command has followed yet.
    interrupt: Option<Stamp>,
}

/// Secrets that are remembered: those of one login, pipelined.
const SAID_KEPT: usize = 4;

impl Dialogue {
    /// A dialogue seen from its first byte. `implicit_tls`: TLS may begin at once (port 990).
    pub fn new(implicit_tls: bool) -> Self {
        let protection = if implicit_tls { Protection::MayBegin } else { Protection::None };
        Self::starting(LineReader::default, Pairing::default(), Login::default(), protection)
    }

    /// A dialogue whose beginning was not captured: lines that make no sense are skipped until one does.
    pub fn picked_up() -> Self {
        Self::starting(LineReader::picked_up, Pairing::picked_up(), Login::picked_up(), Protection::None)
    }

    fn starting(lines: fn() -> LineReader, pairing: Pairing, login: Login, protection: Protection) -> Self {
        let side = || Side { lines: lines(), records: None };
        let (client, server, replies) = (side(), side(), ReplyReader::default());
        let (said, fragment, secrets) = Default::default();
        let next = CommandNo(0);
        Self { client, server, replies, pairing, protection, said, login, fragment, secrets, next, interrupt: None }
    }

    /// The secrets that were seen since this was last asked.
    pub fn secrets(&mut self) -> Vec<Secret> {
        std::mem::take(&mut self.secrets)
    }

    /// In-order bytes of one speaker, all from one frame. Appends what they tell to `out`, and gives the parts that are
    /// TLS records and no text. `unreliable`: copies of these bytes differed.
    pub fn bytes(
        &mut self,
        speaker: Speaker,
        bytes: &[u8],
        at: Stamp,
        unreliable: bool,
        out: &mut Vec<Event>,
    ) -> Vec<Range<usize>> {
        let mut opaque = Vec::new();
        let mut rest = bytes;
        let side = self.side(speaker);
        if side.records.is_none() && side.lines.is_unsure() && tls::is_record(rest) {
            self.protect_by_tls(speaker, at, out);
        }
        while let Some((byte, behind)) = rest.split_first() {
            let may_begin = matches!(self.protection, Protection::MayBegin | Protection::Tls);
            let side = self.side(speaker);
            if let Some(records) = &mut side.records {
                let mut tell = |record| out.push(Event::Record { speaker, record, at });
                let clear = records.walk(rest, &mut tell);
                let begun = bytes.len() - rest.len();
                rest = clear.unwrap_or_default();
                opaque.push(begun..bytes.len() - rest.len());
                if clear.is_some() {
                    side.records = None;
                }
            } else if may_begin && side.lines.at_line_start() && tls::begins(*byte) {
                self.protect_by_tls(speaker, at, out);
            } else if let text @ 1.. = side.lines.take_text(rest, at, unreliable) {
                rest = rest.get(text..).unwrap_or_default();
            } else {
                rest = behind;
                let interrupts = speaker == Speaker::Client && side.lines.is_interrupted_by(*byte);
                let line = side.lines.take(*byte, at, unreliable);
                self.interrupt = self.interrupt.or(interrupts.then_some(at));
                if let Some(line) = line {
                    self.line(speaker, line, out);
                }
            }
        }
        opaque
    }

    /// `len` bytes of one speaker were not captured. A line or reply that was begun is given as far as it came.
    pub fn gap(&mut self, speaker: Speaker, len: u64, at: Stamp, out: &mut Vec<Event>) {
        let tls = self.protection == Protection::Tls;
        let login = &self.login;
        let side = match speaker {
            Speaker::Client => &mut self.client,
            Speaker::Server => &mut self.server,
        };
        let begun = match &mut side.records {
            Some(records) => {
                records.skip(len);
                None
            }
            None if tls => {
                side.records = Some(Records::Lost);
                None
            }
            None => side.lines.lost(|bytes| speaker == Speaker::Client && secret::may_begin(bytes, login)),
        };
        if let Some(line) = begun {
            self.line(speaker, line, out);
        }
        match speaker {
            Speaker::Client => self.pairing.lost_commands(),
            Speaker::Server => {
                if let Some(reply) = self.replies.close() {
                    self.reply(reply, out);
                }
                self.pairing.lost_replies();
            }
        }
        out.push(Event::Lost { speaker, len, at });
    }

    /// One speaker closed the connection: a last line without line end still counts. Not for the end of a capture,
    /// which may cut a line anywhere.
    pub fn closed(&mut self, speaker: Speaker, _at: Stamp, out: &mut Vec<Event>) {
        if let Some(line) = self.side(speaker).lines.close() {
            self.line(speaker, line, out);
        }
        if speaker == Speaker::Client {
            out.extend(self.interrupt.take().map(|at| Event::Interrupt { at }));
        }
        if speaker == Speaker::Server
            && let Some(reply) = self.replies.close()
        {
            self.reply(reply, out);
        }
    }

    /// The commands without their final replies, oldest first; at most [`super::pairing::PENDING_COMMANDS`].
    pub fn outstanding(&self) -> impl Iterator<Item = &OpenCommand> {
        self.pairing.outstanding()
    }

    /// Bytes that wait for the rest of their line or reply, about.
    pub fn held(&self) -> usize {
        let pairing = self.pairing.outstanding().count() * size_of::<OpenCommand>();
        let fragment = self.fragment.as_ref().map_or(0, Vec::len);
        self.client.lines.held() + self.server.lines.held() + self.replies.held() + pairing + fragment
    }

    fn side(&mut self, speaker: Speaker) -> &mut Side {
        match speaker {
            Speaker::Client => &mut self.client,
            Speaker::Server => &mut self.server,
        }
    }

    fn line(&mut self, speaker: Speaker, line: Line, out: &mut Vec<Event>) {
        let makes_sense = match speaker {
            Speaker::Client => verb::known(verb::split(&line.bytes).0).is_some(),
            Speaker::Server => is_reply(&line.bytes),
        };
        let taken = match line.start {
            Start::Sure => makes_sense || line.ended,
            Start::Unsure => makes_sense,
            Start::Secret => false,
        };
        if !taken {
            if speaker == Speaker::Client {
                self.overhear(line);
            }
            return;
        }
        if line.ended {
            self.side(speaker).lines.trust();
        }
        if line.cut
            && let Some(at) = line.frames.last()
        {
            out.push(Event::LongLine { speaker, at: *at });
        }
        match speaker {
            Speaker::Client => self.command(&line, out),
            Speaker::Server => {
                if let Some(reply) = self.replies.take(line) {
                    self.reply(reply, out);
                }
            }
        }
    }

    /// Takes a client's line that is not told, for it may have begun before it was captured.
    fn overhear(&mut self, mut line: Line) {
        if line.start == Start::Secret {
            self.secrets.extend(Secret::new(&line.bytes, false));
            return;
        }
        self.secrets.extend(secret::tell(&line.bytes, false, &self.login).secrets);
        line.bytes.truncate(TEXT_BYTES);
        self.fragment = Some(line.bytes);
    }

    fn command(&mut self, line: &Line, out: &mut Vec<Event>) {
        let Some((command, secrets)) = command::parse(self.next, line, &self.login) else { return };
        let at = command.at();
        let interrupt = self.interrupt.take().filter(|_| command.verb != Verb::Abor);
        out.extend(interrupt.map(|at| Event::Interrupt { at }));
        if matches!(command.name.as_str(), "ENC" | "MIC" | "CONF") {
            return self.protect(Protection::Gssapi, "GSSAPI", at, out);
        }
        // Only the client's word ends protection: a server that dies says so in clear text.
        if let Protection::Tls | Protection::Gssapi = self.protection {
            self.pairing = Pairing::picked_up();
            out.push(Event::Cleared { at: command.frames.first() });
        }
        self.protection = if command.verb == Verb::Auth { Protection::MayBegin } else { Protection::None };
        self.next.0 = self.next.0.saturating_add(1);
        self.secrets.extend(secrets);
        if let Some(said) = Said::in_line(&line.bytes).filter(|said| !self.login.is_convention(said)) {
            self.said.truncate(SAID_KEPT - 1);
            self.said.push_front(said);
        }
        let (name, argument) = verb::split(&line.bytes);
        let verb = Some(command.verb).filter(|verb| verb.is_secret()).or_else(|| verb::known(name));
        self.login.command(verb, name, argument);
        self.pairing.command(command.no, command.verb, &command.name, at);
        out.push(Event::Command(command));
    }

    fn reply(&mut self, raw: RawReply, out: &mut Vec<Event>) {
        let Some(frames) = FrameList::of(raw.frames) else { return };
        if let 631..=633 = raw.code {
            return self.protect(Protection::Gssapi, "GSSAPI", frames.last(), out);
        }
        if let Some(fragment) = self.fragment.take().filter(|_| secret::answers_login(raw.code)) {
            self.secrets.extend(secret::in_fragment(&fragment));
        }
        self.login.reply(raw.code);
        self.secrets.extend(raw.more.iter().chain([&raw.text]).flat_map(|line| secret::in_reply(line)));
        let answered = self.pairing.reply(raw.code);
        let verb = answered.map(|(_, verb)| verb);
        self.protection = match (self.protection, raw.code, verb) {
            (Protection::None, 234, _) => Protection::MayBegin,
            (Protection::MayBegin, 400..=599, Some(Verb::Auth)) => Protection::None,
            (protection, _, _) => protection,
        };
        // What answers another command has no reason to repeat it, and may well have the same word for a file.
        let may_repeat = verb.is_none_or(Verb::is_secret);
        let text = |bytes: &Vec<u8>| {
            let secrets = self.said.iter().filter(|_| may_repeat);
            let text = secrets.fold(bytes.clone(), |text, said| said.hidden_in(&text));
            shown(&secret::without_echo(&text, raw.code, verb))
        };
        out.push(Event::Reply(Reply {
            code: raw.code,
            text: text(&raw.text),
            more: raw.more.iter().map(text).collect(),
            frames,
            answers: answered.map(|(no, _)| no),
            endpoint: raw.endpoint,
            unreliable: raw.unreliable,
        }));
    }

    /// A speaker's records begin; the other one's follow on their own. Clear text behind them must make sense.
    fn protect_by_tls(&mut self, speaker: Speaker, at: Stamp, out: &mut Vec<Event>) {
        *self.side(speaker) = Side { lines: LineReader::picked_up(), records: Some(Records::First) };
        self.protect(Protection::Tls, "TLS", at, out);
    }

    fn protect(&mut self, protection: Protection, by: &'static str, at: Stamp, out: &mut Vec<Event>) {
        if self.protection != protection {
            self.protection = protection;
            self.pairing = Pairing::picked_up();
            out.push(Event::Protected { at, by });
        }
    }
}

#[cfg(test)]
mod tests;
