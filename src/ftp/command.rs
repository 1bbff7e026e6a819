//! Turns a client's line into a command. Passwords and tokens end here (see [`super::secret`]).

use super::endpoint::{parse_eprt, parse_lprt, parse_port};
use super::line::{Line, shown};
use super::secret::{Login, Told, secret, tell};
use super::verb::{known, split};
use super::{Command, CommandNo, Verb};
use crate::frame::FrameList;
use crate::redact::Secret;

/// Bytes of a verb that are shown: the longest in use has eight.
const NAME_BYTES: usize = 32;

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
