//! `rst-injected`

use std::net::IpAddr;

use super::Draft;
use super::case::{Case, SessionCase, cap};
use super::{capture_drops, data_connection_broken};
use crate::finding::{Confidence, Evidence, Finding, Severity};
use crate::flow::{Connection, RstSeen};
use crate::frame::{Interval, Stamp};
use crate::network::Network;

/// Signs that together make it probable.
const SIGNS: usize = 2;

diagnosis! {
    /// An established connection was reset by a packet that its apparent sender probably never sent: a firewall, an
    /// intrusion prevention system or another device on the path sent it with that host's address.
    ///
    /// Needs: a RST of an established connection, and signs that it is not that host's: a TTL two or more away from all
    /// its other packets; an IP identification that is not of its counter; another MAC than all its other packets; a
    /// sequence number above everything that it sent; bytes or a FIN of that host long after it, as if there had been
    /// no RST.
    ///
    /// Helps: a RST in each direction at one moment.
    ///
    /// Refuted by: an identification that continues the host's counter; TTLs or MACs that vary on other packets too
    /// (several routes); fewer than six other packets; a capture where bytes of that host are missing; a connection
    /// that was closed before; another host that claims the address (`arp-conflict`, `mac-changed`).
    ///
    /// Confidence: probable with two signs, possible with the TTL alone. A capture at the other side proves it: the RST
    /// is missing there.
    ///
    /// Traps: a load balancer that sends a RST for the server behind it is such a device, and does so on purpose.
    ///
    /// Remedy: in the network read the logs of firewalls, intrusion prevention and NAT on the path for this connection
    /// and time; at the server and at the client capture as well: neither sent it.
    "rst-injected", Error,
    "a RST broke the connection that its apparent sender probably never sent",
    ["RFC 3360", "RFC 5961 3"],
    verdict: ResetInjected,
    locus: Server,
    Transfer(of_transfer),
    Session(of_session)
}

fn of_transfer(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let until = transfer.reply.as_ref().map(crate::ftp::Reply::at);
    let data = case.concluded.established().map(|attempt| attempt.connection);
    let lost = transfer.lost.as_ref().map(|lost| lost.at);
    let on_data = data.and_then(|data| Forged::of(data, case.network, |rst| until.is_none_or(|until| rst.at.is_until(until, AT_ONCE))));
    let forged = on_data.or_else(|| Forged::of(case.control, case.network, |rst| Some(rst.at) == lost))?;
    let drops = case.scene.lacks().map(|why| cap(capture_drops::NAME, Confidence::Possible, why));
    let severity = forged.severity(case.is_to_be_explained());
    Some(forged.draft().about(case).severity(severity).support(case.dialogue()).caps(drops).done())
}

/// A reply that reports on a RST may be recorded this many seconds before it.
const AT_ONCE: Interval = Interval::millis(50);

/// The control connection, where no transfer is lost by it.
fn of_session(case: &SessionCase<'_>) -> Vec<Finding> {
    let told: Vec<Stamp> = case.session.transfers.iter().filter_map(|one| Some(one.lost.as_ref()?.at)).collect();
    let Some(forged) = Forged::of(case.control, case.network, |rst| !told.contains(&rst.at)) else { return Vec::new() };
    let failed = case.session.end.as_ref().is_some_and(|end| end.at == forged.rst.at);
    let severity = forged.severity(failed);
    vec![forged.draft().in_session(case.session).severity(severity).done()]
}

/// Whether another host claims the address, or has taken it over: it resets what it knows nothing of.
fn has_another_owner(network: &Network, address: IpAddr) -> bool {
    let claimed = network.conflicts_over([address, address]);
    !claimed.is_empty() || network.moves().iter().any(|moved| moved.ip == address)
}

/// A RST that does not look like its apparent sender's.
struct Forged<'a> {
    connection: &'a Connection,
    rst: &'a RstSeen,
    /// Where that host continues.
    went_on: Option<Stamp>,
}

impl<'a> Forged<'a> {
    /// The first RST that ended an open connection, if it is one.
    fn of(connection: &'a Connection, network: &Network, wanted: impl Fn(&RstSeen) -> bool) -> Option<Self> {
        let first = connection.rsts.iter().find(|rst| wanted(rst))?;
        let closed = connection.first_fin().is_some_and(|(_, fin)| fin.at < first.at);
        if connection.established.is_none() && !connection.midstream || closed {
            return None;
        }
        if first.unlike.mac.is_some() && has_another_owner(network, connection.socket(first.from).ip()) {
            return None;
        }
        let went_on = connection.half(first.from).went_on(first.at);
        let forged = Self { connection, rst: first, went_on };
        (forged.rst.unlike.ttl.is_some() || forged.signs() >= SIGNS).then_some(forged)
    }

    fn signs(&self) -> usize {
        self.rst.unlike.signs() + usize::from(self.went_on.is_some())
    }

    fn is_probable(&self) -> bool {
        self.signs() >= SIGNS
    }

    fn severity(&self, failed: bool) -> Severity {
        if failed && self.is_probable() { Severity::Error } else { Severity::Warning }
    }

    fn draft(&self) -> Draft {
        let (rst, unlike) = (self.rst, self.rst.unlike);
        let (from, to) = (self.connection.socket(rst.from), self.connection.socket(rst.from.peer()));
        let mut ways: Vec<String> = Vec::new();
        ways.extend(unlike.ttl.map(|own| format!("its TTL is {}, that host's is {own}", rst.ttl)));
        ways.extend(unlike.identification.zip(rst.identification).map(|(own, mine)| {
            format!("its IP identification is {mine} while that host was at {own}")
        }));
        ways.extend(unlike.mac.zip(rst.mac).map(|(own, mine)| format!("it comes from MAC {mine}, that host's packets from {own}")));
        ways.extend(unlike.next.map(|next| format!("its sequence number is {} bytes above everything that host sent", rst.seq.distance_from(next))));
        ways.extend(self.went_on.map(|at| format!("that host continued {:.1} s later as if there had been no RST", at.age_of(rst.at))));
        let message = format!(
            "a RST with the source address {} broke the connection {from} -> {to}, but does not look like that host's packets: {}",
            from.ip(),
            ways.join("; "),
        );
        let back = self.connection.rsts.iter().find(|other| other.from != rst.from && other.at.since(rst.at).abs() < AT_ONCE);
        let confidence = if self.is_probable() { Confidence::Probable } else { Confidence::Possible };
        DIAGNOSIS
            .finding(confidence, message, Evidence::sent(rst.at, from, to, format!("RST, TTL {}", rst.ttl)))
            .support(self.connection.half(rst.from).first.map(|at| Evidence::sent(at, from, to, "the first packet of that host")))
            .support(back.map(|back| Evidence::sent(back.at, to, from, "a RST in the other direction at the same moment")))
            .support(self.went_on.map(|at| Evidence::sent(at, from, to, "that host continues")))
            .or(data_connection_broken::NAME, "check in a capture at that host whether it sent the RST itself")
            .network("Read the logs of firewalls, intrusion prevention and NAT between both hosts for this connection and time.")
            .server("Capture at the server too: if the RST is not there, a device on the path sent it.")
            .client("Capture at the client too; use TLS, passive mode or another port if the device objects to FTP.")
    }
}
