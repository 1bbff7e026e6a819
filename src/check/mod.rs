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
pub use bless::{blessed, changes, head_comment};
pub use expectation::{Expectation, Expected, Files};
pub use observed::{Observations, Observed};

/// Where a file is wrong, and how, in one line.
fn damage(text: &str, error: &toml::de::Error) -> String {
    let (line, column) = crate::text::line_and_column(text, error.span().map_or(0, |span| span.start));
    format!("line {line}, column {column}: {}", error.message())
}
