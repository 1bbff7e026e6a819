//! Codes about sessions and transfers that end early.

use super::{ReplyCode, said};

pub(super) static CODES: &[ReplyCode] = &[
    ReplyCode {
        code: 421,
        title: "service not available, control connection closes",
        meaning: "The server ends the session: everything after this reply is lost, and the client must log in again. It \
            can come at any time, also without a command. As the greeting it means that the server is full or refuses \
            this client. After a silence it is the idle timeout. During a transfer it is a timeout of the data \
            connection: nobody connected to the passive port, or no data moved. Some servers also use it to refuse PORT \
            or PASV. Measure how long the control connection was silent before it: a round number (60, 300, 600, 900 s) \
            is a timer of the server. Whether data moved in that time is on the data connection.",
        servers: &[
            said("vsftpd", "Timeout.", "No command for idle_session_timeout (300 s)."),
            said(
                "vsftpd",
                "Data timeout. Reconnect. Sorry.",
                "No progress on the data connection for data_connection_timeout (300 s).",
            ),
            said("vsftpd", "There are too many connected users, please try later.", "max_clients is reached."),
            said(
                "Pure-FTPd",
                "Timeout (no new data for <seconds> seconds)",
                "Nobody connected to the passive port, or no data moved.",
            ),
            said("Pure-FTPd", "The connection couldn't be accepted: <error>", "Passive: accept() failed."),
            said("pyftpdlib", "Passive data channel timed out.", "Nobody connected to the passive port in 30 s."),
            said(
                "pyftpdlib",
                "Active data channel timed out.",
                "The client's port did not answer within 30 s of PORT.",
            ),
            said(
                "FileZilla Server 0.9",
                "Rejected command, requested IP address does not match control connection IP.",
                "PORT names another address.",
            ),
            said(
                "SFTPGo, ftpserverlib",
                "Could not listen for passive connection: could not find any port to listen to",
                "Every port of the passive range is in use.",
            ),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4", "RFC 1123 4.1.3.2"],
    },
    ReplyCode {
        code: 426,
        title: "connection closed, transfer aborted",
        meaning: "The data connection was open and then broke, or the client asked to stop (ABOR). So ports, addresses \
            and firewall rules for opening the connection are right; look at how it ended. A RST or FIN from the client: \
            the client stopped, or its disk is full. A RST that differs from the server's and client's own packets (TTL, \
            IP identification): a device between them broke the connection. Repeated large segments without an \
            acknowledgement while small ones pass: a path MTU problem. After ABOR a 426 is correct, and 226 for ABOR \
            itself follows.",
        servers: &[
            said(
                "vsftpd",
                "Failure writing network stream.",
                "Download: the client closed or reset the data connection.",
            ),
            said("vsftpd", "Failure reading network stream.", "Upload: the data connection was reset."),
            said(
                "ProFTPD",
                "Transfer aborted. Data connection closed",
                "ABOR, or the connection was reset (ECONNRESET, ECONNABORTED, EPIPE).",
            ),
            said("BSD ftpd family", "Data connection: <error>.", "read() or write() failed on the data connection."),
            said("BSD ftpd family", "Transfer aborted. Data connection closed.", "The answer to ABOR."),
            said("wu-ftpd", "Data connection timeout: <error>", "No progress on the data connection."),
            said("Apache FtpServer", "Data connection error.", "The data connection broke."),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
    ReplyCode {
        code: 450,
        title: "file not available now, or the transfer was interrupted",
        meaning: "A temporary refusal that mostly concerns the file: it is busy, locked by another transfer, or does not \
            exist (several servers answer LIST or NLST without a match with 450). The data connection is not the reason \
            then: the reply comes at once, and no data connection was opened or the open one carries no data. A few \
            servers use 450 when a running transfer broke, with words such as 'transfer aborted'; then it means the same \
            as 426. The words decide, and so does the data connection: a transfer that had begun and stopped is in the \
            capture.",
        servers: &[
            said(
                "ProFTPD",
                "Transfer aborted. Link to file server lost",
                "The data connection timed out while data moved (ETIMEDOUT and similar errors).",
            ),
            said("ProFTPD", "<file>: No such file or directory", "LIST or NLST of a name that does not exist."),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
    ReplyCode {
        code: 451,
        title: "action aborted, local error in processing",
        meaning: "The server began and had to stop because of an error of its own: a read or write error on its disk, a \
            missing right, a program behind the server that failed. The same request may work later. Words about the data \
            connection ('data connection', 'connection reset', 'forcibly closed') are the exception: they report that \
            the network connection broke, as 426 does. Compare what the data connection carried with the size of the \
            file: nothing at all and a prompt 451 point to the file or the file system, a transfer that stopped in the \
            middle with a RST or a long silence points to the network. The server's log has the error.",
        servers: &[
            said(
                "servers on Windows",
                "The specified network name is no longer available.",
                "Windows error 64: the client's end of the data connection is gone. Also with 426 and 550.",
            ),
            said("BSD ftpd family", "Local resource failure: <error>", "The server had no memory for the transfer."),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
    ReplyCode {
        code: 452,
        title: "not enough storage space",
        meaning: "Upload: the file system of the server is full, or the quota of the user is used up. The code is a \
            temporary one, so some clients try again by themselves and fail again. The data connection is not the \
            reason, even if the reply comes in the middle of an upload: the server stopped reading when write() failed. \
            In the capture the window of the server may shrink to 0 before the reply, and the client then gets a RST \
            because it still had data to send. Check df and the quota on the server; 552 is the permanent form of the \
            same refusal.",
        servers: &[said(
            "BSD ftpd family",
            "Error writing to file: <error>",
            "'No space left on device' or 'Disc quota exceeded' behind the colon.",
        )],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
];
