//! How a control connection ended while a reply was outstanding: who left, whether the reply was sent and lost, how long nothing
//! had been said. What to do follows from that.

use super::Draft;
use super::idle::Idle;
use crate::finding::Evidence;
use crate::flow::{Connection, End};
use crate::frame::Stamp;
use crate::transfer::ControlLoss;
use crate::transfer::session::Session;

/// The end of a control connection on which a command waited for its reply.
pub struct Ending<'a> {
    session: &'a Session,
    lost: &'a ControlLoss,
    /// Bytes of the server that never arrived here, and the frame whose numbers show it.
    reply: Option<(u32, Stamp)>,
    idle: Option<Idle>,
}

impl<'a> Ending<'a> {
    /// Of `control`, on which a command had waited since that moment; `data` are the session's data connections.
    pub fn of<'b>(
        session: &'a Session,
        control: &Connection,
        lost: &'a ControlLoss,
        waiting: Stamp,
        data: impl IntoIterator<Item = &'b Connection>,
    ) -> Self {
        let reply = lost_reply(session, control, waiting);
        let by_rst_of_server = !lost.by_client && control.rsts.iter().any(|rst| rst.at == lost.at);
        let stalled = Idle::before_stall(session, control, data).filter(Idle::is_forgotten);
        // How long the command waited is told anyway.
        let is_news = |idle: &Idle| idle.is_long() && reply.is_none() && idle.since() != waiting;
        let before_loss = || Idle::before_loss(session, control, lost.at, by_rst_of_server).filter(is_news);
        let idle = stalled.or_else(before_loss);
        Self { session, lost, reply, idle }
    }

    /// Whether the client merely left, by a FIN, with nothing to show that the reply was on its way.
    pub fn is_a_farewell(&self) -> bool {
        self.lost.orderly_by_client && self.reply.is_none()
    }

    /// What is to be said of it besides who ended it, sentence parts.
    pub fn story(&self) -> String {
        let reply = self.reply.map(|(bytes, _)| {
            format!(
                "; the server's sequence numbers show {bytes} bytes of a reply that never arrived here: they were lost"
            )
        });
        let idle = self.idle.map(|idle| format!("; {}", idle.story()));
        reply.unwrap_or_default() + &idle.unwrap_or_default()
    }

    /// The same, citable.
    pub fn evidence(&self) -> impl Iterator<Item = Evidence> {
        let (server, client) = (self.session.server, self.session.client);
        let reply = self.reply.map(|(bytes, at)| {
            Evidence::sent(
                at,
                server,
                client,
                format!("its sequence number is {bytes} bytes above everything that was seen from the server"),
            )
        });
        reply.into_iter().chain(self.idle.map(|idle| idle.evidence()))
    }

    /// What each side should change.
    pub fn advise(&self, draft: Draft) -> Draft {
        let forgotten = self.idle.is_some_and(|idle| idle.is_forgotten());
        if self.reply.is_some() {
            return draft
                .network("Find what loses the server's packets between the server and this capture point.")
                .server("Capture at the server too: it shows the reply that did not arrive.")
                .client(
                    "Log in again; give the client a longer timeout, so that TCP has time to retransmit what was lost.",
                );
        }
        if forgotten {
            return draft
                .network(
                    "Raise the idle timeout of NAT and firewall for established connections (RFC 5382: 2 h 4 min).",
                )
                .client("Keep the control connection alive (NOOP, TCP keep-alive; curl: --keepalive-time).")
                .server("Turn on TCP keep-alive for control connections.");
        }
        if self.lost.by_client {
            return draft
                .client("Find out why the client left: its log, its own timeout, its user.")
                .server("Find out why no reply came before the client left: the server's log, its disk, its name lookups.")
                .network("Nothing to change in the network, unless a capture at the server shows a reply that did not arrive here.");
        }
        draft
            .server("Read the server's log for the reason it ended the session; raise its timeouts if the client is merely slow (vsftpd: data_connection_timeout, idle_session_timeout).")
            .client("Log in again; send NOOP or TCP keep-alives during long transfers.")
            .network("If the server's log has nothing about it, find the device on the path that ended the connection instead.")
    }
}

/// What the server said behind that moment and never came here, as its later numbers show.
fn lost_reply(session: &Session, control: &Connection, waiting: Stamp) -> Option<(u32, Stamp)> {
    let server = control.half(control.end_of(session.server).unwrap_or(End::Target));
    server.lost_before_here().filter(|(_, at)| *at >= waiting)
}
