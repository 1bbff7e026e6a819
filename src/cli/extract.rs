//! `ftpwhy extract`: packets to hand on.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::ExtractOptions;
use super::input::{InputArguments, cause_number, pattern};
use crate::extract::{Choice, Pick};
use crate::finding::{CauseId, SessionId};

/// Write the packets of a session or of a finding, or a thinned capture, to a pcapng file
///
/// Packets keep their interfaces, times and lengths. With --anonymize the file gives the same findings without personal
/// data: addresses are replaced by others of the same kind (a common prefix stays common), names by other names,
/// passwords and file contents are blanked.
#[derive(Args)]
pub(super) struct Extract {
    #[command(flatten)]
    input: InputArguments,

    /// The packets of session N (its number as in the report)
    #[arg(
        long,
        value_name = "N",
        group = "what",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Selection"
    )]
    session: Option<u32>,

    /// The session of a finding, with its evidence: a diagnosis, a glob, or the finding's number in --json, from 1
    #[arg(long, value_name = "NAME|N", group = "what", value_parser = pick, help_heading = "Selection")]
    finding: Option<Pick>,

    /// The evidence of cause N (as numbered in reports) and its sessions
    #[arg(long, value_name = "N", group = "what", value_parser = cause_number(), help_heading = "Selection")]
    cause: Option<u32>,

    /// Every packet of one capture without the payload that no finding needs: the findings of the written file are
    /// those of the whole capture and name its frames. The file is pcapng compressed with gzip
    #[arg(long, group = "what", help_heading = "Selection")]
    slim: bool,

    /// Write to FILE; - is standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    write: PathBuf,

    /// Describe the file of --slim in FILE, as one line of JSON: source, tap (the name of --point), version, size and
    /// SHA-256 of the file, packets, first and last time, damage of the source
    #[arg(long, value_name = "FILE", requires = "slim", help_heading = "Output", value_hint = ValueHint::FilePath)]
    manifest: Option<PathBuf>,

    /// Write the TLS keys of the connections into the file: anyone who has the file can decrypt them, passwords
    /// included
    #[arg(long, conflicts_with = "anonymize", help_heading = "Output")]
    with_secrets: bool,

    /// Add comments to the packets that say what they are evidence of
    #[arg(long, help_heading = "Output")]
    annotate: bool,
}

impl Extract {
    pub(super) fn into_options(self, config: Option<PathBuf>) -> ExtractOptions {
        ExtractOptions {
            input: self.input.into_input(config),
            choice: match (self.session, self.finding, self.cause, self.slim) {
                (Some(session), _, _, _) => Choice::Session(SessionId(session)),
                (_, Some(pick), _, _) => Choice::Finding(pick),
                (_, _, Some(cause), _) => Choice::Finding(Pick::Cause(CauseId(cause))),
                (_, _, _, true) => Choice::Slim,
                (None, None, None, false) => Choice::All,
            },
            write: self.write,
            manifest: self.manifest,
            with_secrets: self.with_secrets,
            annotate: self.annotate,
        }
    }
}

fn pick(text: &str) -> Result<Pick, String> {
    match text.parse() {
        Ok(0) => Err("findings are counted from 1".to_owned()),
        Ok(number) => Ok(Pick::Number(number)),
        Err(_) => pattern(text).map(Pick::Named).map_err(|unknown| unknown.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Invocation, Terminal, read};
    use crate::extract::{Choice, Pick};
    use crate::finding::{CauseId, SessionId};

    fn choice(line: &str) -> Option<Choice> {
        let terminal = Terminal::NONE;
        match read(format!("ftpwhy extract {line}").split(' ').map(Into::into), &terminal) {
            Ok(Invocation::Extract(options)) => Some(options.choice),
            _ => None,
        }
    }

    #[test]
    fn one_selection_at_most() {
        assert_eq!(choice("x.pcap -w y"), Some(Choice::All));
        assert_eq!(choice("x.pcap -w y --session 2"), Some(Choice::Session(SessionId(2))));
        assert_eq!(choice("x.pcap -w y --finding 3"), Some(Choice::Finding(Pick::Number(3))));
        assert!(matches!(choice("x.pcap -w y --finding time-wait-*"), Some(Choice::Finding(Pick::Named(_)))));
        assert_eq!(choice("x.pcap -w y --cause 2"), Some(Choice::Finding(Pick::Cause(CauseId(2)))));
        assert_eq!(choice("x.pcap -w - --slim"), Some(Choice::Slim));
        for wrong in [
            "x.pcap",
            "x -w y --slim --session 1",
            "x -w y --session 0",
            "x -w y --finding 0",
            "x -w y --cause 0",
            "x -w y --cause 1 --slim",
            "x -w y --finding nonsense",
        ] {
            assert_eq!(choice(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_needs_a_purpose() {
        assert!(choice("x -w y --anonymize --anonymize-key 000102030405060708090a0b0c0d0e0f").is_some());
        assert!(choice("x -w y --anonymize-key 000102030405060708090a0b0c0d0e0f").is_none());
        assert!(choice("x -w y --anonymize --anonymize-key 00").is_none());
    }
}
