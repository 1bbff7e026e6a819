//! `data-syn-refused`

use super::case::Case;
use super::{Draft, lines};
use super::{data_syn_unanswered, time_wait_collision};
use crate::facts::Answer;
use crate::finding::{Confidence, Evidence, Finding, Party};
use crate::frame::Interval;
use crate::flow::RstSeen;
use crate::transfer::Offer;
use crate::transfer::attempt::Attempt;

diagnosis! {
    /// The announced endpoint answered the SYN with a RST: nothing listens there, a firewall on that host rejects it,
    /// or a device on the path does.
    ///
    /// Needs: a SYN answered by a RST that acknowledges its initial sequence number plus one, no SYN-ACK, and a
    /// transfer that failed because of it.
    ///
    /// Helps: the RST's TTL, IP identification and source MAC beside the host's other packets show whether the host
    /// itself sent it or a device instead of it. Packets cannot show whether nothing listens or the host's own firewall
    /// answers.
    ///
    /// Refuted by: a RST with another acknowledgement number (it belongs to an old connection); a RST after a SYN-ACK.
    ///
    /// Traps: a client that has left, or closes its listener after ABOR, before the SYN comes: then it came too late,
    /// and what delayed it is the cause; a server that connects to a previous PORT or, after a refused one, to its
    /// default data port.
    ///
    /// Remedy: at the client listen before PORT is sent and until the transfer is over, or use passive mode; at the
    /// server allow passive mode; in the network allow the connection in the firewall that resets it.
    "data-syn-refused", Error,
    "the data SYN was refused by a RST",
    ["RFC 9293 3.10.7.1"],
    verdict: SynRejected,
    locus: Server,
    Transfer(check);
    would_decide: "a capture at the target shows which of the two answers it sent"
}

const LISTEN: &str =
    "Listen on the announced port before sending PORT, and until the transfer is over; check the host's firewall.";

/// A client that stays for longer than this behind the transfer command has waited for its data connection.
const PATIENT: Interval = Interval::seconds(1);

/// Who sent a RST, as far as TTL and MAC tell.
pub enum Sender {
    /// The host that the SYN was sent to.
    Host,
    /// A device instead of it, and why.
    OnTheWay(String),
    /// Cannot be told.
    Unknown,
}

/// Who refused the server's SYN; `None` where nobody did, or where it came when the client had left.
pub fn by_whom(case: &Case<'_>) -> Option<Sender> {
    let (attempt, rst) = refusal(case)?;
    Late::of(case, attempt).is_none().then(|| sender(case, attempt, rst))
}

fn refusal<'a>(case: &Case<'a>) -> Option<(&'a Attempt<'a>, &'a RstSeen)> {
    case.server_attempts().find_map(|attempt| Some((attempt, attempt.refusal()?)))
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.failed_for_want_of_data() {
        return None;
    }
    let (attempt, rst) = refusal(case)?;
    if let Some(late) = Late::of(case, attempt) {
        return Some(too_late(case, attempt, rst, &late));
    }
    let sender = sender(case, attempt, rst);
    let listens = listens(case, attempt);
    let who = match (&sender, listens.says()) {
        (Sender::Host | Sender::Unknown, Some(true)) => format!(
            "a socket of {} listened on port {}: a filter on that host or in front of it rejects the connection",
            attempt.to().ip(),
            attempt.to().port()
        ),
        (Sender::Host | Sender::Unknown, Some(false)) => {
            format!("no socket of {} listened on port {}", attempt.to().ip(), attempt.to().port())
        }
        (Sender::Host, None) => format!(
            "{} itself refused it: port {} is closed (nothing listens there, or the host's firewall rejects)",
            attempt.to().ip(),
            attempt.to().port()
        ),
        (Sender::OnTheWay(why), _) => format!("a device on the path reset it instead of {} ({why})", attempt.to().ip()),
        (Sender::Unknown, None) => format!("{} or a device on the path reset it", attempt.to().ip()),
    };
    let message = format!("the SYN {} -> {} was answered by a RST; {who}", attempt.from(), attempt.to());
    let finding = draft(case, attempt, rst, message).host(listens.said());
    let finding = match sender {
        Sender::Host | Sender::Unknown if listens.says() == Some(&true) => finding
            .client("Let the server's connections through this host's INPUT rules (nft list ruleset), or use passive mode.")
            .network("If the host's own rules allow it, find the device that rejects the connection instead."),
        Sender::OnTheWay(_) => finding
            .network("Find the firewall or NAT that resets the data connection; allow the connection or use a stateful FTP helper.")
            .client("Use passive mode (EPSV, PASV)."),
        Sender::Host => finding.client(LISTEN).network("Nothing to change in the network: the client itself refused."),
        Sender::Unknown => finding
            .client(LISTEN)
            .network("If the client does listen, find the firewall on the path that resets the connection instead."),
    };
    Some(finding.server("Allow passive mode (EPSV, PASV): the client then needs no open port.").done())
}

