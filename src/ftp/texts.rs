//! What servers mean by their replies: a table, from the sources and documents of the servers.
//!
//! The text is a clue; `wire` says what the packets must show before it is believed.

use super::software::Family;

/// What a reply says went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// No PORT or PASV is in force.
    NoEndpoint,
    /// The server could not get the local address it wanted: bind failed, in use, not its own.
    LocalAddressError,
    /// The data connection was refused.
    ConnectRefused,
    /// The data connection got no answer.
    ConnectTimedOut,
    /// No way to the host of the data connection.
    HostUnreachable,
    /// No way to its network.
    NetUnreachable,
    /// The server's own system forbade the data connection.
    NotPermitted,
    /// The data connection could not be opened; the text does not say why.
    ConnectFailed,
    /// Nobody connected to the passive port.
    NobodyConnected,
    /// PORT was refused for its address, its port or its form; the text does not say which.
    PortRefused,
    /// PORT was refused for its address or its port, not for its form.
    ForeignOrLowPort,
    /// PORT was refused because its address is not the control connection's.
    ForeignAddress,
    /// PORT was refused because its port is a privileged one.
    LowPort,
    /// The argument could not be read.
    Malformed,
    /// The address family is not supported, or not the control connection's.
    ProtocolFamily,
    /// EPSV ALL was sent before (RFC 2428 4).
    AfterEpsvAll,
    /// The server's administrator switched the command off.
    Disabled,
    /// The server does not know the command.
    NotImplemented,
    /// The user is not logged in, or may not.
    NotLoggedIn,
    /// The file is missing or may not be touched: the data connection was not the problem.
    FileRefused,
    /// The passive connection came from somebody else than the control client.
    BadPassivePeer,
    /// The server has no passive port to offer.
    PassivePortsExhausted,
    /// The TLS session of the data connection is not the control connection's.
    TlsSessionReuse,
    /// The data connection must be protected.
    TlsRequired,
    /// The TLS handshake of the data connection failed.
    TlsFailed,
    /// The transfer was aborted, by ABOR or by the loss of its connection.
    TransferAborted,
    /// The data connection broke after it had been opened.
    DataBroken,
    /// The data connection made no progress.
    DataTimeout,
    /// The session was idle for too long.
    SessionTimeout,
    /// The server goes down, or its administrator ends the session.
    ServerGoes,
    /// The server allows no more connections.
    ServerLimit,
    /// The server failed within itself.
    ServerError,
}

/// What a condition speaks of, as far as judgements go by it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Topic {
    /// A data connection that could not be opened, perhaps for a cause within the server.
    LocalFailure,
    /// One that could not be opened.
    Opening,
    /// One that was established and then broke.
    Broken,
    /// Something else about one: what it needs, or whose it is.
    Requirement,
    /// No data connection.
    Other,
}

impl Condition {
    /// Every condition has one topic: a new one has to choose.
    fn topic(self) -> Topic {
        match self {
            Self::LocalAddressError
            | Self::NetUnreachable
            | Self::NotPermitted
            | Self::ConnectFailed
            | Self::ServerError => Topic::LocalFailure,
            Self::ConnectRefused
            | Self::ConnectTimedOut
            | Self::HostUnreachable
            | Self::NobodyConnected
            | Self::DataTimeout => Topic::Opening,
            Self::DataBroken | Self::TransferAborted => Topic::Broken,
            Self::NoEndpoint
            | Self::BadPassivePeer
            | Self::TlsSessionReuse
            | Self::TlsRequired
            | Self::TlsFailed
            | Self::LowPort
            | Self::ForeignAddress => Topic::Requirement,
            Self::PortRefused
            | Self::ForeignOrLowPort
            | Self::Malformed
            | Self::ProtocolFamily
            | Self::AfterEpsvAll
            | Self::Disabled
            | Self::NotImplemented
            | Self::NotLoggedIn
            | Self::FileRefused
            | Self::PassivePortsExhausted
            | Self::SessionTimeout
            | Self::ServerGoes
            | Self::ServerLimit => Topic::Other,
        }
    }

    /// Whether it speaks of a data connection, be it its opening or its end.
    pub fn is_about_data(self) -> bool {
        self.topic() != Topic::Other
    }

