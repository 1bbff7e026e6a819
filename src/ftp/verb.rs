//! The verbs of FTP, and where a client's line has its verb.

use super::Verb;
use super::line::trimmed;

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
