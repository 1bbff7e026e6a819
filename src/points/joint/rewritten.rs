//! What devices between the points did to the words of a session: endpoints rewritten, rightly or wrongly, replies that the
//! server never sent, and addresses that were translated while the words were not.

use std::net::{IpAddr, SocketAddr};

use super::super::alike::Relation;
use super::super::lines::{Line, announced, code, verb};
use super::super::sampled::Sample;
use super::amend::{as_context, support, take};
use super::connecting::WITHOUT_SYN;
use super::together::{Asked, Together};
use super::way::Way;
use super::web::{Web, neighbours};
use super::words::{Fate, Step, Words};
use crate::diagnosis::{
    alg_broken_rewrite, alg_rewrote_port, control_lost_during_transfer, control_terminated_by_proxy,
    data_syn_lost_in_transit, data_syn_refused, data_syn_unanswered, port_foreign_address, port_nat_unrewritten,
    port_refused, port_third_party, port_wrong_interface, reply_by_middlebox,
};
use crate::finding::{Confidence, DiagnosisName, Evidence, Finding, Severity};
use crate::flow::End;
use crate::frame::{Interval, Stamp};
use crate::redact::foreign;
use crate::text::printable;
use crate::wire::Seq;

/// Whose the announced address is, as one point suspects it.
const WHOSE: [DiagnosisName; 3] = [port_third_party::NAME, port_foreign_address::NAME, port_wrong_interface::NAME];

/// What belongs to a transfer is said at another point so much before it or behind it.
const AROUND: Interval = Interval::seconds(1);

/// Rewritten lines that are cited.
const CITED: usize = 4;

/// The dialogue of a session from each point to the next.
pub struct Spoken {
    parts: Vec<Part>,
}

/// One direction of it between two points.
struct Part {
    near: usize,
    by_client: bool,
    names: [String; 2],
    /// The control sockets at the near and at the far point: client, server.
    ends: [[SocketAddr; 2]; 2],
    terminated: bool,
    words: Words,
    /// Whether the near point shows all that was said, as far as anybody knows: it dropped nothing, and nothing was
    /// acknowledged that no point has.
    is_whole: bool,
}

impl Spoken {
    /// Reads it at all points.
    pub fn of(web: &Web, together: &Together<'_>) -> Self {
        let mut parts = Vec::new();
        for [one, other] in neighbours(&together.path) {
            for (near, far, by_client) in [(one, other, true), (other, one, false)] {
                let by = if by_client { End::Origin } else { End::Target };
                let (Some(here), Some(there)) = (web.at(together.control, near), web.at(together.control, far)) else {
                    continue;
                };
                let Some(words) = Words::of(&Way { near: here, far: there, by }) else { continue };
                let names = [near, far].map(|point| web.name(point).to_owned());
                let terminated = web.relation(together.control, near, far) == Some(Relation::Terminated);
                let is_lossy = web.points.get(near).is_some_and(|told| told.is_lossy);
                let is_whole = !is_lossy && !has_unseen(&Way { near: here, far: there, by });
                parts.push(Part { near, by_client, names, ends: [here.ends, there.ends], terminated, words, is_whole });
            }
        }
        Self { parts }
    }

    /// The line that holds this number of the client, or the server, at a point.
    pub fn line_at(&self, point: usize, by_client: bool, seq: Seq) -> Option<String> {
        self.holding(point, by_client, seq).map(|line| shown(&line.text))
    }

    /// Whether that line is QUIT, or the answer to it.
    pub fn is_farewell(&self, point: usize, by_client: bool, seq: Seq) -> bool {
        self.holding(point, by_client, seq)
            .is_some_and(|line| code(&line.text) == Some(221) || verb(&line.text) == b"QUIT")
    }

    fn holding(&self, point: usize, by_client: bool, seq: Seq) -> Option<&Line> {
        let parts = self.parts.iter().filter(|part| part.near == point && part.by_client == by_client);
        let lines = parts.flat_map(|part| &part.words.steps).filter_map(|step| match step {
            Step::Both(line, _) | Step::Near(line, _) => Some(line),
            Step::Far(..) => None,
        });
        let mut holding = lines.filter(|line| !seq.is_before(line.seq) && seq.is_before(line.end));
        holding.next()
    }