    /// Whether it speaks of a data connection that could not be opened.
    pub fn is_about_connecting(self) -> bool {
        matches!(self.topic(), Topic::LocalFailure | Topic::Opening)
    }

    /// Whether it tells, as an answer to PORT itself, that the server took what was announced and tried to connect, or was
    /// about to.
    pub fn tells_of_an_attempt(self) -> bool {
        (self.is_about_connecting() && self != Self::ServerError) || self == Self::DataBroken
    }

    /// Whether it tells of a data connection that was established and then broke.
    pub fn tells_of_established(self) -> bool {
        self.topic() == Topic::Broken
    }

    /// The same for people, a sentence part without full stop.
    pub fn plain(self) -> &'static str {
        match self {
            Self::NoEndpoint => "no PORT or PASV is in force",
            Self::LocalAddressError => "the server could not use the local address or port that it wanted",
            Self::ConnectRefused => "the data connection was refused",
            Self::ConnectTimedOut => "the data SYN got no answer",
            Self::HostUnreachable => "the host of the data connection cannot be reached",
            Self::NetUnreachable => "the server has no route to the host of the data connection",
            Self::NotPermitted => "the server or its system did not permit the data connection",
            Self::ConnectFailed => "the data connection could not be opened; the text does not say why",
            Self::NobodyConnected => "nobody connected to the passive port",
            Self::PortRefused => "PORT was refused for its address, its port or its form; the text does not say which",
            Self::ForeignOrLowPort => "PORT was refused for its address or its port",
            Self::ForeignAddress => "PORT was refused because its address is not the client's as the server sees it",
            Self::LowPort => "PORT was refused because its port is below 1024",
            Self::Malformed => "the argument could not be read",
            Self::ProtocolFamily => {
                "the address family (IPv4 or IPv6) is not supported, or not that of the control connection"
            }
            Self::AfterEpsvAll => "the client sent EPSV ALL before, which forbids all other endpoint commands",
            Self::Disabled => "the administrator of the server switched the command off",
            Self::NotImplemented => "the server does not know the command",
            Self::NotLoggedIn => "the user is not logged in",
            Self::FileRefused => "the file is missing or access is denied; the data connection is not the problem",
            Self::BadPassivePeer => "another host than the client connected to the passive port",
            Self::PassivePortsExhausted => "the server has no free passive port",
            Self::TlsSessionReuse => "the data connection did not resume the TLS session of the control connection",
            Self::TlsRequired => "the server requires TLS on the data connection",
            Self::TlsFailed => "the TLS handshake of the data connection failed",
            Self::TransferAborted => "the transfer was aborted, by ABOR or because its connection was lost",
            Self::DataBroken => "the data connection broke after it was opened",
            Self::DataTimeout => "the data connection made no progress",
            Self::SessionTimeout => "the session was idle for too long",
            Self::ServerGoes => "the server shuts down, or its administrator ended the session",
            Self::ServerLimit => "the server accepts no more connections",
            Self::ServerError => "the server had an internal error",
        }
    }

    /// Whether the cause may lie within the server, so that nothing was sent.
    pub fn may_be_local(self) -> bool {
        self.topic() == Topic::LocalFailure
    }
}

/// Commands to which a text has its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Any, or none.
    Any,
    /// RETR, STOR, LIST and similar commands.
    Transfer,
    /// PORT, PASV and similar commands.
    Endpoint,
    /// PORT, EPRT, LPRT.
    Active,
    /// PASV, EPSV, LPSV.
    Passive,
}

/// What a text means.
#[derive(Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Whose words these are; empty: they mean the same whoever says them.
    pub families: &'static [Family],
    /// The codes with which they come.
    pub codes: &'static [u16],
    /// The commands that they answer.
    pub on: On,
    /// A part of the text, in any case; `*` stands for anything.
    pub pattern: &'static str,
    /// What they say.
    pub condition: Condition,
    /// What the wire must then show.
    pub wire: &'static str,
}

/// Codes by which servers report on a connection that they tried when they read PORT.
const ATTEMPTS: &[u16] = &[421, 425, 426, 450, 451, 500, 501, 520, 550, 551, 552];

/// Codes by which servers report that a data connection broke off.
const BROKE_OFF: &[u16] = &[425, 426, 450, 451, 550, 551];

/// Of [`ATTEMPTS`], those that do not end idle sessions.
const NOT_OF_SESSIONS: &[u16] = &[425, 426, 450, 451, 500, 501, 520, 550, 551, 552];

