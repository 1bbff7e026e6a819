//! Codes about the opening of a data connection.

use super::{ReplyCode, said};

pub(super) static CODES: &[ReplyCode] = &[
    ReplyCode {
        code: 125,
        title: "data connection already open, transfer starting",
        meaning: "The data connection was open before the transfer command came, and the server begins to use it. A \
            second reply must follow when the transfer has ended: 226 or 250 if it worked, 425, 426, 451 or 550 if not. \
            A 125 alone says nothing about the result. Servers that connect as soon as they read PORT, and servers to \
            which the client connected right after 227 or 229, send it instead of 150. If no second reply comes, look \
            at the data connection: it is still open, broken, or stalled.",
        servers: &[
            said(
                "pyftpdlib",
                "Data connection already open. Transfer starting.",
                "The client connected, or the server did after PORT.",
            ),
            said("IIS", "Data connection already open; Transfer starting.", "In active and in passive mode."),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
    ReplyCode {
        code: 150,
        title: "file status okay, about to open the data connection",
        meaning: "The server accepted the transfer command and now opens the data connection (active mode), or waits \
            for the client to open it (passive mode). A second reply must follow: 226 or 250 if the transfer worked, 425 \
            if the data connection could not be opened, 426 or 451 if it broke. Many servers send 150 before they try to \
            connect, so a 150 does not prove that a data connection exists. A client that hangs after 150 waits for a \
            data connection or for the second reply; the data SYNs in the capture show which. Some servers send 150 only \
            after the client has connected: in passive mode client and server then wait for each other if the client \
            waits for 150 first.",
        servers: &[
            said(
                "BSD ftpd family",
                "Opening <type> mode data connection for <file>",
                "Active: sent after connect() succeeded.",
            ),
            said("vsftpd", "Here comes the directory listing.", "LIST and NLST, when the data connection is open."),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
    ReplyCode {
        code: 226,
        title: "transfer complete, data connection closed",
        meaning: "The transfer worked and the server closes the data connection. It is also the reply to an ABOR that \
            found nothing to stop, so the client must count replies: after ABOR come a 426 for the transfer and a 226 \
            for ABOR itself. A 226 says that the server sent or stored everything; whether the client received it is \
            shown by the acknowledgements on the data connection. After RETR and LIST the server closes first, so it \
            keeps the 5-tuple of that connection in TIME-WAIT; a client that announces the same port again in the next \
            minute or more can get a 425 for that reason.",
        servers: &[
            said("vsftpd", "Transfer complete.", "After the data connection was closed without an error."),
            said("vsftpd", "Directory send OK.", "The same after LIST and NLST."),
            said("ProFTPD", "Abort successful", "The reply to ABOR."),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
    ReplyCode {
        code: 425,
        title: "can't open the data connection",
        meaning: "There was no data connection for this transfer. The control connection still works, and so does the \
            login. Active mode: the server could not connect to the address and port of PORT or EPRT. Passive mode: the \
            client did not connect in time, or another host did. The code does not say why, so look for the data SYN. No \
            SYN: the server's own system refused (port in TIME-WAIT, port 20 in use, no route). A SYN without an answer: \
            a firewall or a wrong address. A SYN and a RST: nothing listens there, or a firewall rejects. A finished \
            handshake: TLS or the address of the peer was the reason. The system's error text behind the colon, if the \
            server adds one, names the reason; BSD and Linux word two of these texts differently.",
        servers: &[
            said(
                "BSD ftpd family",
                "Can't build data connection: <error>.",
                "connect() failed. While the error is EADDRINUSE it tries again every 5 s, for 90 s at most, before it says so.",
            ),
            said(
                "BSD ftpd family",
                "Can't create data socket (<address>,<port>): <error>.",
                "bind() to the data port, mostly 20, failed. It tries ten times with pauses of 1 to 10 s first.",
            ),
            said("BSD ftpd family", "Can't open data connection.", "Passive: nobody connected before the timeout."),
            said(
                "BSD ftpd family",
                "Can't open passive connection: <error>.",
                "PASV or EPSV: no port could be opened.",
            ),
            said(
                "vsftpd",
                "Failed to establish connection.",
                "Active: connect() failed or took 60 s (connect_timeout). Passive: nobody connected in 60 s (accept_timeout). The system's error is not shown.",
            ),
            said(
                "vsftpd",
                "Security: Bad IP connecting.",
                "Passive: another address than the control client's connected (pasv_promiscuous=NO).",
            ),
            said(
                "vsftpd, FileZilla Server",
                "Use PORT or PASV first.",
                "No PORT or PASV since the last transfer; each serves one transfer.",
            ),
            said(
                "ProFTPD",
                "Unable to build data connection: <error>",
                "Active: bind() or connect() failed. Passive: accept() failed. 'Operation not permitted' with TLS: the data connection did not resume the TLS session (TLSOptions NoSessionReuseRequired). 'Permission denied' in passive mode: another address connected.",
            ),
            said(
                "Pure-FTPd",
                "Could not open data connection to port <port>: <error>",
                "connect() failed. It repeats a port that is in use every second, and gives each try 30 s.",
            ),
            said("Pure-FTPd", "No data connection", "No PORT or PASV is in force."),
            said("Pure-FTPd", "All reserved TCP ports are busy", "PASV: every port of the passive range is in use."),
            said(
                "FileZilla Server 1.x",
                "Unable to build data connection: <error>",
                "connect() failed, another address connected, or TLS: 'TLS session of data connection not resumed'.",
            ),
            said(
                "FileZilla Server 1.x",
                "Cannot prepare for data connection.",
                "PASV: no free port in 15 tries, or the name of the public address does not resolve.",
            ),
            said(
                "pyftpdlib",
                "Can't connect to specified address.",
                "Active: the server connects when it reads PORT, so this answers PORT and not the transfer.",
            ),
            said("Apache FtpServer", "Can't open data connection.", "The data connection failed; no detail is given."),
            said(
                "SFTPGo, ftpserverlib",
                "could not establish active connection: dial tcp <sockets>: <error>",
                "connect() failed; the text has both addresses and ports.",
            ),
            said(
                "OpenBSD ftpd",
                "Can't build data connection: address family or port error",
                "The peer's port is below 1024 or 2049.",
            ),
            said("busybox ftpd", "Use PORT/PASV first", "No PORT or PASV is in force."),
            said("IIS", "Cannot open data connection.", "The data connection failed; no detail is given."),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 3.3", "Microsoft KB Q129395"],
    },
    ReplyCode {
        code: 435,
        title: "data connection refused (not in the RFCs)",
        meaning: "No RFC defines 435; clients treat it as any other 4xx reply: the transfer failed and may be tried \
            again. Two servers send it instead of 425, for two reasons that have nothing to do with each other: OpenBSD's \
            ftpd refuses an address, wu-ftpd with TLS reports a failed handshake. The banner (220) or the words tell \
            which server it is. The first is decided by the PORT or EPRT command in the capture: compare its address \
            with the source address of the control connection. The second is decided by the first packets of the data \
            connection, which carry the TLS handshake and its alert.",
        servers: &[
            said(
                "OpenBSD ftpd",
                "Can't build data connection: illegal port number",
                "The address of PORT is not the client's, although the text speaks of the port.",
            ),
            said(
                "wu-ftpd with TLS",
                "Failed TLS negotiation on data channel, disconnected: <error>",
                "The TLS handshake on the data connection failed.",
            ),
        ],
        references: &["RFC 959 4.2.1", "RFC 2577 3"],
    },
    ReplyCode {
        code: 520,
        title: "transfer refused (not in the RFCs)",
        meaning: "No RFC defines 520; by its first two digits it is a permanent refusal that concerns connections. Some \
            servers that connect as soon as they read PORT or EPRT use it, and similar unassigned codes, to say that this \
            attempt failed. If the words speak of a connection (refused, timed out, unreachable), read it as a 425 that \
            came early: the data SYN lies between PORT and this reply, not behind the transfer command, and what answered \
            the SYN decides. If the words speak of a limit or a policy, nothing was tried, and only the server's log or \
            configuration explains the refusal.",
        servers: &[],
        references: &["RFC 959 4.2.1"],
    },
    ReplyCode {
        code: 521,
        title: "no data connection with this protection level",
        meaning: "FTPS: the server opens no data connection with the protection level in force. Mostly the client sent \
            no PROT, or PROT C (clear), and the server requires PROT P; some servers are configured for the reverse. \
            The client should send PBSZ 0 and PROT P after the login and before the first transfer. In an unencrypted \
            session the server wants AUTH TLS first. RFC 1639 gives 521 another meaning as the answer to LPRT and LPSV: \
            the address family is not supported, and the text lists those that are. The capture shows both commands \
            where the control connection can be read; otherwise use --keylog.",
        servers: &[
            said(
                "servers of RFC 4217",
                "Data connection cannot be opened with this PROT setting.",
                "PROT does not match what the server requires.",
            ),
            said("pyftpdlib", "PROT <level> unsupported", "The answer to PROT itself: only C and P exist with TLS."),
            said("BSD ftpd family", "Supported address families are (<list>)", "The answer to LPRT or LPSV."),
        ],
        references: &["RFC 4217", "RFC 2228", "RFC 1639"],
    },
    ReplyCode {
        code: 522,
        title: "network protocol not supported, or TLS failed on the data connection",
        meaning: "Two meanings, told apart by the command. As the answer to EPRT or EPSV (RFC 2428): the server does not \
            support this network protocol, and the text lists those that it does, 1 for IPv4 and 2 for IPv6. As the \
            answer to a transfer (RFC 4217): TLS on the data connection is missing, failed, or was not accepted. The most \
            frequent case is session reuse: the server requires that the data connection resumes the TLS session of the \
            control connection, and the client made a new one. vsftpd adds the hint about session reuse whenever its \
            option is on, so a handshake that failed for another reason has the same words: look at the ClientHello of \
            the data connection.",
        servers: &[
            said(
                "vsftpd",
                "SSL connection failed; session reuse required: see require_ssl_reuse option in vsftpd.conf man page",
                "TLS on the data connection failed while require_ssl_reuse=YES.",
            ),
            said(
                "vsftpd",
                "Data connections must be encrypted.",
                "force_local_data_ssl or force_anon_data_ssl without PROT P.",
            ),
            said("vsftpd", "Bad network protocol.", "EPSV with a protocol number that it does not support."),
            said("ProFTPD", "SSL/TLS required on the data channel", "TLSRequired wants PROT P."),
            said("NetBSD ftpd", "Protocol not supported, use (<number>)", "EPRT or EPSV names another address family."),
            said("pyftpdlib", "SSL handshake failed.", "The TLS handshake on the data connection failed."),
        ],
        references: &["RFC 2428 2", "RFC 4217"],
    },
];
