//! Tells a server's software from what it says of itself, or from the way it words its replies.
//!
//! A banner can be set by hand and is believed; wording is used where the banner is silent, and gives no version.

use super::Reply;
use super::line::shown;

/// Software whose replies mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// vsftpd
    Vsftpd,
    /// ProFTPD
    Proftpd,
    /// Pure-FTPd
    Pureftpd,
    /// GNU inetutils ftpd
    Inetutils,
    /// wu-ftpd
    Wuftpd,
    /// FreeBSD's ftpd
    FreeBsd,
    /// NetBSD's ftpd and tnftpd
    NetBsd,
    /// OpenBSD's ftpd
    OpenBsd,
    /// FileZilla Server
    Filezilla,
    /// pyftpdlib
    Pyftpdlib,
    /// Microsoft IIS
    Iis,
    /// Apache FtpServer (MINA)
    ApacheFtpServer,
    /// Twisted
    Twisted,
    /// libunftp
    Libunftp,
    /// ftpserverlib, SFTPGo
    Ftpserverlib,
    /// busybox ftpd
    Busybox,
    /// aioftp
    Aioftp,
    /// z/OS
    ZOs,
    /// IBM i
    IbmI,
    /// Globus GridFTP
    GridFtp,
    /// Named, but nothing is known of its wording.
    Other,
}

/// What a server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Software {
    /// Its name as the field writes it, printable.
    pub name: String,
    /// Its version, if it said one, printable.
    pub version: Option<String>,
    /// What its replies are judged as.
    pub family: Family,
}

impl Software {
    /// Name and version as they are shown.
    pub fn label(&self) -> String {
        self.version.as_ref().map_or_else(|| self.name.clone(), |version| format!("{} {version}", self.name))
    }
}

/// How a banner names its software: what stands before the version.
pub(super) const BANNERS: &[(&str, &str, Family)] = &[
    ("vsftpd", "vsFTPd", Family::Vsftpd),
    ("proftpd", "ProFTPD", Family::Proftpd),
    ("pure-ftpd", "Pure-FTPd", Family::Pureftpd),
    ("gnu inetutils", "GNU inetutils", Family::Inetutils),
    ("version wu-", "wu-ftpd", Family::Wuftpd),
    ("filezilla server version", "FileZilla Server", Family::Filezilla),
    ("filezilla server", "FileZilla Server", Family::Filezilla),
    ("pyftpdlib", "pyftpdlib", Family::Pyftpdlib),
    ("microsoft ftp service", "Microsoft FTP Service", Family::Iis),
    ("netbsd-ftpd", "NetBSD ftpd", Family::NetBsd),
    ("tnftpd", "tnftpd", Family::NetBsd),
    ("openbsd", "OpenBSD ftpd", Family::OpenBsd),
    ("version 6.00ls", "FreeBSD ftpd", Family::FreeBsd),
    ("ftpserver at", "Apache FtpServer", Family::ApacheFtpServer),
    ("twisted", "Twisted", Family::Twisted),
    ("libunftp", "libunftp", Family::Libunftp),
    ("ftpserverlib", "ftpserverlib", Family::Ftpserverlib),
    ("sftpgo", "SFTPGo", Family::Ftpserverlib),
    ("busybox ftpd", "busybox ftpd", Family::Busybox),
    ("aioftp", "aioftp", Family::Aioftp),
    ("gridftp server", "GridFTP Server", Family::GridFtp),
    ("ibm ftp cs", "z/OS FTP", Family::ZOs),
    ("qtcp at", "IBM i FTP", Family::IbmI),
    ("serv-u ftp server", "Serv-U", Family::Other),
    ("cerberus ftp server", "Cerberus FTP Server", Family::Other),
    ("crushftp", "CrushFTP", Family::Other),
    ("titan ftp server", "Titan FTP Server", Family::Other),
    ("wing ftp server", "Wing FTP Server", Family::Other),
    ("bftpd", "bftpd", Family::Other),
];

/// Replies that one family words so, and no other one that is known; case counts. From the sources of the servers.
pub(super) const WORDINGS: &[(u16, &str, Family)] = &[
    (331, "Please specify the password.", Family::Vsftpd),
    (200, "PORT command successful. Consider using PASV.", Family::Vsftpd),
    (200, "EPRT command successful. Consider using EPSV.", Family::Vsftpd),
    (150, "Here comes the directory listing.", Family::Vsftpd),
    (226, "Directory send OK.", Family::Vsftpd),
    (331, "Anonymous login ok, send your complete email address as your password", Family::Proftpd),
    (230, "Anonymous access granted, restrictions apply", Family::Proftpd),
    (226, "Abort successful", Family::Proftpd),
    (200, "TYPE is now 8-bit binary", Family::Pureftpd),
    (200, "TYPE is now ASCII", Family::Pureftpd),
    (331, " OK. Password required", Family::Pureftpd),
    (230, "OK. Current directory is ", Family::Pureftpd),
    (221, "Goodbye. You uploaded ", Family::Pureftpd),
    (500, "I won't open a connection to ", Family::Pureftpd),
    (500, "Illegal PORT Command", Family::Inetutils),
    (502, "Illegal PORT Command", Family::Wuftpd),
    (500, "Illegal PORT range rejected.", Family::FreeBsd),
    (500, "Illegal PORT rejected ", Family::OpenBsd),
    (500, "Illegal PORT command rejected", Family::NetBsd),
    (215, "UNIX emulated by FileZilla", Family::Filezilla),
    (200, "Active data connection established.", Family::Pyftpdlib),
    (200, "Type set to: ", Family::Pyftpdlib),
    (215, "Windows_NT", Family::Iis),
    (227, "listen socket created", Family::Aioftp),
    (425, "could not establish active connection: dial tcp", Family::Ftpserverlib),
    (425, "Use PORT/PASV first", Family::Busybox),
];

