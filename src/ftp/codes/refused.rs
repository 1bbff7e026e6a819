//! Codes that refuse a command: its form, its argument, its moment, or its sender.

use super::{ReplyCode, said};

pub(super) static CODES: &[ReplyCode] = &[
    ReplyCode {
        code: 500,
        title: "syntax error, or PORT refused",
        meaning: "By the RFC the server did not understand the command. As the answer to PORT or EPRT it often is a \
            policy instead: the address is not the client's as the server sees it, or the port is below 1024. Behind a \
            NAT that does not rewrite PORT the client announces its private address, and the server refuses it. Some \
            servers quote both addresses: the one that was announced and the one they see. If the quoted address is not \
            what the client sent, a device in between rewrote the command. 'OOPS' is vsftpd: the process of this session \
            had an error and ends. As the answer to AUTH, EPSV or MLSD a 500 means that the server does not know the \
            command; clients fall back to an older one.",
        servers: &[
            said(
                "vsftpd",
                "Illegal PORT command.",
                "Wrong form, another address than the client's, or a port below 1024; the text does not say which.",
            ),
            said(
                "vsftpd",
                "OOPS: vsf_sysutil_bind",
                "Active: port 20 could not be bound twice. Passive: no free port in nine tries. The session ends.",
            ),
            said(
                "vsftpd",
                "OOPS: invalid pasv_address",
                "pasv_address in vsftpd.conf cannot be read, for example because of quotes.",
            ),
            said(
                "ProFTPD",
                "Illegal PORT command",
                "Another address than the client's (AllowForeignAddress off) or a port below 1024. A wrong form is 501.",
            ),
            said(
                "ProFTPD",
                "Unable to service PORT commands",
                "RootRevoke is on: the server may not bind to port 20 any more.",
            ),
            said(
                "Pure-FTPd",
                "I won't open a connection to <address> (only to <address>)",
                "PORT names another address than the client's. Both addresses are as the server sees them.",
            ),
            said(
                "FreeBSD ftpd",
                "Illegal PORT range rejected.",
                "Another address than the client's, or a port below 1024.",
            ),
            said(
                "OpenBSD ftpd",
                "Illegal PORT rejected (<reason>).",
                "'address wrong', 'reserved port' or 'range errors': the only server that says which.",
            ),
            said(
                "NetBSD ftpd",
                "Illegal PORT command rejected",
                "Another address than the client's, or a port below 1024.",
            ),
            said(
                "GNU inetutils",
                "Illegal PORT Command",
                "Another address than the client's, or a port of 1024 or below.",
            ),
            said(
                "FileZilla Server 1.x",
                "Illegal PORT command.",
                "Only a wrong form; the address is not compared here.",
            ),
        ],
        references: &["RFC 959 4.2.2", "RFC 2577 3"],
    },
    ReplyCode {
        code: 501,
        title: "syntax error in the argument, or PORT refused",
        meaning: "The server knows the command, not this argument. As the answer to PORT or EPRT it means one of three \
            things: the six numbers or the EPRT form cannot be read, the address or port is 0, or the server refuses the \
            address or port by policy. ProFTPD separates them: 501 for the form, 500 for the policy. Other servers use \
            501 for the policy too, with words about a foreign address or a privileged port. Read the argument in the \
            capture: six numbers from 0 to 255, the address equal to the client's address on the control connection, and \
            the fifth number at least 4, which makes a port of 1024 or above.",
        servers: &[
            said("ProFTPD", "Illegal PORT command", "The argument cannot be read, or address or port is 0."),
            said("ProFTPD", "PORT: Operation not permitted", "A <Limit PORT> section forbids it."),
            said("Pure-FTPd", "Sorry, but I won't connect to ports < 1024", "PORT names a privileged port."),
            said("Pure-FTPd", "Active mode is disabled", "The client sent EPSV ALL before."),
            said(
                "pyftpdlib",
                "Rejected data connection to foreign address <address>.",
                "PORT names another address than the client's.",
            ),
            said("pyftpdlib", "PORT against the privileged port <port> refused.", "PORT names a port below 1024."),
            said(
                "Apache FtpServer",
                "PORT IP is not same as <address>.",
                "The address of PORT is not the one quoted, which is the client as the server sees it.",
            ),
            said(
                "SFTPGo, ftpserverlib",
                "Your request does not meet the configured security requirements",
                "PORT names another address than the client's.",
            ),
            said("NetBSD ftpd", "PORT disallowed after EPSV ALL", "The client sent EPSV ALL before."),
            said("IIS", "Server cannot accept argument.", "Seen when PORT named a third host (FXP)."),
        ],
        references: &["RFC 959 4.2.2", "RFC 2428 2", "RFC 2577 3"],
    },
    ReplyCode {
        code: 502,
        title: "command not implemented or switched off",
        meaning: "The server does not have this command, or its administrator switched it off. For PORT, PASV, EPRT and \
            EPSV that decides which mode is possible: if PASV and EPSV are refused the client must use active mode, if \
            PORT and EPRT are refused passive mode. Clients that try EPSV or EPRT first take a 502 as a sign to use PASV \
            or PORT instead, so one 502 and a transfer that works is normal. wu-ftpd uses 502 for a PORT that it refuses \
            because of its address or port. Nothing on the network can change a 502: it is decided in the server's \
            configuration or version.",
        servers: &[
            said(
                "wu-ftpd",
                "Illegal PORT Command",
                "Another address than the client's, a port below 1024, or PORT is switched off.",
            ),
            said("Titan", "PASV disabled", "Passive mode is switched off."),
            said("aioftp", "'port' not implemented", "There is no active mode."),
        ],
        references: &["RFC 959 4.2.2", "RFC 1123 4.1.2.13"],
    },
    ReplyCode {
        code: 503,
        title: "bad sequence of commands",
        meaning: "The command is correct but came at the wrong moment. Typical pairs: a transfer without PORT or PASV \
            before it, PASS without USER, PROT without PBSZ, RNTO without RNFR. Each PORT or PASV serves one transfer \
            only, so a second transfer needs a second one. If the capture shows that the client did send PORT or PASV, \
            look at the answer to that: it was refused, or it never reached the server because a firewall dropped the \
            packet (the segment is sent again and again). Words about a login mean that USER and PASS have to come \
            first, or again, because the server forgot the session.",
        servers: &[
            said("servers on BSD and Linux", "Login with USER first.", "PASS without USER."),
            said("GNU inetutils, others", "Bad sequence of commands", "The command that must come before is missing."),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4", "RFC 4217"],
    },
    ReplyCode {
        code: 504,
        title: "not implemented for that parameter",
        meaning: "The server has the command but does not do this variant of it. As the answer to PORT or EPRT it is a \
            policy: RFC 2577 advises it for ports below 1024 so that the server cannot be used to attack other \
            services, and z/OS sends it for what its configuration forbids. As the answer to AUTH it means that the \
            server does not support this mechanism, for example SSL instead of TLS. As the answer to PROT it means that \
            this protection level does not exist there. As the answer to TYPE, MODE or STRU it concerns the form of the \
            data only. The argument in the capture and the server's configuration decide; the network does not matter.",
        servers: &[said("z/OS", "", "PORT or EPRT, where the configuration forbids foreign addresses or low ports.")],
        references: &["RFC 959 4.2.2", "RFC 2577 3", "RFC 2228"],
    },
    ReplyCode {
        code: 530,
        title: "not logged in",
        meaning: "The login failed, or the command needs a login that did not happen. Behind PASS: the user name or \
            password is wrong, the account is locked or not allowed on FTP (a shell that is missing in /etc/shells, \
            an entry in a list of forbidden users, a chroot directory that does not exist), or too many sessions are \
            open. Behind USER: some servers require TLS first and say so. Behind another command: the client goes on \
            although its login was refused, or the server forgot the session. No data connection is involved, and no \
            firewall rule changes a 530. The server's log has the reason, which most servers do not send to the client.",
        servers: &[
            said(
                "vsftpd",
                "Login incorrect.",
                "Wrong password, a user in the list of forbidden users, or a shell that PAM does not accept.",
            ),
            said("vsftpd", "Please login with USER and PASS.", "A command before the login."),
            said(
                "vsftpd",
                "Non-anonymous sessions must use encryption.",
                "force_local_logins_ssl: send AUTH TLS first.",
            ),
            said("ProFTPD", "Login incorrect.", "Also sent for users that a <Limit LOGIN> section refuses."),
            said(
                "IIS",
                "User cannot log in<reason>.",
                "Wrong password, missing right, or a home directory that cannot be opened; the words behind it differ.",
            ),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
    ReplyCode {
        code: 532,
        title: "an account is needed to store files",
        meaning: "The login worked, but to store a file the server wants an account name in addition (ACCT), as some \
            mainframes and gateways do for billing. On Unix and Windows servers the code is rare. The refusal comes \
            before any data connection is opened, or the server closes the one that is open, so a data connection \
            without a byte beside a 532 is a result and not a cause. Send ACCT after PASS if the server's documentation \
            asks for it; otherwise ask its administrator why this user may not store files. Servers that merely lack a \
            write permission answer 550 or 553.",
        servers: &[],
        references: &["RFC 959 4.1.1", "RFC 959 4.2.2", "RFC 959 5.4"],
    },
];
