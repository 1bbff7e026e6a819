//! Codes that tell the client where to connect.

use super::{ReplyCode, said};

pub(super) static CODES: &[ReplyCode] = &[
    ReplyCode {
        code: 227,
        title: "entering passive mode, with the server's address and port",
        meaning: "The answer to PASV. Six numbers follow: the first four are an IPv4 address, the last two the port, p1 \
            times 256 plus p2, so 195,80 is port 50000. The client connects there for the next transfer. The address is \
            what the server believes to be its own. Behind a NAT, in a container or in a cloud it is often a private \
            address, or 0.0.0.0, which the client cannot reach; many clients then use the address of the control \
            connection instead, others wait for a timeout. A firewall with an FTP helper rewrites the address and opens \
            the port, but only where it can read the reply, so not in FTPS. If nobody connects, a 425, 421 or a long \
            silence follows. EPSV (229) has no address and avoids all of that.",
        servers: &[
            said(
                "vsftpd",
                "Entering Passive Mode (0,0,0,0,<port>).",
                "An IPv6 listener, or pasv_address=0.0.0.0. Set pasv_address and pasv_min_port to pasv_max_port.",
            ),
            said(
                "ProFTPD",
                "Entering Passive Mode (<address and port>).",
                "MasqueradeAddress sets the address, PassivePorts the range. A port outside the range: all of its ports are in use.",
            ),
            said("Pure-FTPd", "Entering Passive Mode (<address and port>)", "-P sets the address, -p the range."),
            said(
                "FileZilla Server, IIS",
                "Entering Passive Mode (<address and port>).",
                "The external address and the port range are set in the passive mode (IIS: FTP Firewall Support) page.",
            ),
            said(
                "aioftp",
                "listen socket created",
                "The first of two lines; the address in the second may be 0.0.0.0.",
            ),
            said(
                "Pure-FTPd, old versions",
                "Logout.",
                "227 without an address, by mistake: a Linux firewall with the FTP helper drops it, and the session hangs. Fixed: it is 221 now.",
            ),
        ],
        references: &["RFC 959 4.1.2", "RFC 1123 4.1.2.6", "RFC 1579", "RFC 2428 3"],
    },
    ReplyCode {
        code: 229,
        title: "entering extended passive mode, with the server's port",
        meaning: "The answer to EPSV. Between three bars and a bar stands only a port: (|||50000|). The client connects \
            to that port at the address of the control connection, so a wrong address cannot occur, and a NAT needs no \
            rewriting. The port must still be open in every firewall on the way and forwarded by a NAT in front of the \
            server: configure a fixed range of passive ports on the server and the same range there. If the control \
            connection goes to a load balancer, the port may be open on another machine than the one that answers. Other \
            forms than (|||port|) cannot be read; an answer of 227 to EPSV is a mistake of the server or of a device in \
            between.",
        servers: &[said(
            "all",
            "Entering Extended Passive Mode (|||<port>|)",
            "The server listens on this port and waits for the client.",
        )],
        references: &["RFC 2428 3"],
    },
];
