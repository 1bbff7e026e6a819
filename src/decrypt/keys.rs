//! Key logs: lines of a label, the client random of a connection, and a secret (RFC 9850).

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};

use data_encoding::HEXLOWER_PERMISSIVE;
use foldhash::fast::RandomState;
use zeroize::Zeroizing;

/// Connections whose secrets are kept: some hundred bytes each.
const CONNECTIONS_KEPT: usize = 1 << 18;
/// No secret of TLS is longer.
const SECRET_BYTES: usize = 64;
/// No line that is of use is longer, in bytes.
const LINE_BYTES: usize = 512;
/// Bytes that are read at once.
const CHUNK: usize = 1 << 16;

/// The random of a ClientHello, by which a key log names a connection.
pub type Random = [u8; 32];

/// Bytes that nobody may see. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What is known of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSecrets {
    /// TLS 1.2: the master secret.
    pub(super) master: Option<Secret>,
    /// TLS 1.3: of the handshake, of client and server.
    pub(super) handshake: [Option<Secret>; 2],
    /// TLS 1.3: of what follows it.
    pub(super) traffic: [Option<Secret>; 2],
}

/// The secrets of connections, by their client randoms.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    known: HashMap<Random, TlsSecrets, RandomState>,
    /// Whether lines had no room.
    overfull: bool,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys of {} connections", self.known.len())
    }
}

impl Keys {
    /// Adds what the lines of a key log tell, and gives how many of them told something. Others are passed over:
    /// comments, labels that are of no use here, lines cut or damaged.
    pub fn read(&mut self, text: &[u8]) -> usize {
        text.split(|byte| *byte == b'\n').filter(|line| self.line(line).is_some()).count()
    }

    /// Adds what a key log tells, to its end. The error is one of reading: no line is wrong.
    pub fn read_all(&mut self, log: &mut impl Read) -> io::Result<()> {
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        let mut held = 0;
        loop {
            let read = match log.read(chunk.get_mut(held..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            held += read;
            let lines = chunk.get(..held).unwrap_or_default();
            // The last line may lack its end.
            let whole =
                if read == 0 { held } else { lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
            self.read(lines.get(..whole).unwrap_or_default());
            if read == 0 {
                return Ok(());
            }
            // A line without end is none.
            let whole = if whole == 0 && held == CHUNK { held } else { whole };
            chunk.copy_within(whole..held, 0);
            held -= whole;
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether there were more connections than are kept: the keys of the rest are not known.
    pub fn is_overfull(&self) -> bool {
        self.overfull
    }

    /// What is known of the connection with this client random.
    pub fn of(&self, random: &Random) -> Option<&TlsSecrets> {
        self.known.get(random)
    }

    fn line(&mut self, line: &[u8]) -> Option<()> {
        if line.len() > LINE_BYTES {
            return None;
        }
        let mut words = line.trim_ascii().split(|byte| *byte == b' ');
        let (label, random, secret) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || secret.len() > 2 * SECRET_BYTES {
            return None;
        }
        let random: Random = HEXLOWER_PERMISSIVE.decode(random).ok()?.try_into().ok()?;
        let secret = Secret::new(HEXLOWER_PERMISSIVE.decode(secret).ok().filter(|secret| !secret.is_empty())?);
        let place = place(label)?;
        let slot = place(self.slot(random)?);
        *slot = Some(secret);
        Some(())
    }

    fn slot(&mut self, random: Random) -> Option<&mut TlsSecrets> {
        if self.known.len() >= CONNECTIONS_KEPT && !self.known.contains_key(&random) {
            self.overfull = true;
            return None;
        }
        Some(self.known.entry(random).or_default())
    }
}

/// Where the secret of a label belongs.
fn place(label: &[u8]) -> Option<fn(&mut TlsSecrets) -> &mut Option<Secret>> {
    Some(match label {
        b"CLIENT_RANDOM" => |secrets| &mut secrets.master,
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => |secrets| &mut secrets.handshake[0],
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => |secrets| &mut secrets.handshake[1],
        b"CLIENT_TRAFFIC_SECRET_0" => |secrets| &mut secrets.traffic[0],
        b"SERVER_TRAFFIC_SECRET_0" => |secrets| &mut secrets.traffic[1],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(byte: &str, times: usize) -> String {
        byte.repeat(times)
    }

    #[test]
    fn lines_that_tell_nothing_are_passed_over() {
        let (random, secret) = (hex("ab", 32), hex("Cd", 48));
        let text = format!(
            "# comment\r\nCLIENT_RANDOM {random} {secret}\r\nEXPORTER_SECRET {random} {secret}\n\
             CLIENT_RANDOM {random}\nRSA 0011 2233\nSERVER_TRAFFIC_SECRET_0 {random} {}\nCLIENT_RANDOM xy {secret}",
            hex("01", 32)
        );
        let mut keys = Keys::default();
        assert_eq!(keys.read(text.as_bytes()), 2);
        let known = keys.of(&[0xab; 32]).unwrap();
        assert_eq!(known.master, Some(Secret::new(vec![0xcd; 48])));
        assert_eq!(known.traffic, [None, Some(Secret::new(vec![1; 32]))]);
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut keys = Keys::default();
        keys.read(format!("CLIENT_RANDOM {} {}", hex("ab", 32), hex("cd", 48)).as_bytes());
        assert_eq!(format!("{keys:?}"), "Keys of 1 connections");
        assert!(!format!("{:?}", keys.of(&[0xab; 32])).contains("205"));
    }
}
