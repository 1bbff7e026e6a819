//! What every report says of a run that a signal ended before its inputs did: one sentence, in each format's own place.

use std::io::{self, Write};
use std::path::Path;

use super::Style;
use super::collect::{Run, path_of};
use super::counted::counted;
use super::escape::safe;
use super::paint::Ink;
use super::wrap::write_wrapped;
use crate::record::Interruption;
use crate::source::Capture;

/// The name of an interruption where a finding has that of its diagnosis.
pub(super) const NAME: &str = "interrupted";

/// `interrupted by SIGINT after 44 packets of a.pcap`: what ended the run, and how much of the inputs was read.
pub fn interrupted_by(interruption: &Interruption, captures: &[Capture]) -> String {
    let Interruption { signal, not_read } = *interruption;
    let by = format!("interrupted by {}", signal.name());
    let read = captures.iter().filter(|capture| !capture.unread).count();
    match (captures, not_read) {
        ([one], 0) if one.packets > 0 => format!("{by} after {} of {}", counted(one.packets, "packet"), named(one)),
        ([], _) | ([_], 0) => format!("{by} before the first packet was read"),
        _ => format!("{by}; {read} of {} were read to the end", counted(captures.len() as u64 + not_read, "capture")),
    }
}

fn named(capture: &Capture) -> String {
    if capture.path == Path::new("-") { "standard input".to_owned() } else { path_of(capture) }
}

impl Run {
    /// Why the report is not complete, printable; `None` if nothing ended the run before its time.
    pub(super) fn interrupted(&self) -> Option<String> {
        self.summary.interrupted.map(|interruption| interrupted_by(&interruption, &self.captures))
    }

    /// The capture that was being read then, or the first one that can be named.
    pub(super) fn interrupted_in(&self) -> String {
        let capture = self.captures.iter().find(|capture| capture.unread).or_else(|| self.captures.first());
        capture.map_or_else(|| "-".to_owned(), path_of)
    }
}

/// The line for people; also with `--quiet`, for a report without a finding looks like a good one.
pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(why) = run.interrupted() else { return Ok(()) };
    let word = style.paint(Ink::Error, "incomplete:");
    // The colour takes no room.
    let style = Style { width: style.width.saturating_add(word.len() - "incomplete:".len()), ..style.clone() };
    write_wrapped(out, &style, &format!("{word} "), "  ", &safe(&why, style.ascii))
}

#[cfg(test)]
mod tests {
    use super::interrupted_by;
    use crate::record::{Interruption, Signal};
    use crate::report::testing::{Sample, narrow};
    use crate::report::{Format, Style, Verbosity, View};

    /// The sentence of the sample below.
    const WHY: &str = "interrupted by SIGTERM after 40 packets of captures/collision.pcapng";

    fn sample() -> Sample {
        let mut sample = Sample::clean();
        sample.captures[0].unread = true;
        sample.summary.interrupted = Some(Interruption { signal: Signal::Terminate, not_read: 0 });
        sample
    }

    #[test]
    fn the_sentence_says_how_much_was_read() {
        let interruption = |not_read| Interruption { signal: Signal::Interrupt, not_read };
        let mut captures = Sample::merged().captures;
        captures[1].unread = true;
        let said = |not_read, captures| interrupted_by(&interruption(not_read), captures);
        assert_eq!(said(0, &[]), "interrupted by SIGINT before the first packet was read");
        assert_eq!(said(3, &[]), "interrupted by SIGINT before the first packet was read");
        assert_eq!(said(0, &captures[1..2]), "interrupted by SIGINT after 20 packets of ring_00002.pcap");
        assert_eq!(said(0, &captures[2..]), "interrupted by SIGINT before the first packet was read");
        assert_eq!(said(2, &captures[..1]), "interrupted by SIGINT; 1 of 3 captures were read to the end");
        assert_eq!(said(0, &captures), "interrupted by SIGINT; 2 of 3 captures were read to the end");
    }

    #[test]
    fn every_format_says_it_and_none_calls_the_run_clean() {
        for format in Format::ALL {
            for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
                let style = Style { verbosity, width: 200, ..narrow() };
                let text = sample().render(format, &style).replace("&lt;", "<").replace('\\', "");
                assert!(text.contains(WHY), "{format:?} {verbosity:?}:\n{text}");
                assert!(!text.contains("no failed transfer"), "{format:?}:\n{text}");
                let whole = Sample::clean().render(format, &style);
                assert!(!whole.contains("interrupted by"), "{format:?}:\n{whole}");
            }
        }
    }

    #[test]
    fn every_view_and_every_list_says_it() {
        let style = Style { verbosity: Verbosity::Quiet, width: 200, ..narrow() };
        for view in [View::Transcript, View::Ladder, View::Svg, View::Html] {
            let text = sample().render_show(view, &[], &style);
            assert!(text.contains(WHY) && !text.contains("no failed transfer"), "{view:?}:\n{text}");
        }
        for json in [false, true] {
            let text = sample().render_hosts(json, &style);
            assert!(text.contains(WHY), "{text}");
        }
        let mut nothing = sample();
        (nothing.sessions, nothing.hosts, nothing.captures) = (Vec::new(), Vec::new(), Vec::new());
        for text in [nothing.render_hosts(false, &style), nothing.render_show(View::Ladder, &[], &style)] {
            assert!(text.contains("incomplete: interrupted by SIGTERM before the first packet was read"), "{text}");
        }
    }

    #[test]
    fn what_was_read_in_part_is_not_called_free_of_ftp() {
        let mut part = Sample::without_ftp();
        part.captures[0].unread = true;
        part.summary.interrupted = sample().summary.interrupted;
        let text = part.render(Format::Full, &narrow());
        assert_eq!(text, "incomplete: interrupted by SIGTERM after 123 packets of other.pcap\n");
    }
}
