//! Which diagnoses fit a reply, and which capture decides between them: for people who have a reply and no capture yet.
//!
//! The judgements themselves go by packets; this is the way back from the words of a server.

use super::{
    Diagnosis, alg_broken_rewrite, command_refused, control_closed_early, control_idle_timeout,
    control_lost_during_transfer, data_arp_unresolved, data_connection_broken, data_handshake_aborted,
    data_port_bind_contention, data_stalled, data_syn_icmp_rejected, data_syn_lost_in_transit, data_syn_never_sent,
    data_syn_not_seen, data_syn_refused, data_syn_unanswered, eprt_protocol_mismatch, login_refused, no_data_endpoint,
    pasv_address_mismatch, pasv_bad_peer, pasv_client_never_connects, pasv_connect_failed, pasv_malformed,
    pasv_ports_exhausted, pasv_syn_not_seen, path_mtu_blackhole, port_address_unusable, port_foreign_address,
    port_low_port, port_malformed, port_nat_unrewritten, port_refused, port_third_party, port_wrong_interface,
    reply_by_middlebox, rst_injected, time_wait_challenge, time_wait_collision, time_wait_default_port,
    time_wait_middlebox, time_wait_silent_drop, tls_closure_missing, tls_handshake_failed, tls_protection_mismatch,
    tls_session_reuse_required, transfer_failed_unexplained, tuple_still_open,
};
use crate::finding::DiagnosisName;
use crate::ftp::codes::{self, ReplyCode, ServerText};
use crate::ftp::meaning::{errno_in, possible};
use crate::ftp::texts::{Condition, Errno, MEANINGS, Meaning};

/// A reply that somebody has in front of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its code, if they know it; a code without a page is refused ([`Question::new`]).
    pub page: Option<&'static ReplyCode>,
    /// Its words; empty if the code is all that is asked about.
    pub text: String,
}

/// What a question turns out to be about.
pub struct Explained {
    /// What the words may mean.
    pub meanings: Vec<&'static Meaning>,
    /// The error of the operating system in them.
    pub error: Option<Errno>,
    /// Servers that say so.
    pub servers: Vec<&'static ServerText>,
    /// What it may turn out to be, the most frequent first.
    pub diagnoses: Vec<&'static Diagnosis>,
    /// Where to capture, in sentences.
    pub how_to_capture: &'static str,
}

impl Question {
    /// `None` where nothing is known of the code, or of words without one.
    pub fn new(code: Option<u16>, text: &str) -> Option<Self> {
        let page = match code {
            Some(code) => Some(codes::page(code)?),
            None => codes::saying(text),
        };
        let question = Self { page, text: text.to_owned() };
        (page.is_some() || question.is_known()).then_some(question)
    }

    /// Whether its words are those of a server or of the table.
    pub fn is_known(&self) -> bool {
        let by_words = possible(self.code(), &self.text).iter().any(|row| !row.pattern.is_empty());
        by_words || errno_in(&self.text).is_some() || !self.servers().is_empty()
    }

    fn code(&self) -> Option<u16> {
        self.page.map(|page| page.code)
    }

    fn servers(&self) -> Vec<&'static ServerText> {
        let pages = codes::all().filter(|page| self.page.is_none_or(|own| own.code == page.code));
        pages.flat_map(|page| page.servers).filter(|said| said.is(&self.text)).collect()
    }

    /// Looks everything up.
    pub fn answer(&self) -> Explained {
        let mut meanings = possible(self.code(), &self.text);
        // Known words that no row has mean what the code means of any command.
        if self.is_known() && meanings.iter().all(|row| row.pattern.is_empty()) {
            meanings.truncate(1);
        }
        let conditions: Vec<Condition> = match self.code() {
            Some(code) if meanings.is_empty() => of_bare_code(code),
            _ => meanings.iter().map(|row| row.condition).collect(),
        };
        let about_data = conditions.iter().find(|condition| condition.is_about_data());
        Explained {
            error: errno_in(&self.text),
            servers: self.servers(),
            diagnoses: diagnoses(conditions.iter().copied()),
            how_to_capture: how_to_capture(about_data.or_else(|| conditions.first()).copied()),
            meanings,
        }
    }
}

