//! What could not be read, as every format says it: whoever reads a report must not take silence for a clean capture.

use std::io::{self, Write};

use super::Style;
use super::counted::counted;
use super::escape::safe;
use super::paint::Ink;
use super::wrap::wrap;
use crate::record::{Summary, Unreadable};
use crate::text::{printable, printable_str};

/// What stands where a finding has the name of its diagnosis.
pub(super) const NAME: &str = "unreadable";

impl Unreadable {
    /// The path as it was named, control bytes and what is not UTF-8 escaped.
    pub(super) fn path(&self) -> String {
        printable(self.path.as_os_str().as_encoded_bytes())
    }

    /// `could not read a.pcap: it is a text file`
    pub(super) fn sentence(&self) -> String {
        let allowed = if self.allowed { " (allowed)" } else { "" };
        format!("could not read {}{allowed}: {}", self.path(), printable_str(&self.why))
    }
}

/// A line for each, whatever else is left out.
pub(super) fn write(summary: &Summary, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for input in &summary.unreadable {
        let ink = if input.allowed { Ink::Dim } else { Ink::Error };
        let rest = style.width.saturating_sub(2).max(1);
        for (index, line) in wrap(&safe(&input.sentence(), style.ascii), style.width, rest).iter().enumerate() {
            writeln!(out, "{}{}", if index == 0 { "" } else { "  " }, style.paint(ink, line))?;
        }
    }
    Ok(())
}

