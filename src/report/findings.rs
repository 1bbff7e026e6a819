//! Findings as they come and are taken back, until the run is over.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;

use super::packed::{PackedFinding, Store};
use crate::finding::{DiagnosisName, Finding, SessionId, TransferId};
use crate::record::Superseded;

/// What a finding is taken back by: its diagnosis, and whom it is about. Hosts tell findings apart that are about no
/// session.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    diagnosis: DiagnosisName,
    session: Option<SessionId>,
    transfer: Option<TransferId>,
    hosts: Vec<IpAddr>,
}

/// Findings in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Option<PackedFinding>>,
    store: Store,
    /// Where they are, from the first one on that was taken back: most runs take none back.
    places: Option<HashMap<Key, BTreeSet<usize>>>,
}

impl Findings {
    pub(super) fn add(&mut self, finding: &Finding) {
        if let Some(places) = &mut self.places {
            places.entry(key(finding)).or_default().insert(self.kept.len());
        }
        self.kept.push(Some(PackedFinding::of(finding, &mut self.store)));
    }

    /// Takes one back: the first that is meant.
    pub(super) fn take_back(&mut self, superseded: &Superseded) -> io::Result<()> {
        let (kept, store) = (&mut self.kept, &self.store);
        if self.places.is_none() {
            let mut places: HashMap<Key, BTreeSet<usize>> = HashMap::new();
            for (place, finding) in kept.iter().enumerate().filter_map(|(place, kept)| Some((place, kept.as_ref()?))) {
                places.entry(key(&finding.finding(store)?)).or_default().insert(place);
            }
            self.places = Some(places);
        }
        let Some(places) = &mut self.places else { return Ok(()) };
        let Superseded { diagnosis, session, transfer, ref hosts, .. } = *superseded;
        let hosts = if session.is_none() { hosts.clone() } else { Vec::new() };
        // What was said of an offer, before there was a transfer, is taken back with the transfer.
        let mut keys = vec![Key { diagnosis, session, transfer: None, hosts: hosts.clone() }];
        keys.extend(transfer.map(|_| Key { diagnosis, session, transfer, hosts }));
        let is = |place: &&usize| {
            let finding = kept.get(**place).and_then(Option::as_ref).and_then(|kept| kept.finding(store).ok());
            finding.is_some_and(|one| (one.role, one.severity) == (superseded.role, superseded.severity))
        };
        let first = |key: &Key| places.get(key)?.iter().find(is).copied();
        let meant = keys.iter().filter_map(|key| Some((first(key)?, key))).min_by_key(|(place, _)| *place);
        if let Some((place, key)) = meant {
            if let Some(gone) = kept.get_mut(place) {
                *gone = None;
            }
            if let Some(of_key) = places.get_mut(key) {
                of_key.remove(&place);
                if of_key.is_empty() {
                    places.remove(key);
                }
            }
        }
        Ok(())
    }

    /// Those that still hold.
    pub(super) fn into_vec(self) -> io::Result<Vec<Finding>> {
        let Self { kept, store, .. } = self;
        let mut all = Vec::with_capacity(kept.len());
        for kept in kept.into_iter().flatten() {
            all.push(kept.finding(&store)?);
        }
        Ok(all)
    }
}

fn key(finding: &Finding) -> Key {
    let hosts = if finding.session.is_none() { finding.hosts.clone() } else { Vec::new() };
    Key { diagnosis: finding.diagnosis, session: finding.session, transfer: finding.transfer, hosts }
}

#[cfg(test)]
mod tests {
    use super::Findings;
    use crate::finding::{Finding, Role, Severity, TransferId};
    use crate::record::Superseded;
    use crate::report::testing::Sample;

    fn finding(transfer: Option<u32>, message: &str) -> Finding {
        let finding = Sample::collision().findings.into_iter().find(|one| one.session.is_some()).expect("one");
        Finding { transfer: transfer.map(TransferId), message: message.to_owned(), ..finding }
    }

    fn of(finding: &Finding) -> Superseded {
        Superseded {
            diagnosis: finding.diagnosis,
            role: finding.role,
            severity: finding.severity,
            session: finding.session,
            transfer: finding.transfer,
            hosts: finding.hosts.clone(),
            by: None,
        }
    }

    fn messages(findings: Findings) -> Vec<String> {
        findings.into_vec().expect("they were packed").into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn the_first_that_is_meant_is_taken_back_and_the_order_stays() {
        let mut findings = Findings::default();
        for (transfer, message) in [(Some(1), "a"), (Some(2), "b"), (Some(2), "c"), (Some(3), "d"), (Some(2), "e")] {
            findings.add(&finding(transfer, message));
        }
        findings.take_back(&of(&finding(Some(2), ""))).expect("they were packed");
        findings.add(&finding(Some(2), "f"));
        findings.take_back(&of(&finding(Some(2), ""))).expect("they were packed");
        findings.take_back(&of(&finding(Some(4), ""))).expect("they were packed");
        assert_eq!(messages(findings), ["a", "d", "e", "f"]);
    }

    #[test]
    fn what_was_said_of_an_offer_is_taken_back_with_its_transfer() {
        let mut findings = Findings::default();
        findings.add(&finding(None, "early"));
        findings.add(&finding(Some(7), "late"));
        findings.take_back(&of(&finding(Some(7), ""))).expect("they were packed");
        assert_eq!(messages(findings), ["late"]);
    }

    #[test]
    fn another_role_or_severity_is_not_meant() {
        let mut findings = Findings::default();
        findings.add(&finding(Some(1), "a"));
        let told = of(&finding(Some(1), ""));
        let other = if told.role == Role::Related { Role::Context } else { Role::Related };
        findings.take_back(&Superseded { role: other, ..told.clone() }).expect("they were packed");
        let severity = if told.severity == Severity::Quality { Severity::Error } else { Severity::Quality };
        findings.take_back(&Superseded { severity, ..told.clone() }).expect("they were packed");
        findings
            .take_back(&Superseded { diagnosis: crate::diagnosis::control_lost::NAME, ..told })
            .expect("they were packed");
        assert_eq!(messages(findings), ["a"]);
    }
}
