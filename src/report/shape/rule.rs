//! The diagnoses themselves, for `ftpwhy rules --format json`.

use serde::Serialize;

use super::SCHEMA;
use crate::diagnosis::Diagnosis;
use crate::report::words::Severity;

/// All diagnoses.
#[derive(Serialize)]
pub(in crate::report) struct Rules {
    schema: u32,
    rules: Vec<Rule>,
}

impl Rules {
    pub(in crate::report) fn new(rules: impl Iterator<Item = Rule>) -> Self {
        Self { schema: SCHEMA, rules: rules.collect() }
    }
}

/// A diagnosis.
#[derive(Serialize)]
pub(in crate::report) struct Rule {
    name: &'static str,
    /// The usual one; in some cases it is another.
    severity: Severity,
    summary: &'static str,
    /// The explanation, one text for each paragraph.
    explanation: Vec<String>,
    references: &'static [&'static str],
}

impl Rule {
    pub(in crate::report) fn new(diagnosis: &Diagnosis, explanation: Vec<String>) -> Self {
        let Diagnosis { name, severity, summary, references, .. } = *diagnosis;
        Self { name: name.as_str(), severity: severity.into(), summary, explanation, references }
    }
}