/// What a code is about whose words say nothing: all that the table knows of it, and for replies that report no failure
/// what goes wrong behind them.
fn of_bare_code(code: u16) -> Vec<Condition> {
    match code {
        125 | 150 => vec![Condition::DataTimeout, Condition::ConnectFailed, Condition::DataBroken],
        226 => vec![Condition::DataBroken],
        227 | 229 => vec![Condition::NobodyConnected, Condition::BadPassivePeer, Condition::PassivePortsExhausted],
        _ => MEANINGS.iter().filter(|row| row.codes.contains(&code)).map(|row| row.condition).collect(),
    }
}

/// The command to capture with. A filter on port 21 would lose the data connections, ARP and ICMP, on which most
/// diagnoses rest.
pub const CAPTURE: &str = "tcpdump -i any -s 0 -w x.pcap 'tcp or arp or icmp or icmp6'";

/// Where to run [`CAPTURE`] and what to do then, in sentences.
fn how_to_capture(condition: Option<Condition>) -> &'static str {
    match condition {
        Some(condition) if condition.may_be_local() => {
            "Run it as root on the server: only there a missing SYN proves that none was sent. Start it before the client \
             connects, repeat the transfer, stop it with ^C, then run: ftpwhy --here SERVER x.pcap (SERVER: an address of \
             that host). On the server, `ftpwhy facts -o host.json` right after the failure adds what its kernel knows \
             (--facts host.json)."
        }
        Some(condition) if !condition.is_about_data() => {
            "Run it as root on the server or the client, before the client connects; repeat the command, stop it with ^C, \
             then run: ftpwhy show x.pcap. The commands and replies are in it; passwords are shown as ***, but they are in \
             the file."
        }
        _ => {
            "Run it as root on the server and on the client at the same time, before the client connects. Repeat the \
             transfer, stop both with ^C, then run: ftpwhy client.pcap server.pcap. One capture is enough for most causes; \
             two show on which side of the network a packet was lost."
        }
    }
}

