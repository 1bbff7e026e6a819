//! `capture-control-only`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Replies cited.
const CITED: usize = 8;

diagnosis! {
    /// Transfers succeeded by their replies, and none of their data connections was captured.
    ///
    /// Needs: a transfer with a readable endpoint, answered 2yz, without any segment of its data connection.
    ///
    /// That a SYN is absent says nothing in such a capture.
    ///
    /// Remedy: capture without a port filter: data connections use any port.
    "capture-control-only", Quality,
    "data connections were not captured",
    [],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let bare: Vec<_> = case
        .all_concluded()
        .iter()
        .filter(|one| one.lacks_its_data())
        .filter_map(|one| one.transfer?.reply.as_ref())
        .map(crate::ftp::Reply::at)
        .collect();
    let count = bare.len();
    let message = if count == 1 {
        "a transfer succeeded but its data connection is not in the capture".to_owned()
    } else {
        format!("{count} transfers succeeded but none of their data connections is in the capture")
    };
    Evidence::seen_all(bare.into_iter().take(CITED).collect(), None, "transfer complete, data connection not captured")
        .map(|primary| DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).done())
        .into_iter()
        .collect()
}
