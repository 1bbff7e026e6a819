//! `--format markdown`: for a job summary, a merge request or an issue.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::causes;
use super::collect::Run;
use super::entry::{Entry, grouped, worst_first};
use super::evidence::in_order;
use super::identity::stands_alone;
use super::page::Page;
use super::place::place;
use super::words::{Confidence, Party, Severity};
use super::{Style, totals};
use crate::finding::{Evidence, Finding};
use crate::report::escape::safe;

/// Entries that have a row, and of these those that are told in full: a job summary has its limit.
const MAX_ROWS: usize = 200;
const MAX_SECTIONS: usize = 50;

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let page = Markdown { run, style, page: Page::new(run, style) };
    writeln!(out, "## Why FTP transfers failed\n")?;
    if let Some(why) = run.interrupted() {
        writeln!(out, "**Incomplete: {}**\n", page.text(&why))?;
    }
    for line in totals::lines(run) {
        writeln!(out, "{}\n", page.text(&line))?;
    }
    let findings: Vec<&Finding> = run.findings.iter().filter(|finding| stands_alone(finding)).collect();
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "| | diagnosis | where | what | confidence |\n|---|---|---|---|---|")?;
    let entries = worst_first(grouped(run, &findings));
    let (rows, sections) = (page.page.most(MAX_ROWS), page.page.most(MAX_SECTIONS));
    entries.iter().take(rows).try_for_each(|entry| page.row(entry, out))?;
    entries.iter().take(sections).try_for_each(|entry| page.section(entry, out))?;
    for (most, what) in [(rows, "are not listed"), (sections, "are not shown in full")] {
        if let Some(more) = entries.len().checked_sub(most).filter(|more| *more > 0) {
            writeln!(out, "\n{more} more causes {what} (-v shows all)")?;
        }
    }
    Ok(())
}

struct Markdown<'a> {
    run: &'a Run,
    style: &'a Style,
    page: Page<'a>,
}

impl Markdown<'_> {
    fn row(&self, entry: &Entry<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (severity, confidence, message, place) = match entry {
            Entry::Alone(one) => (one.severity, one.confidence, &one.message, self.place(one)),
            Entry::Cause(cause, findings) => {
                let first = causes::example(cause, findings).map_or_else(String::new, |one| self.place(one));
                let more = findings.len().saturating_sub(1);
                (cause.severity, cause.confidence, &cause.message, format!("{first}, and {more} more"))
            }
        };
        let (severity, confidence) = (Severity::from(severity), Confidence::from(confidence));
        let (place, message) = (self.text(&place), self.text(message));
        let Some(diagnosis) = entry.findings().first().map(|one| one.diagnosis) else { return Ok(()) };
        writeln!(out, "| {severity} | `{diagnosis}` | {place} | {message} | {confidence} |")
    }

    /// A finding; of a cause what its findings have in common, and one of them.
    fn section(&self, entry: &Entry<'_>, out: &mut dyn Write) -> io::Result<()> {
        match entry {
            Entry::Alone(finding) => {
                writeln!(out, "\n### `{}`: {}\n", finding.diagnosis, self.text(&self.place(finding)))?;
                self.finding(finding, out)
            }
            Entry::Cause(cause, findings) => {
                writeln!(out, "\n### `{}`: cause {}\n", cause.diagnosis, cause.id.0)?;
                writeln!(out, "{}\n", self.text(&cause.message))?;
                for sentence in causes::sentences(&self.page, cause) {
                    writeln!(out, "- {}", self.text(&sentence))?;
                }
                let Some(example) = causes::example(cause, findings) else { return Ok(()) };
                writeln!(out, "\nExample, {}:\n", self.text(&self.place(example)))?;
                self.finding(example, out)
            }
        }
    }

    fn finding(&self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n", self.text(&finding.message))?;
        for evidence in in_order(finding) {
            let (frames, note) = match evidence {
                Evidence::Seen { frames, note, .. } => {
                    let numbers: Vec<String> = frames.iter().map(|stamp| stamp.number.to_string()).collect();
                    (format!("frame {}", numbers.join(", ")), note)
                }
                Evidence::Missing { after, until, note } => {
                    (format!("between frames {} and {}", after.number, until.number), note)
                }
            };
            writeln!(out, "- {frames}: {}", self.text(note))?;
        }
        for host in &finding.host_facts {
            writeln!(out, "- {}: {}", self.text(&host.source), self.text(&host.fact))?;
        }
        if !finding.remedies.is_empty() {
            writeln!(out, "\nWhat to do:\n")?;
        }
        for remedy in &finding.remedies {
            writeln!(out, "- {}: {}", Party::from(remedy.side), self.text(&remedy.text))?;
        }
        Ok(())
    }

    /// `a.pcap, frame 18; session 1, transfer 2`
    fn place(&self, finding: &Finding) -> String {
        let at = finding.primary.first();
        let mut text = format!("{}, frame {}", self.run.path(at.capture), at.number);
        let place = place(finding);
        if !place.is_empty() {
            let _ = write!(text, "; {place}");
        }
        text
    }

    fn text(&self, text: &str) -> String {
        escaped(&safe(text, self.style.ascii))
    }
}

