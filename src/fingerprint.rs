//! What makes a finding the same one in the next capture of the same trouble.
//!
//! Turns a finding and its session into a number that holds no time, no frame number and no ephemeral port.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use crate::finding::{DiagnosisName, Finding, SessionId, TransferId};
use crate::record::{CauseLocus, SessionRecord, TransferRecord};
use crate::redact::unmarked;

/// The identity of a trouble; equal for the same cause between the same hosts with the same command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// Its bits.
    pub fn bits(self) -> u128 {
        self.0
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The session that a finding is about, and the transfer in it, if it is about one.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The session.
    pub session: &'a SessionRecord,
    /// The transfer.
    pub transfer: Option<&'a TransferRecord>,
}

/// Finds the subjects of findings that come session by session, so that the transfers of each are put in order once.
#[derive(Debug, Default)]
pub struct Subjects {
    session: Option<SessionId>,
    places: HashMap<TransferId, usize>,
}

impl Subjects {
    /// What a finding is about, whose session this is.
    pub fn of<'a>(&mut self, finding: &Finding, session: &'a SessionRecord) -> Subject<'a> {
        if self.session != Some(session.id) {
            self.session = Some(session.id);
            self.places = (0..).zip(&session.transfers).map(|(place, transfer)| (transfer.id, place)).collect();
        }
        let place = finding.transfer.and_then(|id| self.places.get(&id));
        Subject { session, transfer: place.and_then(|place| session.transfers.get(*place)) }
    }
}

/// The fingerprint of `finding`, which is about `subject` if it is about a session.
pub fn of(finding: &Finding, subject: Option<Subject<'_>>) -> Fingerprint {
    let mut parts = vec![finding.diagnosis.to_string(), about(finding, subject)];
    parts.extend(finding.hosts.iter().map(ToString::to_string));
    // No part holds a zero byte: names are ours, addresses are digits, verbs are printable.
    Fingerprint(fnv1a(parts.join("\0").as_bytes()))
}

/// The fingerprint of a cause; equal for the same diagnosis whose remedy is about the same.
pub fn of_cause(diagnosis: DiagnosisName, locus: &CauseLocus) -> Fingerprint {
    Fingerprint(fnv1a(format!("{diagnosis}\0cause\0{}", unmarked(&locus.to_string())).as_bytes()))
}

/// The fingerprints of the causes that a finding may be of: that of its locus, and that of what others announce alike.
pub fn of_its_causes(finding: &Finding) -> impl Iterator<Item = Fingerprint> {
    let loci = [Some(CauseLocus::from(&finding.locus)), CauseLocus::alike(&finding.locus)];
    let diagnosis = finding.diagnosis;
    loci.into_iter().flatten().map(move |locus| of_cause(diagnosis, &locus))
}

/// What a cause is about, in words; no account is named, for what a stranger said may be a secret.
pub fn about_cause(locus: &CauseLocus) -> String {
    match locus {
        CauseLocus::Account { server, .. } => CauseLocus::Account { name: String::new(), server: *server }.to_string(),
        CauseLocus::Capture
        | CauseLocus::Server(_)
        | CauseLocus::Client(_)
        | CauseLocus::ClientAt { .. }
        | CauseLocus::Announced { .. }
        | CauseLocus::Hosts(_)
        | CauseLocus::Station(_) => locus.to_string(),
    }
}

/// The fingerprint of a file that could not be read; equal for the same name.
pub fn of_path(path: &Path) -> Fingerprint {
    Fingerprint(fnv1a(path.as_os_str().as_encoded_bytes()))
}

/// Who and what a finding is about, in words: `10.1.0.10 to 10.2.0.20:21, LIST`; the hosts if it has no session.
pub fn about(finding: &Finding, subject: Option<Subject<'_>>) -> String {
    let Some(Subject { session, transfer }) = subject else {
        let hosts: Vec<String> = finding.hosts.iter().map(ToString::to_string).collect();
        return if hosts.is_empty() { "the capture".to_owned() } else { hosts.join(", ") };
    };
    let hosts = format!("{} to {}", session.client.ip(), session.server);
    match transfer {
        Some(transfer) => format!("{hosts}, {}", transfer.command),
        None => hosts,
    }
}

/// FNV-1a with 128 bits: the same number in every version and on every machine. Not against attackers: whoever can
/// forge a capture can also leave the trouble out of it.
fn fnv1a(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, Subjects, fnv1a};
    use crate::finding::{Evidence, Finding};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};
    use crate::record::SessionRecord;
    use crate::report::testing::Sample;

    fn sample() -> (Finding, SessionRecord) {
        let sample = Sample::collision();
        let finding = sample
            .findings
            .into_iter()
            .find(|finding| !finding.hosts.is_empty() && finding.transfer.is_some())
            .expect("a finding");
        (finding, sample.sessions.into_iter().next().expect("a session"))
    }

    fn of(finding: &Finding, session: Option<&SessionRecord>) -> Fingerprint {
        super::of(finding, session.map(|session| Subjects::default().of(finding, session)))
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn times_frames_and_ephemeral_ports_do_not_matter() {
        let (finding, session) = sample();
        let (mut later, mut again) = (finding.clone(), session.clone());
        let at = Stamp::new(CaptureId(3), FrameNo(9_999), Timestamp(1));
        later.primary = Evidence::seen(at, "another day");
        later.message = "11.9 s ago".into();
        again.client.set_port(1);
        assert_eq!(of(&later, Some(&again)), of(&finding, Some(&session)));
    }

    #[test]
    fn diagnosis_hosts_and_command_do() {
        let (finding, session) = sample();
        let own = of(&finding, Some(&session));
        let mut other = session.clone();
        other.server.set_port(2121);
        assert_ne!(of(&finding, Some(&other)), own);
        let mut other = session.clone();
        other.transfers.iter_mut().for_each(|transfer| transfer.command = "STOR".into());
        assert_ne!(of(&finding, Some(&other)), own);
        assert_ne!(
            of(&Finding { diagnosis: crate::diagnosis::data_syn_refused::NAME, ..finding.clone() }, Some(&session)),
            own
        );
        assert_ne!(of(&Finding { hosts: Vec::new(), ..finding }, Some(&session)), own);
    }
}