    fn rewritten(&self) -> impl Iterator<Item = (&Part, &Line, &Line)> {
        self.parts.iter().flat_map(|part| part.words.rewritten().map(move |(near, far)| (part, near, far)))
    }

    /// Failing replies that only the client's side of a device has.
    fn added(&self) -> impl Iterator<Item = (&Part, &Line)> {
        self.parts.iter().filter(|part| !part.by_client && part.is_whole).flat_map(|part| {
            part.words.steps.iter().filter_map(move |step| match step {
                Step::Far(line, Fate::Added) if code(&line.text).is_some_and(|code| code >= 400) => Some((part, line)),
                Step::Both(..) | Step::Near(..) | Step::Far(..) => None,
            })
        })
    }
}

/// Whether more was acknowledged at the far point than either point shows.
fn has_unseen(way: &Way<'_>) -> bool {
    let highest =
        |all: &mut dyn Iterator<Item = Seq>| all.reduce(|one, other| if other.is_after(one) { other } else { one });
    let sent = highest(&mut way.far.sent(way.by).filter(|one| !one.is_rst()).map(Sample::end));
    let acked = highest(&mut way.far.sent(way.by.peer()).filter(|one| !one.is_rst()).filter_map(|one| one.ack));
    sent.zip(acked).is_some_and(|(sent, acked)| acked.is_after(sent))
}

/// A line of a stranger; what may be a password is not told.
fn shown(text: &[u8]) -> String {
    let verb = verb(text);
    if code(text).is_none() && matches!(verb.as_slice(), b"PASS" | b"ACCT" | b"ADAT") {
        return printable(&verb);
    }
    foreign(&printable(text))
}

/// What the words show of one transfer.
pub fn of_transfer(spoken: &Spoken, together: &Together<'_>, asked: &Asked<'_>, failed: bool, all: &mut Vec<Finding>) {
    let window = window(together, asked);
    let within = |at: Stamp| window.is_some_and(|(from, until)| at >= from && at.time <= until.time.plus(AROUND));
    if let Some((part, line)) = spoken.added().find(|(_, line)| within(line.at)) {
        take(all, reply_by_middlebox::NAME);
        // When the server answered, and why, is not told by words that are not its own.
        if asked.ended().and_then(|ended| ended.reply.as_ref()).is_some_and(|reply| reply.at == line.at) {
            let of_reply = |name| WITHOUT_SYN.contains(&name) || name == control_lost_during_transfer::NAME;
            all.retain(|finding| !of_reply(finding.diagnosis));
        }
        all.push(added(part, line));
        correct_refusal(all, part);
    } else if spoken.parts.iter().any(|part| !part.by_client) {
        // Every reply is at both points, so a suspicion of one of them is refuted.
        take(all, reply_by_middlebox::NAME);
    }
    if !failed {
        return;
    }
    let offers: Vec<(&Part, &Line, &Line)> = spoken.rewritten().filter(|(_, near, _)| within(near.at)).collect();
    if let Some((part, near, far)) = offers.iter().rfind(|(part, _, far)| !part.leads_right(&far.text)).copied() {
        take(all, alg_broken_rewrite::NAME);
        all.push(Finding { severity: Severity::Error, ..broken(part, near, far) });
        return;
    }
    if offers.is_empty() {
        named_past_proxy(spoken, &within, all);
        unrewritten(spoken, within, all);
    } else {
        // The far side of the device has another endpoint, which is the client's there.
        for name in WHOSE.iter().chain(&[port_nat_unrewritten::NAME]) {
            take(all, *name);
        }
    }
}

/// From the endpoint command, or the transfer command, to the reply.
fn window(together: &Together<'_>, asked: &Asked<'_>) -> Option<(Stamp, Stamp)> {
    let lead = together.lead();
    let told = asked.told.iter().flatten().copied();
    let offers =
        together.told.iter().zip(&asked.told).filter_map(|(session, told)| session.offers.get(told.as_ref()?.offer?));
    let refused = lead.offers.iter().rfind(|offer| asked.ended().is_some_and(|ended| offer.at < ended.at));
    let from = told
        .clone()
        .map(|one| one.at)
        .chain(offers.map(|offer| offer.at))
        .chain(refused.map(|offer| offer.at))
        .min()?;
    let until = told.filter_map(|one| one.reply.as_ref()).map(|reply| reply.at).max().unwrap_or(lead.last);
    Some((from.before_by(AROUND), until))
}

