//! `--format csv`: a row per finding, for a spreadsheet.

use std::io::{self, Write};

use super::collect::Run;
use super::escape::safe;
use super::identity::subject_of;
use super::interrupted::NAME;
use super::time::rfc3339;
use super::words::{Confidence, Party, Role, Severity};
use super::{Style, unread};
use crate::finding::Finding;
use crate::fingerprint::{Subject, Subjects};
use crate::record::Unreadable;

const COLUMNS: [&str; 15] = [
    "capture",
    "frame",
    "time",
    "severity",
    "diagnosis",
    "confidence",
    "role",
    "session",
    "transfer",
    "client",
    "server",
    "command",
    "hosts",
    "message",
    "remedies",
];

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    let mut add = |row: [String; COLUMNS.len()]| {
        writer.write_record(row.map(|cell| inert(&safe(&cell, style.ascii)))).map_err(cause)
    };
    add(COLUMNS.map(str::to_owned))?;
    for input in &run.summary.unreadable {
        add(unreadable(input))?;
    }
    let mut subjects = Subjects::default();
    for finding in &run.findings {
        let subject = subject_of(run, finding, &mut subjects);
        add(row(run, finding, subject))?;
    }
    if let Some(why) = run.interrupted() {
        add(interrupted(run, &why))?;
    }
    writer.flush()
}

/// An input that could not be read, in the columns of findings.
fn unreadable(input: &Unreadable) -> [String; COLUMNS.len()] {
    COLUMNS.map(|column| match column {
        "capture" => input.path(),
        "severity" => if input.allowed { "info" } else { "error" }.to_owned(),
        "diagnosis" => unread::NAME.to_owned(),
        "message" => input.sentence(),
        _ => String::new(),
    })
}

/// Why a row could not be written; as the library tells it, it is of no kind.
fn cause(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// The last row of an incomplete run: an error without a frame.
fn interrupted(run: &Run, why: &str) -> [String; COLUMNS.len()] {
    COLUMNS.map(|column| match column {
        "capture" => run.interrupted_in(),
        "severity" => Severity::Error.to_string(),
        "diagnosis" => NAME.to_owned(),
        "message" => why.to_owned(),
        _ => String::new(),
    })
}

fn row(run: &Run, finding: &Finding, subject: Option<Subject<'_>>) -> [String; COLUMNS.len()] {
    let at = finding.primary.first();
    let session = subject.map(|subject| subject.session);
    let transfer = subject.and_then(|subject| subject.transfer);
    let hosts: Vec<String> = finding.hosts.iter().map(ToString::to_string).collect();
    let remedies = finding.remedies.iter().map(|remedy| format!("{}: {}", Party::from(remedy.side), remedy.text));
    let remedies: Vec<String> = remedies.collect();
    [
        run.path(at.capture),
        at.number.to_string(),
        rfc3339(at.time),
        Severity::from(finding.severity).to_string(),
        finding.diagnosis.to_string(),
        Confidence::from(finding.confidence).to_string(),
        Role::from(finding.role).to_string(),
        finding.session.map_or_else(String::new, |id| id.0.to_string()),
        finding.transfer.map_or_else(String::new, |id| id.0.to_string()),
        session.map_or_else(String::new, |session| session.client.to_string()),
        session.map_or_else(String::new, |session| session.server.to_string()),
        transfer.map_or_else(String::new, |transfer| transfer.command.clone()),
        hosts.join(" "),
        finding.message.clone(),
        remedies.join("; "),
    ]
}

/// A cell that no spreadsheet takes for a formula: one that begins like a formula gets an apostrophe before it.
fn inert(cell: &str) -> String {
    // Full-width forms are folded to the plain ones by some spreadsheets.
    let formula = ['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    if cell.trim_start().starts_with(formula) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, inert};
    use crate::report::Format;
    use crate::report::testing::{Sample, expect, narrow};

    #[test]
    fn a_finding_is_a_row() {
        expect("collision.csv", &Sample::collision().render(Format::Csv, &narrow()));
    }

    #[test]
    fn cells_that_begin_like_formulas_are_inert() {
        assert_eq!(inert("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(inert(" +1"), "' +1");
        assert_eq!(inert("\u{ff1d}1"), "'\u{ff1d}1");
        assert_eq!(inert("10.0.0.1"), "10.0.0.1");
        let mut sample = Sample::hostile();
        sample.findings.iter_mut().for_each(|finding| finding.message = "=HYPERLINK(\"http://x\",\"a,b\")".into());
        let text = sample.render(Format::Csv, &narrow());
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("CSV");
        assert_eq!(rows.len(), sample.findings.len());
        for row in rows {
            assert_eq!(row.len(), COLUMNS.len());
            assert!(row.iter().all(|cell| !cell.starts_with('=')), "{row:?}");
        }
    }
}
