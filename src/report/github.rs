//! `--format github`: workflow commands that GitHub Actions shows as annotations.
//!
//! GitHub keeps ten errors and ten warnings of a step, so only what stands alone is told, errors first. Its "line" is
//! the frame.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::collect::Run;
use super::escape::safe;
use super::identity::stands_alone;
use super::interrupted::NAME;
use super::place::place;
use super::words::Confidence;
use super::{Style, unread};
use crate::finding::{Finding, Severity};

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for input in &run.summary.unreadable {
        let level = if input.allowed { "notice" } else { "error" };
        let annotation = Annotation { level, file: &input.path(), line: 1, title: unread::NAME };
        annotation.write(&safe(&input.sentence(), style.ascii), style, out)?;
    }
    let mut findings: Vec<&Finding> = run.findings.iter().filter(|finding| stands_alone(finding)).collect();
    findings.sort_by_key(|finding| Reverse(finding.severity));
    if let Some(why) = run.interrupted() {
        write_interrupted(&why, style, out)?;
    }
    for finding in findings {
        let at = finding.primary.first();
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info | Severity::Quality => "notice",
        };
        let told = safe(&finding.message, style.ascii);
        let mut message = format!("{told} ({})", Confidence::from(finding.confidence));
        let place = place(finding);
        if !place.is_empty() {
            message = format!("{message}\n{place}, frame {}", at.number);
        }
        let annotation =
            Annotation { level, file: &run.path(at.capture), line: at.number.0, title: finding.diagnosis.as_str() };
        annotation.write(&message, style, out)?;
    }
    Ok(())
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
    fn texts_cannot_end_the_command() {
        assert_eq!(property("a:b,c%0A\n::"), "a%3Ab%2Cc%250A%0A%3A%3A");
        assert_eq!(data("50%\r\n::error::x"), "50%25%0D%0A::error::x");
        let text = Sample::hostile().render(Format::Github, &narrow());
        assert!(text.lines().all(|line| line.starts_with("::error file=") || line.starts_with("::warning file=")));
        assert_eq!(text.lines().count(), Sample::collision().render(Format::Github, &narrow()).lines().count());
    }
}