/// The diagnoses that a condition may turn out to be, the most frequent first.
fn fitting(condition: Condition) -> &'static [DiagnosisName] {
    use Condition as C;
    match condition {
        C::NoEndpoint => &[no_data_endpoint::NAME, port_refused::NAME, alg_broken_rewrite::NAME],
        C::LocalAddressError => &[
            time_wait_collision::NAME,
            time_wait_default_port::NAME,
            data_port_bind_contention::NAME,
            tuple_still_open::NAME,
            data_syn_never_sent::NAME,
        ],
        C::ConnectRefused => &[data_syn_refused::NAME, rst_injected::NAME, port_wrong_interface::NAME],
        C::ConnectTimedOut => &[
            data_syn_unanswered::NAME,
            data_syn_lost_in_transit::NAME,
            port_nat_unrewritten::NAME,
            time_wait_silent_drop::NAME,
            time_wait_challenge::NAME,
            time_wait_middlebox::NAME,
        ],
        C::HostUnreachable => &[data_syn_icmp_rejected::NAME, data_arp_unresolved::NAME, port_address_unusable::NAME],
        C::NetUnreachable => &[data_syn_never_sent::NAME, port_address_unusable::NAME, port_nat_unrewritten::NAME],
        C::NotPermitted => &[
            tls_session_reuse_required::NAME,
            pasv_bad_peer::NAME,
            data_syn_never_sent::NAME,
            data_port_bind_contention::NAME,
        ],
        C::ConnectFailed => &[
            data_syn_unanswered::NAME,
            data_syn_refused::NAME,
            data_syn_icmp_rejected::NAME,
            time_wait_collision::NAME,
            data_syn_never_sent::NAME,
            data_syn_not_seen::NAME,
            port_nat_unrewritten::NAME,
            port_wrong_interface::NAME,
            data_arp_unresolved::NAME,
            data_handshake_aborted::NAME,
            pasv_connect_failed::NAME,
            pasv_client_never_connects::NAME,
            pasv_bad_peer::NAME,
            reply_by_middlebox::NAME,
        ],
        C::NobodyConnected => &[
            pasv_connect_failed::NAME,
            pasv_address_mismatch::NAME,
            pasv_client_never_connects::NAME,
            pasv_syn_not_seen::NAME,
            pasv_malformed::NAME,
        ],
        C::PortRefused | C::ForeignOrLowPort => &[
            port_nat_unrewritten::NAME,
            port_wrong_interface::NAME,
            port_third_party::NAME,
            port_foreign_address::NAME,
            port_low_port::NAME,
            port_malformed::NAME,
            port_refused::NAME,
        ],
        C::ForeignAddress => &[
            port_nat_unrewritten::NAME,
            port_wrong_interface::NAME,
            port_third_party::NAME,
            port_foreign_address::NAME,
            alg_broken_rewrite::NAME,
        ],
        C::LowPort => &[port_low_port::NAME],
        C::Malformed => &[port_malformed::NAME, alg_broken_rewrite::NAME],
        C::ProtocolFamily => &[eprt_protocol_mismatch::NAME],
        C::AfterEpsvAll | C::Disabled | C::NotImplemented => &[port_refused::NAME],
        C::NotLoggedIn => &[login_refused::NAME],
        C::FileRefused => &[command_refused::NAME],
        C::BadPassivePeer => &[pasv_bad_peer::NAME],
        C::PassivePortsExhausted => &[pasv_ports_exhausted::NAME],
        C::TlsSessionReuse => &[tls_session_reuse_required::NAME, tls_handshake_failed::NAME],
        C::TlsRequired => &[tls_protection_mismatch::NAME],
        C::TlsFailed => &[tls_handshake_failed::NAME, tls_session_reuse_required::NAME, tls_protection_mismatch::NAME],
        C::TransferAborted | C::DataBroken => &[
            data_connection_broken::NAME,
            rst_injected::NAME,
            path_mtu_blackhole::NAME,
            tls_closure_missing::NAME,
            data_stalled::NAME,
        ],
        C::DataTimeout => &[
            data_stalled::NAME,
            path_mtu_blackhole::NAME,
            pasv_connect_failed::NAME,
            control_lost_during_transfer::NAME,
        ],
        C::SessionTimeout => &[control_idle_timeout::NAME],
        C::ServerGoes => &[control_closed_early::NAME, control_lost_during_transfer::NAME],
        C::ServerLimit => &[control_closed_early::NAME, login_refused::NAME],
        C::ServerError => &[data_syn_never_sent::NAME, transfer_failed_unexplained::NAME],
    }
}

/// What an error text of the operating system adds to a server's words.
pub fn error_says(errno: Errno) -> &'static str {
    match errno {
        Errno::ConnectionRefused => "ECONNREFUSED: the SYN was answered by a RST.",
        Errno::TimedOut => "ETIMEDOUT: the SYN was repeated and nothing came back.",
        Errno::InProgress => "EINPROGRESS: connect() reached its own time limit without an answer.",
        Errno::NoRoute => {
            "EHOSTUNREACH: an ICMP error came back, or there was no answer to ARP or neighbour discovery."
        }
        Errno::NetUnreachable => "ENETUNREACH: the server has no route to the address, so it sent nothing.",
        Errno::AddressInUse => {
            "EADDRINUSE: the local port is in use, or (BSD, Windows) the whole 5-tuple is in TIME-WAIT. Nothing was sent."
        }
        Errno::CannotAssignAddress => {
            "EADDRNOTAVAIL: the address does not belong to the server's host, or (Linux) the whole 5-tuple is in \
             TIME-WAIT: connect() reports it with this error there. Nothing was sent."
        }
        Errno::PermissionDenied => {
            "EACCES: port 20 without the right to use it, or the server's own check of the peer's address."
        }
        Errno::NotPermitted => "EPERM: a local firewall rule, or with TLS a data connection that the server rejected.",
        Errno::TryAgain => "EAGAIN: no port or other resource is free at the moment.",
        Errno::Interrupted => "EINTR: a timer of the server ended connect().",
        Errno::ConnectionReset => "ECONNRESET: the other side sent a RST.",
        Errno::BrokenPipe => "EPIPE: the other side had closed the connection already.",
    }
}