/// Whether the client's kernel had a socket that listened, from the command that announced it to the refusal.
pub fn listens(case: &Case<'_>, attempt: &Attempt<'_>) -> Answer<bool> {
    let from = case.offer().map_or(attempt.at(), Offer::at);
    let until = attempt.connection.last;
    case.policy.facts.listens(attempt.to(), from.time, until.time, case.vantage.is_here(Party::Client))
}

fn draft(case: &Case<'_>, attempt: &Attempt<'_>, rst: &RstSeen, message: String) -> Draft {
    let note = format!("RST, acknowledges the SYN, TTL {}", rst.ttl);
    DIAGNOSIS
        .finding(Confidence::Proven, message, Evidence::sent(rst.at, attempt.to(), attempt.from(), note))
        .about(case)
        .support(lines::syns(attempt))
        .support(case.dialogue())
        .rule_out(data_syn_unanswered::NAME, "the SYN was answered")
        .rule_out(time_wait_collision::NAME, "a SYN was sent")
}

/// A SYN that came when the client had left.
struct Late {
    /// The time from the transfer command to the departure.
    stayed: Interval,
    /// The time from the transfer command to the SYN.
    behind: Interval,
    /// How it left.
    how: String,
}

impl Late {
    fn of(case: &Case<'_>, attempt: &Attempt<'_>) -> Option<Self> {
        let (left, transfer) = (case.left_before(attempt)?, case.transfer()?);
        Some(Self {
            stayed: left.at.age_of(transfer.at()),
            behind: attempt.at().age_of(transfer.at()),
            how: left.how.clone(),
        })
    }
}

/// A host whose program has left refuses; the cause is the delay.
fn too_late(case: &Case<'_>, attempt: &Attempt<'_>, rst: &RstSeen, late: &Late) -> Finding {
    let Late { stayed, behind, how } = late;
    let command = case.transfer().map_or("the command", |transfer| transfer.command.name.as_str());
    let waited = *stayed > PATIENT;
    let who = if waited { "the server took too long to connect" } else { "the client did not wait" };
    let message = format!(
        "the SYN {} -> {} came too late, {behind:.1} s after {command}, and was answered by a RST: the client had left ({how}) {stayed:.1} s after {command}; {who}",
        attempt.from(),
        attempt.to(),
    );
    let finding = draft(case, attempt, rst, message).support(case.departure());
    let finding = if waited {
        finding
            .server("Find out what delayed the connection: see the server's log, its load, name or ident lookups, repeated tries of bind().")
            .client("Wait longer for the data connection, or use passive mode (EPSV, PASV).")
    } else {
        finding
            .client("Wait for the reply to the transfer command before leaving.")
            .server("Nothing to change: it connected to a client that had left.")
    };
    finding.network("Nothing to change in the network, unless it delayed the SYN: a capture at the server shows when the SYN left.").done()
}

/// Compares the RST with what the same host otherwise sends.
fn sender(case: &Case<'_>, attempt: &Attempt<'_>, rst: &RstSeen) -> Sender {
    if attempt.to().ip() != case.session.client.ip() {
        return Sender::Unknown;
    }
    let client = case.control.half(case.client_end());
    // A device on the way is nearer or farther than the host for which it answers, so its TTL differs.
    let Some((low, high)) = client.ttl else { return Sender::Unknown };
    if (low..=high).contains(&rst.ttl) {
        return match (rst.mac, client.first_mac) {
            (Some(rst), Some(own)) if rst != own && case.vantage.is_beside_client() => {
                Sender::OnTheWay(format!("its MAC is {rst}, the host's {own}"))
            }
            _ => Sender::Host,
        };
    }
    Sender::OnTheWay(format!("its TTL is {}, the host's {low}", rst.ttl))
}
