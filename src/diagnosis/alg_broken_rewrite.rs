//! `alg-broken-rewrite`

use super::Draft;
use super::case::{Case, SessionCase};
use crate::finding::{Confidence, Evidence, Finding, Route};
use crate::flow::{Connection, End, Half};
use crate::frame::Stamp;
use crate::redact::unmarked;
use crate::transfer::session::Session;

/// Copies of the segment that make it dropped and not lost: the first and two repeats.
const COPIES: usize = 3;

/// Bare acknowledgements that lag make no accident: a late one is followed by one that does not.
const LAGGING: usize = 2;

/// Frames cited.
const CITED: usize = 8;

diagnosis! {
    /// An FTP helper (ALG) on the path breaks the control connection: it rewrites PORT, EPRT, 227 or 229 without
    /// adjusting TCP correctly, or it drops a line that it cannot read as a whole.
    ///
    /// A rewritten line is longer or shorter by some bytes. From then on the helper must shift the sequence numbers of
    /// one side and the acknowledgements of the other by that difference, and correct the checksum. If it does not,
    /// each side rejects the other's segments, and both retransmit until one gives up. Some helpers drop a line that is
    /// split over two segments on purpose (Linux does).
    ///
    /// Needs one of these, all about a line with an endpoint, after which its sender sends nothing else: (1) the
    /// numbers differ: the answer is sent three times or more and never acknowledged, while the line's sender continues
    /// to acknowledge with a sequence number some bytes below what was acknowledged to it; (2) the end of the line is
    /// retransmitted and never acknowledged, though the line was sent whole, its beginning was acknowledged, and it was
    /// answered; (3) every copy of the line has a bad checksum, none is acknowledged, and the other segments of its
    /// sender are correct; (4) the line is split over two segments, the one with its beginning is sent three times or
    /// more and never acknowledged, and the other side is alive.
    ///
    /// Helps: the same line seen on the other side of the helper, longer or shorter by the same number of bytes; other
    /// sessions whose line keeps its length and works.
    ///
    /// Refuted by: a late acknowledgement; nothing at all comes back (then the path is down: `control-stalled`);
    /// numbers that agree.
    ///
    /// Confidence: probable from one point; proven where both sides of the helper are in the file and the line's length
    /// differs by as much as the numbers.
    ///
    /// Traps: a host that leaves checksums to its network card has wrong ones everywhere.
    ///
    /// Remedy: in the network update the helper, or switch it off; at the client send each command in one segment, and
    /// use passive mode where PORT is broken, EPSV where 227 is; at the server allow EPSV and AUTH TLS, which a helper
    /// cannot rewrite.
    "alg-broken-rewrite", Error,
    "an FTP helper (ALG) on the path breaks the control connection at a PORT, EPRT or 227 line",
    ["RFC 1123 4.1.2.10", "RFC 3022 4.4", "RFC 9293 3.10.7.4"],
    verdict: BrokenRewrite,
    locus: Server,
    Session(check),
    Transfer(of_transfer);
    reported_once: true
}

/// A session and its control connection.
struct Talk<'a> {
    session: &'a Session,
    control: &'a Connection,
    /// When each line of the client was complete, in order.
    by_client: Vec<Stamp>,
    /// Likewise of the server.
    by_server: Vec<Stamp>,
}

impl<'a> Talk<'a> {
    /// `None` where both ends got through with all that they said.
    fn of(session: &'a Session, control: &'a Connection) -> Option<Self> {
        let broken = |end: End| control.half(end).lag().is_some() || !control.half(end).unacknowledged().is_empty();
        if !broken(End::Origin) && !broken(End::Target) {
            return None;
        }
        let sorted = |mut stamps: Vec<Stamp>| {
            stamps.sort_unstable();
            stamps
        };
        let (by_client, by_server) = (sorted(said_by_client(session)), sorted(said_by_server(session)));
        Some(Self { session, control, by_client, by_server })
    }

    /// When each line of one side was complete, in order.
    fn said_by(&self, end: End) -> &[Stamp] {
        let client = self.control.socket(end) == self.session.client;
        if client { &self.by_client } else { &self.by_server }
    }
}

/// A line that announces an endpoint.
struct Line<'a> {
    end: End,
    text: String,
    frames: &'a [Stamp],
    answered: bool,
    /// By how many bytes it is longer or shorter on the other side of a helper.
    grows: Option<usize>,
}

