//! Key logs: lines of a label, the client random of a connection, and a secret (RFC 9850).

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
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

/// The master secret of a session of TLS 1.2, which later connections may resume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Master(pub(super) Secret);

impl Master {
    /// The master secret that the lines of a key log tell first.
    pub fn of_log(lines: &str) -> Option<Self> {
        let mut keys = Keys::default();
        keys.read(lines.as_bytes());
        keys.known.into_values().find_map(|secrets| secrets.master).map(Self)
    }
}

/// The beginning of a line of a key log whose end has not been written yet.
#[derive(Default)]
pub struct Rest(Zeroizing<Vec<u8>>);

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

/// Lines of a key log that are to be written again.
pub struct Lines(Zeroizing<String>);

impl Lines {
    /// The lines, secrets and all: for the one output that is asked for them.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines")
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

impl TlsSecrets {
    /// Whether all is known that records need, whatever the version.
    pub fn are_complete(&self) -> bool {
        self.master.is_some() || [&self.handshake, &self.traffic].into_iter().flatten().all(Option::is_some)
    }
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
        let mut rest = Rest::default();
        self.read_on(log, &mut rest)?;
        self.read(&rest.0);
        Ok(())
    }

    /// Adds what the whole lines of a key log tell that is still being written, from where it was read to; how many of them
    /// told something. `rest` is what is left of the last line.
    pub fn read_on(&mut self, log: &mut impl Read, rest: &mut Rest) -> io::Result<usize> {
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        let begun = rest.0.len().min(CHUNK / 2);
        chunk.iter_mut().zip(rest.0.iter()).take(begun).for_each(|(to, from)| *to = *from);
        let (mut held, mut told) = (begun, 0);
        loop {
            let read = match log.read(chunk.get_mut(held..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            held += read;
            let lines = chunk.get(..held).unwrap_or_default();
            let whole = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            told += self.read(lines.get(..whole).unwrap_or_default());
            // A line without end is none.
            let whole = if whole == 0 && held == CHUNK { held } else { whole };
            chunk.copy_within(whole..held, 0);
            held -= whole;
            if read == 0 {
                // What is longer than any line is of no use, but hides what follows on its line.
                rest.0 = Zeroizing::new(chunk.get(..held.min(CHUNK / 2)).unwrap_or_default().to_vec());
                return Ok(told);
            }
        }
    }

    /// Adds the master of a connection of TLS 1.2, for which no key log has a line where it resumed a session.
    pub fn add(&mut self, random: Random, master: &Master) {
        if let Some(secrets) = self.slot(random) {
            secrets.master = Some(master.0.clone());
        }
    }

    /// Adds all that others know, as far as there is room.
    pub fn add_all(&mut self, others: &Self) {
        // In one order, so that the same ones are left out each time.
        let mut known: Vec<_> = others.known.iter().collect();
        known.sort_unstable_by_key(|(random, _)| **random);
        for (random, secrets) in known {
            if let Some(slot) = self.slot(*random) {
                *slot = secrets.clone();
            }
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

    /// The lines of a key log that tell what is known of this connection.
    pub fn lines_of(&self, random: &Random) -> Option<Lines> {
        let TlsSecrets { master, handshake: [client, server], traffic: [client_0, server_0] } = self.of(random)?;
        let all = [
            ("CLIENT_RANDOM", master),
            ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", client),
            ("SERVER_HANDSHAKE_TRAFFIC_SECRET", server),
            ("CLIENT_TRAFFIC_SECRET_0", client_0),
            ("SERVER_TRAFFIC_SECRET_0", server_0),
        ];
        let random = HEXLOWER.encode(random);
        let known = all.into_iter().filter_map(|(label, secret)| Some((label, secret.as_ref()?)));
        let lines = known.map(|(label, secret)| {
            let secret = Zeroizing::new(HEXLOWER.encode(secret.bytes()));
            Zeroizing::new(format!("{label} {random} {}\n", *secret))
        });
        let mut text = Zeroizing::new(String::with_capacity(all.len() * LINE_BYTES));
        lines.for_each(|line| text.push_str(&line));
        Some(Lines(text))
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
    fn a_log_that_grows_is_read_line_by_line() {
        let lines = format!("CLIENT_RANDOM {} {}\n", hex("ab", 32), hex("cd", 48)).repeat(2);
        for cut in 0..lines.len() {
            let (mut keys, mut rest) = (Keys::default(), Rest::default());
            let first = keys.read_on(&mut &lines.as_bytes()[..cut], &mut rest).unwrap();
            assert_eq!(first, lines[..cut].matches('\n').count(), "{cut}");
            let second = keys.read_on(&mut &lines.as_bytes()[cut..], &mut rest).unwrap();
            assert_eq!((first + second, rest.0.len()), (2, 0), "{cut}");
        }
    }

    #[test]
    fn what_is_known_is_told_in_lines_again() {
        let (random, secret) = (hex("ab", 32), hex("cd", 32));
        let labels = ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"];
        let text = labels.map(|label| format!("{label} {random} {secret}\n")).concat();
        let mut keys = Keys::default();
        keys.read(text.as_bytes());
        assert_eq!(keys.lines_of(&[0xab; 32]).unwrap().text(), text);
        assert!(keys.lines_of(&[0xac; 32]).is_none() && !keys.of(&[0xab; 32]).unwrap().are_complete());
        keys.read(format!("CLIENT_TRAFFIC_SECRET_0 {random} {secret}").as_bytes());
        assert!(keys.of(&[0xab; 32]).unwrap().are_complete());
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut keys = Keys::default();
        keys.read(format!("CLIENT_RANDOM {} {}", hex("ab", 32), hex("cd", 48)).as_bytes());
        assert_eq!(format!("{keys:?}"), "Keys of 1 connections");
        assert!(!format!("{:?}", keys.of(&[0xab; 32])).contains("205"));
    }
}
