//! Control sessions with what was announced and asked for in them.

use schemars::JsonSchema;
use serde::Serialize;

use super::Frame;
use super::point::Path;
use crate::decrypt;
use crate::finding::DiagnosisName;
use crate::frame::CaptureId;
use crate::record;
use crate::report::words::{AttemptOutcome, Heading, Mode, Nearness, Outcome};
use crate::text::printable_str;

/// A control session.
#[derive(Serialize, JsonSchema)]
pub(in crate::report) struct Session {
    id: u32,
    captures: Vec<u32>,
    /// Address and port.
    client: String,
    /// Address and port.
    server: String,
    first: Frame,
    last: Frame,
    server_software: Option<String>,
    /// The first encrypted frame.
    encrypted_from: Option<Frame>,
    /// TLS on the control connection, as far as it was examined; null if there is none.
    tls: Option<Tls>,
    vantage: Vantage,
    /// The session as seen at several places, before and behind a NAT; absent if there is one place. `client` and
    /// `server` above are those of the first place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    views: Vec<View>,
    /// The ids of the capture points that saw the session, the one nearest to the client first; absent unless an
    /// incident was captured at several points.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    points: Vec<u32>,
    /// What happened to its packets between these points.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    path: Vec<Path>,
    offers: Vec<Offer>,
    transfers: Vec<Transfer>,
    /// Transfers whose commands are encrypted, known only from their data connections; they are not in `transfers`.
    inferred: Vec<Inferred>,
    /// True if more of the session follows under the same id, otherwise absent: while a capture grows, a long session
    /// is written in parts, each with its own offers and transfers.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    continues: bool,
}

impl From<&record::SessionRecord> for Session {
    fn from(session: &record::SessionRecord) -> Self {
        Self {
            id: session.id.0,
            captures: session.captures.iter().map(|CaptureId(id)| *id).collect(),
            client: session.client.to_string(),
            server: session.server.to_string(),
            first: session.first.into(),
            last: session.last.into(),
            server_software: session.server_software.as_deref().map(printable_str),
            encrypted_from: session.encrypted_from.map(Frame::from),
            tls: session.tls.map(Tls::from),
            vantage: Vantage { client: session.vantage.client.into(), server: session.vantage.server.into() },
            views: session.views.iter().map(View::from).collect(),
            points: session.points.clone(),
            path: session.path.iter().map(Path::from).collect(),
            offers: session.offers.iter().map(Offer::from).collect(),
            transfers: session.transfers.iter().map(Transfer::from).collect(),
            inferred: session.inferred.iter().map(Inferred::from).collect(),
            continues: session.continues,
        }
    }
}

/// The TLS of a control connection.
#[derive(Serialize, JsonSchema)]
struct Tls {
    /// `TLS 1.2` or `TLS 1.3`; null if the server's choice was not seen or is an older version.
    version: Option<String>,
    /// The name of the cipher suite, or its number if it is not supported.
    suite: Option<String>,
    /// Whether it could be decrypted, at least in part.
    decrypted: bool,
    /// Why it could not be decrypted, or not to the end.
    why: Option<String>,
}

impl From<decrypt::Tls> for Tls {
    fn from(tls: decrypt::Tls) -> Self {
        Self {
            version: tls.version.map(|version| version.to_string()),
            suite: tls.suite.map(decrypt::suite_name),
            decrypted: tls.decrypted,
            why: tls.unread.map(|why| why.to_string()),
        }
    }
}

/// Where a session was captured.
#[derive(Serialize, JsonSchema)]
struct Vantage {
    client: Nearness,
    server: Nearness,
}

/// The session as seen at one place.
#[derive(Serialize, JsonSchema)]
struct View {
    /// The capture point, if an incident was captured at several.
    #[serde(skip_serializing_if = "Option::is_none")]
    point: Option<u32>,
    /// Address and port.
    client: String,
    /// Address and port.
    server: String,
    capture: u32,
    /// An id of the capture's interfaces.
    interface: u32,
    /// The VLANs and tunnels around it, and the kernel's interface index; often empty.
    segment: String,
    numbers: Numbers,
    /// The first frame of the control connection there.
    first: Frame,
    last: Frame,
}

