//! Turns a client's line into a command. Passwords and tokens end here (see [`super::secret`]).

use super::endpoint::{parse_eprt, parse_lprt, parse_port};
use super::line::{Line, shown, trimmed};
use super::secret::{Login, Told, secret, tell};
use super::{Command, CommandNo, Verb};
use crate::frame::FrameList;
use crate::redact::Secret;

/// Bytes of a verb that are shown: the longest in use has eight.
const NAME_BYTES: usize = 32;

/// The verbs of RFC 959, 1639, 2228, 2389, 2428, 3659, 7151 and the X forms of RFC 1123 4.1.3.1; blanks fill up those of three letters.
const VERBS: &[([u8; 4], Verb)] = &[
    (*b"USER", Verb::User),
    (*b"PASS", Verb::Pass),
    (*b"ACCT", Verb::Acct),
    (*b"PORT", Verb::Port),
    (*b"EPRT", Verb::Eprt),
    (*b"LPRT", Verb::Lprt),
    (*b"PASV", Verb::Pasv),
    // What some broadband routers made of PASV so that no ALG would see it; Titan answers it.
    (*b"P@SW", Verb::Pasv),
    (*b"EPSV", Verb::Epsv),
    (*b"LPSV", Verb::Lpsv),
    (*b"RETR", Verb::Retr),
    (*b"STOR", Verb::Stor),
    (*b"STOU", Verb::Stou),
    (*b"APPE", Verb::Appe),
    (*b"LIST", Verb::List),
    (*b"NLST", Verb::Nlst),
    (*b"MLSD", Verb::Mlsd),
    (*b"ABOR", Verb::Abor),
    (*b"REIN", Verb::Rein),
    (*b"QUIT", Verb::Quit),
    (*b"AUTH", Verb::Auth),
    (*b"PROT", Verb::Prot),
    (*b"CCC ", Verb::Ccc),
    (*b"SYST", Verb::Syst),
    (*b"REST", Verb::Rest),
    (*b"ADAT", Verb::Other),
    (*b"ALLO", Verb::Other),
    (*b"CDUP", Verb::Other),
    (*b"CLNT", Verb::Other),
    (*b"CONF", Verb::Other),
    (*b"CWD ", Verb::Other),
    (*b"DELE", Verb::Other),
    (*b"ENC ", Verb::Other),
    (*b"FEAT", Verb::Other),
    (*b"HELP", Verb::Other),
    (*b"HOST", Verb::Other),
    (*b"LANG", Verb::Other),
    (*b"MDTM", Verb::Other),
    (*b"MFMT", Verb::Other),
    (*b"MIC ", Verb::Other),
    (*b"MKD ", Verb::Other),
    (*b"MLST", Verb::Other),
    (*b"MODE", Verb::Other),
    (*b"NOOP", Verb::Other),
    (*b"OPTS", Verb::Other),
    (*b"PBSZ", Verb::Other),
    (*b"PWD ", Verb::Other),
    (*b"RMD ", Verb::Other),
    (*b"RNFR", Verb::Other),
    (*b"RNTO", Verb::Other),
    (*b"SITE", Verb::Other),
    (*b"SIZE", Verb::Other),
    (*b"SMNT", Verb::Other),
    (*b"STAT", Verb::Other),
    (*b"STRU", Verb::Other),
    (*b"TYPE", Verb::Other),
    (*b"XCRC", Verb::Other),
    (*b"XCUP", Verb::Other),
    (*b"XCWD", Verb::Other),
    (*b"XMKD", Verb::Other),
    (*b"XPWD", Verb::Other),
    (*b"XRMD", Verb::Other),
];

/// The verb of this name, if it is one of FTP's.
pub(super) fn known(name: &[u8]) -> Option<Verb> {
    let mut wanted = [b' '; 4];
    wanted.get_mut(..name.len())?.copy_from_slice(name);
    wanted.make_ascii_uppercase();
    VERBS.iter().find(|(known, _)| *known == wanted).map(|(_, verb)| *verb)
}

/// The names of all verbs.
pub(super) fn names() -> impl Iterator<Item = &'static [u8]> {
    VERBS.iter().map(|(name, _)| name.trim_ascii())
}

/// A line's verb and argument: split at the first blank, or where the number of PORT, EPRT or LPRT begins
/// (`PORT10,0,0,1,4,1`).
pub(super) fn split(line: &[u8]) -> (&[u8], &[u8]) {
    let line = body(line);
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let glued = line.get(..4).and_then(known).is_some_and(Verb::is_active_endpoint)
        && line.get(4).is_some_and(|byte| !byte.is_ascii_alphabetic());
    let (name, argument) = line.split_at_checked(if glued { 4 } else { end }).unwrap_or((line, &[]));
    (name, trimmed(argument))
}

/// The line without blanks around it, and without the Data Mark of a Synch whose IAC was skipped on the way.
pub(super) fn body(line: &[u8]) -> &[u8] {
    let first = line.iter().position(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xf2 | 0xf4));
    first.and_then(|first| line.get(first..)).map_or(&[], trimmed)
}

