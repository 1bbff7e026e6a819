//! `ftpwhy sessions`: the sessions of captures and their transfers.

use super::output::Destination;
use super::{list, reading, settings};
use crate::cli::SessionsOptions;
use crate::diagnosis::selection::Selection;
use crate::report;

/// Lists what `options` ask for. The exit status.
pub fn sessions(options: &SessionsOptions) -> u8 {
    let settings = || settings(&options.input, Selection::default(), false);
    let out = Box::new(Destination::standard_output());
    let open = |grouping| Ok(report::sessions(options.choice.clone(), options.style.clone(), grouping, out));
    reading(|interrupt| list(&options.input, &settings()?, options.cause, interrupt, open))
}
