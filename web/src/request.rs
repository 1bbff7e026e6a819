//! What the page asks for, as JSON: `{"files": [{"name": "x.pcap", "size": 9}], "reports": ["html", "json"]}`, or with
//! `"evidence": "32 hexadecimal digits"` instead of reports.

use std::path::{Path, PathBuf};

use ftpwhy::anonymize::Key;
use ftpwhy::app::embedded::{Report, packets, report};
use ftpwhy::diagnosis::selection::Pattern;
use ftpwhy::extract::{Choice, Pick};
use ftpwhy::options::{ExtractOptions, Input};
use ftpwhy::report::{Format, View};
use serde::Deserialize;

use crate::files::{Dropped, Kind, take};

/// A request.
#[derive(Deserialize)]
pub struct Request {
    files: Vec<File>,
    /// The reports to write, in the order of their numbers.
    #[serde(default)]
    reports: Vec<ReportName>,
    /// The key of the pseudonyms, where the anonymised packets of all findings are to be written, as output 0.
    evidence: Option<String>,
}

#[derive(Deserialize)]
struct File {
    name: String,
    size: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReportName {
    Html,
    Json,
    Sarif,
}

impl From<ReportName> for Report {
    fn from(name: ReportName) -> Self {
        match name {
            ReportName::Html => Self::View(View::Html),
            ReportName::Json => Self::Format(Format::Json),
            ReportName::Sarif => Self::Format(Format::Sarif),
        }
    }
}

/// Reads a request. The error says what is wrong with it.
pub fn parse(text: &[u8]) -> Result<Request, String> {
    serde_json::from_slice(text).map_err(|error| format!("the page asked for something unknown: {error}"))
}

/// Outputs have numbers instead of names.
fn name_of(number: usize) -> PathBuf {
    PathBuf::from(format!("output {number}"))
}

/// The number of an output; `None` for what was not asked for.
pub fn number_of(output: &Path) -> Option<u32> {
    output.to_str()?.strip_prefix("output ")?.parse().ok()
}

impl Request {
    /// Does it; the exit status that the program would have.
    pub fn run(self) -> u8 {
        let mut input = Input::default();
        for (number, file) in (0..).zip(self.files) {
            let (path, kind) = take(&file.name, Dropped { number, size: file.size });
            match kind {
                Kind::Capture => input.files.push(path),
                Kind::KeyLog => input.keylog.push(path),
                Kind::Facts => input.facts.push(path),
            }
        }
        if input.files.is_empty() {
            crate::complain("there is no capture among the files");
            return 2;
        }
        let Some(key) = self.evidence else {
            let reports: Vec<(Report, PathBuf)> =
                self.reports.iter().enumerate().map(|(number, name)| ((*name).into(), name_of(number))).collect();
            return report(&input, &reports);
        };
        match (Key::from_hex(&key), Pattern::parse("*")) {
            (Ok(key), Ok(every)) => packets(&ExtractOptions {
                input: Input { anonymize: Some(key), ..input },
                choice: Choice::Finding(Pick::Named(every)),
                write: name_of(0),
                manifest: None,
                with_secrets: false,
                annotate: true,
            }),
            (Err(why), _) => {
                crate::complain(&why);
                2
            }
            (_, Err(why)) => {
                crate::complain(&why.to_string());
                2
            }
        }
    }
}
