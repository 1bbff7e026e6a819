//! `--format github`: workflow commands that GitHub Actions shows as annotations.
//!
//! GitHub keeps ten errors and ten warnings of a step, so only what stands alone is told, errors first. Its "line" is
//! the frame.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::collect::Run;
use super::entry::{Entry, grouped, worst_first};
use super::escape::safe;
use super::identity::stands_alone;
use super::interrupted::NAME;
use super::page::Page;
use super::place::place;
use super::words::Confidence;
use super::{Style, causes, unread};
use crate::finding::{Finding, Severity};

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for input in &run.summary.unreadable {
        let level = if input.allowed { "notice" } else { "error" };
        let annotation = Annotation { level, file: &input.path(), line: 1, title: unread::NAME };
        annotation.write(&safe(&input.sentence(), style.ascii), style, out)?;
    }
    let findings: Vec<&Finding> = run.findings.iter().filter(|finding| stands_alone(finding)).collect();
    let mut entries = worst_first(grouped(run, &findings));
    entries.sort_by_key(|entry| Reverse(severity(entry)));
    let page = &Page::new(run, style);
    if let Some(why) = run.interrupted() {
        write_interrupted(&why, style, out)?;
    }
    entries.iter().try_for_each(|entry| annotate(page, entry, out))
}

fn severity(entry: &Entry<'_>) -> Severity {
    match entry {
        Entry::Alone(finding) => finding.severity,
        Entry::Cause(cause, _) => cause.severity,
    }
}

/// A finding, or a cause where its example is.
fn annotate(page: &Page<'_>, entry: &Entry<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (finding, told, confidence, mut lines) = match entry {
        Entry::Alone(finding) => (*finding, &finding.message, finding.confidence, Vec::new()),
        Entry::Cause(cause, findings) => {
            let Some(example) = causes::example(cause, findings) else { return Ok(()) };
            (example, &cause.message, cause.confidence, causes::sentences(page, cause))
        }
    };
    let at = finding.primary.first();
    let level = match severity(entry) {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Quality => "notice",
    };
    let place = place(finding);
    if !place.is_empty() {
        let example = if lines.is_empty() { "" } else { "example: " };
        lines.push(format!("{example}{place}, frame {}", at.number));
    }
    let told = format!("{} ({})", page.safe(told), Confidence::from(confidence));
    let message = std::iter::once(told).chain(lines).collect::<Vec<_>>().join("\n");
    let (file, title) = (page.run.path(at.capture), finding.diagnosis.as_str());
    Annotation { level, file: &file, line: at.number.0, title }.write(&message, page.style, out)
}

/// An annotation of the whole run, of which a part was not done.
pub(super) fn write_interrupted(why: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "::error title={}::{}", property(&format!("ftpwhy: {NAME}")), data(&safe(why, style.ascii)))
}

/// Where an annotation is shown.
pub(super) struct Annotation<'a> {
    pub(super) level: &'static str,
    pub(super) file: &'a str,
    pub(super) line: u64,
    pub(super) title: &'a str,
}

impl Annotation<'_> {
    /// Writes the command. Whatever stands in the texts, it stays one line and one command; `message` is safe already
    /// and may have several lines.
    pub(super) fn write(&self, message: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "::{} file={},line={},title={}::{}",
            self.level,
            property(&safe(self.file, style.ascii)),
            self.line,
            property(&safe(self.title, style.ascii)),
            data(message),
        )
    }
}

/// Escapes what ends a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes what ends a property or the list of them, too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};
    use crate::report::Format;
    use crate::report::testing::{Sample, expect, narrow};

    #[test]
    fn a_finding_is_an_annotation() {
        expect("collision.github", &Sample::collision().render(Format::Github, &narrow()));
    }

    #[test]
    fn failures_of_one_cause_are_one_annotation_with_their_counts() {
        let text = Sample::failing(300).render(Format::Github, &narrow());
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("%0A300 of 600 comparable transfers failed"), "{text}");
        assert!(text.contains("%0Aexample: session 1, transfer 2, frame 18"), "{text}");
    }

    #[test]
    fn texts_cannot_end_the_command() {
        assert_eq!(property("a:b,c%0A\n::"), "a%3Ab%2Cc%250A%0A%3A%3A");
        assert_eq!(data("50%\r\n::error::x"), "50%25%0D%0A::error::x");
        let text = Sample::hostile().render(Format::Github, &narrow());
        assert!(text.lines().all(|line| line.starts_with("::error file=") || line.starts_with("::warning file=")));
        assert_eq!(text.lines().count(), Sample::collision().render(Format::Github, &narrow()).lines().count());
    }
}
