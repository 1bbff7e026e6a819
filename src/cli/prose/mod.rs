//! The parts of help and manual that are written by hand: a page for the program and one for each subcommand.

mod common;

use std::fmt::Write as _;

use common::{
    ANONYMITY, CAPTURE_LIMITS, CONFIG, ENVIRONMENT, INTERRUPTS, LIVE_LIMITS, LIVE_OUTPUTS, MANY, NO_CONFIG,
    NO_SETTINGS, OUTPUTS, PRINTS, READS, SAME_FINDINGS, SETTINGS, SIGNALS, TIMED, TWICE, UNREADABLE,
};

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

/// The pages.
pub const PAGES: &[Page] = &[
    Page {
        command: "",
        exit_status: &[
            ("0", "No finding at or above --fail-on."),
            ("1", "At least one such finding; or, with --require-transfers, no transfer."),
            (
                "2",
                "Wrong usage, or a capture could not be read (see Unreadable captures in the manual). The other \
                 inputs are still reported.",
            ),
            (
                SIGNALS,
                "Ended by SIGHUP, SIGINT (^C) or SIGTERM. What was read is reported and marked as incomplete; no \
                 baseline is written.",
            ),
        ],
        examples: &[
            ("ftpwhy capture.pcapng", "Why did transfers fail?"),
            ("ftpwhy --port 2121 ring_*.pcap", "A rotated set, with FTP on another port."),
            ("tcpdump -U -w - tcp or arp or icmp | ftpwhy -", "From a pipe, until it ends."),
            ("ftpwhy --json capture.pcap | jq '.findings[].message'", "For another program."),
            ("ftpwhy --fail-on warning captures/", "In a script, over a directory."),
            ("ftpwhy -o sarif=ftpwhy.sarif -o junit=ftpwhy.xml captures/", "One run for several readers."),
            ("ftpwhy --write-baseline known.toml captures/", "Write the present findings as known;"),
            ("ftpwhy --baseline known.toml captures/", "later runs report only new ones."),
        ],
        environment: TIMED,
        files: &[
            CONFIG,
            (
                "--baseline FILE",
                "TOML: for each known finding, or for each cause of several findings, a fingerprint, a diagnosis and the \
                 hosts. A fingerprint has no times, frame numbers and ephemeral ports, so it fits another capture of \
                 the same fault; that of a cause has no clients, so other clients that fail by it are known, too. \
                 --write-baseline writes all findings, known or not; if a setting names the baseline, write to another \
                 file and rename it.",
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
                "A capture differs from its expectation, or has none and a finding at or above --fail-on; or it is \
                 damaged or cut after its first packet, and its expectation does not name capture-truncated.",
            ),
            (
                "2",
                "Wrong usage; or an expectation could not be read, or a capture could not be read and its \
                 expectation does not say so (see Unreadable captures in the manual).",
            ),
            (
                SIGNALS,
                "Ended by SIGHUP, SIGINT (^C) or SIGTERM. What was checked is reported; the other captures are listed \
                 as unchecked and not blessed.",
            ),
        ],
        examples: &[
            ("ftpwhy check captures/", "Do all captures still give the expected findings?"),
            ("ftpwhy check --bless captures/", "Write the expectations, and read the differences."),
            (
                "ftpwhy check --bless=loose captures/",
                "The same without frame numbers: for a device that is tested daily.",
            ),
            ("ftpwhy check --format github -o junit=check.xml captures/", "In a workflow."),
        ],
        environment: ENVIRONMENT,
        files: &[
            (
                "NAME.expect.toml",
                "What is expected of NAME.pcap, NAME.pcapng.gz and the like in the same directory: transfers = [\"RETR \
                 failed\"], all of them in order; clean = true for no error and no warning; forbid and allow, lists \
                 of diagnoses; and for each finding a table [[expect]] with diagnosis and, if wanted, role, severity, \
                 confidence (at least), at_most, session, transfer, frames (all cited), some_of (one cited), cause (the \
                 fingerprint of its cause) and count (how many findings match all of this; --bless writes one such \
                 table for more than 20 findings of a cause). An error, \
                 a warning or capture-truncated that is not named is a difference. captures = \"dut-*.pcap\" (a glob, \
                 or a list of globs) makes it the expectation of each of these captures in its directory that has \
                 none of its own; --bless then keeps what holds for all of them, without frames. unreadable = \
                 \"words\" is for a file that must be refused with these words. --bless keeps comments at the top.",
            ),
            CONFIG,
            OUTPUTS,
        ],
        limits: &[
            UNREADABLE,
            ("Alone", "Each file is analysed alone; merge a rotated set into one file first."),
            ("Frames", "Frame numbers are those of the file: after editing a capture, bless it again."),
            INTERRUPTS,
        ],
    },
    Page {
        command: "show",
        exit_status: READS,
        examples: &[
            ("ftpwhy show capture.pcapng", "What did client and server send, and which data connections followed?"),
            ("ftpwhy show --ladder --session 1 capture.pcap", "The same as a diagram."),
            ("ftpwhy show --html case.html capture.pcap", "A page to send to others; it loads nothing."),
        ],
        environment: TIMED,
        files: &[CONFIG, OUTPUTS],
        limits: CAPTURE_LIMITS,
    },
    Page {
        command: "sessions",
        exit_status: READS,
        examples: &[
            ("ftpwhy sessions capture.pcapng", "Which sessions and transfers are there, and how did they end?"),
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
        examples: &[("ftpwhy hosts capture.pcapng", "Which addresses and MACs are there, and how is each known?")],
        environment: TIMED,
        files: &[CONFIG],
        limits: &[
            (
                "Vantage",
                "A MAC is that of the last hop before the capture point: all hosts behind a router have the \
                 router's.",
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
        command: "demo",
        exit_status: &[
            ("1", "The report was written: the example shows a failed transfer."),
            ("2", "Wrong usage, or standard output could not be written."),
        ],
        examples: &[("ftpwhy demo", "What does a report look like?")],
        environment: TIMED,
        files: &[CONFIG],
        limits: &[("One example", "It is a capture of 45 packets with one cause. ftpwhy rules lists all diagnoses.")],
    },
    Page {
        command: "explain",
        exit_status: PRINTS,
        examples: &[
            ("ftpwhy explain time-wait-collision", "What does this finding mean?"),
            ("ftpwhy explain 425", "What do servers mean by this reply, and what should be captured?"),
            (
                "ftpwhy explain \"425 Can't build data connection: Cannot assign requested address\"",
                "The same for one text of a server.",
            ),
        ],
        environment: ENVIRONMENT,
        files: &[CONFIG],
        limits: &[(
            "Version",
            "The text is that of this version; ftpwhy-rules(7) has all diagnoses, ftpwhy-replies(7) all reply codes.",
        )],
    },
    Page {
        command: "rules",
        exit_status: PRINTS,
        examples: &[
            ("ftpwhy rules", "Which diagnoses are there?"),
            ("ftpwhy rules --format json | jq length", "The same for a program."),
        ],
        environment: ENVIRONMENT,
        files: &[CONFIG],
        limits: &[("Severity", "A finding may have another severity than its diagnosis usually has.")],
    },
    Page {
        command: "extract",
        exit_status: &[
            ("0", "The file was written."),
            (
                "2",
                "Wrong usage, no such session or finding, the output could not be written, or a capture could not \
                 be read (see Unreadable captures in the manual). What could be read is still written.",
            ),
            (
                SIGNALS,
                "Ended by SIGHUP, SIGINT (^C) or SIGTERM. A comment in the file says that it is incomplete; with \
                 --anonymize no file is written.",
            ),
        ],
        examples: &[
            ("ftpwhy extract --session 1 --annotate -w case.pcapng capture.pcap", "One case, annotated for Wireshark."),
            ("ftpwhy extract --slim -w slim.pcapng.gz capture.pcap", "The same findings in a twentieth of the bytes."),
            ("ftpwhy extract --anonymize -w public.pcapng capture.pcap", "The same findings, without personal data."),
        ],
        environment: &[SETTINGS, ("TMPDIR", "The directory for a copy of standard input; the default is /tmp.")],
        files: &[CONFIG, OUTPUTS],
        limits: &[
            UNREADABLE,
            MANY,
            (
                "What is left out",
                "Comments, interfaces with their options and names of addresses are copied; decryption secrets, \
                 custom blocks and journal blocks are not. Frames get new numbers. Times before 1970 become \
                 1970-01-01.",
            ),
            (
                "Secrets",
                "Packets are copied unchanged: without --anonymize they contain passwords. The comments of \
                 --annotate do not.",
            ),
            (
                "Anonymity",
                "Times, ports, lengths, identifiers of VLANs and tunnels, names of server software and common words \
                 of replies and comments stay, and addresses with a common prefix still have one: someone who knows \
                 a part of the traffic can recognise it. If both sides of a NAT were captured, lines that announce \
                 an endpoint get extra blanks after their first word, so that the difference of their lengths stays \
                 the same.",
            ),
            SAME_FINDINGS,
            (
                "Two readings",
                "A selection, --annotate and --anonymize read the inputs twice: standard input is copied to an \
                 unnamed file, at most 4 GiB; other pipes are refused.",
            ),
        ],
    },
    Page {
        command: "interfaces",
        exit_status: &[("0", "The interfaces were listed."), ("2", "Wrong usage, or they could not be listed.")],
        examples: &[("ftpwhy interfaces", "Which interfaces are there, and may this user capture on them?")],
        environment: NO_SETTINGS,
        files: NO_CONFIG,
        limits: &[("Builds", "Only on Linux, and only if built with the feature live.")],
    },
    Page {
        command: "live",
        exit_status: &[
            ("0", "Ended without a finding at or above --fail-on."),
            ("1", "Ended with at least one such finding."),
            (
                "2",
                "Wrong usage or no permission to capture; or packets were dropped, an interface was missing for \
                 some time, or a file could not be written completely. What was found is still reported.",
            ),
            ("130", "Interrupted a second time."),
        ],
        examples: &[
            ("ftpwhy live -i eth0", "Say why transfers fail, while they fail."),
            ("ftpwhy live -i any --port 2121 --format ndjson -o findings.ndjson", "For a log shipper."),
            ("ftpwhy live -i eth0 -w ring.pcapng -b filesize:100000 -b files:10", "Also keep the captured packets."),
        ],
        environment: TIMED,
        files: &[CONFIG, LIVE_OUTPUTS],
        limits: LIVE_LIMITS,
    },
    Page {
        command: "run",
        exit_status: &[
            ("N", "The command's own status; 128 plus the signal's number if a signal ended it."),
            ("125", "ftpwhy itself failed: wrong usage, no permission to capture, or a file could not be written."),
            ("126, 127", "The command could not be run, or was not found."),
            (
                "0, 1, 2",
                "With --exit-verdict: no finding at or above --fail-on; at least one; nothing could be analysed (an \
                 error, an incomplete capture, or no FTP connection).",
            ),
        ],
        examples: &[
            ("ftpwhy run -- curl -O ftp://user@192.0.2.7/report.csv", "Why does this download fail?"),
            (
                "sudo ftpwhy run -Z \"$USER\" -w case.pcapng -- lftp -e 'ls; exit' ftp.example.net",
                "Without file capabilities; keep the captured packets.",
            ),
            ("ftpwhy run --exit-verdict --timeout 60 -- ./upload.sh", "For a test that fails if ftpwhy finds a fault."),
        ],
        environment: &[
            SETTINGS,
            (
                "SSLKEYLOGFILE",
                "Set for the command to a private file in TMPDIR, which is removed at the end, also if ftpwhy is killed: a \
                 shell in the background does that, and the next run removes what is left if the shell is killed, too. \
                 If the variable is already set, it is not changed, and that file is read.",
            ),
            ("HOME, SHELL, USER, LOGNAME", "Set for the command to the values of the user of -Z."),
            ("NO_COLOR", "If set and not empty: no colours, unless --color always."),
            ("TZ", "The time zone of --local."),
        ],
        files: &[
            CONFIG,
            (
                "X.facts.json",
                "With -w X.pcapng, the facts of this host during the run, for --facts; not with --no-facts.",
            ),
        ],
        limits: &[
            (
                "Whose sessions",
                "A session belongs to the command if its first SYN left this host while the command ran and no \
                 other process was seen with its socket. The sockets of the command and its children are read some \
                 hundred times per second, so a very short session may be assigned to the wrong process. Programs \
                 in other network namespaces are not followed.",
            ),
            (
                "Privileges",
                "CAP_NET_RAW opens the interfaces, and the command does not get it: sudo setcap cap_net_raw=ep \
                 ftpwhy, or sudo ftpwhy run -Z USER. As root without -Z the command runs as root, too.",
            ),
            (
                "Memory",
                "Up to 64 MiB of packets are kept until the command has ended; the payload of data connections is \
                 not kept.",
            ),
            ("Builds", "Only on Linux, and only if built with the feature live."),
        ],
    },
    Page {
        command: "facts",
        exit_status: &[
            ("0", "The facts were written."),
            ("2", "Wrong usage, not Linux, or the file or standard output could not be written."),
        ],
        examples: &[
            ("ftpwhy facts -o host.json", "Right after a failure, on the host where it happened."),
            ("ftpwhy facts --peer 192.0.2.7", "Only the TIME-WAIT entries of one client."),
        ],
        environment: &[SETTINGS],
        files: &[CONFIG, OUTPUTS],
        limits: &[
            (
                "Namespaces",
                "Containers have their own network namespaces, and some servers use one for each session (vsftpd \
                 with isolate_network): run it there (nsenter -t PID -n ftpwhy facts).",
            ),
            (
                "What is read",
                "/proc/net/tcp, tcp6, netstat and snmp, some sysctls, the addresses of the interfaces, and by netlink the \
                 neighbours, the routes of all tables and the rules (ip rule). At most 50,000 TIME-WAIT entries, 1,000 \
                 routes and 1,000 neighbours are kept. If a rule depends on more than addresses (a mark, a port, a user, \
                 a VRF), nothing is concluded from the routes that it selects.",
            ),
        ],
    },
    Page {
        command: "schema",
        exit_status: PRINTS,
        examples: &[
            ("ftpwhy schema > ftpwhy.schema.json", "To validate reports."),
            ("ftpwhy schema facts > facts.schema.json", "To validate facts."),
        ],
        environment: NO_SETTINGS,
        files: NO_CONFIG,
        limits: &[(
            "Growth",
            "Fields may be added within schema 1; programs must ignore fields that they do not know.",
        )],
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
        limits: &[("Diagnoses", "Names of diagnoses are not completed; see ftpwhy rules.")],
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
