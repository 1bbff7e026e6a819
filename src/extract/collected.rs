//! Keeps of a run what is needed to find the packets of a session or a finding again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use foldhash::fast::RandomState;

use super::parts::Parts;
use super::wanted::WantedFrames;
use super::{Choice, Pick};
use crate::finding::{CauseId, Evidence, Finding, SessionId};
use crate::frame::{CaptureId, FrameNo, Stamp};
use crate::record::{PointRecord, SessionRecord, Sink, Summary, point_of};
use crate::redact::{Secret, Secrets};
use crate::report::in_order;
use crate::source::Capture;

/// The comments on frames, by capture and number.
pub type Comments = HashMap<(CaptureId, FrameNo), Vec<String>, RandomState>;

/// What a run concluded, as far as it leads to packets.
#[derive(Debug, Default)]
pub struct Collected {
    sessions: BTreeMap<SessionId, Parts>,
    findings: Vec<Finding>,
    secrets: Secrets,
    points: Vec<PointRecord>,
}

impl Sink for Collected {
    fn secret(&mut self, secret: &Secret) {
        self.secrets.learn(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.sessions.insert(session.id, Parts::of(session));
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let mut finding = finding.clone();
        finding.texts(|text| self.secrets.hide(text));
        self.findings.push(finding);
        Ok(())
    }

    fn points(&mut self, points: &[PointRecord]) -> io::Result<()> {
        self.points.extend_from_slice(points);
        Ok(())
    }

    fn end(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        self.findings.iter_mut().for_each(|finding| finding.texts(|text| self.secrets.finish(text)));
        in_order(&mut self.findings);
        Ok(())
    }
}

impl Collected {
    /// What is to be taken of the capture. The error says what there is instead.
    /// Control connections also go to `control_ports`.
    pub fn wanted(&self, choice: &Choice, control_ports: &[u16]) -> Result<WantedFrames, String> {
        match choice {
            Choice::All => Ok(WantedFrames::All),
            Choice::Slim => {
                let control = self.sessions.values().flat_map(|parts| parts.control.iter().copied());
                Ok(WantedFrames::slim(control, control_ports))
            }
            Choice::Session(id) => {
                let Some(parts) = self.sessions.get(id) else { return Err(self.no_session(*id)) };
                let cited = self.findings.iter().filter(|finding| finding.session == Some(*id));
                Ok(WantedFrames::picked([parts.clone()], cited.flat_map(Finding::frames), []))
            }
            Choice::Finding(pick) => {
                let findings = self.picked(pick)?;
                let sessions: BTreeSet<SessionId> = findings.iter().filter_map(|finding| finding.session).collect();
                let parts = sessions.iter().filter_map(|id| self.sessions.get(id).cloned());
                let hosts = findings.iter().flat_map(|finding| finding.hosts.iter().copied());
                Ok(WantedFrames::picked(parts, findings.iter().flat_map(|finding| finding.frames()), hosts))
            }
        }
    }

    /// What the findings say of the frames that show them.
    pub fn comments(&self) -> Comments {
        let mut comments = Comments::default();
        for finding in &self.findings {
            let mut say = |at: &Stamp, note: String| {
                let note = match point_of(&self.points, *at) {
                    Some(point) => format!("at {}: {note}", point.name),
                    None => note,
                };
                let said: &mut Vec<String> = comments.entry((at.capture, at.number)).or_default();
                if !said.contains(&note) {
                    said.push(note);
                }
            };
            for evidence in finding.evidence() {
                match evidence {
                    Evidence::Seen { frames, note, .. } => {
                        for at in frames {
                            say(at, format!("{}: {note}", finding.diagnosis));
                        }
                    }
                    Evidence::Missing { after, until, note } => {
                        say(
                            after,
                            format!("{}: between this frame and frame {}: {note}", finding.diagnosis, until.number),
                        );
                    }
                }
            }
            say(&finding.primary.first(), format!("{}: {}", finding.diagnosis, finding.message));
        }
        comments
    }

    fn picked(&self, pick: &Pick) -> Result<Vec<&Finding>, String> {
        let found: Vec<&Finding> = match pick {
            Pick::Number(number) => number.checked_sub(1).and_then(|at| self.findings.get(at)).into_iter().collect(),
            Pick::Cause(id) => self.findings.iter().filter(|finding| finding.cause == Some(*id)).collect(),
            Pick::Named(pattern) => self.findings.iter().filter(|finding| pattern.matches(finding.diagnosis)).collect(),
        };
        if !found.is_empty() {
            return Ok(found);
        }
        let names: BTreeSet<&str> = self.findings.iter().map(|finding| finding.diagnosis.as_str()).collect();
        Err(match (names.len(), pick) {
            (0, _) => "there is no finding".to_owned(),
            (_, Pick::Number(number)) => format!("no finding {number}: the last one is {}", self.findings.len()),
            (_, Pick::Cause(CauseId(cause))) => {
                let last = self.findings.iter().filter_map(|finding| finding.cause).max();
                let there =
                    last.map_or_else(|| "there is none".to_owned(), |last| format!("the last one is {}", last.0));
                format!("no cause {cause}: {there}")
            }
            (_, Pick::Named(_)) => {
                format!("no such finding; there is {}", names.into_iter().collect::<Vec<_>>().join(", "))
            }
        })
    }

    fn no_session(&self, SessionId(id): SessionId) -> String {
        match self.sessions.last_key_value() {
            Some((SessionId(last), _)) => format!("no session {id}: the last one is {last}"),
            None => format!("no session {id}: the capture has none"),
        }
    }
}
