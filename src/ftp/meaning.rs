//! Looks replies up in the table of texts, and reads the addresses that some of them quote.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use memchr::memmem;

use super::software::Family;
use super::texts::{ERRNOS, Errno, MEANINGS, Meaning, On};
use super::{Reply, Verb};

/// The codes that the table knows.
static CODES: LazyLock<BTreeSet<u16>> =
    LazyLock::new(|| MEANINGS.iter().flat_map(|meaning| meaning.codes).copied().collect());

/// What a reply to such a command means, said by such a server; `None` if the table does not know it.
pub fn meaning(command: Verb, reply: &Reply, software: Option<Family>) -> Option<&'static Meaning> {
    // Of success the table says nothing.
    if !CODES.contains(&reply.code) {
        return None;
    }
    let lines: Vec<String> = lines(reply).map(str::to_ascii_lowercase).collect();
    let fits = |meaning: &&Meaning| {
        meaning.codes.contains(&reply.code)
            && answers(meaning.on, command)
            && lines.iter().any(|line| holds(line, meaning.pattern))
    };
    let of_family = |meaning: &&Meaning| software.is_some_and(|family| meaning.families.contains(&family));
    MEANINGS.iter().filter(of_family).find(fits).or_else(|| {
        let of_all = |meaning: &&Meaning| meaning.families.is_empty();
        MEANINGS.iter().filter(of_all).find(fits)
    })
}

/// What a line may mean of which only the words are known, and perhaps the code: every row that speaks of such words, or
/// those for the code alone where none does.
pub fn possible(code: Option<u16>, line: &str) -> Vec<&'static Meaning> {
    let line = line.to_ascii_lowercase();
    let of_code = || MEANINGS.iter().filter(|row| code.is_none_or(|code| row.codes.contains(&code)));
    let by_words: Vec<_> = of_code().filter(|row| !row.pattern.is_empty() && holds(&line, row.pattern)).collect();
    if !by_words.is_empty() || code.is_none() {
        return by_words;
    }
    let mut without_words: Vec<_> = of_code().filter(|row| row.pattern.is_empty()).collect();
    // What is said of any command comes before what is said of one kind.
    without_words.sort_by_key(|row| row.on != On::Any);
    without_words
}

/// The system error that a reply names.
pub fn errno(reply: &Reply) -> Option<Errno> {
    lines(reply).find_map(errno_in)
}

/// The system error that a line names, in any case.
pub fn errno_in(line: &str) -> Option<Errno> {
    let line = line.to_ascii_lowercase();
    ERRNOS.iter().find(|(words, _)| line.contains(words)).map(|(_, errno)| *errno)
}

/// The addresses that a refusal of PORT quotes: both as the server sees them, so that they tell of translation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotedAddresses {
    /// What PORT announced, as it reached the server.
    pub announced: Option<IpAddr>,
    /// The client of the control connection, as the server sees it.
    pub peer: Option<IpAddr>,
}

/// What a refusal quotes (Pure-FTPd, Apache FtpServer, pyftpdlib); `None` if it quotes no address.
pub fn quoted(reply: &Reply) -> Option<QuotedAddresses> {
    let behind = |words: &str| lines(reply).find_map(|line| address_behind(line, words));
    let quoted = QuotedAddresses {
        announced: behind("open a connection to ").or_else(|| behind("to foreign address ")),
        peer: behind("(only to ").or_else(|| behind("IP is not same as ")),
    };
    (quoted != QuotedAddresses::default()).then_some(quoted)
}

fn lines(reply: &Reply) -> impl Iterator<Item = &str> {
    reply.more.iter().chain([&reply.text]).map(String::as_str)
}

