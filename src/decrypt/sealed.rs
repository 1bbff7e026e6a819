//! What single records of a connection say that is not followed byte by byte: whether one that is as short as an alert is
//! one. Its number is known by counting, its key by its tag.

use super::cipher::Cipher;
use super::handshake::{self, ServerHello};
use super::keys::Secret;
use super::schedule::{self, Material};
use super::suite::Suite;
use super::{Lookup, TlsVersion};

const ALERT: u8 = 0x15;
const APPLICATION: u8 = 0x17;
/// Records that a side of TLS 1.3 encrypts with the keys of its handshake, at most: a chain of certificates is split.
const HANDSHAKE_RECORDS: u64 = 16;

/// A record as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its type on the wire.
    pub kind: u8,
    /// Records of application data of its side before it.
    pub hidden: u64,
    /// Records between its side's ChangeCipherSpec and it.
    pub behind_change: Option<u64>,
    /// What is behind its header.
    pub body: Vec<u8>,
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// An alert: level and description.
    Alert([u8; 2]),
    /// Anything else.
    Other,
}

/// What opens the records of a connection.
pub struct Opener {
    version: TlsVersion,
    suite: Suite,
    /// Client and server in TLS 1.2, by each master that may be the right one.
    masters: Vec<[Material; 2]>,
    /// Client and server in TLS 1.3: the keys of the handshake, and of what follows it.
    traffic: [[Option<Secret>; 2]; 2],
    encrypt_then_mac: bool,
}

impl Opener {
    /// For the connection whose client and server begin so; `None` where no key is known, or it is not understood.
    pub fn of(client: &[u8], server: &[u8], keys: Lookup<'_>) -> Option<Self> {
        let random = handshake::random_in(client)?;
        let ServerHello { random: of_server, version, suite, encrypt_then_mac } = handshake::server_hello_in(server)?;
        let (version, suite) = (version?, Suite::of(suite)?);
        let known = (keys.known)(&random);
        let keys_of = |master: &Secret| schedule::of_master(suite, master.bytes(), [&random, &of_server]);
        let mut opener = Self { version, suite, masters: Vec::new(), traffic: Default::default(), encrypt_then_mac };
        match (version, known) {
            (TlsVersion::Tls12, Some(secrets)) => opener.masters.extend(secrets.master.as_ref().map(keys_of)),
            (TlsVersion::Tls12, None) => opener.masters.extend(keys.resumable.iter().map(|master| keys_of(&master.0))),
            (TlsVersion::Tls13, secrets) => {
                let secrets = secrets?;
                let [handshake, later] = [secrets.handshake, secrets.traffic];
                let ([client, server], [client_later, server_later]) = (handshake, later);
                opener.traffic = [[client, client_later], [server, server_later]];
            }
        }
        Some(opener)
    }

    /// What a record of the client, or else of the server, says; `None` where it cannot be opened.
    pub fn open(&self, by_client: bool, sealed: &Sealed) -> Option<Inside> {
        let role = usize::from(!by_client);
        let [high, low] = u16::try_from(sealed.body.len()).ok()?.to_be_bytes();
        let header = [sealed.kind, 3, 3, high, low];
        let cipher = |material: Material| Cipher::new(self.version, self.suite, self.encrypt_then_mac, material);
        if self.version == TlsVersion::Tls12 {
            let number = sealed.behind_change?;
            let mut materials = self.masters.iter().filter_map(|both| both.get(role));
            let plain = materials.find_map(|material| cipher(material.clone()).open(number, header, &sealed.body))?;
            return Some(inside(sealed.kind, &plain));
        }
        if sealed.kind != APPLICATION {
            return None;
        }
        let numbers = [sealed.hidden..=sealed.hidden, sealed.hidden.saturating_sub(HANDSHAKE_RECORDS)..=sealed.hidden];
        let secrets = self.traffic.get(role)?;
        let mut plain = secrets.iter().zip(numbers).find_map(|(secret, numbers)| {
            let cipher = cipher(schedule::of_traffic_secret(self.suite, secret.as_ref()?));
            numbers.rev().find_map(|number| cipher.open(number, header, &sealed.body))
        })?;
        let kind = handshake::inner_kind(&mut plain)?;
        Some(inside(kind, &plain))
    }
}

fn inside(kind: u8, plain: &[u8]) -> Inside {
    match (kind, plain) {
        (ALERT, [level, description]) => Inside::Alert([*level, *description]),
        _ => Inside::Other,
    }
}
