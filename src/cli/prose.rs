//! The parts of help and manual that are written by hand: a page for the program and one for each subcommand.

use std::fmt::Write as _;

/// Terms and what they mean.
pub type Entries = &'static [(&'static str, &'static str)];

/// What a page of the manual says beside the options.
pub struct Page {
    /// The subcommand; empty for the program itself.
    pub command: &'static str,
    /// What the exit status says.
    pub exit_status: Entries,
    /// Commands, and what they are for. A test runs them where `capture.pcap`, `capture.pcapng`, `captures/` and
    /// `ring_*.pcap` are; those that capture are only read.
    pub examples: Entries,
    /// Environment variables that are looked at.
    pub environment: Entries,
    /// Files that are looked at or written, beside those that options name.
    pub files: Entries,
    /// What must not be expected.
    pub limits: Entries,
}

const SETTINGS: (&str, &str) = (
    "FTPWHY_OPTION",
    "Every long option can be set by a variable: FTPWHY_FAIL_ON=warning is --fail-on warning, FTPWHY_ASCII=true is \
     --ascii; of an option that may be repeated, one value a line. The command line comes before the environment, the environment before .ftpwhy.toml.",
);
const ENVIRONMENT: Entries = &[
    SETTINGS,
    ("NO_COLOR", "If set and not empty, no colours unless --color always."),
    ("CLICOLOR", "If 0, no colours unless --color always."),
    ("CLICOLOR_FORCE", "If set and not 0, colours even in a pipe unless --color never."),
];
const TIMED: Entries = &[
    SETTINGS,
    ("NO_COLOR", "If set and not empty, no colours unless --color always."),
    ("CLICOLOR", "If 0, no colours unless --color always."),
    ("CLICOLOR_FORCE", "If set and not 0, colours even in a pipe unless --color never."),
    ("TZ", "The time zone of --local."),
];
const CONFIG: (&str, &str) = (
    ".ftpwhy.toml",
    "Settings, read from the current directory: long options as keys (port = [2121, 990], fail-on = \"warning\", \
     ascii = true), those of one subcommand in a table by its name ([check]); format and output of a subcommand \
     only there, as each takes its own. Unknown keys are errors. Options that \
     write files are taken only from a file that --config names.",
);
const OUTPUTS: (&str, &str) = (
    "Output files",
    "A file that is written must not be an input (given or found in a directory), the configuration file, the baseline, \
     an expectation or another output, whatever name it has: links are compared, too. Otherwise nothing is written and \
     the exit status is 2. A report to a regular file is written beside the old file and takes its place when it is \
     complete, so the disk must have room for both, and a full disk or a killed program leaves the old file. Mode and \
     owner are kept, and a symbolic link is followed; other hard links to the old file keep its content. If the \
     directory is not writable, or the owner cannot be kept, the report is written to the directory for temporary files \
     (TMPDIR) and, when it is complete, copied over the old file. Pipes, devices, /dev/stdout and what is written while \
     packets still come (full, concise and ndjson with --follow or from a pipe) are written directly.",
);
const LIVE_OUTPUTS: (&str, &str) = (
    "Output files",
    "A file that is written must not be the configuration file or another output, whatever name it has; otherwise \
     nothing is captured and the exit status is 2. The files of -o, -w and --evidence are written while packets come. \
     That of --metrics-file is replaced as a whole; mode and owner are kept, and a symbolic link is followed.",
);
/// Of what has no options to set.
const NO_SETTINGS: Entries = &[("FTPWHY_*", "Not looked at: there is nothing to set.")];
const NO_CONFIG: Entries = &[(".ftpwhy.toml", "Not looked at: there is nothing to set.")];
/// The statuses of a run that a signal ended.
const SIGNALS: &str = "129, 130, 143";
const PRINTS: Entries = &[("0", "It was printed."), ("2", "Wrong usage, or standard output could not be written.")];
const READS: Entries = &[
    ("0", "All inputs were read, but for those that --allow-unreadable names."),
    (
        "2",
        "Wrong usage, or a capture could not be read (the manual says under Unreadable captures what counts). The other \
         inputs are still listed.",
    ),
    (SIGNALS, "Ended by SIGHUP, SIGINT (^C) or SIGTERM. What was read is shown and marked as incomplete."),
];
const CAUSES: (&str, &str) = (
    "Causes",
    "Findings of one diagnosis whose remedy is about the same thing (a server, a client, an announced address, an account, a \
     host) are one cause, over all files of a run. Causes are numbered in the order in which they first show, and --cause N \
     takes this number; what is merely related to a failure, and notes on the capture, are of no cause. The transfers that \
     failed by a cause are compared with those that could have failed alike: by mode, server, client and its network, \
     address family, protection, direction, size, announced data port, software, gateway MAC, VLAN and capture point. A \
     difference is reported only where at least 95 % of the failures are on one side, at least three transfers worked on \
     the other, and chance is no explanation (5 %); a change in time where at least three worked before the first failure \
     and none afterwards. The event nearest before it (a MAC that changed, another greeting, another path) is a lead and \
     proves nothing. Of more than 4096 causes, what is new is one cause for each diagnosis; of more than 32768 different \
     combinations of these traits, sizes and ports are not compared, and of more than 65536 the new ones are not counted.",
);
const NOT_CAPTURED: (&str, &str) = (
    "What was not captured",
    "A capture proves what is in it. That something did not happen can be said only where the capture would have shown \
     it; otherwise confidence is lower, and the finding says why.",
);
const ENCRYPTION: (&str, &str) = (
    "Encryption",
    "After AUTH TLS the control connection can be read only with its keys: from the files that --keylog names, and from \
     pcapng files that carry them. To get them from a client, start it with \
     SSLKEYLOGFILE=FILE in its environment: curl, lftp, FileZilla, and Python's ftplib with ssl.create_default_context(). \
     vsftpd, ProFTPD and Pure-FTPd write no keys themselves: start them with LD_PRELOAD=LIBRARY, where the library calls \
     SSL_CTX_set_keylog_callback for each context and opens its file at once (vsftpd changes its root before TLS begins, \
     ProFTPD closes files that it does not know). Start the program before the capture ends; FILE may still grow while \
     ftpwhy reads a pipe, a file with --follow, or captures itself (live --keylog). ftpwhy itself does not read \
     SSLKEYLOGFILE. TLS 1.2 and 1.3 are decrypted; of data connections only handshakes and alerts. No output has a key, \
     but extract --with-secrets. Without keys it is unknown which data connection belongs to \
     which command, and so are the replies; tls-control-opaque says why. With --anonymize nothing is decrypted.",
);
const SECRETS: (&str, &str) = (
    "Secrets",
    "*** stands for what PASS, ACCT, ADAT, AUTH and the password commands of SITE say, however they are spelt, for \
     user:password@ and password=... in any line, for what an unknown command says before the login, and for every \
     place where a secret of at least four bytes comes again: in file names, replies and other sessions. Common words \
     of replies, numbers of endpoints and the mail address of an anonymous user stay. What is written as it comes \
     (ndjson, live) may hold a word that turns out to be a secret later. Of very many secrets only the newest, some \
     thousands, are looked for.",
);
const ANONYMITY: (&str, &str) = (
    "Anonymity",
    "With --anonymize times, ports, lengths, identifiers of VLANs and tunnels, names of server software and the common \
     words of replies stay, and addresses with a common prefix still have one: who knows a part of the traffic can \
     recognise it. Reports name input files as they were given.",
);
const SAME_FINDINGS: (&str, &str) = (
    "The same findings",
    "With --anonymize a capture gives the same findings, also a damaged one. Three things can differ. Packets that differ \
     only in data count as copies of one packet. Where two segments claim the same bytes of a control connection with \
     different contents (control-overlap-conflict), one of them may lose what it said. And as names and addresses change \
     the length of lines, sequence numbers change too: connections between the same ports, and packets with wrong \
     numbers, may overlap others than before, and a number that is wrong by about 2^31 may count as an earlier or a \
     later one.",
);
const TWICE: (&str, &str) = (
    "Two readings",
    "--anonymize reads its inputs twice: of standard input a copy is kept meanwhile in the directory for temporary files \
     (TMPDIR), of at most 4 GiB and without a name; other pipes are refused.",
);
const UNREADABLE: (&str, &str) = (
    "Unreadable captures",
    "An input that is named, or a file of a directory that has the name of a capture (.pcap, .pcapng, .cap, .dmp, .dump, \
     also compressed and with the number of a rotation) or begins like one, is unreadable if it cannot be opened at any \
     time, is empty, is no capture, or is damaged or cut before the end of its first packet; if reading fails; or if it \
     vanishes, shrinks or is replaced while it is read or waits to be read. Each is an error on standard error and an \
     entry in every report, and makes the exit status 2. --allow-unreadable names those that are known for broken: they are a note and an entry, and do not \
     count. A capture that is damaged or cut later is read up to there (capture-truncated). A capture without packets \
     is no error.",
);
const MANY: (&str, &str) = (
    "Many captures at once",
    "Of captures that overlap in time, 64 are kept open, at most 16 of them compressed with zstd; further ones are read \
     piece by piece. Further compressed ones are unpacked into the directory for temporary files (TMPDIR), 16 GiB at \
     most: unpack them before if there are more.",
);
const INTERRUPTS: (&str, &str) = (
    "Interrupts",
    "The first SIGINT (^C), SIGTERM or SIGHUP ends the reading, also of a pipe and with --follow. What was read is judged \
     and reported, and the report says in every format that it is incomplete. The exit status is 128 plus the signal's \
     number and wins over all others, except when the report could not be written (2). A second ^C ends the program at \
     once. Under nohup SIGHUP is ignored.",
);
const CLOSED_OUTPUT: (&str, &str) = (
    "Closed standard output",
    "A closed standard output (>&-) cannot be told from /dev/null: what is printed is lost without an error.",
);
const LIVE_LIMITS: Entries = &[
    (
        "Privileges",
        "sudo setcap cap_net_raw=ep $(command -v ftpwhy) lets everybody who may run it capture; no other right is \
         needed. Once the interfaces are open it drops every capability, becomes the user of -Z, and confines itself \
         (Landlock) to writing in the directories of -w, -o, --evidence and --metrics-file, which that user must be able \
         to write. Without the capability: dumpcap -i IFACE -w - | ftpwhy -",
    ),
    (
        "Directories that are removed",
        "A directory that is removed and made again is another one to Landlock. So that those of --evidence and of a ring \
         (-b) are found again, the directory around them may be written to as well, unless that is /: give them one of \
         their own, as in /var/lib/ftpwhy/ring/r.pcapng and /var/lib/ftpwhy/evidence. The directory of any other file \
         must stay.",
    ),
    (
        "Service",
        "contrib/ftpwhy-live.service runs it under systemd as a user of its own with CAP_NET_RAW as ambient capability \
         and nothing else; findings go to /var/log/ftpwhy, annotated captures to /var/lib/ftpwhy, counters to \
         /run/ftpwhy. Point logrotate at systemctl reload ftpwhy-live.",
    ),
    (
        "Default filter",
        "It keeps control connections (port 21 and --port), of all other TCP the segments without payload and those that \
         open and close, ICMP, ARP, neighbour discovery and fragments, with and without VLAN tags. It sees into no \
         tunnel: use -f there. What it hides is never taken for missing.",
    ),
    (
        "Interfaces",
        "Several -i are one capture with an interface each. On any, each packet bears the number of its interface (as ip \
         link shows it). An interface that is renamed is captured on; one that goes down or is removed is waited for, and \
         captured on again when it is back under its name: without promiscuous mode, which would need the capability \
         again, and only if it is of the same kind. For the time between, nothing is claimed to be missing.",
    ),
    (
        "Dropped packets",
        "Packets wait for the program in a queue of 1 to 16 MiB (a sixteenth of --memory-limit), then in the kernel's \
         buffer (-B, on top of --memory-limit); beyond that the kernel drops them. When it ends, it judges what waits for \
         a second more and counts the rest as dropped. Whatever is dropped is counted in the report and the metrics, \
         makes \"complete\" false and the exit status 2, and limits what is claimed of that time (capture-drops). \
         Received packets are those judged and those dropped.",
    ),
    (
        "Files of evidence",
        "Of each cause the first three findings have a file, and the 10th, 100th and so on. The newest 10 of each \
         diagnosis and server are kept, of a flood one a second, and 10,000 in all, where the \
         diagnosis with most files gives way: a fault that repeats fills no disk and hides no other. Only files that this \
         run wrote are removed.",
    ),
    NOT_CAPTURED,
    ENCRYPTION,
    SECRETS,
];
const CAPTURE_LIMITS: Entries = &[
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

/// The pages.
pub const PAGES: &[Page] = &[
    Page {
        command: "",
        exit_status: &[
            ("0", "No finding at or above --fail-on."),
            ("1", "At least one such finding, or no transfer with --require-transfers."),
            (
                "2",
                "Wrong usage, or a capture could not be read, whatever was found in the others (the manual says under \
                 Unreadable captures what counts). The other inputs are still reported.",
            ),
            (
                SIGNALS,
                "Ended by SIGHUP, SIGINT (^C) or SIGTERM. What was read is reported and marked as incomplete; no \
                 baseline is written.",
            ),
        ],
        examples: &[
            ("ftpwhy capture.pcapng", "Why did transfers fail?"),
            ("ftpwhy --port 2121 ring_*.pcap", "A rotated set, with FTP on an unusual port."),
            ("tcpdump -U -w - tcp or arp or icmp | ftpwhy -", "From a pipe, until it ends."),
            ("ftpwhy --json capture.pcap | jq '.findings[].message'", "For another program."),
            ("ftpwhy --fail-on warning captures/", "In a script, over a directory."),
            ("ftpwhy -o sarif=ftpwhy.sarif -o junit=ftpwhy.xml captures/", "One run for several readers."),
            ("ftpwhy --write-baseline known.toml captures/", "Take what is there for known;"),
            ("ftpwhy --baseline known.toml captures/", "from then on hear only of what is new."),
        ],
        environment: TIMED,
        files: &[
            CONFIG,
            (
                "--baseline FILE",
                "TOML: a fingerprint, a diagnosis and whom it is about for each known finding, and for each cause of \
                 several findings in place of them. Fingerprints hold no times, frame numbers and ephemeral ports, so \
                 they survive another capture of the same trouble; those of causes hold no clients, so another client \
                 that fails by a known cause is known too. \
                 --write-baseline writes all findings, known or not; to update a baseline that a setting names, write \
                 to another file and rename it.",
            ),
            OUTPUTS,
        ],
        limits: CAPTURE_LIMITS,
    },
    Page {
        command: "check",
        exit_status: &[
            ("0", "Every capture is as expected, or its expectation was written by --bless."),
            (
                "1",
                "A capture differs from its expectation, or has none and a finding at or above --fail-on; or it is damaged \
                 or cut behind its first packet, and its expectation does not name capture-truncated.",
            ),
            (
                "2",
                "Wrong usage, or an expectation could not be read, or a capture whose expectation does not say that it is \
                 unreadable (the manual says under Unreadable captures what counts).",
            ),
            (
                SIGNALS,
                "Ended by SIGHUP, SIGINT (^C) or SIGTERM. What was checked is reported; the other captures are listed \
                 as unchecked and not blessed.",
            ),
        ],
        examples: &[
            ("ftpwhy check captures/", "Are all captures judged as they were?"),
            ("ftpwhy check --bless captures/", "Write what is expected from now on; read the difference."),
            ("ftpwhy check --format github -o junit=check.xml captures/", "In a workflow."),
        ],
        environment: ENVIRONMENT,
        files: &[
            (
                "NAME.expect.toml",
                "What is expected of NAME.pcap, NAME.pcapng.gz and the like beside it: transfers = [\"RETR failed\"], \
                 all in order; clean = true for no error and no warning; forbid and allow, lists of diagnoses; and \
                 for each finding a table [[expect]] with diagnosis and, as wanted, role, severity, confidence (at \
                 least), at_most, session, transfer, frames (all cited), some_of (one cited), cause (the fingerprint of \
                 its cause) and count (how many findings fulfil all of this). --bless writes \
                 one such table for more than 20 findings of a cause. An error, a \
                 warning or capture-truncated that it does not name is a difference. unreadable = \"words\" is for a file \
                 that must be refused with these words. Comments at its head survive --bless.",
            ),
            CONFIG,
            OUTPUTS,
        ],
        limits: &[
            UNREADABLE,
            ("Alone", "Each file is judged alone; a rotated set is checked after it was merged into one file."),
            ("Frames", "Expected frames are those of the file: whoever edits a capture blesses it again."),
            INTERRUPTS,
        ],
    },
    Page {
        command: "show",
        exit_status: READS,
        examples: &[
            ("ftpwhy show capture.pcapng", "What was said, and which data connection came of it?"),
            ("ftpwhy show --ladder --session 1 capture.pcap", "The same as a diagram."),
            ("ftpwhy show --html case.html capture.pcap", "A page to hand on; nothing is loaded from elsewhere."),
        ],
        environment: TIMED,
        files: &[CONFIG, OUTPUTS],
        limits: CAPTURE_LIMITS,
    },
    Page {
        command: "sessions",
        exit_status: READS,
        examples: &[
            ("ftpwhy sessions capture.pcapng", "Who talked to whom, and what became of it?"),
            ("ftpwhy sessions --sort failed --host 10.0.0.21 captures/", "One server, its worst sessions first."),
            ("ftpwhy sessions --since 2024-03-01T12:00:00Z --relative capture.pcap", "From noon on."),
        ],
        environment: TIMED,
        files: &[CONFIG],
        limits: CAPTURE_LIMITS,
    },
    Page {
        command: "hosts",
        exit_status: READS,
        examples: &[("ftpwhy hosts capture.pcapng", "Which addresses and MACs take part, and how is each known?")],
        environment: TIMED,
        files: &[CONFIG],
        limits: &[
            (
                "Vantage",
                "A MAC is that of the last hop before the place of capture: behind a router all hosts have the router's.",
            ),
            UNREADABLE,
            MANY,
            ANONYMITY,
            SAME_FINDINGS,
            TWICE,
            INTERRUPTS,
        ],
    },
    Page {
        command: "explain",
        exit_status: PRINTS,
        examples: &[("ftpwhy explain time-wait-collision", "What does this finding mean?")],
        environment: ENVIRONMENT,
        files: &[CONFIG],
        limits: &[("Version", "The text is that of this version; ftpwhy-rules(7) holds all of them.")],
    },
    Page {
        command: "rules",
        exit_status: PRINTS,
        examples: &[
            ("ftpwhy rules", "What can be found?"),
            ("ftpwhy rules --format json | jq length", "The same for a program."),
        ],
        environment: ENVIRONMENT,
        files: &[CONFIG],
        limits: &[("Severity", "A case may be more or less severe than its diagnosis is in general.")],
    },
    Page {
        command: "extract",
        exit_status: &[
            ("0", "It was written."),
            (
                "2",
                "Wrong usage, nothing that was asked for, the output could not be written, or a capture could not be read \
                 (the manual says under Unreadable captures what counts). What could be read is still written.",
            ),
            (
                SIGNALS,
                "Ended by SIGHUP, SIGINT (^C) or SIGTERM. A comment in the file says that it is incomplete; with \
                 --anonymize no file is written.",
            ),
        ],
        examples: &[
            ("ftpwhy extract --session 1 --annotate -w case.pcapng capture.pcap", "One case, annotated for Wireshark."),
            ("ftpwhy extract --slim -w slim.pcapng capture.pcap", "What FTP diagnosis needs, without the data."),
            ("ftpwhy extract --anonymize -w public.pcapng capture.pcap", "The same of FTP, and nothing of anybody."),
        ],
        environment: &[SETTINGS, ("TMPDIR", "Where a copy of standard input is kept, if not in /tmp.")],
        files: &[CONFIG, OUTPUTS],
        limits: &[
            UNREADABLE,
            MANY,
            (
                "What is left out",
                "Comments, interfaces with their options and names of addresses are copied, but no decryption secrets \
                 and no custom or journal blocks; frames are numbered anew. Times before 1970 become its beginning.",
            ),
            (
                "Secrets",
                "Packets are copied as they are: without --anonymize passwords are in them. The comments of --annotate \
                 tell none.",
            ),
            (
                "Anonymity",
                "Times, ports, lengths, identifiers of VLANs and tunnels, names of server software and the common words \
                 of replies and comments stay, and addresses with a common prefix still have one: who knows a part of \
                 the traffic can recognise it. Lines that announce an endpoint get blanks behind their first word where \
                 both sides of a NAT were captured, so that they stay as much longer than each other as they were.",
            ),
            SAME_FINDINGS,
            (
                "Two readings",
                "A selection, --annotate and --anonymize read the inputs twice: of standard input a copy is kept \
                 meanwhile, of at most 4 GiB and without a name; other pipes are refused.",
            ),
        ],
    },
    Page {
        command: "interfaces",
        exit_status: &[("0", "The interfaces were listed."), ("2", "Wrong usage, or they could not be listed.")],
        examples: &[("ftpwhy interfaces", "Where can be captured, and by this user?")],
        environment: NO_SETTINGS,
        files: NO_CONFIG,
        limits: &[("Builds", "Without the feature live, and on other systems than Linux, there is nothing to list.")],
    },
    Page {
        command: "live",
        exit_status: &[
            ("0", "Ended, with no finding at or above --fail-on."),
            ("1", "Ended, with at least one such finding."),
            (
                "2",
                "Wrong usage or no permission to capture; or packets were dropped, an interface was gone for a time, or \
                 a file could not be written in full: what was found is reported all the same.",
            ),
            ("130", "Interrupted a second time."),
        ],
        examples: &[
            ("ftpwhy live -i eth0", "Tell why transfers fail as they do."),
            ("ftpwhy live -i any --port 2121 --format ndjson -o findings.ndjson", "For a log shipper."),
            ("ftpwhy live -i eth0 -w ring.pcapng -b filesize:100000 -b files:10", "Keep what was captured, too."),
        ],
        environment: TIMED,
        files: &[CONFIG, LIVE_OUTPUTS],
        limits: LIVE_LIMITS,
    },
    Page {
        command: "run",
        exit_status: &[
            ("N", "The command's own status; 128 and the signal's number if a signal ended it."),
            ("125", "ftpwhy could not do its part: wrong usage, no permission to capture, a file cannot be written."),
            ("126, 127", "The command could not be run, or was not found."),
            (
                "0, 1, 2",
                "With --exit-verdict: no finding at or above --fail-on; at least one; nothing could be judged (trouble, \
                 an incomplete capture, no FTP connection).",
            ),
        ],
        examples: &[
            ("ftpwhy run -- curl -O ftp://user@192.0.2.7/report.csv", "Why does this download fail?"),
            (
                "sudo ftpwhy run -Z \"$USER\" -w case.pcapng -- lftp -e 'ls; exit' ftp.example.net",
                "Without file capabilities; keep what was captured.",
            ),
            ("ftpwhy run --exit-verdict --timeout 60 -- ./upload.sh", "For a test: red by what ftpwhy finds."),
        ],
        environment: &[
            SETTINGS,
            (
                "SSLKEYLOGFILE",
                "Set for the command to a private file, which is removed in the end. If it is set already, it stays, \
                 and that file is read.",
            ),
            ("HOME, SHELL, USER, LOGNAME", "Set for the command to those of the user of -Z."),
            ("NO_COLOR", "If set and not empty, no colours unless --color always."),
            ("TZ", "The time zone of --local."),
        ],
        files: &[
            CONFIG,
            (
                "X.facts.json",
                "With -w X.pcapng, what this host's kernel said during the run, for --facts; not with --no-facts.",
            ),
        ],
        limits: &[
            (
                "Whose sessions",
                "A session is the command's if its first SYN left this host while the command ran, and no other \
                 process was seen to have its socket. The sockets of the command and its children are looked at some \
                 hundred times a second: a session shorter than that may be taken for another's, or another's for its \
                 own. Programs in other network namespaces are not followed.",
            ),
            (
                "Privileges",
                "CAP_NET_RAW opens the interfaces, and the command does not get it: sudo setcap cap_net_raw=ep ftpwhy, \
                 or sudo ftpwhy run -Z USER. As root without -Z the command is root, too.",
            ),
            (
                "Memory",
                "Up to 64 MiB of packets wait until the command has ended; payload of data connections is not kept.",
            ),
            ("Builds", "Without the feature live, and on other systems than Linux, there is no such command."),
        ],
    },
    Page {
        command: "facts",
        exit_status: &[
            ("0", "The facts were written."),
            ("2", "Wrong usage, not Linux, or the file or standard output could not be written."),
        ],
        examples: &[
            ("ftpwhy facts -o host.json", "Right after a failure, on the host it happened on."),
            ("ftpwhy facts --peer 192.0.2.7", "Of TIME-WAIT only what concerns one client."),
        ],
        environment: &[SETTINGS],
        files: &[CONFIG, OUTPUTS],
        limits: &[
            (
                "Namespaces",
                "Containers have network namespaces of their own, and so have some servers for their sessions (vsftpd \
                 with isolate_network): run it there (nsenter -t PID -n ftpwhy facts).",
            ),
            (
                "What is read",
                "/proc/net/tcp, tcp6, arp, route, ipv6_route, netstat and snmp, some sysctls, and the addresses of the \
                 interfaces. 50,000 entries of TIME-WAIT are kept. Neighbours of IPv6 and policy routes are not read.",
            ),
        ],
    },
    Page {
        command: "schema",
        exit_status: PRINTS,
        examples: &[
            ("ftpwhy schema > ftpwhy.schema.json", "To validate reports with."),
            ("ftpwhy schema facts > facts.schema.json", "To validate facts with."),
        ],
        environment: NO_SETTINGS,
        files: NO_CONFIG,
        limits: &[("Growth", "Fields may be added within schema 1; readers must ignore what they do not know.")],
    },
    Page {
        command: "completions",
        exit_status: PRINTS,
        examples: &[
            ("ftpwhy completions bash > ftpwhy.bash", "For /usr/share/bash-completion/completions/ftpwhy."),
            ("ftpwhy completions zsh > _ftpwhy", "For a directory of $fpath."),
            ("ftpwhy completions fish > ftpwhy.fish", "For ~/.config/fish/completions."),
        ],
        environment: NO_SETTINGS,
        files: NO_CONFIG,
        limits: &[("Diagnoses", "Names of diagnoses are not completed; ftpwhy rules lists them.")],
    },
];

/// The page of a subcommand, or of the program if `command` is empty.
pub fn page(command: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.command == command)
}

/// What follows the options in `--help`.
pub(super) fn after_help(page: &Page) -> String {
    let mut help = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(help, "Examples:");
    for (command, purpose) in page.examples {
        let _ = writeln!(help, "  {command}\n      {purpose}");
    }
    let _ = writeln!(help, "\nExit status:");
    for (status, meaning) in page.exit_status {
        let _ = writeln!(help, "  {status}  {meaning}");
    }
    help
}