/// The command on this line, and the secrets it says; `None` for a blank line, which servers do not answer.
pub(super) fn parse(no: CommandNo, line: &Line, login: &Login) -> Option<(Command, Vec<Secret>)> {
    let (name, argument) = split(&line.bytes);
    if name.is_empty() {
        return None;
    }
    let frames = FrameList::of(line.frames.clone())?;
    let told = tell(&line.bytes, line.ended && !line.cut, login);
    let verb = match secret(&line.bytes).or_else(|| known(name)).unwrap_or(Verb::Other) {
        // It asks for no endpoint, but promises that none but EPSV will (RFC 2428 4).
        Verb::Epsv if argument.eq_ignore_ascii_case(b"ALL") => Verb::Other,
        verb => verb,
    };
    let endpoint = match verb {
        // Their last digits may be missing.
        _ if !line.ended => None,
        Verb::Port => Some(parse_port(argument)),
        Verb::Eprt => Some(parse_eprt(argument)),
        Verb::Lprt => Some(parse_lprt(argument)),
        Verb::User
        | Verb::Pass
        | Verb::Acct
        | Verb::Pasv
        | Verb::Epsv
        | Verb::Lpsv
        | Verb::Retr
        | Verb::Stor
        | Verb::Stou
        | Verb::Appe
        | Verb::List
        | Verb::Nlst
        | Verb::Mlsd
        | Verb::Abor
        | Verb::Rein
        | Verb::Quit
        | Verb::Auth
        | Verb::Prot
        | Verb::Ccc
        | Verb::Syst
        | Verb::Rest
        | Verb::Other => None,
    };
    let Told { name, argument, secrets } = told;
    let ellipsis = if line.ended || verb.is_secret() { "" } else { "\u{2026}" };
    let command = Command {
        no,
        verb,
        name: shown(&name.get(..NAME_BYTES).unwrap_or(&name).to_ascii_uppercase()),
        argument: shown(&argument) + ellipsis,
        len: line.bytes.len(),
        frames,
        endpoint,
        unreliable: line.unreliable,
    };
    Some((command, secrets))
}

#[cfg(test)]
mod tests {
    use super::super::secret::{Login, may_begin};
    use super::{known, parse, split};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};
    use crate::ftp::line::{Line, Start};
    use crate::ftp::{Command, CommandNo, Endpoint, Verb};
    use crate::redact::unmarked;

    fn command(bytes: &[u8]) -> Option<Command> {
        let at = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0));
        let bytes = bytes.to_vec();
        let line = Line { bytes, frames: vec![at], cut: false, ended: true, unreliable: false, start: Start::Sure };
        parse(CommandNo(0), &line, &Login::picked_up()).map(|(command, _)| command)
    }

    #[test]
    fn verbs_are_read_in_any_case_and_with_blanks_around() {
        for line in ["retr a b", "  RETR a b", "\tReTr  a b  ", "\u{0}"] {
            let command = command(line.as_bytes()).unwrap();
            if line != "\u{0}" {
                assert_eq!((command.verb, unmarked(&command.line()).as_str()), (Verb::Retr, "RETR a b"), "{line:?}");
            }
        }
        assert_eq!(command(b" \t"), None);
        assert_eq!(command(b""), None);
    }

    #[test]
    fn a_glued_endpoint_is_split() {
        let endpoint = Some(Ok(Endpoint { address: Some([10, 0, 0, 1].into()), port: 1025 }));
        for line in
            [&b"PORT10,0,0,1,4,1"[..], b"port 10,0,0,1,4,1", b"EPRT|1|10.0.0.1|1025|", b"LPRT 4,4,10,0,0,1,2,4,1"]
        {
            assert_eq!(command(line).unwrap().endpoint, endpoint, "{line:?}");
        }
        assert_eq!(split(b"PORTAL x"), (&b"PORTAL"[..], &b"x"[..]));
        assert!(command(b"PORT").unwrap().endpoint.unwrap().is_err());
    }

    #[test]
    fn a_stray_data_mark_does_not_hide_abor() {
        assert_eq!(command(b"\xf2ABOR").unwrap().verb, Verb::Abor);
    }

    #[test]
    fn secrets_stay_here() {
        let lines =
            ["PASS hunter2", "pass hunter2", " \t PaSs\thunter2", "PASShunter2", "P\0A\x01SS hunter2", "acct hunter2"];
        let noisy = command(b"\x16abpass hunter2").unwrap();
        assert_eq!((noisy.verb, unmarked(&noisy.line()).as_str()), (Verb::Other, "*** ***"));
        for line in lines {
            let command = command(line.as_bytes()).unwrap();
            assert!(!format!("{command:?}").contains("hunter2"), "{line:?}");
            assert_eq!(command.argument, "***");
        }
        for (start, secret) in
            [("PASS x", true), (" pA", true), ("ACC", true), ("abpass x", true), ("PO", false), ("", false)]
        {
            assert_eq!(may_begin(start.as_bytes(), &Login::picked_up()), secret, "{start}");
        }
        assert_eq!(command(b"PASV").unwrap().verb, Verb::Pasv);
        assert_eq!(command(b"USER hunter2").unwrap().argument, "hunter2");
    }

    #[test]
    fn epsv_all_asks_for_no_endpoint() {
        let verb = |text: &str| command(text.as_bytes()).unwrap().verb;
        assert_eq!((verb("EPSV ALL"), verb("epsv all"), verb("EPSV"), verb("EPSV 1")), {
            (Verb::Other, Verb::Other, Verb::Epsv, Verb::Epsv)
        });
    }

    #[test]
    fn names_are_printable_and_bounded() {
        let command = command(&[&[0x1b; 1][..], &[b'a'; 5000][..]].concat()).unwrap();
        assert_eq!((command.verb, command.name.len()), (Verb::Other, 35));
        assert!(command.name.starts_with("\\x1bAAA"));
    }

    #[test]
    fn the_x_forms_and_nothing_else_are_known() {
        assert!(known(b"xpwd").is_some() && known(b"noop").is_some());
        assert!(known(b"").is_none() && known(b"EHLO").is_none() && known(b"220").is_none());
    }
}
