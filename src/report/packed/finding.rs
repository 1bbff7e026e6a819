//! Findings, packed.

use std::io;

use super::{Pack, Store, Unpacker, pack};
use crate::diagnosis::ALL;
use crate::finding::{
    Alternative, Cap, CauseId, Confidence, DiagnosisName, Evidence, Finding, HostFact, Locus, Party, Remedy, Role,
    Route, RuledOut, SessionId, Severity, TransferId, Where,
};
use crate::frame::{CaptureId, FrameList, FrameNo, Stamp, Timestamp};

/// A finding that is kept.
#[derive(Debug)]
pub(in crate::report) struct PackedFinding {
    at: usize,
    references: &'static [&'static str],
}

impl PackedFinding {
    pub(in crate::report) fn of(finding: &Finding, store: &mut Store) -> Self {
        Self { at: store.add(finding), references: finding.references }
    }

    /// The finding, from where it was packed.
    pub(in crate::report) fn finding(&self, store: &Store) -> io::Result<Finding> {
        Ok(Finding { references: self.references, ..store.get(self.at)? })
    }
}

pack!(Finding {
    diagnosis, role, severity, confidence, message, place, capture, session, transfer, hosts, locus, cause, primary,
    supporting, host_facts, caps, ruled_out, alternatives, remedies
} without references: &[]);
pack!(HostFact { fact, at, source });
pack!(Cap { diagnosis, ceiling; why });
pack!(RuledOut { diagnosis; why });
pack!(Alternative { diagnosis; would_decide });
pack!(Remedy { side; text });
pack!(Route { from, to });
pack!(Role [Verdict, Related, Context]);
pack!(Severity [Quality, Info, Warning, Error]);
pack!(Confidence [Possible, Probable, Proven]);
pack!(Party [Client, Server, Network]);
pack!(Where [ThisHost, OtherHost, ThisFilter, OtherFilter, Path]);
pack!(SessionId(_));
pack!(TransferId(_));
pack!(CauseId(_));
pack!(Stamp { epoch, time, capture, number });
pack!(Timestamp(_));
pack!(CaptureId(_));
pack!(FrameNo(_));

/// By its place in the catalogue.
impl Pack for DiagnosisName {
    fn pack(&self, to: &mut Store) {
        ALL.iter().position(|diagnosis| diagnosis.name == *self).unwrap_or(usize::MAX).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        ALL.get(usize::unpack(from)?).map(|diagnosis| diagnosis.name)
    }
}

impl Pack for FrameList {
    fn pack(&self, to: &mut Store) {
        self.len().pack(to);
        for frame in self {
            frame.pack(to);
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        Self::of(Pack::unpack(from)?)
    }
}

impl Pack for Evidence {
    fn pack(&self, to: &mut Store) {
        match self {
            Self::Seen { frames, route, note } => {
                true.pack(to);
                frames.pack(to);
                route.pack(to);
                note.pack(to);
            }
            Self::Missing { after, until, note } => {
                false.pack(to);
                after.pack(to);
                until.pack(to);
                note.pack(to);
            }
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        Some(if bool::unpack(from)? {
            Self::Seen { frames: Pack::unpack(from)?, route: Pack::unpack(from)?, note: Pack::unpack(from)? }
        } else {
            Self::Missing { after: Pack::unpack(from)?, until: Pack::unpack(from)?, note: Pack::unpack(from)? }
        })
    }
}

impl Pack for Locus {
    fn pack(&self, to: &mut Store) {
        match self {
            Self::Capture => 0_u16.pack(to),
            Self::Server(server) => {
                1_u16.pack(to);
                server.pack(to);
            }
            Self::Client(client) => {
                2_u16.pack(to);
                client.pack(to);
            }
            Self::Announced { client, server, address } => {
                3_u16.pack(to);
                client.pack(to);
                server.pack(to);
                address.pack(to);
            }
            Self::Account { client, server, name } => {
                4_u16.pack(to);
                client.pack(to);
                server.pack(to);
                name.pack(to);
            }
            Self::Hosts(hosts) => {
                5_u16.pack(to);
                hosts.pack(to);
            }
            Self::Station(mac) => {
                6_u16.pack(to);
                mac.pack(to);
            }
        }
    }

    fn unpack(from: &mut Unpacker<'_>) -> Option<Self> {
        Some(match u16::unpack(from)? {
            0 => Self::Capture,
            1 => Self::Server(Pack::unpack(from)?),
            2 => Self::Client(Pack::unpack(from)?),
            3 => Self::Announced {
                client: Pack::unpack(from)?,
                server: Pack::unpack(from)?,
                address: Pack::unpack(from)?,
            },
            4 => Self::Account { client: Pack::unpack(from)?, server: Pack::unpack(from)?, name: Pack::unpack(from)? },
            5 => Self::Hosts(Pack::unpack(from)?),
            6 => Self::Station(Pack::unpack(from)?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{PackedFinding, Store};
    use crate::report::testing::Sample;

    #[test]
    fn findings_come_back_and_share_what_they_say_alike() {
        let mut store = Store::default();
        let all: Vec<_> = Sample::all().into_iter().flat_map(|sample| sample.findings).collect();
        assert!(all.iter().any(|finding| !finding.remedies.is_empty()), "{all:?}");
        for finding in &all {
            let kept = PackedFinding::of(finding, &mut store);
            assert_eq!(kept.finding(&store).expect("it was packed"), *finding);
        }
        let before = format!("{:?}", store.texts);
        for finding in &all {
            PackedFinding::of(finding, &mut store);
        }
        assert_eq!(format!("{:?}", store.texts), before);
    }
}