/// Text that Markdown shows as it is: no markup, no HTML, no cell's end, and nothing that GitHub or GitLab turn into
/// a mention, a reference or a link.
fn escaped(text: &str) -> String {
    // An empty comment is invisible, and no word goes through it.
    const BREAK: &str = "<!-- -->";
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' | '!' | '$' | '%' | '~' | '#' | '^' => {
                // `@user`, `!12`, `$34`, `%milestone`, `~label`, `#56`: references of the one or the other.
                out.push('\\');
                out.push(c);
                out.push_str(BREAK);
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' => {
                out.push('\\');
                out.push(c);
            }
            // Lists, rulers and headings, where the text begins a line.
            '-' | '+' | '=' if out.is_empty() => {
                out.push('\\');
                out.push(c);
            }
            // `http://…`, `www.…` and `GH-1` become links by themselves.
            '/' if before == '/' => {
                out.push_str(BREAK);
                out.push(c);
            }
            '.' | '-' if matches!(before, 'w' | 'W' | 'h' | 'H') => {
                out.push_str(BREAK);
                out.push(c);
            }
            c => out.push(c),
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;
    use crate::report::Format;
    use crate::report::testing::{Sample, expect, narrow};

    #[test]
    fn findings_are_a_table_and_a_section_each() {
        expect("collision.md", &Sample::collision().render(Format::Markdown, &narrow()));
        expect("clean.md", &Sample::clean().render(Format::Markdown, &narrow()));
    }

    #[test]
    fn failures_of_one_cause_are_a_row_and_a_section_with_their_counts() {
        let text = Sample::failing(300).render(Format::Markdown, &narrow());
        assert_eq!(text.lines().filter(|line| line.starts_with("| error |")).count(), 1, "{text}");
        assert_eq!(text.matches("\n### ").count(), 1, "{text}");
        assert!(text.contains("300 of 600 comparable transfers failed"), "{text}");
        assert!(text.contains("transfer 2, and 299 more |"), "{text}");
        assert_eq!(text.matches("What to do:").count(), 1);
    }

    #[test]
    fn nothing_is_markup() {
        assert_eq!(escaped("a|b`c`<img src=x>"), "a\\|b\\`c\\`&lt;img src=x&gt;");
        assert_eq!(escaped("[x](http://e)"), "\\[x\\](http:/<!-- -->/e)");
        assert_eq!(escaped("@all #1 www.e GH-1"), "\\@<!-- -->all \\#<!-- -->1 www<!-- -->.e GH<!-- -->-1");
        assert_eq!(escaped("-->"), "\\--&gt;");
    }

    #[test]
    fn a_stranger_adds_no_line_and_no_cell() {
        let text = Sample::hostile().render(Format::Markdown, &narrow());
        for line in text.lines().filter(|line| line.starts_with('|')) {
            assert_eq!(line.replace("\\|", "").matches('|').count(), 6, "{line}");
        }
    }
}
