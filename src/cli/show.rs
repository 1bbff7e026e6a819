//! `ftpwhy show`: transcript, ladder, figure, page.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::input::{InputArguments, SelectionArguments};
use super::layout::{PlainArguments, TimeArguments};
use super::{ShowOptions, Terminal};
use crate::finding::SessionId;
use crate::report::{Style, Verbosity, View};

/// Show what happened: the control dialogue with the data connections in place, as a transcript, a ladder or a page
///
/// The default is --transcript; --transcript, --ladder, --svg and --html can be combined. If a capture has several
/// sessions, only those with a failed transfer or a fault are shown; if there are none, all of them.
#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    input: InputArguments,

    /// Show this session (its number as in the report); may be repeated
    #[arg(short, long = "session", value_name = "N", value_delimiter = ',', help_heading = "Result")]
    sessions: Vec<NonZeroU32>,

    #[command(flatten)]
    selection: SelectionArguments,

    /// Write the dialogue line by line
    #[arg(long, help_heading = "Output")]
    transcript: bool,

    /// Draw a sequence diagram for the terminal
    #[arg(long, help_heading = "Output")]
    ladder: bool,

    /// Draw the sequence diagram as SVG; - is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    svg: Option<PathBuf>,

    /// Write an HTML page with everything; it needs no scripts and loads nothing; - is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    html: Option<PathBuf>,

    /// Show everything: every packet of every data connection, every session
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,

    #[command(flatten)]
    plain: PlainArguments,

    #[command(flatten)]
    time: TimeArguments,
}

impl Show {
    pub(super) fn into_options(self, terminal: &Terminal, config: Option<PathBuf>) -> ShowOptions {
        // `-` is standard output, which has no path.
        let path = |path: PathBuf| (path.as_os_str() != "-").then_some(path);
        let plain = self.transcript || (!self.ladder && self.svg.is_none() && self.html.is_none());
        let mut views = Vec::new();
        views.extend(plain.then_some((View::Transcript, None)));
        views.extend(self.ladder.then_some((View::Ladder, None)));
        views.extend(self.svg.map(|file| (View::Svg, path(file))));
        views.extend(self.html.map(|file| (View::Html, path(file))));
        ShowOptions {
            input: self.input.into_input(config),
            selection: self.selection.into_selection(),
            sessions: self.sessions.into_iter().map(|number| SessionId(number.get())).collect(),
            views,
            style: Style {
                time: self.time.style(),
                verbosity: if self.verbose { Verbosity::Verbose } else { Verbosity::Normal },
                ..self.plain.into_style(terminal)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{SessionId, ShowOptions, Terminal, View};
    use crate::cli::{Invocation, read};

    fn options(line: &str) -> ShowOptions {
        let terminal = Terminal::NONE;
        match read(format!("ftpwhy show {line}").split(' ').map(Into::into), &terminal) {
            Ok(Invocation::Show(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn it_is_the_transcript_unless_something_else_is_asked_for() {
        assert_eq!(options("x.pcap").views, [(View::Transcript, None)]);
        assert_eq!(options("--ladder x.pcap").views, [(View::Ladder, None)]);
        let both = options("--svg - --html out.html x.pcap").views;
        assert_eq!(both, [(View::Svg, None), (View::Html, Some(PathBuf::from("out.html")))]);
    }

    #[test]
    fn sessions_are_numbers_from_one() {
        assert_eq!(options("-s 2,3 x.pcap").sessions, [SessionId(2), SessionId(3)]);
        let terminal = Terminal::NONE;
        assert!(read("ftpwhy show -s 0 x.pcap".split(' ').map(Into::into), &terminal).is_err());
    }
}
