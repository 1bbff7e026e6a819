//! The parts of help and man page that are written by hand.

use std::fmt::Write as _;

/// What the exit status says.
pub const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "No finding at or above --fail-on."),
    ("1", "At least one such finding, or no transfer with --require-transfers."),
    ("2", "Wrong usage, or an input that could not be read. The other inputs are still reported."),
];

/// Commands, and what they are for.
pub const EXAMPLES: &[(&str, &str)] = &[
    ("ftpwhy capture.pcapng", "Why did transfers fail?"),
    ("ftpwhy --port 2121 ring_*.pcap", "A rotated set, with FTP on an unusual port."),
    ("tcpdump -U -w - tcp or arp or icmp | ftpwhy -", "From a pipe, until it ends."),
    ("ftpwhy --json capture.pcap | jq '.findings[].message'", "For another program."),
    ("ftpwhy --fail-on warning captures/", "In a script, over a directory."),
];

/// Environment variables that are looked at.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("NO_COLOR", "If set and not empty, no colours unless --color always."),
    ("CLICOLOR", "If 0, no colours unless --color always."),
    ("CLICOLOR_FORCE", "If set and not 0, colours even in a pipe unless --color never."),
    ("TZ", "The time zone of --local."),
];

/// What follows the options in `--help`.
pub(super) fn after_help() -> String {
    let mut help = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(help, "Examples:");
    for (command, purpose) in EXAMPLES {
        let _ = writeln!(help, "  {command}\n      {purpose}");
    }
    let _ = writeln!(help, "\nExit status:");
    for (status, meaning) in EXIT_STATUS {
        let _ = writeln!(help, "  {status}  {meaning}");
    }
    help
}