/// The refusal that the client got is not the server's.
fn correct_refusal(all: &mut [Finding], part: &Part) {
    for finding in all.iter_mut().filter(|finding| finding.diagnosis == port_refused::NAME) {
        finding.message = format!(
            "{}; the server never sent that: a device between the points {} and {} did",
            finding.message.trim_end_matches('.').replace("the server refused", "the client was refused"),
            part.names[0],
            part.names[1],
        );
    }
}

fn added(part: &Part, line: &Line) -> Finding {
    let [client, server] = part.ends[1];
    let message = format!(
        "the server never sent {}: it is at {}, but not at {}, which has everything that the server sent",
        shown(&line.text),
        part.names[1],
        part.names[0],
    );
    reply_by_middlebox::DIAGNOSIS
        .finding(Confidence::Proven, message, Evidence::sent(line.at, server, client, shown(&line.text)))
        .hosts([client.ip(), server.ip()])
        .network(format!(
            "Look at the FTP rules (ALG, proxy, inspection) of what lies between the points {} and {}.",
            part.names[0], part.names[1]
        ))
        .client("Use passive mode, or another path to the server that avoids the device.")
        .done()
}

impl Part {
    /// Whether an endpoint as the far point has it is one that its reader can use: the announcing host as it is known there.
    fn leads_right(&self, line: &[u8]) -> bool {
        let Some(endpoint) = announced(line) else { return false };
        let host = self.host();
        endpoint.address.is_none_or(|address| address == host)
    }
}

fn broken(part: &Part, near: &Line, far: &Line) -> Finding {
    let message = format!(
        "a device between the points {} and {} rewrote {} to {}, which cannot be reached: {} is known as {} there",
        part.names[0],
        part.names[1],
        shown(&near.text),
        shown(&far.text),
        if part.by_client { "the client" } else { "the server" },
        part.host(),
    );
    let way = |[client, server]: [SocketAddr; 2]| if part.by_client { (client, server) } else { (server, client) };
    let ((from, to), (sender, receiver)) = (way(part.ends[1]), way(part.ends[0]));
    alg_broken_rewrite::DIAGNOSIS
        .finding(Confidence::Proven, message, Evidence::sent(far.at, from, to, shown(&far.text)))
        .hosts(part.ends[1].map(|end| end.ip()))
        .support([Evidence::sent(near.at, sender, receiver, shown(&near.text))])
        .network("Update the FTP helper (ALG) of that device, or switch it off.")
        .client("Use EPSV, which names no address.")
        .server("Allow EPSV and AUTH TLS, which a helper cannot rewrite.")
        .done()
}

impl Part {
    fn host(&self) -> IpAddr {
        let [client, server] = self.ends[1];
        if self.by_client { client.ip() } else { server.ip() }
    }
}

/// A PORT that goes through a proxy unchanged names the client as it is: the server that connected to it took it so.
fn named_past_proxy(spoken: &Spoken, within: &impl Fn(Stamp) -> bool, all: &mut Vec<Finding>) {
    let names_client = |part: &&Part| {
        let kept = part.words.both().filter(|(near, far)| within(near.at) && near.text == far.text);
        let client = part.ends[0][0].ip();
        kept.into_iter().any(|(near, _)| announced(&near.text).is_some_and(|one| one.address == Some(client)))
    };
    let through = spoken.parts.iter().filter(|part| part.by_client && part.terminated).any(|part| names_client(&part));
    let tried = all.iter().any(|one| {
        one.diagnosis == data_syn_lost_in_transit::NAME
            || one.diagnosis == data_syn_refused::NAME
            || one.diagnosis == data_syn_unanswered::NAME
    });
    if through && tried {
        for name in WHOSE.iter().chain(&[port_nat_unrewritten::NAME]) {
            take(all, *name);
        }
    }
}