const REFUSED: &str = "a RST that acknowledges the data SYN; no SYN at all if the server connected to its own host";
const UNANSWERED: &str = "the data SYN sent several times, without an answer";
const UNREACHABLE: &str = "an ICMP error that quotes the data SYN, or ARP or ND without an answer";
const NO_SYN: &str = "no data SYN, and the reply comes at once or after repeated tries to bind";
const NO_ROUTE: &str = "no data SYN: the server has no route to the address";
const LOCAL: &str = "no data SYN: the port or the whole 5-tuple is in use, or the address is not the server's";
const FORBIDDEN: &str = "active: no data SYN (local firewall, port 20 without privilege); passive: a data connection \
                         closed at once (foreign peer); with TLS: a data handshake without resumption";
const ANY_ATTEMPT: &str = "the data SYN and what answered it; the text does not give the reason";
const NO_OFFER: &str = "no PORT or PASV since the last transfer, or one that was refused";
const PORT_POLICY: &str = "the PORT argument: address other than the control peer's, port below 1024, or bad form";
const PORT_ADDRESS: &str = "a PORT address that is not the client's as the server sees it";
const PORT_PRIVILEGED: &str = "a PORT port below 1024";
const PORT_FORM: &str = "a PORT argument that cannot be read, or names address or port 0";
const FAMILY: &str = "an endpoint of another address family than the control connection's";
const NOTHING: &str = "nothing more: the refusal itself is the reason";
const PASSIVE_PEER: &str = "a handshake on the passive port from another address than the client's, then a close";
const PASSIVE_LISTEN: &str = "no 227 or 229";
const PASSIVE_SILENCE: &str = "no SYN to the passive port, or none that was answered";
const TLS_RESUME: &str = "a data connection with a full TLS handshake instead of a resumed one, closed before any data";
const TLS_MISSING: &str = "PROT C, or no PROT at all";
const TLS_HANDSHAKE: &str = "a data connection with a TLS handshake that ends in an alert or a close";
const BROKEN: &str = "an established data connection that ends with RST or FIN before the final reply";
const STALLED: &str = "an established data connection without progress, or none at all";
const IDLE: &str = "a silent control connection";

use Condition as C;
use Family as F;

const fn says(
    families: &'static [Family],
    codes: &'static [u16],
    on: On,
    pattern: &'static str,
    condition: Condition,
    wire: &'static str,
) -> Meaning {
    Meaning { families, codes, on, pattern, condition, wire }
}

