//! What several pages say.

use super::Entries;

pub(super) const SETTINGS: (&str, &str) = (
    "FTPWHY_OPTION",
    "Every long option can be set by a variable: FTPWHY_FAIL_ON=warning is --fail-on warning, \
                 FTPWHY_ASCII=true is --ascii; an option that may be repeated takes one value per line. The command \
                 line overrides the environment, the environment overrides .ftpwhy.toml.",
);
pub(super) const ENVIRONMENT: Entries = &[
    SETTINGS,
    ("NO_COLOR", "If set and not empty: no colours, unless --color always."),
    ("CLICOLOR", "If 0: no colours, unless --color always."),
    ("CLICOLOR_FORCE", "If set and not 0: colours in pipes too, unless --color never."),
];
pub(super) const TIMED: Entries = &[
    SETTINGS,
    ("NO_COLOR", "If set and not empty: no colours, unless --color always."),
    ("CLICOLOR", "If 0: no colours, unless --color always."),
    ("CLICOLOR_FORCE", "If set and not 0: colours in pipes too, unless --color never."),
    ("TZ", "The time zone of --local."),
];
pub(super) const CONFIG: (&str, &str) = (
    ".ftpwhy.toml",
    "Settings, read from the current directory: long options as keys (port = [2121, 990], fail-on = \
                 \"warning\", ascii = true), options of one subcommand in a table with its name ([check]). format \
                 and output of a subcommand stand only there, because each subcommand has its own. Unknown keys are \
                 errors. Options that write files are accepted only from a file named by --config.",
);
pub(super) const OUTPUTS: (&str, &str) = (
    "Output files",
    "An output file must not be an input (given or found in a directory), the configuration file, the \
                 baseline, an expectation or another output; links are followed for this check. Otherwise nothing \
                 is written and the exit status is 2. A report to a regular file is written to a temporary file in \
                 the same directory, which replaces the old file when the report is complete. So the disk needs \
                 space for both, and the old file stays if the disk is full or the program is killed. Mode and \
                 owner are kept, and a symbolic link is followed; other hard links to the old file keep the old \
                 content. If the directory is not writable, or the owner cannot be kept, the report is written to \
                 the directory for temporary files (TMPDIR) and copied over the old file when it is complete. \
                 Pipes, devices, /dev/stdout, and reports that are written while packets arrive (full, concise and \
                 ndjson with --follow or from a pipe), are written directly.",
);
pub(super) const LIVE_OUTPUTS: (&str, &str) = (
    "Output files",
    "An output file must not be the configuration file or another output; links are followed for this \
                 check. Otherwise nothing is captured and the exit status is 2. The files of -o, -w and --evidence \
                 are written while packets arrive. The file of --metrics-file is replaced as a whole; mode and \
                 owner are kept, and a symbolic link is followed.",
);
/// Of what has no options to set.
pub(super) const NO_SETTINGS: Entries = &[("FTPWHY_*", "Not used: there is nothing to set.")];
pub(super) const NO_CONFIG: Entries = &[(".ftpwhy.toml", "Not used: there is nothing to set.")];
/// The statuses of a run that a signal ended.
pub(super) const SIGNALS: &str = "129, 130, 143";
pub(super) const PRINTS: Entries =
    &[("0", "The output was printed."), ("2", "Wrong usage, or standard output could not be written.")];