/// A PORT that names the client's address before a NAT, behind it: the translation is seen, and the words were left alone.
fn unrewritten(spoken: &Spoken, within: impl Fn(Stamp) -> bool, all: &mut Vec<Finding>) {
    let found = spoken.parts.iter().filter(|part| part.by_client && !part.terminated).find_map(|part| {
        let [inside, outside] = [part.ends[0][0], part.ends[1][0]];
        let kept = part.words.both().filter(|(near, far)| within(near.at) && near.text == far.text);
        let (near, far) = kept
            .filter(|(near, _)| announced(&near.text).is_some_and(|one| one.address == Some(inside.ip())))
            .last()?;
        (inside.ip() != outside.ip()).then_some((part, near, far))
    });
    let Some((part, near, far)) = found else { return };
    let blamed =
        WHOSE.iter().chain(&[port_nat_unrewritten::NAME]).filter_map(|name| take(all, *name)).collect::<Vec<_>>();
    // Where neither point suspects the address, the transfer did not fail by it.
    let by_it = !blamed.is_empty() || all.iter().any(|one| one.diagnosis.as_str().starts_with("data-syn-"));
    if !by_it {
        return;
    }
    // Why the server refused it.
    take(all, port_refused::NAME);
    let [inside, outside] = [part.ends[0][0], part.ends[1][0]];
    let message = format!(
        "a NAT between the points {} and {} shows {} as {}, but {} passed it unchanged: the server got an address that it cannot reach",
        part.names[0],
        part.names[1],
        inside.ip(),
        outside.ip(),
        shown(&near.text),
    );
    let [client, server] = part.ends[1];
    let mut finding = port_nat_unrewritten::DIAGNOSIS
        .finding(Confidence::Proven, message, Evidence::sent(far.at, client, server, shown(&far.text)))
        .hosts([inside.ip(), server.ip()])
        .support([Evidence::sent(near.at, inside, part.ends[0][1], shown(&near.text))])
        .client("Use passive mode (EPSV, PASV).")
        .server("Allow passive mode, with an address and a port range that clients can reach.")
        .network("Turn on the FTP helper (ALG) of the NAT; it cannot work where the control connection is encrypted.")
        .done();
    blamed.into_iter().take(1).for_each(|known| support(&mut finding, known));
    all.push(finding);
}

/// What the words show of the session.
pub fn of_session(web: &Web, spoken: &Spoken, together: &Together<'_>, all: &mut Vec<Finding>) {
    if spoken.rewritten().next().is_some() {
        take(all, alg_rewrote_port::NAME);
        let right: Vec<_> = spoken.rewritten().filter(|(part, _, far)| part.leads_right(&far.text)).collect();
        if let Some((part, near, far)) = right.first() {
            let message = format!(
                "a device between the points {} and {} rewrote {} to {}",
                part.names[0],
                part.names[1],
                shown(&near.text),
                shown(&far.text)
            );
            let cite = |(_, near, far): &(&Part, &Line, &Line)| {
                [Evidence::seen(near.at, shown(&near.text)), Evidence::seen(far.at, shown(&far.text))]
            };
            let draft = alg_rewrote_port::DIAGNOSIS
                .finding(Confidence::Proven, message, Evidence::seen(near.at, shown(&near.text)))
                .hosts(part.ends[0].map(|end| end.ip()))
                .support(right.iter().take(CITED).flat_map(cite));
            all.push(as_context(draft.done()));
        }
    }
    all.extend(terminated(web, together));
}

/// That two TCP connections have one dialogue.
fn terminated(web: &Web, together: &Together<'_>) -> Option<Finding> {
    let [one, other] = neighbours(&together.path)
        .find(|[one, other]| web.relation(together.control, *one, *other) == Some(Relation::Terminated))?;
    let [near, far] = [web.at(together.control, one)?, web.at(together.control, other)?];
    let names = [web.name(one), web.name(other)];
    let message = format!(
        "a proxy between the points {} and {} ends the control connection of the client and opens another one to the server: {} -> {} and {} -> {} have the same dialogue",
        names[0], names[1], near.ends[0], near.ends[1], far.ends[0], far.ends[1]
    );
    let draft = control_terminated_by_proxy::DIAGNOSIS
        .finding(
            Confidence::Proven,
            message,
            Evidence::sent(near.first, near.ends[0], near.ends[1], "opens the client's connection"),
        )
        .hosts([near.ends[0].ip(), far.ends[1].ip()])
        .support([Evidence::sent(far.first, far.ends[0], far.ends[1], "opens the proxy's connection")]);
    Some(as_context(draft.done()))
}