/// `; 2 inputs could not be read`; empty when all was read, but for what is allowed.
pub(super) fn count(summary: &Summary) -> String {
    match summary.unreadable.iter().filter(|input| !input.allowed).count() {
        0 => String::new(),
        count => format!("; {} could not be read", counted(count as u64, "input")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::report::testing::{Sample, narrow, wide};
    use crate::report::{Format, Style, Verbosity, View};

    const BROKEN: &str = "could not read captures/broken.pcap: it is empty (0 bytes)";
    const ALLOWED: &str = "could not read captures/old.pcap (allowed): it ends in the middle of the pcap header";

    fn parsed(format: Format) -> Value {
        serde_json::from_str(&Sample::partly_read().render(format, &narrow())).expect("JSON")
    }

    #[test]
    fn formats_for_people_have_a_line_each_even_when_they_are_quiet() {
        let sample = Sample::partly_read();
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            let style = Style { verbosity, ..wide() };
            for format in [Format::Full, Format::Concise, Format::Table] {
                let text = sample.render(format, &style);
                assert!(text.lines().any(|line| line == BROKEN), "{format:?}:\n{text}");
                assert!(text.lines().any(|line| line == ALLOWED), "{format:?}:\n{text}");
            }
        }
        let markdown = sample.render(Format::Markdown, &wide());
        assert!(markdown.contains("could not read captures/broken.pcap: it is empty"), "{markdown}");
        for text in [sample.render_hosts(false, &wide()), sample.render_show(View::Transcript, &[], &wide())] {
            assert!(text.contains(BROKEN) && text.contains(ALLOWED), "{text}");
        }
        for view in [View::Html, View::Svg] {
            let text = sample.render_show(view, &[], &wide());
            assert!(text.contains(BROKEN) && text.contains(ALLOWED), "{text}");
        }
    }

    #[test]
    fn nothing_is_said_to_be_clean_of_which_a_part_was_not_read() {
        let mut sample = Sample::partly_read();
        let text = sample.render(Format::Full, &wide());
        assert!(text.ends_with("2 transfers in 1 session, all completed; 1 input could not be read\n"), "{text}");
        let page = sample.render_show(View::Html, &[], &wide());
        assert!(page.contains("<h1 class=\"bad\">No failed transfer in what could be read</h1>"), "{page}");
        sample.summary.unreadable.remove(0);
        let text = sample.render(Format::Full, &wide());
        assert!(text.ends_with("no failed transfer: 2 transfers in 1 session, all completed\n"), "{text}");
    }

    #[test]
    fn formats_for_programs_have_an_entry_each() {
        let expected = json!([
            { "path": "captures/broken.pcap", "why": "it is empty (0 bytes)", "allowed": false },
            { "path": "captures/old.pcap", "why": "it ends in the middle of the pcap header", "allowed": true },
        ]);
        assert_eq!(parsed(Format::Json)["unreadable"], expected);
        let lines = Sample::partly_read().render(Format::Ndjson, &narrow());
        let last: Value = serde_json::from_str(lines.lines().last().unwrap_or_default()).expect("JSON");
        assert_eq!((&last["type"], &last["unreadable"]), (&json!("summary"), &expected));
        let hosts: Value = serde_json::from_str(&Sample::partly_read().render_hosts(true, &narrow())).expect("JSON");
        assert_eq!(hosts["unreadable"], expected);

        let invocation = &parsed(Format::Sarif)["runs"][0]["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], json!(false));
        let notifications = invocation["toolExecutionNotifications"].as_array().expect("a list");
        let told: Vec<_> = notifications.iter().map(|one| (&one["level"], &one["message"]["text"])).collect();
        assert_eq!(told, [(&json!("error"), &json!(BROKEN)), (&json!("note"), &json!(ALLOWED))]);

        let issues = parsed(Format::Gitlab);
        let told = |at: usize| (&issues[at]["severity"], &issues[at]["location"]["path"], &issues[at]["description"]);
        assert_eq!(told(0), (&json!("blocker"), &json!("captures/broken.pcap"), &json!(BROKEN)));
        assert_eq!(told(1), (&json!("info"), &json!("captures/old.pcap"), &json!(ALLOWED)));
        assert_ne!(issues[0]["fingerprint"], issues[1]["fingerprint"]);
    }

    #[test]
    fn formats_for_workflows_have_an_entry_each() {
        let sample = Sample::partly_read();
        let junit = quick_junit::Report::deserialize_from_str(&sample.render(Format::Junit, &narrow())).expect("XML");
        assert_eq!((junit.errors, junit.failures), (1, 0));
        assert_eq!(sample.render(Format::Junit, &narrow()).matches("<skipped").count(), 1);
        let github = sample.render(Format::Github, &narrow());
        assert_eq!(
            github,
            format!(
                "::error file=captures/broken.pcap,line=1,title=unreadable::{BROKEN}\n\
                 ::notice file=captures/old.pcap,line=1,title=unreadable::{ALLOWED}\n"
            )
        );
        let csv = sample.render(Format::Csv, &narrow());
        let mut rows = ::csv::Reader::from_reader(csv.as_bytes());
        let rows: Vec<::csv::StringRecord> = rows.records().collect::<Result<_, _>>().expect("CSV");
        let told: Vec<_> = rows.iter().map(|row| [&row[0], &row[3], &row[4], &row[13]]).collect();
        assert_eq!(
            told,
            [
                ["captures/broken.pcap", "error", "unreadable", BROKEN],
                ["captures/old.pcap", "info", "unreadable", ALLOWED]
            ]
        );
    }

    #[test]
    fn a_run_with_nothing_but_allowed_ones_is_successful() {
        let mut sample = Sample::partly_read();
        sample.summary.unreadable.remove(0);
        let sarif: Value = serde_json::from_str(&sample.render(Format::Sarif, &narrow())).expect("JSON");
        assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], json!(true));
    }

    #[test]
    fn what_strangers_name_their_files_is_text() {
        let evil = "\x1b[2J\r\nerror[forged]: x\u{202e}\u{2028}\x00`<script>\"&]]>,::";
        let mut sample = Sample::partly_read();
        for input in &mut sample.summary.unreadable {
            (input.path, input.why) = (evil.into(), evil.to_owned());
        }
        let all = [
            Format::Full,
            Format::Concise,
            Format::Table,
            Format::Json,
            Format::Ndjson,
            Format::Sarif,
            Format::Junit,
            Format::Github,
            Format::Gitlab,
            Format::Markdown,
            Format::Csv,
        ];
        let texts = all.iter().map(|format| sample.render(*format, &wide()));
        let views = [View::Transcript, View::Html, View::Svg].map(|view| sample.render_show(view, &[], &wide()));
        let hosts = [false, true].map(|json| sample.render_hosts(json, &wide()));
        for text in texts.chain(views).chain(hosts) {
            let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{2028}' | '\u{202e}'));
            assert_eq!(bad, None, "{text}");
            assert!(!text.lines().any(|line| line.trim_start().starts_with("error[forged]")), "{text}");
        }
    }
}
