//! Captures as regression tests: what is expected of a capture, how that compares with what was found, and which
//! findings are known already.
//!
//! Turns the text of `NAME.expect.toml` and of baselines, and the findings of a run, into differences. Knows nothing
//! of files and of how differences are shown.

mod baseline;
mod bless;
mod expectation;
mod observed;

pub use baseline::{Baseline, Baselined};
pub use bless::{Bless, blessed, changes, head_comment, widened};
pub use expectation::{Expectation, Expected, Files};
pub use observed::{Observations, Observed};

/// Where a file is wrong, and how, in one line.
fn damage(text: &str, error: &toml::de::Error) -> String {
    let (line, column) = crate::text::line_and_column(text, error.span().map_or(0, |span| span.start));
    format!(
        "line {line}, column {column}: {}",
        suggestion(error.message()).unwrap_or_else(|| error.message().to_owned())
    )
}

/// A key that is unknown, and the one that was probably meant: `toml` names all that could stand there.
fn suggestion(message: &str) -> Option<String> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let key = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    Some(match crate::diagnosis::selection::nearest(key, known.iter().copied()) {
        Some(meant) => format!("unknown key {key}, did you mean {meant}?"),
        None => format!("unknown key {key}; known are {}", known.join(", ")),
    })
}
