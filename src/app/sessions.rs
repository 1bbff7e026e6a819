//! `ftpwhy sessions`: the sessions of captures and their transfers.

use std::io::{self, BufWriter};

use super::{CLEAN, TROUBLE, Trouble, arrangement, complain, feed, open, sentences, settings};
use crate::cli::SessionsOptions;
use crate::report;

/// Lists what `options` ask for. The exit status.
pub fn run(options: &SessionsOptions) -> u8 {
    match list(options) {
        Ok(status) => status,
        Err(Trouble::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => CLEAN,
        Err(trouble) => {
            complain(&trouble.to_string(), None);
            TROUBLE
        }
    }
}

fn list(options: &SessionsOptions) -> Result<u8, Trouble> {
    let plan = open(&options.inputs, options.filter.as_deref(), arrangement(options.grouping))?;
    let out = Box::new(BufWriter::new(io::stdout()));
    let mut sink = report::sessions(options.selection.clone(), options.style.clone(), sentences(&plan), out);
    let settings = settings(&options.ports, options.time_wait);
    let fed = feed(&plan, options.filter.as_deref(), &settings, &mut *sink)?;
    sink.end(&fed.captures, &fed.summary)?;
    Ok(if fed.complete { CLEAN } else { TROUBLE })
}
