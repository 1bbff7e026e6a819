//! What is expected of a capture (`NAME.expect.toml`), and how it differs from what was found.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::damage;
use super::observed::Observed;
use crate::finding;
use crate::points::Glob;
use crate::report::words::{Confidence, Role, Severity};

/// The contents of an expectation file. Errors, warnings and a damaged or cut capture that it does not name are differences.
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
    /// The captures of one incident at several points, by the names of these; beside the expectation. They are judged
    /// together, and the expectation is of what they tell.
    #[serde(default)]
    pub points: BTreeMap<String, Files>,
    /// Documents of `ftpwhy facts` that it is judged with, one for each host; beside the expectation.
    pub facts: Option<Files>,
    /// Names of captures beside it, as globs: it is of each of them that has no expectation of its own.
    #[serde(default)]
    pub captures: CaptureNames,
    /// For input that cannot be analysed: a part of the error message.
    pub unreadable: Option<String>,
}

/// One glob, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum CaptureNames {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Default for CaptureNames {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl CaptureNames {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// A file, or several: of a point those of a rotated set.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Files {
    /// One.
    One(PathBuf),
    /// Several.
    Several(Vec<PathBuf>),
}

impl Files {
    /// All of them.
    pub fn all(&self) -> &[PathBuf] {
        match self {
            Self::One(file) => std::slice::from_ref(file),
            Self::Several(files) => files,
        }
    }
}

/// One expected finding; what is left out is not compared.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// One name, or several separated by `|` of which one must be found.
    pub diagnosis: String,
    /// The part it plays.
    pub role: Option<Role>,
    /// How much it matters.
    pub severity: Option<Severity>,
    /// The least confidence.
    pub confidence: Option<Confidence>,
    /// The most confidence.
    pub at_most: Option<Confidence>,
    /// The session it is about.
    pub session: Option<u32>,
    /// The transfer it is about.
    pub transfer: Option<u32>,
    /// The fingerprint of its cause.
    pub cause: Option<String>,
    /// How many findings like it there are.
    pub count: Option<usize>,
    /// Frames that the evidence must cite.
    #[serde(default)]
    pub frames: Vec<u64>,
    /// Frames of which the evidence must cite one.
    #[serde(default)]
    pub some_of: Vec<u64>,
}

impl Expectation {
    /// Reads an expectation; the error says where it is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parsed: Self = toml::from_str(text).map_err(|error| damage(text, &error))?;
        let serious = |expected: &Expected| matches!(expected.severity, Some(Severity::Error | Severity::Warning));
        if parsed.clean && parsed.expected.iter().any(serious) {
            return Err("clean = true expects no errors and no warnings".to_owned());
        }
        for name in parsed.captures.all() {
            if name.contains('/') {
                return Err(format!("captures names files beside the expectation, and {name} has a directory"));
            }
            Glob::parse(name).map_err(|why| format!("captures: {name} is not a glob: {why}"))?;
        }
        Ok(parsed)
    }

    /// Whether it is of a capture of this name, beside its own.
    pub fn is_of(&self, name: &Path) -> bool {
        self.captures.all().iter().any(|glob| Glob::parse(glob).is_ok_and(|glob| glob.matches(name)))
    }

    /// The names of diagnoses that it holds.
    pub fn diagnoses(&self) -> impl Iterator<Item = &str> {
        let expected = self.expected.iter().flat_map(Expected::names);
        expected.chain(self.forbid.iter().chain(&self.allow).map(String::as_str))
    }

    /// Every difference, as a sentence that names the field; none when all is as expected.
    pub fn compare(&self, found: &[Observed], transfers: &[String]) -> Vec<String> {
        let mut differences: Vec<String> =
            self.expected.iter().filter_map(|expected| expected.difference(found)).collect();
        for finding in found {
            if self.forbid.contains(&finding.diagnosis) {
                differences.push(format!("forbidden: {finding}"));
            } else if finding.is_serious() && self.clean || finding.must_be_named() && !self.names(finding) {
                differences.push(format!("unexpected: {finding}"));
            }
        }
        if let Some(expected) = self.transfers.as_ref().filter(|expected| *expected != transfers) {
            differences.push(format!("transfers are {transfers:?}, not {expected:?}"));
        }
        differences
    }

    /// Whether it expects nothing yet.
    pub(super) fn says_nothing(&self) -> bool {
        !self.clean
            && self.expected.is_empty()
            && self.forbid.is_empty()
            && self.allow.is_empty()
            && self.transfers.is_none()
            && self.points.is_empty()
            && self.unreadable.is_none()
    }

    /// Whether it names frames, which differ each time a capture is taken.
    pub fn names_frames(&self) -> bool {
        self.expected.iter().any(|expected| !expected.frames.is_empty() || !expected.some_of.is_empty())
    }

    pub(super) fn names(&self, finding: &Observed) -> bool {
        self.allow.contains(&finding.diagnosis) || self.expected.iter().any(|expected| expected.is_about(finding))
    }
}