/// The first row that fits is the meaning; rows of the server's own family come before those of everybody.
pub static MEANINGS: &[Meaning] = &[
    // Texts that mean another thing with another server.
    says(&[F::Proftpd], &[500], On::Active, "epsv all in effect", C::AfterEpsvAll, NOTHING),
    says(&[F::Proftpd], &[500], On::Active, "illegal * command", C::ForeignOrLowPort, PORT_POLICY),
    says(&[F::Proftpd], &[501], On::Active, "illegal * command", C::Malformed, PORT_FORM),
    says(&[F::Proftpd], &[501], On::Endpoint, "operation not permitted", C::Disabled, NOTHING),
    says(&[F::Filezilla], &[500, 501], On::Active, "illegal * command", C::Malformed, PORT_FORM),
    says(&[F::Filezilla], &[421], On::Active, "requested ip address does not match", C::ForeignAddress, PORT_ADDRESS),
    says(&[F::NetBsd], &[500], On::Active, "illegal * command rejected", C::ForeignOrLowPort, PORT_POLICY),
    says(&[F::FreeBsd], &[500], On::Active, "illegal * range rejected", C::ForeignOrLowPort, PORT_POLICY),
    says(&[F::Wuftpd], &[502], On::Active, "illegal port command", C::ForeignOrLowPort, PORT_POLICY),
    says(&[F::OpenBsd], &[435], On::Any, "illegal port number", C::ForeignAddress, PORT_ADDRESS),
    says(&[F::OpenBsd], &[425], On::Transfer, "address family or port error", C::LowPort, PORT_PRIVILEGED),
    says(&[F::Pureftpd], &[421], On::Transfer, "timeout (no new data for", C::NobodyConnected, PASSIVE_SILENCE),
    says(&[F::Pureftpd], &[421], On::Transfer, "couldn't be accepted", C::ConnectFailed, ANY_ATTEMPT),
    says(&[F::Busybox], &[500], On::Transfer, "error", C::ServerError, NOTHING),
    // No endpoint in force.
    says(&[], &[425, 500, 503], On::Transfer, "port or pasv", C::NoEndpoint, NO_OFFER),
    says(&[], &[425, 500, 503], On::Transfer, "port/pasv", C::NoEndpoint, NO_OFFER),
    says(&[], &[425, 503], On::Transfer, "eprt or epsv", C::NoEndpoint, NO_OFFER),
    says(&[], &[500], On::Transfer, "no port specified", C::NoEndpoint, NO_OFFER),
    says(&[], &[503], On::Transfer, "no listen socket created", C::NoEndpoint, NO_OFFER),
    says(&[], &[425], On::Any, "no data connection established", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], &[425], On::Transfer, "no data connection", C::NoEndpoint, NO_OFFER),
    says(&[], &[425, 550], On::Transfer, "no transfer connection", C::NoEndpoint, NO_OFFER),
    // What PORT and EPRT announced.
    says(&[], &[500, 501], On::Active, "won't open a connection to", C::ForeignAddress, PORT_ADDRESS),
    says(&[], &[501], On::Active, "ip is not same as", C::ForeignAddress, PORT_ADDRESS),
    says(&[], &[421, 501], On::Active, "to foreign address", C::ForeignAddress, PORT_ADDRESS),
    says(&[], &[421], On::Active, "does not match control connection ip", C::ForeignAddress, PORT_ADDRESS),
    says(&[], &[500], On::Active, "(address wrong)", C::ForeignAddress, PORT_ADDRESS),
    says(&[], &[501], On::Active, "configured security requirements", C::ForeignAddress, PORT_ADDRESS),
    says(&[], &[500], On::Active, "(reserved port)", C::LowPort, PORT_PRIVILEGED),
    says(&[], &[501], On::Active, "to ports < 1024", C::LowPort, PORT_PRIVILEGED),
    says(&[], &[501], On::Active, "privileged port", C::LowPort, PORT_PRIVILEGED),
    says(&[], &[500], On::Any, "oops: illegal port request", C::LowPort, PORT_PRIVILEGED),
    says(&[], &[500, 501], On::Active, "range errors", C::Malformed, PORT_FORM),
    says(&[], &[501], On::Active, "not a valid port number", C::Malformed, PORT_FORM),
    says(&[], &[501], On::Active, "host unknown", C::Malformed, PORT_FORM),
    says(&[], &[500, 501], On::Endpoint, "after epsv all", C::AfterEpsvAll, NOTHING),
    says(&[], &[500, 501], On::Endpoint, "epsv all", C::AfterEpsvAll, NOTHING),
    says(&[], &[501], On::Active, "active mode is disabled", C::AfterEpsvAll, NOTHING),
    says(&[], &[421, 500, 501, 502, 504], On::Endpoint, "disabled", C::Disabled, NOTHING),
    says(&[], &[500], On::Endpoint, "unable to service port commands", C::Disabled, NOTHING),
    says(&[], &[500], On::Active, "protocol", C::ProtocolFamily, FAMILY),
    says(&[], &[425, 500, 501], On::Endpoint, "ipv6", C::ProtocolFamily, FAMILY),
    says(&[], &[522], On::Endpoint, "", C::ProtocolFamily, FAMILY),
    says(&[], &[500, 501], On::Endpoint, "syntax error", C::Malformed, PORT_FORM),
    says(&[], &[500, 501], On::Endpoint, "bad eprt", C::Malformed, PORT_FORM),
    says(&[], &[500, 502], On::Endpoint, "not understood", C::NotImplemented, NOTHING),
    says(&[], &[500, 502], On::Endpoint, "not recognized", C::NotImplemented, NOTHING),
    says(&[], &[500, 502], On::Endpoint, "not implemented", C::NotImplemented, NOTHING),
    says(&[], &[500, 502], On::Endpoint, "unknown command", C::NotImplemented, NOTHING),
    says(&[], &[500, 501, 502, 504], On::Active, "illegal", C::PortRefused, PORT_POLICY),
    says(&[], &[500, 501, 502, 504], On::Active, "invalid port", C::PortRefused, PORT_POLICY),
    says(&[], &[501], On::Active, "server cannot accept argument", C::PortRefused, PORT_POLICY),
    // RFC 2577 3 suggests it for low ports, z/OS says it of what its configuration forbids.
    says(&[], &[504], On::Active, "", C::PortRefused, PORT_POLICY),
    // TLS.
    says(&[], &[425, 450, 522], On::Transfer, "session reuse required", C::TlsSessionReuse, TLS_RESUME),
    says(&[], &[425, 450, 522], On::Transfer, "not resumed", C::TlsSessionReuse, TLS_RESUME),
    says(&[], &[421, 425, 521, 522, 550], On::Transfer, "tls is required", C::TlsRequired, TLS_MISSING),
    says(&[], &[425, 521, 522], On::Transfer, "must be encrypted", C::TlsRequired, TLS_MISSING),
    says(&[], &[425, 521, 522], On::Transfer, "tls required", C::TlsRequired, TLS_MISSING),
    says(&[], &[421, 521, 522, 550], On::Endpoint, "tls required", C::TlsRequired, TLS_MISSING),
    says(&[], &[521], On::Transfer, "", C::TlsRequired, TLS_MISSING),
    says(&[], &[425], On::Transfer, "connection secure", C::TlsFailed, TLS_HANDSHAKE),
    says(&[], &[425], On::Transfer, "alpn", C::TlsFailed, TLS_HANDSHAKE),
    says(&[], &[425, 435], On::Transfer, "tls negotiation", C::TlsFailed, TLS_HANDSHAKE),
    says(&[], &[522], On::Transfer, "", C::TlsFailed, TLS_HANDSHAKE),
    // Passive mode.
    says(&[], &[425], On::Transfer, "bad ip connecting", C::BadPassivePeer, PASSIVE_PEER),
    says(&[], &[425], On::Transfer, "pasv port theft", C::BadPassivePeer, PASSIVE_PEER),
    says(&[], &[421, 425, 426, 500, 550], On::Transfer, "bad ip", C::BadPassivePeer, PASSIVE_PEER),
    says(&[], &[421, 425, 426, 500, 550], On::Transfer, "ip mismatch", C::BadPassivePeer, PASSIVE_PEER),
    says(&[], &[421, 425, 426, 500, 550], On::Transfer, "ip address mismatch", C::BadPassivePeer, PASSIVE_PEER),
    says(&[], &[421, 425, 426, 500, 550], On::Transfer, "from different ip", C::BadPassivePeer, PASSIVE_PEER),
    says(&[], &[421, 425, 426, 500, 550], On::Transfer, "from another ip", C::BadPassivePeer, PASSIVE_PEER),
    says(&[], &[421, 425, 426, 500, 550], On::Transfer, "from wrong ip", C::BadPassivePeer, PASSIVE_PEER),
    says(&[], &[425], On::Any, "from foreign address", C::BadPassivePeer, PASSIVE_PEER),
    says(&[], &[425], On::Transfer, "security requirements not met", C::BadPassivePeer, PASSIVE_PEER),
    says(&[], &[421], On::Any, "passive data channel timed out", C::NobodyConnected, PASSIVE_SILENCE),
    says(&[], &[425], On::Transfer, "failed to accept passive", C::NobodyConnected, PASSIVE_SILENCE),
    says(&[], &[425], On::Transfer, "cannot prepare for data connection", C::PassivePortsExhausted, PASSIVE_LISTEN),
    says(&[], &[421, 425], On::Passive, "", C::PassivePortsExhausted, PASSIVE_LISTEN),
    says(&[], &[500], On::Passive, "oops: vsf_sysutil_", C::PassivePortsExhausted, PASSIVE_LISTEN),
    // The server's own system.
    says(&[], &[500], On::Any, "oops: vsf_sysutil_bind", C::LocalAddressError, LOCAL),
    says(&[], &[425, 426], On::Any, "address already in use", C::LocalAddressError, LOCAL),
    says(&[], &[425, 426], On::Any, "assign requested address", C::LocalAddressError, LOCAL),
    says(&[], &[425], On::Any, "data socket", C::LocalAddressError, LOCAL),
    says(&[], &[425], On::Any, "connection refused", C::ConnectRefused, REFUSED),
    says(&[], &[425], On::Any, "connection timed out", C::ConnectTimedOut, UNANSWERED),
    says(&[], &[425], On::Any, "operation timed out", C::ConnectTimedOut, UNANSWERED),
    says(&[], &[425], On::Any, "now in progress", C::ConnectTimedOut, UNANSWERED),
    says(&[], &[425], On::Any, "interrupted system call", C::ConnectTimedOut, UNANSWERED),
    says(&[], &[425], On::Any, "i/o timeout", C::ConnectTimedOut, UNANSWERED),
    says(&[], &[425], On::Any, "no route to host", C::HostUnreachable, UNREACHABLE),
    says(&[], &[425], On::Any, "host is unreachable", C::HostUnreachable, UNREACHABLE),
    says(&[], &[425], On::Any, "host is down", C::HostUnreachable, UNREACHABLE),
    says(&[], &[425], On::Any, "network is unreachable", C::NetUnreachable, NO_ROUTE),
    says(&[], &[425], On::Any, "permission denied", C::NotPermitted, FORBIDDEN),
    says(&[], &[425], On::Any, "operation not permitted", C::NotPermitted, FORBIDDEN),
    says(&[], &[425], On::Any, "temporarily unavailable", C::LocalAddressError, NO_SYN),
    says(&[], &[425], On::Any, "internal error", C::ServerError, NO_SYN),
    says(&[], &[421, 425], On::Any, "too many", C::ServerLimit, NO_SYN),
    // The data connection while it carries data.
    says(&[], &[421], On::Any, "data timeout", C::DataTimeout, STALLED),
    says(&[], &[421], On::Any, "no new data for", C::DataTimeout, STALLED),
    says(&[], &[421], On::Any, "data channel timed out", C::DataTimeout, STALLED),
    says(&[], &[426], On::Any, "data connection timeout", C::DataTimeout, STALLED),
    says(&[], &[426, 450, 451], On::Transfer, "transfer aborted", C::TransferAborted, BROKEN),
    says(&[], &[426], On::Any, "", C::DataBroken, BROKEN),
    says(&[], &[425], On::Transfer, "error while transfer", C::DataBroken, BROKEN),
    says(&[], &[451, 551], On::Transfer, "data connection", C::DataBroken, BROKEN),
    // Windows and its servers: errors 64, 995, 1236, 10053 and 10054, and 121.
    says(&[], BROKE_OFF, On::Transfer, "network name is no longer available", C::DataBroken, BROKEN),
    says(&[], BROKE_OFF, On::Transfer, "i/o operation has been aborted", C::DataBroken, BROKEN),
    says(&[], BROKE_OFF, On::Transfer, "connection was aborted by", C::DataBroken, BROKEN),
    says(&[], BROKE_OFF, On::Transfer, "forcibly closed", C::DataBroken, BROKEN),
    says(&[], BROKE_OFF, On::Transfer, "semaphore timeout period", C::DataTimeout, STALLED),
    // PORT itself, answered by a server that connects at once.
    says(&[], ATTEMPTS, On::Active, "connection refused", C::ConnectRefused, REFUSED),
    says(&[], ATTEMPTS, On::Active, "unreachable", C::HostUnreachable, UNREACHABLE),
    says(&[], ATTEMPTS, On::Active, "no route to", C::HostUnreachable, UNREACHABLE),
    says(&[], ATTEMPTS, On::Active, "connection timed out", C::ConnectTimedOut, UNANSWERED),
    says(&[], ATTEMPTS, On::Active, "connect timed out", C::ConnectTimedOut, UNANSWERED),
    says(&[], ATTEMPTS, On::Active, "operation timed out", C::ConnectTimedOut, UNANSWERED),
    says(&[], NOT_OF_SESSIONS, On::Active, "timed out", C::ConnectTimedOut, UNANSWERED),
    says(&[], NOT_OF_SESSIONS, On::Active, "timeout", C::ConnectTimedOut, UNANSWERED),
    says(&[], ATTEMPTS, On::Active, "unable to connect", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], ATTEMPTS, On::Active, "failed to connect", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], ATTEMPTS, On::Active, "could not connect", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], ATTEMPTS, On::Active, "cannot connect", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], ATTEMPTS, On::Active, "can't connect", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], ATTEMPTS, On::Active, "couldn't connect", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], ATTEMPTS, On::Active, "error connecting", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], ATTEMPTS, On::Active, "connect failed", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], ATTEMPTS, On::Active, "connection failed", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], &[421, 426, 450, 451], On::Active, "data connection", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], &[421, 426, 450, 451], On::Active, "data channel", C::ConnectFailed, ANY_ATTEMPT),
    says(&[], &[425], On::Any, "", C::ConnectFailed, ANY_ATTEMPT),
    // Not the data connection at all.
    says(&[], &[530, 532], On::Any, "", C::NotLoggedIn, NOTHING),
    says(&[], &[503], On::Any, "log", C::NotLoggedIn, NOTHING),
    says(&[], &[450, 451, 550, 553], On::Transfer, "no such file", C::FileRefused, NOTHING),
    says(&[], &[450, 451, 550, 553], On::Transfer, "permission denied", C::FileRefused, NOTHING),
    says(&[], &[450, 451, 550, 553], On::Transfer, "not found", C::FileRefused, NOTHING),
    says(&[], &[550, 551, 552, 553, 452], On::Transfer, "", C::FileRefused, NOTHING),
    says(&[], &[500, 502], On::Transfer, "not understood", C::NotImplemented, NOTHING),
    says(&[], &[500, 502], On::Transfer, "not implemented", C::NotImplemented, NOTHING),
    says(&[], &[500], On::Any, "oops:", C::ServerError, NOTHING),
    says(&[], &[421], On::Any, "shut", C::ServerGoes, NOTHING),
    says(&[], &[421], On::Any, "going down", C::ServerGoes, NOTHING),
    says(&[], &[421], On::Any, "maintenance", C::ServerGoes, NOTHING),
    says(&[], &[421], On::Any, "kicked", C::ServerGoes, NOTHING),
    says(&[], &[421], On::Any, "terminated by", C::ServerGoes, NOTHING),
    says(&[], &[421], On::Any, "timeout", C::SessionTimeout, IDLE),
    says(&[], &[421], On::Any, "time-out", C::SessionTimeout, IDLE),
    says(&[], &[421], On::Any, "idle", C::SessionTimeout, IDLE),
    says(&[], &[421], On::Any, "inactiv", C::SessionTimeout, IDLE),
    says(&[], &[421], On::Any, "no activity", C::SessionTimeout, IDLE),
    says(&[], &[421], On::Any, "timed out", C::SessionTimeout, IDLE),
];

