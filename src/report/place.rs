//! Where a finding belongs, in words: session, transfer, hosts.

use super::page::Page;
use crate::finding::{Finding, SessionId, TransferId};
use crate::record::SessionRecord;

/// How many addresses are named before the list is folded.
const MAX_HOSTS: usize = 4;

/// `session 1, transfer 2`; empty without a session.
pub(super) fn placed(session: Option<SessionId>, transfer: Option<TransferId>) -> String {
    match (session, transfer) {
        (Some(session), Some(transfer)) => format!("session {}, transfer {}", session.0, transfer.0),
        (Some(session), None) => format!("session {}", session.0),
        (None, _) => String::new(),
    }
}

/// `session 1, transfer 2`, or the hosts of a finding that has no session; empty for one about the capture.
pub(super) fn place(finding: &Finding) -> String {
    if finding.session.is_some() {
        return placed(finding.session, finding.transfer);
    }
    let mut hosts: Vec<String> = finding.hosts.iter().take(MAX_HOSTS).map(ToString::to_string).collect();
    if let Some(more) = finding.hosts.len().checked_sub(MAX_HOSTS).filter(|more| *more > 0) {
        hosts.push(format!("and {more} more"));
    }
    hosts.join(", ")
}

/// `session 1: 10.1.0.10:45856 -> 10.2.0.20:21, vsFTPd 3.0.3, encrypted from frame 12`
pub(super) fn title(page: &Page<'_>, session: &SessionRecord) -> String {
    let mut text = format!("session {}: {} -> {}", session.id.0, session.client, session.server);
    for [client, server] in session.ends().skip(1) {
        text = format!("{text} (across a NAT: {client} -> {server})");
    }
    if let Some(software) = &session.server_software {
        text = format!("{text}, {}", page.safe(software));
    }
    if let Some(at) = session.encrypted_from {
        text = format!("{text}, encrypted from frame {}", at.number);
    }
    text
}