impl Expected {
    /// The name, or the names of which one must be found.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.diagnosis.split('|').map(str::trim)
    }

    /// Whether `finding` has the name, or one of the names.
    pub(super) fn is_about(&self, finding: &Observed) -> bool {
        self.names().any(|name| name == finding.diagnosis)
    }

    fn difference(&self, found: &[Observed]) -> Option<String> {
        let wrongs = found.iter().filter(|finding| self.is_about(finding)).map(|finding| self.wrongs(finding));
        // Of several findings of one name the closest tells most.
        match wrongs.min_by_key(Vec::len) {
            None if self.count == Some(0) => None,
            None => Some(format!("missing: {}", self.diagnosis)),
            Some(closest) if closest.is_empty() => self.miscounted(found),
            Some(closest) => Some(format!("{}: {}", self.diagnosis, closest.join(", "))),
        }
    }

    /// Whether there are more or fewer findings like it than expected.
    fn miscounted(&self, found: &[Observed]) -> Option<String> {
        let alike = found.iter().filter(|finding| self.is_about(finding) && self.wrongs(finding).is_empty()).count();
        let expected = self.count.filter(|count| *count != alike)?;
        Some(format!("{}: count is {alike}, not {expected}", self.diagnosis))
    }

    /// What of `finding` is not as expected.
    pub(super) fn wrongs(&self, finding: &Observed) -> Vec<String> {
        let sure = finding.confidence;
        let least = self.confidence.filter(|least| sure < finding::Confidence::from(*least));
        let most = self.at_most.filter(|most| sure > finding::Confidence::from(*most));
        let mut wrongs: Vec<String> = [
            differs("role", Role::from(finding.role), self.role),
            differs("severity", Severity::from(finding.severity), self.severity),
            least.map(|least| format!("confidence is {}, not at least {least}", Confidence::from(sure))),
            most.map(|most| format!("confidence is {}, not at most {most}", Confidence::from(sure))),
            differs("session", finding.session.map_or("none".to_owned(), |id| id.to_string()), self.session),
            differs("transfer", finding.transfer.map_or("none".to_owned(), |id| id.to_string()), self.transfer),
        ]
        .into_iter()
        .flatten()
        .collect();
        if let Some(cause) = self.cause.as_ref().filter(|cause| !finding.causes.contains(cause)) {
            wrongs.push(format!("cause is {}, not {cause}", finding.causes.join(" or ")));
        }
        let cited = |frame: &u64| finding.frames.contains(frame);
        let uncited: Vec<u64> = self.frames.iter().copied().filter(|frame| !cited(frame)).collect();
        if !uncited.is_empty() {
            wrongs.push(format!("frames are {:?}, without {uncited:?}", finding.frames));
        }
        if !self.some_of.is_empty() && !self.some_of.iter().any(cited) {
            wrongs.push(format!("frames are {:?}, none of {:?}", finding.frames, self.some_of));
        }
        wrongs
    }
}

/// `role is related, not verdict`, unless nothing is expected or they read the same.
fn differs(field: &str, is: impl Display, expected: Option<impl Display>) -> Option<String> {
    let (is, expected) = (is.to_string(), expected?.to_string());
    (is != expected).then(|| format!("{field} is {is}, not {expected}"))
}

#[cfg(test)]
mod tests {
    use super::{Expectation, Observed};
    use crate::finding::{Confidence, Role, Severity};

    fn finding(diagnosis: &str, severity: Severity, confidence: Confidence) -> Observed {
        let (session, transfer) = (Some(1), Some(2));
        Observed {
            diagnosis: diagnosis.into(),
            role: Role::Verdict,
            severity,
            confidence,
            session,
            transfer,
            causes: vec!["0123".into()],
            frames: vec![3, 7],
        }
    }

    #[test]
    fn an_expectation_that_holds_has_no_differences() {
        let text = "transfers = [\"RETR failed\"]\n[[expect]]\ndiagnosis = \"data-syn-refused\"\nrole = \"verdict\"\n\
                    confidence = \"probable\"\nframes = [7]\nsome_of = [1, 3]\n";
        let expectation = Expectation::parse(text).expect("an expectation");
        let found = [
            finding("data-syn-refused", Severity::Error, Confidence::Proven),
            finding("mac-changed", Severity::Info, Confidence::Proven),
        ];
        assert_eq!(expectation.compare(&found, &["RETR failed".into()]), Vec::<String>::new());
    }