/// The system's own words for an error, which many servers append to their text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errno {
    /// ECONNREFUSED
    ConnectionRefused,
    /// ETIMEDOUT
    TimedOut,
    /// EINPROGRESS: a connect that a send timeout ended.
    InProgress,
    /// EHOSTUNREACH, EHOSTDOWN
    NoRoute,
    /// ENETUNREACH
    NetUnreachable,
    /// EADDRINUSE
    AddressInUse,
    /// EADDRNOTAVAIL; on Linux also a connect whose 5-tuple is in TIME-WAIT.
    CannotAssignAddress,
    /// EACCES
    PermissionDenied,
    /// EPERM
    NotPermitted,
    /// EAGAIN
    TryAgain,
    /// EINTR: a connect that an alarm ended.
    Interrupted,
    /// ECONNRESET
    ConnectionReset,
    /// EPIPE
    BrokenPipe,
}

/// The words, lower case. glibc and the BSDs differ in two of them.
pub static ERRNOS: &[(&str, Errno)] = &[
    ("connection refused", Errno::ConnectionRefused),
    ("connection timed out", Errno::TimedOut),
    ("operation timed out", Errno::TimedOut),
    ("operation now in progress", Errno::InProgress),
    ("no route to host", Errno::NoRoute),
    ("host is unreachable", Errno::NoRoute),
    ("host is down", Errno::NoRoute),
    ("network is unreachable", Errno::NetUnreachable),
    ("address already in use", Errno::AddressInUse),
    ("cannot assign requested address", Errno::CannotAssignAddress),
    ("can't assign requested address", Errno::CannotAssignAddress),
    ("permission denied", Errno::PermissionDenied),
    ("operation not permitted", Errno::NotPermitted),
    ("resource temporarily unavailable", Errno::TryAgain),
    ("interrupted system call", Errno::Interrupted),
    ("connection reset by peer", Errno::ConnectionReset),
    ("broken pipe", Errno::BrokenPipe),
];
