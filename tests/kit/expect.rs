//! What is expected of a capture (`NAME.expect.toml`), and how it compares with what was found.
//!
//! Knows neither scripts nor processes: text and observations in, differences out.

use std::fmt::Write as _;

use serde::Deserialize;

/// Names of severities and confidences in ascending order; a bound compares positions.
const SEVERITIES: [&str; 4] = ["quality", "info", "warning", "error"];
const CONFIDENCES: [&str; 3] = ["possible", "probable", "proven"];
const ROLES: [&str; 3] = ["verdict", "related", "context"];

/// One finding of the program, as far as expectations can speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    pub diagnosis: String,
    pub role: String,
    pub severity: String,
    pub confidence: String,
    pub session: Option<u64>,
    pub transfer: Option<u64>,
    /// Every frame that its evidence cites.
    pub frames: Vec<u64>,
}

/// The contents of an expectation file. Errors and warnings that it does not name are differences.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// No finding of severity error or warning at all.
    #[serde(default)]
    pub clean: bool,
    /// What must be found.
    #[serde(default, rename = "expect")]
    pub expected: Vec<Expected>,
    /// What must not be found, by name.
    #[serde(default)]
    pub forbid: Vec<String>,
    /// Errors and warnings that may be found beside the expected ones.
    #[serde(default)]
    pub allow: Vec<String>,
    /// The transfers, in order, as `VERB outcome`: proof that silence is not blindness.
    pub transfers: Option<Vec<String>>,
    /// For input that cannot be analysed: a part of the error message.
    pub unreadable: Option<String>,
}

/// One expected finding; what is left out is not compared.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// One name, or several separated by `|` of which one must be found.
    pub diagnosis: String,
    pub role: Option<String>,
    pub severity: Option<String>,
    /// The least confidence.
    pub confidence: Option<String>,
    /// The most confidence.
    pub at_most: Option<String>,
    pub session: Option<u64>,
    pub transfer: Option<u64>,
    /// Frames that the evidence must cite.
    #[serde(default)]
    pub frames: Vec<u64>,
    /// Frames of which the evidence must cite one.
    #[serde(default)]
    pub some_of: Vec<u64>,
}

impl Expectation {
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        for expected in &parsed.expected {
            known(expected.role.as_ref(), &ROLES)?;
            known(expected.severity.as_ref(), &SEVERITIES)?;
            known(expected.confidence.as_ref(), &CONFIDENCES)?;
            known(expected.at_most.as_ref(), &CONFIDENCES)?;
        }
        if parsed.clean && parsed.expected.iter().any(|e| matches!(e.severity.as_deref(), Some("error" | "warning"))) {
            return Err("clean = true expects no errors and no warnings".into());
        }
        Ok(parsed)
    }

    /// Every difference, as a sentence; none when all is as expected.
    pub fn compare(&self, observed: &[Observed], transfers: &[String]) -> Vec<String> {
        let mut differences: Vec<String> =
            self.expected.iter().filter_map(|expected| expected.difference(observed)).collect();
        for finding in observed {
            let named = self.expected.iter().any(|expected| expected.names().any(|name| name == finding.diagnosis));
            let serious = matches!(finding.severity.as_str(), "error" | "warning");
            if self.forbid.contains(&finding.diagnosis) {
                differences.push(format!("forbidden: {}", finding.line()));
            } else if serious && (self.clean || !(named || self.allow.contains(&finding.diagnosis))) {
                differences.push(format!("unexpected: {}", finding.line()));
            }
        }
        if let Some(expected) = self.transfers.as_ref().filter(|expected| *expected != transfers) {
            differences.push(format!("transfers are {transfers:?}, expected {expected:?}"));
        }
        differences
    }
}