/// How it was broken.
struct Broken {
    how: String,
    frames: Vec<Stamp>,
    note: String,
    from: End,
    support: Option<Evidence>,
    confidence: Confidence,
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let draft = Talk::of(case.session, case.control).and_then(|talk| draft(&talk));
    draft.map(|draft| draft.in_session(case.session).done()).into_iter().collect()
}

/// As the cause of a transfer that was lost with the control connection.
fn of_transfer(case: &Case<'_>) -> Option<Finding> {
    case.transfer().filter(|transfer| case.failed() && transfer.lost.is_some())?;
    Some(draft(&Talk::of(case.session, case.control)?)?.about(case).done())
}

fn draft(talk: &Talk<'_>) -> Option<Draft> {
    let (line, broken) = lines(talk).into_iter().find_map(|line| {
        let broken = shifted(talk, &line)
            .or_else(|| tail(talk, &line))
            .or_else(|| spoilt(talk, &line))
            .or_else(|| dropped(talk, &line))?;
        Some((line, broken))
    })?;
    let route = Route { from: talk.control.socket(broken.from), to: talk.control.socket(broken.from.peer()) };
    let frames = broken.frames.into_iter().take(CITED).collect();
    let (from, to) = (talk.control.socket(line.end), talk.control.socket(line.end.peer()));
    let said = Evidence::sent(*line.frames.last()?, from, to, line.text.clone());
    let finding = DIAGNOSIS
        .finding(broken.confidence, format!("{}: {}", line.text, broken.how), Evidence::seen_all(frames, Some(route), broken.note)?)
        .support([said])
        .support(broken.support)
        .network("Update the FTP helper (ALG) on the path, or switch it off.")
        .client(other_mode(&line))
        .server("Allow EPSV and AUTH TLS: a helper cannot rewrite what it cannot read.");
    Some(finding)
}

/// What announces the endpoint by another line than the one that is broken.
fn other_mode(line: &Line<'_>) -> &'static str {
    if line.text.starts_with("227") {
        "Use EPSV, whose reply has no address to rewrite, or active mode."
    } else if line.text.starts_with("229") {
        "Use PASV, or active mode."
    } else {
        "Use passive mode (EPSV, PASV), and send each command in one segment."
    }
}

/// The lines that announce an endpoint, of both sides.
fn lines<'a>(talk: &Talk<'a>) -> Vec<Line<'a>> {
    let client = talk.control.end_of(talk.session.client).unwrap_or(End::Origin);
    let other = talk.session.other_view.as_ref();
    let mut all = Vec::new();
    for (number, offer) in talk.session.offers.numbered() {
        let there = other.and_then(|other| other.offers.get(&number)).map(|there| there.line_len);
        let grows = there.map(|there| there.abs_diff(offer.line_len()));
        if offer.command.verb.is_active_endpoint() {
            let answered = offer.reply.is_some();
            all.push(Line { end: client, text: offer.command.line(), frames: &offer.command.frames, answered, grows });
        } else if let Some(reply) = offer.reply.as_ref().filter(|reply| reply.endpoint.is_some()) {
            // Whether the client said something behind it.
            let answered = talk.by_client.last().is_some_and(|last| *last > reply.at());
            all.push(Line { end: client.peer(), text: reply.line(), frames: &reply.frames, answered, grows });
        }
    }
    all
}

/// When each line of the client was complete.
fn said_by_client(session: &Session) -> Vec<Stamp> {
    let commands = session.offers.iter().map(|offer| &offer.command);
    let commands = commands.chain(session.transfers.iter().map(|transfer| &transfer.command));
    let commands = commands.chain(session.exchanges.iter().map(|exchange| &exchange.command));
    commands.map(crate::ftp::Command::at).collect()
}

/// When each line of the server was complete.
fn said_by_server(session: &Session) -> Vec<Stamp> {
    let replies = session.offers.iter().filter_map(|offer| offer.reply.as_ref());
    let replies = replies.chain(session.transfers.iter().flat_map(|one| one.preliminary.iter().chain(&one.reply)));
    let replies = replies.chain(session.exchanges.iter().filter_map(|exchange| exchange.reply.as_ref()));
    replies.map(crate::ftp::Reply::at).collect()
}

fn bytes(count: u32) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}

