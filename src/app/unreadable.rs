//! Says at once what could not be read, and keeps it for the reports and the exit status.

use std::path::Path;

use super::attend;
use crate::options::Input;
use crate::record::{Summary, Unreadable};
use crate::source::OpenError;

/// Whether the user knows an input for broken.
pub(super) fn is_allowed(path: &Path, input: &Input) -> bool {
    input.allow_unreadable.iter().any(|glob| glob.matches(path))
}

/// Says why inputs could not be read, and adds them to what the run lacks, unless that is known already.
pub(super) fn note<'a>(summary: &mut Summary, errors: impl IntoIterator<Item = &'a OpenError>, input: &Input) {
    for error in errors {
        let allowed = is_allowed(&error.path, input);
        let unreadable = Unreadable { path: error.path.clone(), why: error.what.clone(), allowed };
        if !summary.unreadable.contains(&unreadable) {
            say(&error.to_string(), allowed);
            summary.unreadable.push(unreadable);
        }
    }
}

/// Says that an input could not be read; what is allowed is no error.
pub(super) fn say(error: &str, allowed: bool) {
    if allowed {
        attend::note(&format!("{error} (allowed by --allow-unreadable)"));
    } else {
        attend::complain(error, None);
    }
}