impl From<&record::ViewRecord> for View {
    fn from(view: &record::ViewRecord) -> Self {
        Self {
            point: view.point,
            client: view.client.to_string(),
            server: view.server.to_string(),
            capture: view.capture.0,
            interface: view.interface.0,
            segment: printable_str(&view.segment),
            numbers: match view.numbers {
                record::Numbers::Same => Numbers::Same,
                record::Numbers::Shifted => Numbers::Shifted,
                record::Numbers::Rewritten => Numbers::Rewritten,
                record::Numbers::Terminated => Numbers::Terminated,
            },
            first: view.first.into(),
            last: view.last.into(),
        }
    }
}

/// Whether the sequence numbers are the same at all places, or differ by a constant after a line that was made longer
/// or shorter on the way.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Numbers {
    Same,
    Shifted,
    Rewritten,
    Terminated,
}

/// An announced endpoint.
#[derive(Serialize, JsonSchema)]
struct Offer {
    command: String,
    /// Address and port; null if it could not be read.
    endpoint: Option<String>,
    at: Frame,
    /// Whether the reply was 2xx; null if none was seen.
    accepted: Option<bool>,
}

impl From<&record::OfferRecord> for Offer {
    fn from(offer: &record::OfferRecord) -> Self {
        Self {
            command: printable_str(&offer.command),
            endpoint: offer.endpoint.map(|endpoint| endpoint.to_string()),
            at: offer.at.into(),
            accepted: offer.accepted,
        }
    }
}

/// A transfer.
#[derive(Serialize, JsonSchema)]
struct Transfer {
    id: u32,
    command: String,
    mode: Mode,
    /// An index into the session's offers.
    offer: Option<usize>,
    at: Frame,
    /// The final reply.
    reply: Option<Reply>,
    /// The data connections tried.
    attempts: Vec<Attempt>,
    outcome: Outcome,
    /// The diagnosis of the finding that explains its failure.
    verdict: Option<&'static str>,
}

impl From<&record::TransferRecord> for Transfer {
    fn from(transfer: &record::TransferRecord) -> Self {
        Self {
            id: transfer.id.0,
            command: printable_str(&transfer.command),
            mode: transfer.mode.into(),
            offer: transfer.offer,
            at: transfer.at.into(),
            reply: transfer.reply.as_ref().map(Reply::from),
            attempts: transfer.attempts.iter().map(Attempt::from).collect(),
            outcome: transfer.outcome.into(),
            verdict: transfer.verdict.map(DiagnosisName::as_str),
        }
    }
}

/// A transfer whose command and replies are encrypted: what its data connection shows.
#[derive(Serialize, JsonSchema)]
struct Inferred {
    mode: Mode,
    /// The first SYN of the data connection.
    at: Frame,
    /// The data connection.
    attempt: Attempt,
    /// completed, failed or unknown, as far as the data connection shows.
    outcome: Outcome,
    bytes: Bytes,
    /// Whether TLS protected it; null if unknown.
    protected: Option<bool>,
    /// The direction of the data; null if unknown.
    direction: Option<Heading>,
}

/// Bytes of data in each direction: payload, or with TLS the sizes of the application data records.
#[derive(Serialize, JsonSchema)]
struct Bytes {
    to_client: u64,
    to_server: u64,
}

impl From<&record::InferredRecord> for Inferred {
    fn from(inferred: &record::InferredRecord) -> Self {
        Self {
            mode: inferred.mode.into(),
            at: inferred.attempt.syn.into(),
            attempt: Attempt::from(&inferred.attempt),
            outcome: inferred.outcome.into(),
            bytes: Bytes { to_client: inferred.to_client, to_server: inferred.to_server },
            protected: inferred.protected,
            direction: inferred.heading.map(Heading::from),
        }
    }
}

/// A reply.
#[derive(Serialize, JsonSchema)]
struct Reply {
    code: u16,
    text: String,
    at: Frame,
}

impl From<&record::ReplyRecord> for Reply {
    fn from(reply: &record::ReplyRecord) -> Self {
        Self { code: reply.code, text: printable_str(&reply.text), at: reply.at.into() }
    }
}

/// An attempt to open a data connection.
#[derive(Serialize, JsonSchema)]
struct Attempt {
    /// Address and port.
    from: String,
    /// Address and port.
    to: String,
    /// The first SYN, or the first frame if no SYN was captured.
    syn: Frame,
    outcome: AttemptOutcome,
}

impl From<&record::AttemptRecord> for Attempt {
    fn from(attempt: &record::AttemptRecord) -> Self {
        Self {
            from: attempt.from.to_string(),
            to: attempt.to.to_string(),
            syn: attempt.syn.into(),
            outcome: attempt.outcome.into(),
        }
    }
}