/// (1) Both sides count differently behind the line.
fn shifted(talk: &Talk<'_>, line: &Line<'_>) -> Option<Broken> {
    let (own, peer) = (talk.control.half(line.end), talk.control.half(line.end.peer()));
    let lag = own.lag().filter(|lag| lag.frames.len() >= LAGGING)?;
    let (first, said) = (*lag.frames.first()?, *line.frames.last()?);
    let copies = peer.unacknowledged();
    let by_sender = talk.said_by(line.end);
    let latest = by_sender.partition_point(|at| *at <= first).checked_sub(1).and_then(|last| by_sender.get(last));
    if copies.len() < COPIES || *copies.first()? < said || latest != Some(&said) {
        return None;
    }
    let (sender, answerer) = (talk.control.socket(line.end), talk.control.socket(line.end.peer()));
    let proven = line.grows.is_some_and(|grows| u32::try_from(grows) == Ok(lag.bytes));
    let seen = if proven { "and on its other side the line is longer or shorter by the same amount" } else { "as if a helper on the path had rewritten it without adjusting the sequence numbers" };
    Some(Broken {
        how: format!(
            "from then on {answerer} acknowledges {} more than {sender} counts, {seen}: the answer was sent {} times and never acknowledged",
            bytes(lag.bytes),
            copies.len(),
        ),
        frames: copies.to_vec(),
        note: "the answer, never acknowledged".to_owned(),
        from: line.end.peer(),
        support: Evidence::seen_all(
            lag.frames.iter().copied().take(CITED).collect(),
            Some(Route { from: sender, to: answerer }),
            format!("its sequence number is {} below what was acknowledged", bytes(lag.bytes)),
        ),
        confidence: if proven { Confidence::Proven } else { Confidence::Probable },
    })
}

/// (2) The end of the line is sent again for ever, though it was answered.
fn tail(talk: &Talk<'_>, line: &Line<'_>) -> Option<Broken> {
    let half = talk.control.half(line.end);
    let ([frame], from) = (line.frames, half.unacknowledged_seq()?) else { return None };
    let copies = half.unacknowledged();
    let bytes = usize::try_from(sent_until(half)?.distance_from(from)).ok()?;
    let inside = (1..unmarked(&line.text).len()).contains(&bytes) && half.acked == Some(from);
    let is_last = talk.said_by(line.end).last() == Some(frame);
    if !inside || !line.answered || !is_last || copies.len() < LAGGING || copies.first()? <= frame {
        return None;
    }
    let proven = line.grows == Some(bytes);
    Some(Broken {
        how: format!(
            "it was answered, but its last {bytes} bytes were sent {} times more and never acknowledged: a helper on the path shortened it without adjusting the sequence numbers",
            copies.len(),
        ),
        frames: copies.to_vec(),
        note: format!("the last {bytes} bytes of the line again"),
        from: line.end,
        support: None,
        confidence: if proven { Confidence::Proven } else { Confidence::Probable },
    })
}

/// Behind the last byte, a FIN not counted.
fn sent_until(half: &Half) -> Option<crate::wire::Seq> {
    half.fin.map(|fin| fin.seq).or(half.next)
}

/// (3) The line never has a good checksum.
fn spoilt(talk: &Talk<'_>, line: &Line<'_>) -> Option<Broken> {
    let half = talk.control.half(line.end);
    let copies = half.unacknowledged();
    let whole = matches!(line.frames, [frame] if copies.first() == Some(frame));
    let others_are_good = half.good_checksums > half.bad_checksums.saturating_add(1);
    if !whole || copies.len() < COPIES || half.intact_repeats() > 0 || !others_are_good {
        return None;
    }
    Some(Broken {
        how: format!(
            "all {} copies of it have a bad TCP checksum, while the sender's other segments have correct ones: a helper on the path rewrote it without correcting the checksum",
            copies.len(),
        ),
        frames: copies.to_vec(),
        note: "the line, with a bad checksum, never acknowledged".to_owned(),
        from: line.end,
        support: None,
        confidence: Confidence::Probable,
    })
}

/// (4) The segment with the beginning of a line is sent again and again while the other side goes on sending.
fn dropped(talk: &Talk<'_>, line: &Line<'_>) -> Option<Broken> {
    let copies = talk.control.half(line.end).unacknowledged();
    let first = copies.first().filter(|first| line.frames.len() >= 2 && line.frames.first() == Some(first))?;
    let alive = talk.control.half(line.end.peer()).last.filter(|last| last > first)?;
    let (from, to) = (talk.control.socket(line.end), talk.control.socket(line.end.peer()));
    (copies.len() >= COPIES).then(|| Broken {
        how: format!(
            "its first part was sent {} times and never acknowledged, while the rest passed: a helper on the path drops lines that are split over two segments",
            copies.len(),
        ),
        frames: copies.to_vec(),
        note: "the first part of the line, never acknowledged".to_owned(),
        from: line.end,
        support: Some(Evidence::sent(alive, to, from, "the other side is alive")),
        confidence: Confidence::Probable,
    })
}