impl Expected {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.diagnosis.split('|')
    }

    fn difference(&self, observed: &[Observed]) -> Option<String> {
        let candidates: Vec<&Observed> =
            observed.iter().filter(|finding| self.names().any(|name| name == finding.diagnosis)).collect();
        if candidates.is_empty() {
            return Some(format!("missing: {}", self.diagnosis));
        }
        let wrongs: Vec<Vec<String>> = candidates.iter().map(|finding| self.wrongs(finding)).collect();
        // Of several findings of one name the closest tells most.
        let closest = wrongs.into_iter().min_by_key(Vec::len)?;
        (!closest.is_empty()).then(|| format!("{}: {}", self.diagnosis, closest.join(", ")))
    }

    fn wrongs(&self, finding: &Observed) -> Vec<String> {
        let mut wrongs = Vec::new();
        let mut differs = |what: &str, is: &str, expected: &str| wrongs.push(format!("{what} is {is}, not {expected}"));
        if let Some(role) = self.role.as_ref().filter(|role| **role != finding.role) {
            differs("role", &finding.role, role);
        }
        if let Some(severity) = self.severity.as_ref().filter(|severity| **severity != finding.severity) {
            differs("severity", &finding.severity, severity);
        }
        let sure = rank(&finding.confidence);
        if let Some(least) = self.confidence.as_ref().filter(|least| sure < rank(least)) {
            differs("confidence", &finding.confidence, &format!("at least {least}"));
        }
        if let Some(most) = self.at_most.as_ref().filter(|most| sure > rank(most)) {
            differs("confidence", &finding.confidence, &format!("at most {most}"));
        }
        for (what, is, expected) in
            [("session", finding.session, self.session), ("transfer", finding.transfer, self.transfer)]
        {
            if expected.is_some() && expected != is {
                differs(what, &format!("{is:?}"), &format!("{expected:?}"));
            }
        }
        let uncited: Vec<u64> = self.frames.iter().copied().filter(|frame| !finding.frames.contains(frame)).collect();
        if !uncited.is_empty() {
            wrongs.push(format!("does not cite frames {uncited:?} (cites {:?})", finding.frames));
        }
        if !self.some_of.is_empty() && !self.some_of.iter().any(|frame| finding.frames.contains(frame)) {
            wrongs.push(format!("cites none of frames {:?} (cites {:?})", self.some_of, finding.frames));
        }
        wrongs
    }
}

impl Observed {
    /// One line for a person.
    pub fn line(&self) -> String {
        let Self { diagnosis, role, severity, confidence, frames, .. } = self;
        let mut line = format!("{severity} {diagnosis} ({confidence}, {role})");
        if let (Some(session), Some(transfer)) = (self.session, self.transfer) {
            let _ = write!(line, " of transfer {session}.{transfer}");
        }
        let _ = write!(line, " on frames {frames:?}");
        line
    }
}

/// The file as it should read for these observations: its comments and lists stay, the expected findings are the
/// errors, warnings and infos found, and those of lower severity that it already named.
pub fn blessed(text: &str, observed: &[Observed], transfers: &[String]) -> Result<String, String> {
    let old = Expectation::parse(text)?;
    let mut out = comments(text);
    let serious = |finding: &&Observed| matches!(finding.severity.as_str(), "error" | "warning");
    if !observed.iter().any(|finding| serious(&finding)) {
        out += "clean = true\n";
    }
    let _ = writeln!(out, "transfers = {}", list(transfers));
    for (key, names) in [("forbid", &old.forbid), ("allow", &old.allow)] {
        if !names.is_empty() {
            let _ = writeln!(out, "{key} = {}", list(names));
        }
    }
    for finding in observed {
        let before = old.expected.iter().find(|expected| expected.names().any(|name| name == finding.diagnosis));
        if before.is_none() && finding.severity == "quality" {
            continue;
        }
        let Observed { diagnosis, role, severity, confidence, .. } = finding;
        let _ = writeln!(out, "\n[[expect]]\ndiagnosis = \"{diagnosis}\"\nrole = \"{role}\"");
        let _ = writeln!(out, "severity = \"{severity}\"\nconfidence = \"{confidence}\"");
        if let (Some(session), Some(transfer)) = (finding.session, finding.transfer) {
            let _ = writeln!(out, "session = {session}\ntransfer = {transfer}");
        }
        let chosen = before.map(|before| before.frames.clone()).unwrap_or_default();
        let still: Vec<u64> = chosen.into_iter().filter(|frame| finding.frames.contains(frame)).collect();
        let _ = writeln!(out, "frames = {:?}", if still.is_empty() { &finding.frames } else { &still });
    }
    Ok(out)
}

/// The comment at the head of an expectation: what the truth is and how it is known.
pub fn comments(text: &str) -> String {
    text.lines().take_while(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect()
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(", "))
}

fn rank(confidence: &str) -> Option<usize> {
    CONFIDENCES.iter().position(|name| *name == confidence)
}

fn known(word: Option<&String>, words: &[&str]) -> Result<(), String> {
    match word {
        Some(word) if !words.contains(&word.as_str()) => Err(format!("{word} is none of {}", words.join(", "))),
        _ => Ok(()),
    }
}