/// The diagnoses of these names, each once, in this order.
fn diagnoses(conditions: impl IntoIterator<Item = Condition>) -> Vec<&'static Diagnosis> {
    let mut found: Vec<&'static Diagnosis> = Vec::new();
    for diagnosis in conditions.into_iter().flat_map(fitting).filter_map(|name| Diagnosis::named(*name)) {
        if !found.iter().any(|other| other.name == diagnosis.name) {
            found.push(diagnosis);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{CAPTURE, Question, diagnoses, fitting, how_to_capture};
    use crate::diagnosis::{data_syn_refused, time_wait_collision};
    use crate::ftp::codes;
    use crate::ftp::texts::{Condition, Errno, MEANINGS};

    #[test]
    fn every_condition_of_the_table_has_diagnoses() {
        for meaning in MEANINGS {
            assert!(!diagnoses([meaning.condition]).is_empty(), "{:?}", meaning.condition);
        }
    }

    #[test]
    fn the_words_of_a_server_lead_to_diagnoses() {
        let asked = |code, text| Question::new(code, text).expect("known").answer();
        let local = asked(Some(425), "Can't build data connection: Cannot assign requested address");
        assert_eq!(local.diagnoses.first().map(|one| one.name), Some(time_wait_collision::NAME));
        assert_eq!(local.error, Some(Errno::CannotAssignAddress));
        assert_eq!(local.servers.first().map(|said| said.server), Some("BSD ftpd family"));
        let refused = asked(None, "425 x: Connection refused");
        assert_eq!(refused.diagnoses.first().map(|one| one.name), Some(data_syn_refused::NAME));
        assert!(refused.diagnoses.iter().all(|one| one.name != time_wait_collision::NAME));
        let generic = asked(Some(425), "Failed to establish connection.");
        assert_eq!((generic.meanings.len(), generic.servers.first().map(|said| said.server)), (1, Some("vsftpd")));
        assert!(Question::new(None, "no such words").is_none() && Question::new(Some(428), "").is_none());
        assert!(!Question::new(Some(425), "no such words").expect("a page").is_known());
    }

    #[test]
    fn every_page_leads_to_diagnoses() {
        for page in codes::all() {
            let answer = Question { page: Some(page), text: String::new() }.answer();
            assert!(!answer.diagnoses.is_empty(), "{}", page.code);
        }
    }

    #[test]
    fn a_local_error_is_time_wait_first_and_a_refusal_is_not() {
        assert_eq!(fitting(Condition::LocalAddressError).first(), Some(&time_wait_collision::NAME));
        assert_eq!(fitting(Condition::ConnectRefused).first(), Some(&data_syn_refused::NAME));
        assert!(!fitting(Condition::ConnectRefused).contains(&time_wait_collision::NAME));
    }

    #[test]
    fn a_diagnosis_that_fits_twice_is_named_once() {
        let both = diagnoses([Condition::ConnectFailed, Condition::ConnectRefused]);
        let refused = both.iter().filter(|diagnosis| diagnosis.name == data_syn_refused::NAME);
        assert_eq!(refused.count(), 1);
    }

    #[test]
    fn what_is_captured_is_more_than_port_21() {
        assert!(["tcp", "arp", "icmp", "icmp6", "-s 0"].iter().all(|part| CAPTURE.contains(part)));
        assert!(!CAPTURE.contains("21"));
        assert!(how_to_capture(Some(Condition::LocalAddressError)).contains("on the server"));
        assert!(how_to_capture(None).contains("client.pcap server.pcap"));
    }
}
