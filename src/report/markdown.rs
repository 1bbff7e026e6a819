//! `--format markdown`: for a job summary, a merge request or an issue.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::collect::Run;
use super::evidence::in_order;
use super::identity::stands_alone;
use super::place::place;
use super::words::{Confidence, Party, Severity};
use super::{Style, totals};
use crate::finding::{Evidence, Finding};
use crate::report::escape::safe;

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let page = Markdown { run, style };
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
    for finding in &findings {
        let severity = Severity::from(finding.severity);
        let confidence = Confidence::from(finding.confidence);
        let place = page.text(&page.place(finding));
        let message = page.text(&finding.message);
        writeln!(out, "| {severity} | `{}` | {place} | {message} | {confidence} |", finding.diagnosis)?;
    }
    for finding in findings {
        page.finding(finding, out)?;
    }
    Ok(())
}

struct Markdown<'a> {
    run: &'a Run,
    style: &'a Style,
}

impl Markdown<'_> {
    fn finding(&self, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n### `{}`: {}\n", finding.diagnosis, self.text(&self.place(finding)))?;
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
