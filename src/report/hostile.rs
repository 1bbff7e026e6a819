//! What every format must withstand, whoever wrote the names and replies.

use std::io::{self, ErrorKind, Write};

use super::testing::{Sample, wide};
use super::{CheckFormat, CheckResult, Checked, Comparison, Format, Style, TimeStyle, Verbosity, write_checked};
use crate::text::is_invisible;

#[test]
fn no_format_lets_characters_through_that_are_not_seen() {
    for format in Format::ALL {
        for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            let text = Sample::hostile().render(format, &Style { verbosity, ..wide() });
            let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || is_invisible(*c));
            assert_eq!(bad, None, "{format:?} {verbosity:?}:\n{text}");
        }
    }
}

#[test]
fn the_inventory_lets_none_through_either() {
    for json in [false, true] {
        let text = Sample::hostile().render_hosts(json, &wide());
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || is_invisible(c)), "{text}");
    }
}

#[test]
fn no_line_can_be_forged() {
    for format in Format::ALL {
        let text = Sample::hostile().render(format, &wide());
        assert!(!text.lines().any(|line| line.trim_start().starts_with("error[forged]")), "{format:?}:\n{text}");
    }
    let concise = Sample::hostile().render(Format::Concise, &wide());
    assert_eq!(concise.lines().count(), Sample::collision().render(Format::Concise, &wide()).lines().count() + 1);
    let ndjson = Sample::hostile().render(Format::Ndjson, &wide());
    assert_eq!(ndjson.lines().count(), Sample::collision().render(Format::Ndjson, &wide()).lines().count());
}

#[test]
fn ascii_is_ascii() {
    for sample in Sample::all() {
        for format in [Format::Full, Format::Concise, Format::Table] {
            let text = sample.render(format, &Style { ascii: true, ..wide() });
            assert!(text.is_ascii(), "{format:?}:\n{text}");
        }
    }
}

#[test]
fn text_keeps_to_the_width() {
    // Filters are pasted, and the totals are one line.
    let wrapped = |line: &&str| !line.contains("= filter") && !line.contains(" in 1 session");
    for sample in Sample::all() {
        for width in [60, 80, 160] {
            for time in [TimeStyle::Utc, TimeStyle::Relative] {
                let text = sample.render(Format::Full, &Style { width, time, verbosity: Verbosity::Verbose, ..wide() });
                let too_long = text.lines().filter(wrapped).find(|line| line.chars().count() > width);
                assert_eq!(too_long, None, "at {width}:\n{text}");
            }
        }
    }
}

/// A disk that is full, or a reader that has gone.
struct Refusing(ErrorKind);

impl Write for Refusing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl crate::report::Out for Refusing {}

#[test]
fn what_the_system_says_of_a_report_that_cannot_be_written_comes_through() {
    // Longer than all buffers on the way, so that each library that writes meets the error.
    let mut sample = Sample::collision();
    sample.findings = vec![sample.findings; 200].concat();
    for kind in [ErrorKind::StorageFull, ErrorKind::BrokenPipe] {
        for format in Format::ALL {
            let error = sample.written_to(format, &wide(), Box::new(Refusing(kind))).expect_err("refused");
            assert_eq!(error.kind(), kind, "{format:?}: {error}");
        }
        let checked = Checked { path: "a".repeat(20_000), comparison: Comparison::Failed, lines: Vec::new() };
        let result = CheckResult { checked: vec![checked], ..CheckResult::default() };
        for format in [CheckFormat::Text, CheckFormat::Junit, CheckFormat::Github] {
            let error = write_checked(format, &result, &wide(), &mut Refusing(kind)).expect_err("refused");
            assert_eq!(error.kind(), kind, "{format:?}: {error}");
        }
    }
}