    #[test]
    fn blanks_beside_names_are_no_part_of_them_and_none_may_be_expected() {
        let text = "[[expect]]\ndiagnosis = \"x | data-syn-refused\"\n[[expect]]\ndiagnosis = \"y\"\ncount = 0\n";
        let expectation = Expectation::parse(text).expect("an expectation");
        let found = [finding("data-syn-refused", Severity::Error, Confidence::Proven)];
        assert_eq!(expectation.compare(&found, &[]), Vec::<String>::new());
        let found = [found[0].clone(), finding("y", Severity::Error, Confidence::Proven)];
        assert_eq!(expectation.compare(&found, &[]), ["y: count is 1, not 0"]);
        // Such a name is none, and said to be unknown.
        let forbidding = Expectation::parse("forbid = [\" x\"]").expect("an expectation");
        assert_eq!(forbidding.diagnoses().collect::<Vec<_>>(), [" x"]);
    }

    #[test]
    fn every_difference_is_said() {
        let text = "forbid = [\"tls-control-opaque\"]\ntransfers = []\n[[expect]]\ndiagnosis = \"data-syn-refused\"\n\
                    confidence = \"proven\"\nframes = [8]\n[[expect]]\ndiagnosis = \"a|b\"\n";
        let expectation = Expectation::parse(text).expect("an expectation");
        let found = [
            finding("data-syn-refused", Severity::Error, Confidence::Possible),
            finding("tls-control-opaque", Severity::Quality, Confidence::Proven),
            finding("arp-conflict", Severity::Warning, Confidence::Proven),
        ];
        assert_eq!(
            expectation.compare(&found, &["RETR failed".into()]),
            [
                "data-syn-refused: confidence is possible, not at least proven, frames are [3, 7], without [8]",
                "missing: a|b",
                "forbidden: quality tls-control-opaque (proven, verdict) of transfer 1.2 on frames [3, 7]",
                "unexpected: warning arp-conflict (proven, verdict) of transfer 1.2 on frames [3, 7]",
                "transfers are [\"RETR failed\"], not []",
            ]
        );
    }

    #[test]
    fn each_field_is_compared() {
        let found = [finding("x", Severity::Error, Confidence::Proven)];
        for (field, difference) in [
            ("role = \"related\"", "x: role is verdict, not related"),
            ("severity = \"warning\"", "x: severity is error, not warning"),
            ("at_most = \"probable\"", "x: confidence is proven, not at most probable"),
            ("session = 2", "x: session is 1, not 2"),
            ("transfer = 1", "x: transfer is 2, not 1"),
            ("cause = \"4567\"", "x: cause is 0123, not 4567"),
            ("count = 2", "x: count is 1, not 2"),
            ("some_of = [1, 2]", "x: frames are [3, 7], none of [1, 2]"),
        ] {
            let expectation =
                Expectation::parse(&format!("[[expect]]\ndiagnosis = \"x\"\n{field}\n")).expect("an expectation");
            assert_eq!(expectation.compare(&found, &[]), [difference]);
        }
    }

    #[test]
    fn clean_means_no_error_and_no_warning() {
        let clean = Expectation::parse("clean = true\nallow = [\"x\"]").expect("an expectation");
        assert_eq!(clean.compare(&[finding("x", Severity::Warning, Confidence::Proven)], &[]).len(), 1);
        assert!(clean.compare(&[finding("x", Severity::Info, Confidence::Proven)], &[]).is_empty());
    }

    #[test]
    fn a_mistyped_key_is_answered_with_the_one_that_was_meant() {
        let said = |text: &str| Expectation::parse(text).expect_err("refused");
        assert_eq!(said("clear = true"), "line 1, column 1: unknown key clear, did you mean clean?");
        assert_eq!(
            said("\n[[expect]]\ndiagnosis = \"a\"\nfarmes = [1]"),
            "line 4, column 1: unknown key farmes, did you mean frames?"
        );
        assert!(
            said("weather = 1").contains("unknown key weather; known are clean, expect,"),
            "{}",
            said("weather = 1")
        );
    }

    #[test]
    fn captures_are_named_by_globs_without_directories() {
        let is_of = |text: &str, name: &str| Expectation::parse(text).expect("an expectation").is_of(name.as_ref());
        assert!(is_of("captures = \"dut-*.pcap\"", "dut-7.pcap") && !is_of("captures = \"dut-*.pcap\"", "x.pcap"));
        assert!(is_of("captures = [\"a.pcap\", \"b?.pcap\"]", "b1.pcap") && !is_of("", "a.pcap"));
        assert!(Expectation::parse("captures = \"runs/*.pcap\"").is_err());
        assert!(Expectation::parse("captures = \"[\"").is_err());
    }

    #[test]
    fn a_wrong_word_is_refused() {
        for text in [
            "clear = true",
            "[[expect]]\ndiagnosis = \"a\"\nseverity = \"bad\"",
            "[[expect]]\nrole = \"verdict\"",
            "clean = true\n[[expect]]\ndiagnosis = \"a\"\nseverity = \"error\"",
        ] {
            assert!(Expectation::parse(text).is_err(), "{text}");
        }
    }
}
