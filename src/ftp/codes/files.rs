//! Codes that refuse a file.

use super::{ReplyCode, said};

pub(super) static CODES: &[ReplyCode] = &[
    ReplyCode {
        code: 550,
        title: "file not available, or no permission",
        meaning: "The server refuses the file or directory: it does not exist, its name is written differently (upper \
            and lower case count on most servers), or this user has no right to read, list, write or remove it. The data \
            connection is not the reason. The client may have opened one already in passive mode; the server closes it \
            without a byte. A 550 that comes in the middle of a transfer with words about the network ('forcibly closed', \
            'network name is no longer available') is the exception: the connection broke. Compare with what works: a \
            CWD or LIST of the same directory, and the same file with another user.",
        servers: &[
            said("vsftpd", "Failed to open file.", "RETR: the file does not exist or may not be read."),
            said("vsftpd", "Permission denied.", "Uploads and other changes need write_enable=YES."),
            said("ProFTPD, BSD ftpd family", "<file>: No such file or directory", "The system's error for this name."),
            said(
                "ProFTPD, BSD ftpd family",
                "<file>: Permission denied",
                "The system's error for this name, or a <Limit> section.",
            ),
            said("IIS", "The system cannot find the file specified.", "Windows error 2."),
            said(
                "SFTPGo, ftpserverlib",
                "unable to open transfer: no transfer connection",
                "No data connection: read it as a 425.",
            ),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
    ReplyCode {
        code: 551,
        title: "action aborted, page type unknown or a read error",
        meaning: "By the RFC: the page structure of the file is not known, which no modern server means. In practice a \
            551 reports that the transfer had begun and the server could not go on: reading its own file failed, or the \
            transfer broke. If the words name the file or the input, look at the server's disk and log. If they name the \
            data connection, or say that it was reset or closed, treat it as 426 and look at how the data connection \
            ended: which side sent FIN or RST first, and whether the last segments were acknowledged. The bytes on the \
            data connection show how far the transfer came.",
        servers: &[
            said("BSD ftpd family", "Error on input file: <error>.", "Reading the file failed."),
            said(
                "Apache FtpServer",
                "Error on input file.",
                "Reading the file, or writing to the data connection, failed.",
            ),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
    ReplyCode {
        code: 552,
        title: "storage allocation exceeded",
        meaning: "Upload: the quota of the user or the limit of the directory is reached, and the server stopped \
            storing. It is the permanent form of 452: to try again does not help until space is free. The reply can come \
            after megabytes of data; the server then closes or resets the data connection, and the client may report a \
            network error because its send() failed before it read the reply on the control connection. In the capture \
            the 552 and the end of the data connection lie close together, and the server's side ends first. What was \
            stored so far may be left as an incomplete file.",
        servers: &[
            said(
                "ProFTPD",
                "Transfer aborted. <error>",
                "The quota or the size limit of files is reached; the system's error follows.",
            ),
            said("Pure-FTPd", "Quota exceeded", "The virtual quota (-n) is reached."),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
    ReplyCode {
        code: 553,
        title: "file name not allowed",
        meaning: "Upload or rename: the server does not accept this name, or may not create a file there. Typical \
            reasons are a directory without write permission for this user, a chroot where the path does not exist, a \
            file that exists and may not be overwritten, or characters that the server forbids. The refusal comes at \
            once, before any data; a passive data connection that is already open is closed empty. Neither the network \
            nor the mode of transfer is the reason. Check owner and permissions of the directory on the server, and try \
            another name in the same directory to separate the two reasons.",
        servers: &[
            said(
                "vsftpd",
                "Could not create file.",
                "STOR: no write permission, or the file exists and belongs to another user.",
            ),
            said(
                "BSD ftpd family",
                "<file>: <error>.",
                "open() for writing failed; the system's error follows the name.",
            ),
        ],
        references: &["RFC 959 4.2.2", "RFC 959 5.4"],
    },
];