pub(super) const READS: Entries = &[
    ("0", "All inputs were read, except those allowed by --allow-unreadable."),
    (
        "2",
        "Wrong usage, or a capture could not be read (see Unreadable captures in the manual). The other \
                 inputs are still listed.",
    ),
    (SIGNALS, "Ended by SIGHUP, SIGINT (^C) or SIGTERM. What was read is shown and marked as incomplete."),
];
pub(super) const NOT_CAPTURED: (&str, &str) = (
    "What was not captured",
    "A capture proves what is in it. That something did not happen can be claimed only if the capture \
                 would have shown it; otherwise the confidence is lower, and the finding says why.",
);
pub(super) const ENCRYPTION: (&str, &str) = (
    "Encryption",
    "After AUTH TLS the control connection can be read only with its keys: from the files of --keylog, \
                 or from pcapng files that contain them. To get them from a client, start it with \
                 SSLKEYLOGFILE=FILE in its environment: curl, lftp, FileZilla, and Python's ftplib with \
                 ssl.create_default_context(). vsftpd, ProFTPD and Pure-FTPd write no keys themselves: start them \
                 with LD_PRELOAD=LIBRARY, where the library calls SSL_CTX_set_keylog_callback for each context and \
                 opens its file at once (vsftpd changes its root directory before TLS begins, ProFTPD closes files \
                 that it did not open itself). Start the program before the capture ends; FILE may still grow while \
                 ftpwhy reads a pipe, a file with --follow, or captures itself (live --keylog). ftpwhy itself does \
                 not read SSLKEYLOGFILE. TLS 1.2 and 1.3 are decrypted; on data connections only handshakes and \
                 alerts. No output contains a key, except that of extract --with-secrets. Without keys the replies \
                 are unknown, and so is which data connection belongs to which command; tls-control-opaque says \
                 why. With --anonymize nothing is decrypted.",
);
pub(super) const SECRETS: (&str, &str) = (
    "Secrets",
    "*** replaces the arguments of PASS, ACCT, ADAT, AUTH and the password commands of SITE in any \
                 spelling, user:password@ and password=... in any line, arguments of unknown commands before the \
                 login, and every place where a secret of at least four bytes appears again: in file names, replies \
                 and other sessions. Common words of replies, numbers of endpoints and the mail address of an \
                 anonymous user stay. Output that is written immediately (ndjson, live) may contain a word that \
                 only later turns out to be a secret. If there are very many secrets, only the newest few thousand \
                 are replaced elsewhere.",
);
pub(super) const ANONYMITY: (&str, &str) = (
    "Anonymity",
    "With --anonymize, times, ports, lengths, identifiers of VLANs and tunnels, names of server \
                 software and common words of replies stay, and addresses with a common prefix still have one: \
                 someone who knows a part of the traffic can recognise it. Reports show the names of input files as \
                 they were given.",
);
pub(super) const SAME_FINDINGS: (&str, &str) = (
    "The same findings",
    "With --anonymize a capture gives the same findings, also if it is damaged. There are three \
                 exceptions. Packets that differ only in data count as copies of one packet. If two segments have \
                 different contents for the same bytes of a control connection (control-overlap-conflict), the \
                 content of one of them may be lost. New names and addresses change the length of lines, so \
                 sequence numbers change too: connections between the same ports, and packets with wrong numbers, \
                 may overlap with other packets than before, and a number that is wrong by about 2^31 may count as \
                 earlier or later.",
);
pub(super) const TWICE: (&str, &str) = (
    "Two readings",
    "--anonymize reads its inputs twice: standard input is copied to an unnamed file in the directory \
                 for temporary files (TMPDIR), at most 4 GiB; other pipes are refused.",
);
pub(super) const UNREADABLE: (&str, &str) = (
    "Unreadable captures",
    "This is about named inputs, and about files of a directory that have the name of a capture (.pcap, \
                 .pcapng, .cap, .dmp, .dump, also compressed and with the number of a rotation) or begin like one. \
                 Such a file is unreadable if it cannot be opened, is empty, is not a capture, or is damaged or cut \
                 before the end of its first packet; if reading fails; or if it is removed, truncated or replaced \
                 before it was read to its end. Each of them is an error on standard error and an entry in every \
                 report, and makes the exit status 2. --allow-unreadable names files that are known to be broken: \
                 for them there is a note and an entry, and the exit status does not change. A capture that is \
                 damaged or cut later is read up to there (capture-truncated). A capture without packets is no \
                 error.",
);
pub(super) const MANY: (&str, &str) = (
    "Many captures at once",
    "Of captures that overlap in time, 64 are open at the same time, at most 16 of them compressed with \
                 zstd; more are opened again and again to read them in parts. More compressed files are unpacked \
                 into the directory for temporary files (TMPDIR), at most 16 GiB: if there are more, unpack them \
                 first.",
);
pub(super) const INTERRUPTS: (&str, &str) = (
    "Interrupts",
    "The first SIGINT (^C), SIGTERM or SIGHUP stops reading, also from a pipe and with --follow. The \
                 packets read so far are analysed and reported, and the report says in every format that it is \
                 incomplete. The exit status is 128 plus the signal's number, whatever was found, or 2 if the \
                 report could not be written. A second ^C ends the program immediately. Under nohup SIGHUP is \
                 ignored.",
);
pub(super) const CLOSED_OUTPUT: (&str, &str) = (
    "Closed standard output",
    "A closed standard output (>&-) looks like /dev/null: the output is lost without an error.",
);
pub(super) const LIVE_LIMITS: Entries = &[
    (
        "Privileges",
        "sudo setcap cap_net_raw=ep $(command -v ftpwhy) allows everyone who can run it to capture; no \
                 other right is needed. When the interfaces are open, ftpwhy drops all capabilities, changes to the \
                 user of -Z, and enters a sandbox (Landlock) that allows writing only in the directories of -w, -o, \
                 --evidence and --metrics-file; that user needs write permission there. Without the capability: \
                 dumpcap -i IFACE -w - | ftpwhy -",
    ),
    (
        "Directories that are removed",
        "For Landlock a directory that is removed and created again is a new one. To allow this for the \
                 directories of --evidence and of a ring (-b), their parent directory is writable too, unless that \
                 is /: so give them a parent of their own, as in /var/lib/ftpwhy/ring/r.pcapng and \
                 /var/lib/ftpwhy/evidence. The directories of other files must not be removed.",
    ),
    (
        "Service",
        "contrib/ftpwhy-live.service runs it under systemd as its own user with CAP_NET_RAW as the only \
                 ambient capability; findings go to /var/log/ftpwhy, annotated captures to /var/lib/ftpwhy, \
                 counters to /run/ftpwhy. Let logrotate call systemctl reload ftpwhy-live.",
    ),
    (
        "Default filter",
        "It passes control connections (port 21 and --port), of all other TCP connections the segments \
                 without payload and those that open and close, and ICMP, ARP, neighbour discovery and fragments, \
                 with and without VLAN tags. It does not look into tunnels: use -f there. Packets that it hides are \
                 not reported as missing. It hides TLS handshakes of data connections, too: give --full-data if a \
                 data connection of FTPS fails in its handshake.",
    ),
    (
        "Interfaces",
        "Several -i are one capture with several interfaces. On any, each packet has the number of its \
                 interface (as shown by ip link). The capture continues on an interface that is renamed. If an \
                 interface goes down or is removed, ftpwhy waits and captures again when it is back under its name, \
                 if it is of the same kind: without promiscuous mode, which would need the capability again. For \
                 the time in between nothing is reported as missing.",
    ),
    (
        "Dropped packets",
        "Packets wait in a queue of 1 to 16 MiB (a sixteenth of --memory-limit), then in the kernel's \
                 buffer (-B, in addition to --memory-limit); when both are full the kernel drops packets. At the \
                 end, waiting packets are analysed for one more second, and the rest is counted as dropped. Dropped \
                 packets are counted in the report and the metrics, make \"complete\" false and the exit status 2, \
                 and lower the confidence for that time (capture-drops). Received packets are the analysed and the \
                 dropped ones.",
    ),
    (
        "Files of evidence",
        "Of each cause the first three findings have a file, and the 10th, 100th and so on. The newest 10 for each diagnosis and server are kept, at most one per second, and 10,000 in all; \
                 beyond that the oldest file of the diagnosis with the most files is removed. So a fault that \
                 repeats does not fill the disk and does not displace others. Only files that this run wrote are \
                 removed.",
    ),
    NOT_CAPTURED,
    ENCRYPTION,
    SECRETS,
];
const CAUSES: (&str, &str) = (
    "Causes",
    "Findings of one diagnosis whose remedy is about the same thing (a server, a client, an announced address, an \
     account, a host) have one cause, over all files of a run. Causes are numbered in the order in which they first \
     occur; --cause N takes this number. Related findings and notes on the capture have no cause. The transfers that \
     failed by a cause are compared with those that could have failed in the same way: by mode, server, client and its \
     network, address family, protection, direction, size, announced data port, software, gateway MAC, VLAN and capture \
     point. A difference is reported only if at least 95 % of the failures are on one side, at least three transfers \
     worked on the other, and chance is unlikely (less than 5 %); a change in time only if at least three worked before the \
     first failure and none afterwards. The event nearest before it (a changed MAC, another greeting, another path) is a \
     lead, not a proof. Above 4096 causes, new ones are joined to one for each diagnosis; above 32768 combinations of these \
     properties, sizes and ports are not compared, and above 65536 new ones are not counted.",
);
pub(super) const CAPTURE_LIMITS: Entries = &[
    CAUSES,
    NOT_CAPTURED,
    ENCRYPTION,
    SECRETS,
    UNREADABLE,
    MANY,
    ANONYMITY,
    SAME_FINDINGS,
    TWICE,
    INTERRUPTS,
    CLOSED_OUTPUT,
];