/// What is known of a server's software so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSoftware {
    known: Option<Software>,
    said_so: bool,
}

impl ServerSoftware {
    /// Takes a reply: a greeting (220), SYST (215), or any other one for its wording.
    pub fn see(&mut self, reply: &Reply) {
        if self.said_so {
            return;
        }
        if matches!(reply.code, 215 | 220)
            && let Some(software) = banner(reply)
        {
            *self = Self { known: Some(software), said_so: true };
        } else if self.known.is_none() {
            self.known = wording(reply);
        }
    }

    /// The software, if it is known.
    pub fn known(&self) -> Option<&Software> {
        self.known.as_ref()
    }

    /// Its family, if it is known.
    pub fn family(&self) -> Option<Family> {
        self.known.as_ref().map(|software| software.family)
    }
}

/// The software that a greeting or SYST reply names.
pub fn banner(reply: &Reply) -> Option<Software> {
    let lines: Vec<(&String, String)> =
        reply.more.iter().chain([&reply.text]).map(|line| (line, line.to_ascii_lowercase())).collect();
    BANNERS.iter().find_map(|(pattern, name, family)| {
        lines.iter().find_map(|(line, lower)| {
            let start = lower.find(pattern)?;
            let version = line.get(start + pattern.len()..).and_then(version);
            Some(Software { name: (*name).to_owned(), version, family: *family })
        })
    })
}

/// The software that words a reply so.
pub fn wording(reply: &Reply) -> Option<Software> {
    let words = |text: &str| reply.text.contains(text) || reply.more.iter().any(|line| line.contains(text));
    let (_, _, family) = WORDINGS.iter().find(|(code, text, _)| *code == reply.code && words(text))?;
    let (_, name, _) = BANNERS.iter().find(|(_, _, named)| named == family)?;
    Some(Software { name: (*name).to_owned(), version: None, family: *family })
}

/// The version that stands at the start of this text, as `1.0.3` or `2.6.2(1)`: digits first, up to a blank or bracket.
fn version(text: &str) -> Option<String> {
    let text = text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && c != ')' && c != ']');
    // IIS: "Microsoft FTP Service (Version 4.0)."
    let text = text.strip_prefix("Version ").unwrap_or(text);
    let end =
        text.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | ',' | ';')).unwrap_or(text.len());
    let version = text.get(..end)?.trim_end_matches('.');
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && version.len() <= 32;
    is_version.then(|| shown(version.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Family, ServerSoftware, banner};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};
    use crate::ftp::Reply;

    fn reply(code: u16, text: &str) -> Reply {
        let at = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0));
        let text = text.to_owned();
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

    #[test]
    fn banners() {
        let banners = [
            ("(vsFTPd 3.0.3)", "vsFTPd 3.0.3", Family::Vsftpd),
            ("ProFTPD 1.3.0a Server (ProFTPD Anonymous Server) [192.168.1.231]", "ProFTPD 1.3.0a", Family::Proftpd),
            ("ProFTPD Server (Debian) [::ffff:10.0.0.1]", "ProFTPD", Family::Proftpd),
            ("---------- Welcome to Pure-FTPd [privsep] [TLS] ----------", "Pure-FTPd", Family::Pureftpd),
            ("localhost FTP server (GNU inetutils 2.4) ready.", "GNU inetutils 2.4", Family::Inetutils),
            ("x FTP server (Version wu-2.6.2(1) Mon) ready.", "wu-ftpd 2.6.2", Family::Wuftpd),
            ("FileZilla Server version 0.9.41 beta", "FileZilla Server 0.9.41", Family::Filezilla),
            ("FileZilla Server 1.8.2", "FileZilla Server 1.8.2", Family::Filezilla),
            ("Microsoft FTP Service", "Microsoft FTP Service", Family::Iis),
            ("ftp.NetBSD.org FTP server (NetBSD-ftpd 20100320) ready.", "NetBSD ftpd 20100320", Family::NetBsd),
            ("alpha GridFTP Server 6.14 (gcc64dbg)", "GridFTP Server 6.14", Family::GridFtp),
            ("Serv-U FTP Server v6.4 for WinSock ready...", "Serv-U 6.4", Family::Other),
        ];
        for (text, label, family) in banners {
            let software = banner(&reply(220, text)).unwrap();
            assert_eq!((software.label().as_str(), software.family), (label, family));
        }
        assert_eq!(banner(&reply(220, "lab")), None);
    }

    #[test]
    fn wording_serves_where_the_banner_is_silent_and_a_banner_wins() {
        let mut server = ServerSoftware::default();
        server.see(&reply(220, "lab"));
        assert_eq!(server.known(), None);
        server.see(&reply(331, "Please specify the password."));
        assert_eq!((server.family(), server.known().unwrap().label()), (Some(Family::Vsftpd), "vsFTPd".to_owned()));
        server.see(&reply(215, "UNIX emulated by FileZilla Server 0.9"));
        assert_eq!(server.family(), Some(Family::Filezilla));
        server.see(&reply(200, "Type set to: Binary"));
        assert_eq!(server.family(), Some(Family::Filezilla));
    }

    #[test]
    fn every_wording_has_a_name() {
        for (code, text, family) in super::WORDINGS {
            assert_eq!(super::wording(&reply(*code, text)).map(|software| software.family), Some(*family), "{text}");
        }
    }

    #[test]
    fn one_text_of_two_families_is_told_apart_by_its_code() {
        let family = |code| {
            let mut server = ServerSoftware::default();
            server.see(&reply(code, "Illegal PORT Command"));
            server.family()
        };
        assert_eq!((family(500), family(502)), (Some(Family::Inetutils), Some(Family::Wuftpd)));
    }
}