/// The address that stands behind these words, with or without a port.
fn address_behind(line: &str, words: &str) -> Option<IpAddr> {
    let rest = line.get(line.find(words)? + words.len()..)?;
    let end = rest.find(|c: char| !c.is_ascii_hexdigit() && !matches!(c, '.' | ':')).unwrap_or(rest.len());
    let address = rest.get(..end)?.trim_end_matches(['.', ':']);
    address.parse().ok().or_else(|| address.rsplit_once(':')?.0.parse().ok())
}

fn answers(on: On, command: Verb) -> bool {
    match on {
        On::Any => true,
        On::Transfer => command.is_transfer(),
        On::Endpoint => command.is_endpoint(),
        On::Active => command.is_active_endpoint(),
        On::Passive => command.is_endpoint() && !command.is_active_endpoint(),
    }
}

/// Whether the parts of the pattern between its `*` come in their order.
pub(super) fn holds(line: &str, pattern: &str) -> bool {
    let mut rest = line.as_bytes();
    pattern.split('*').all(|part| {
        let behind = memmem::find(rest, part.as_bytes()).and_then(|at| rest.get(at + part.len()..));
        rest = behind.unwrap_or_default();
        behind.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::{MEANINGS, QuotedAddresses, errno, holds, meaning, possible, quoted};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};
    use crate::ftp::software::Family;
    use crate::ftp::software::Family as F;
    use crate::ftp::texts::{Condition as C, Errno};
    use crate::ftp::{Reply, Verb};

    fn reply(text: &str) -> Reply {
        let at = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0));
        let (code, text) = text.split_once(' ').unwrap();
        let (code, text) = (code.parse().unwrap(), text.to_owned());
        Reply {
            code,
            text,
            more: Vec::new(),
            frames: crate::frame::FrameList::one(at),
            answers: None,
            endpoint: None,
            unreliable: false,
        }
    }

    fn condition(verb: Verb, text: &str, family: Option<Family>) -> Option<C> {
        meaning(verb, &reply(text), family).map(|meaning| meaning.condition)
    }

    #[test]
    fn the_texts_of_the_lab() {
        let texts = [
            (Verb::List, "425 Failed to establish connection.", C::ConnectFailed),
            (Verb::List, "425 Unable to build data connection: Connection refused", C::ConnectRefused),
            (Verb::List, "425 Use PORT or PASV first.", C::NoEndpoint),
            (Verb::List, "425 No data connection", C::NoEndpoint),
            (Verb::List, "425 Can't build data connection: Connection refused.", C::ConnectRefused),
            (Verb::List, "425 Unable to build data connection: Network is unreachable", C::NetUnreachable),
            (Verb::List, "425 Unable to build data connection: Connection timed out", C::ConnectTimedOut),
            (
                Verb::List,
                "425 Could not open data connection to port 5000: Cannot assign requested address",
                C::LocalAddressError,
            ),
            (Verb::List, "425 Could not open data connection to port 5001: No route to host", C::HostUnreachable),
            (Verb::Retr, "426 Transfer aborted. Data connection closed", C::TransferAborted),
            (Verb::Retr, "426 Failure writing network stream.", C::DataBroken),
            (Verb::Retr, "426 Data connection: No such process.", C::DataBroken),
            (Verb::Retr, "550 nope.txt: No such file or directory.", C::FileRefused),
            (Verb::Retr, "421 Data timeout. Reconnect. Sorry.", C::DataTimeout),
            (Verb::Other, "421 Idle timeout (4 seconds): closing control connection", C::SessionTimeout),
            (Verb::List, "500 OOPS: Illegal port request", C::LowPort),
            (Verb::List, "500 OOPS: vsf_sysutil_bind", C::LocalAddressError),
            (Verb::List, "500 OOPS: priv_sock_get_cmd", C::ServerError),
            (Verb::Port, "501 Syntax error in IP address", C::Malformed),
            (Verb::Port, "500 'PORT 1,2,3': syntax error", C::Malformed),
            (Verb::Port, "501 Sorry, but I won't connect to ports < 1024", C::LowPort),
            (Verb::Port, "500 I won't open a connection to 10.4.0.40 (only to 10.1.0.10)", C::ForeignAddress),
            (Verb::Port, "501 Active mode is disabled", C::AfterEpsvAll),
            (Verb::Eprt, "522 Network protocol not supported, use (1,2)", C::ProtocolFamily),
            (
                Verb::Retr,
                "522 SSL connection failed; session reuse required: see require_ssl_reuse",
                C::TlsSessionReuse,
            ),
            (Verb::Retr, "522 Data connections must be encrypted.", C::TlsRequired),
            (Verb::List, "425 Security: Bad IP connecting.", C::BadPassivePeer),
            (Verb::Pasv, "425 All reserved TCP ports are busy", C::PassivePortsExhausted),
            (Verb::List, "425 Can't create data socket (10.0.0.1,20): Address already in use.", C::LocalAddressError),
            (Verb::List, "530 Please login with USER and PASS.", C::NotLoggedIn),
        ];
        for (verb, text, expected) in texts {
            assert_eq!(condition(verb, text, None), Some(expected), "{text}");
        }
        assert_eq!(condition(Verb::Port, "200 PORT command successful.", None), None);
        assert_eq!(condition(Verb::Other, "550 no such directory", None), None);
    }

    #[test]
    fn a_failure_of_port_that_tells_of_an_attempt() {
        let tells = |verb: Verb, text: &str| condition(verb, text, None).is_some_and(C::tells_of_an_attempt);
        let attempts = [
            "421 Active data channel timed out.",
            "425 Can't open data connection.",
            "425 Could not establish data connection",
            "426 Data connection failed",
            "450 Data connection timed out",
            "500 Unable to connect to 10.0.0.1:5001",
            "501 Cannot connect: Connection refused",
            "550 connect to 10.0.0.1 timed out",
            "500 No route to host",
        ];
        for text in attempts {
            assert!(tells(Verb::Port, text) && tells(Verb::Eprt, text), "{text}");
        }
        let refusals = [
            "500 Illegal PORT command.",
            "501 Sorry, but I won't connect to ports < 1024",
            "500 I won't open a connection to 10.4.0.40 (only to 10.1.0.10)",
            "501 Rejected data connection to foreign address 10.4.0.40:5000.",
            "425 You cannot use PORT on IPv6 connections. Use EPRT instead.",
            "421 Timeout (60 seconds): closing control connection",
            "425 Too many connections. Can't open data channel.",
            "500 OOPS: priv_sock_get_cmd",
            "502 PORT not implemented",
            "530 Please login with USER and PASS.",
            "522 Network protocol not supported, use (1)",
        ];
        for text in refusals {
            assert!(!tells(Verb::Port, text), "{text}");
        }
        // PASV is not tried at once: there is no port to offer.
        assert_eq!(condition(Verb::Pasv, "425 Can't open data connection.", None), Some(C::PassivePortsExhausted));
    }

    /// The texts of the servers' sources and documents, each in its server's mouth.
    const OF_SERVERS: &[(Family, Verb, &str, C)] = &[
        (F::Vsftpd, Verb::Eprt, "500 Illegal EPRT command.", C::PortRefused),
        (F::Vsftpd, Verb::Eprt, "500 Bad EPRT command.", C::Malformed),
        (F::Vsftpd, Verb::Eprt, "500 Bad EPRT protocol.", C::ProtocolFamily),
        (F::Vsftpd, Verb::Epsv, "522 Bad network protocol.", C::ProtocolFamily),
        (F::Vsftpd, Verb::Pasv, "500 OOPS: vsf_sysutil_bind", C::PassivePortsExhausted),
        (F::Vsftpd, Verb::Pasv, "500 OOPS: invalid pasv_address", C::ServerError),
        (F::Vsftpd, Verb::Retr, "426 Failure reading network stream.", C::DataBroken),
        (F::Proftpd, Verb::Eprt, "500 Illegal EPRT command", C::ForeignOrLowPort),
        (F::Proftpd, Verb::Port, "500 Illegal PORT command, EPSV ALL in effect", C::AfterEpsvAll),
        (F::Proftpd, Verb::Port, "500 Unable to service PORT commands", C::Disabled),
        (F::Proftpd, Verb::Port, "501 PORT: Operation not permitted", C::Disabled),
        (F::Proftpd, Verb::List, "425 Unable to build data connection: Operation not permitted", C::NotPermitted),
        (F::Proftpd, Verb::List, "425 Unable to build data connection: Permission denied", C::NotPermitted),
        (F::Proftpd, Verb::List, "425 Unable to build data connection: Internal error", C::ServerError),
        (F::Proftpd, Verb::Pasv, "425 PASV: Too many open files", C::PassivePortsExhausted),
        (F::Proftpd, Verb::List, "522 SSL/TLS required on the data channel", C::TlsRequired),
        (F::Proftpd, Verb::Retr, "450 Transfer aborted. Link to file server lost", C::TransferAborted),
        (F::Pureftpd, Verb::List, "425 Can't create the data socket: Permission denied", C::LocalAddressError),
        (F::Pureftpd, Verb::Pasv, "425 You cannot use PASV on IPv6 connections. Use EPSV instead.", C::ProtocolFamily),
        (F::Pureftpd, Verb::List, "421 Timeout (no new data for 900 seconds)", C::NobodyConnected),
        (F::Pureftpd, Verb::List, "421 The connection couldn't be accepted: Bad file descriptor", C::ConnectFailed),
        (F::FreeBsd, Verb::Port, "500 Illegal PORT range rejected.", C::ForeignOrLowPort),
        (F::FreeBsd, Verb::List, "425 Can't open data connection.", C::ConnectFailed),
        (
            F::FreeBsd,
            Verb::Pasv,
            "425 Can't open passive connection: Address already in use.",
            C::PassivePortsExhausted,
        ),
        (F::OpenBsd, Verb::Port, "500 Illegal PORT rejected (range errors).", C::Malformed),
        (F::OpenBsd, Verb::Port, "500 Illegal PORT rejected (reserved port).", C::LowPort),
        (F::OpenBsd, Verb::Port, "500 Illegal PORT rejected (address wrong).", C::ForeignAddress),
        (F::OpenBsd, Verb::List, "425 Can't build data connection: address family or port error", C::LowPort),
        (F::OpenBsd, Verb::List, "435 Can't build data connection: illegal port number", C::ForeignAddress),
        (F::NetBsd, Verb::Port, "500 Illegal PORT command rejected", C::ForeignOrLowPort),
        (F::NetBsd, Verb::Port, "501 PORT disallowed after EPSV ALL", C::AfterEpsvAll),
        (F::NetBsd, Verb::Epsv, "522 Protocol not supported, use (1)", C::ProtocolFamily),
        (F::Wuftpd, Verb::Port, "502 Illegal PORT Command", C::ForeignOrLowPort),
        (F::Wuftpd, Verb::List, "425 Possible PASV port theft, cannot open data connection.", C::BadPassivePeer),
        (F::Wuftpd, Verb::List, "500 Can't build data connection: no PORT specified", C::NoEndpoint),
        (F::Wuftpd, Verb::List, "435 Failed TLS negotiation on data channel, disconnected: x", C::TlsFailed),
        (F::Wuftpd, Verb::Retr, "426 Data connection timeout: x", C::DataTimeout),
        (F::Filezilla, Verb::List, "425 Use EPRT or EPSV first.", C::NoEndpoint),
        (
            F::Filezilla,
            Verb::List,
            "425 Unable to build data connection: TLS session of data connection not resumed.",
            C::TlsSessionReuse,
        ),
        (
            F::Filezilla,
            Verb::List,
            "425 Unable to build data connection: Failed making the data connection secure!",
            C::TlsFailed,
        ),
        (
            F::Filezilla,
            Verb::List,
            "425 Unable to build data connection: No or wrong ALPN on data connection",
            C::TlsFailed,
        ),
        (F::Filezilla, Verb::Pasv, "425 Cannot prepare for data connection.", C::PassivePortsExhausted),
        (F::Filezilla, Verb::Retr, "425 Error while transfering data: x", C::DataBroken),
        (
            F::Filezilla,
            Verb::Pasv,
            "500 You are connected using IPv6. PASV is only for IPv4. You have to use the EPSV command instead.",
            C::ProtocolFamily,
        ),
        (
            F::Filezilla,
            Verb::Port,
            "421 Rejected command, requested IP address does not match control connection IP.",
            C::ForeignAddress,
        ),
        (F::Busybox, Verb::List, "425 Use PORT/PASV first", C::NoEndpoint),
        (F::Busybox, Verb::List, "500 Error", C::ServerError),
    ];

    /// Those of libraries and closed servers, which are not told by their banners.
    const OF_OTHERS: &[(Verb, &str, C)] = &[
        (Verb::Port, "501 PORT IP is not same as 10.0.0.10.", C::ForeignAddress),
        (Verb::Port, "501 PORT is disabled.", C::Disabled),
        (Verb::Port, "501 Host unknown.", C::Malformed),
        (Verb::Port, "501 Not a valid port number.", C::Malformed),
        (Verb::Pasv, "425 Can't open passive connection.", C::PassivePortsExhausted),
        (Verb::Port, "501 Rejected data connection to foreign address 10.0.0.77:25.", C::ForeignAddress),
        (Verb::Port, "501 PORT against the privileged port \"25\" refused.", C::LowPort),
        (Verb::List, "425 Rejected data connection from foreign address 10.0.0.77:3000.", C::BadPassivePeer),
        (Verb::Port, "425 Can't connect to specified address.", C::ConnectFailed),
        (Verb::List, "421 Active data channel timed out.", C::DataTimeout),
        (Verb::List, "421 Passive data channel timed out.", C::NobodyConnected),
        (Verb::Pasv, "425 Too many connections. Can't open data channel.", C::PassivePortsExhausted),
        (Verb::List, "522 SSL handshake failed.", C::TlsFailed),
        (Verb::Port, "425 Can't open data connection.", C::ConnectFailed),
        (Verb::Port, "425 Could not establish data connection", C::ConnectFailed),
        (Verb::List, "425 No data connection established", C::ConnectFailed),
        (Verb::Pasv, "425 Could not allocate passive port", C::PassivePortsExhausted),
        (Verb::List, "425 Internal error: Channel closed", C::ServerError),
        (
            Verb::List,
            "425 could not establish active connection: dial tcp :20->10.0.0.10:5001: connect: connection refused",
            C::ConnectRefused,
        ),
        (Verb::List, "425 failed to accept passive transfer connection: accept tcp: i/o timeout", C::NobodyConnected),
        (Verb::List, "425 data connection security requirements not met", C::BadPassivePeer),
        (Verb::Port, "501 Your request does not meet the configured security requirements", C::ForeignAddress),
        (Verb::Port, "421 PORT command is disabled", C::Disabled),
        (
            Verb::Pasv,
            "421 Could not listen for passive connection: could not find any port to listen to",
            C::PassivePortsExhausted,
        ),
        (Verb::List, "421 unable to open transfer: TLS is required", C::TlsRequired),
        (Verb::List, "550 unable to open transfer: no transfer connection", C::NoEndpoint),
        (Verb::Port, "502 'port' not implemented", C::NotImplemented),
        (Verb::List, "425 Cannot open data connection.", C::ConnectFailed),
        (Verb::Port, "501 Server cannot accept argument.", C::PortRefused),
        (Verb::List, "425 Not able to open data connection.", C::ConnectFailed),
        (Verb::Port, "504 PORT command refused.", C::PortRefused),
        (Verb::Pasv, "502 PASV disabled", C::Disabled),
    ];

    #[test]
    fn the_texts_of_every_server() {
        for (family, verb, text, expected) in OF_SERVERS {
            assert_eq!(condition(*verb, text, Some(*family)), Some(*expected), "{family:?}: {text}");
        }
        for (verb, text, expected) in OF_OTHERS {
            assert_eq!(condition(*verb, text, None), Some(*expected), "{text}");
        }
    }

    #[test]
    fn one_text_means_what_its_server_means() {
        let illegal = |code: u16, family| condition(Verb::Port, &format!("{code} Illegal PORT command"), family);
        assert_eq!(illegal(500, None), Some(C::PortRefused));
        assert_eq!(illegal(500, Some(Family::Vsftpd)), Some(C::PortRefused));
        assert_eq!(illegal(500, Some(Family::Inetutils)), Some(C::PortRefused));
        assert_eq!(illegal(500, Some(Family::Proftpd)), Some(C::ForeignOrLowPort));
        assert_eq!(illegal(501, Some(Family::Proftpd)), Some(C::Malformed));
        assert_eq!(illegal(500, Some(Family::Filezilla)), Some(C::Malformed));
    }

    #[test]
    fn errors_of_the_system() {
        let named = |text| errno(&reply(text));
        assert_eq!(named("425 x: Can't assign requested address."), Some(Errno::CannotAssignAddress));
        assert_eq!(named("425 x: Address already in use"), Some(Errno::AddressInUse));
        assert_eq!(named("426 Data connection: Connection reset by peer."), Some(Errno::ConnectionReset));
        assert_eq!(named("425 Failed to establish connection."), None);
    }

    #[test]
    fn quoted_addresses() {
        let (a, b) = (Some([10, 4, 0, 40].into()), Some([10, 1, 0, 10].into()));
        let of = |text| quoted(&reply(text));
        let both = QuotedAddresses { announced: a, peer: b };
        assert_eq!(of("500 I won't open a connection to 10.4.0.40 (only to 10.1.0.10)"), Some(both));
        let announced = QuotedAddresses { announced: a, peer: None };
        assert_eq!(of("501 Rejected data connection to foreign address 10.4.0.40:25."), Some(announced));
        assert_eq!(of("501 PORT IP is not same as 10.1.0.10."), Some(QuotedAddresses { announced: None, peer: b }));
        assert_eq!(of("500 Illegal PORT command."), None);
    }

    #[test]
    fn words_without_a_command_may_mean_several_things() {
        let of = |code, line| possible(code, line).iter().map(|row| row.condition).collect::<Vec<_>>();
        let local = "Can't build data connection: Cannot assign requested address";
        assert_eq!(of(Some(425), local), [C::LocalAddressError]);
        assert_eq!(of(None, local).first(), Some(&C::LocalAddressError));
        assert_eq!(of(Some(425), "no such words"), [C::ConnectFailed, C::PassivePortsExhausted]);
        assert!(of(None, "no such words").is_empty());
        assert!(of(Some(227), "").is_empty());
    }

    #[test]
    fn patterns() {
        assert!(holds("illegal eprt command", "illegal * command") && holds("x", "") && holds("a b c", "b"));
        assert!(!holds("command illegal", "illegal * command"));
    }

    #[test]
    fn every_row_can_be_met() {
        for (index, row) in MEANINGS.iter().enumerate() {
            assert_eq!(row.pattern, row.pattern.to_ascii_lowercase());
            assert!(!row.codes.is_empty() && !row.wire.is_empty());
            let hidden = MEANINGS.iter().take(index).any(|above| {
                above.families == row.families
                    && (above.on == row.on || above.on == super::On::Any)
                    && row.codes.iter().all(|code| above.codes.contains(code))
                    && holds(row.pattern, above.pattern)
            });
            assert!(!hidden, "no reply reaches {row:?}");
        }
    }
}
