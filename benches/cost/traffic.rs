//! Captures of made-up traffic, the same in every run: bulk TCP, DNS and ARP with a share of FTP sessions among them.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::kit;
use super::kit::packet::Link;

/// Conversations that go on at the same time.
const AT_ONCE: usize = 64;
/// Nanoseconds between frames.
const GAP: u64 = 100_000;
/// 2024-03-01T12:00:00Z
const START: u64 = 1_709_294_400;

/// What a capture is made of.
#[derive(Clone, Copy)]
pub struct Mix {
    /// Its size in bytes, about.
    pub size: u64,
    /// How much of it belongs to FTP sessions.
    pub ftp_percent: u64,
    pub rest: Rest,
    pub container: Container,
}

/// What does not belong to FTP sessions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Conversations of an office.
    Office,
    /// Terminals and names only, some hundred bytes a packet.
    Small,
    /// Single packets between two routers, each one of another pair of hosts.
    Routed,
    /// The same in one segment, where each host has a MAC address of its own.
    Flat,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Container {
    Pcap,
    Pcapng,
}

/// Writes a capture.
pub fn write(path: &Path, mix: Mix) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    out.write_all(&mix.container.header())?;
    let mut world = World { dice: Dice(1), made: 0, mix, of_ftp: 0, of_all: 0 };
    let mut going: Vec<Conversation> = (0..AT_ONCE).map(|_| world.conversation()).collect();
    let (mut written, mut time) = (0, 0);
    while written < mix.size {
        let chosen = world.dice.below(AT_ONCE);
        // A few frames of one conversation follow each other, as on a real link.
        for _ in 0..=world.dice.below(6) {
            let Some(frame) = going[chosen].next() else {
                going[chosen] = world.conversation();
                continue;
            };
            time += GAP;
            let (before, after) = mix.container.around(time, frame.len());
            out.write_all(&before)?;
            out.write_all(&frame)?;
            out.write_all(&after)?;
            // Both containers hold the same frames.
            written += 16 + frame.len() as u64;
        }
    }
    out.flush()
}

impl Container {
    /// What stands before the first packet.
    pub fn header(self) -> Vec<u8> {
        match self {
            Self::Pcap => [&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0][..], &[0; 8], &[0, 0, 4, 0, 1, 0, 0, 0]].concat(),
            Self::Pcapng => {
                let section = words(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
                [section, words(&[1, 20, 1, 262_144, 20])].concat()
            }
        }
    }

    /// What stands before and after a packet.
    pub fn around(self, nanos: u64, len: usize) -> (Vec<u8>, Vec<u8>) {
        let size = u32::try_from(len).expect("a short frame");
        match self {
            Self::Pcap => {
                let (seconds, micros) = (START + nanos / 1_000_000_000, nanos % 1_000_000_000 / 1000);
                (words(&[low(seconds), low(micros), size, size]), Vec::new())
            }
            Self::Pcapng => {
                let (ticks, padded) = (START * 1_000_000 + nanos / 1000, size.next_multiple_of(4));
                let before = words(&[6, 32 + padded, 0, low(ticks >> 32), low(ticks), size, size]);
                (before, [vec![0; (padded - size) as usize], words(&[32 + padded])].concat())
            }
        }
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn low(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).expect("32 bits")
}

type Conversation = std::vec::IntoIter<Vec<u8>>;

struct World {
    dice: Dice,
    made: usize,
    mix: Mix,
    of_ftp: u64,
    of_all: u64,
}

impl World {
    fn conversation(&mut self) -> Conversation {
        self.made += 1;
        let percent = self.mix.ftp_percent;
        let ftp = self.of_ftp * 100 < self.of_all * percent || percent == 100;
        let script = if ftp { self.ftp_session() } else { self.other() };
        let packets = kit::play(&script).unwrap_or_else(|error| panic!("{error} in\n{script}"));
        let frames: Vec<Vec<u8>> = packets.iter().map(|packet| packet.bytes(Link::Ethernet)).collect();
        let size: u64 = frames.iter().map(|frame| frame.len() as u64).sum();
        self.of_all += size;
        self.of_ftp += if ftp { size } else { 0 };
        frames.into_iter()
    }

    /// A client and a server: one of few FTP servers, or one of many others. Clients do both.
    fn hosts(&mut self, ftp: bool) -> String {
        let client = format!("10.{}.{}.{}", self.dice.below(4), self.dice.below(50), 10 + self.dice.below(200));
        let server = if ftp {
            format!("10.9.0.{}", 20 + self.dice.below(8))
        } else {
            format!("10.8.0.{}", self.dice.below(250))
        };
        format!(
            "host C {client} 02:00:00:00:00:01 ttl 62 stack linux\nhost S {server} 02:00:00:00:00:02 ttl 63 stack linux\n"
        )
    }

    /// One login and up to four transfers, active or passive; one session in twenty fails one way or another.
    fn ftp_session(&mut self) -> String {
        let port = 1024 + self.made % 60_000;
        let mut script = self.hosts(true) + &format!("@ctl C:{port} S:21\n");
        for transfer in 0..=self.dice.below(4) {
            let (data, size) = (20_000 + self.dice.below(40_000), 1_000 + self.dice.below(150_000));
            let local = 3000 + port % 1000;
            let passive = self.dice.below(2) == 1;
            let _ = if passive {
                writeln!(script, "@pasv {data}\nC> STOR file{transfer}\n@pas {local} {data} data={size} up")
            } else {
                writeln!(script, "@port {data}\nC> RETR file{transfer}\n@act {data} data={size}")
            };
        }
        script += match self.dice.below(60) {
            0 => "@port 5001\nC> LIST\n@act 5001\n@port 5001\nC> LIST\nS> 425 Can't open data connection.\n",
            1 => "@port 5001\nC> LIST\nS:20 > C:5001 S\nC:5001 > S:20 RA seq=0\nS> 425 Can't open data connection.\n",
            2 => "C> PORT 192,168,1,1,19,137\nS> 500 Illegal PORT command.\nC> LIST\nS> 425 Use PORT or PASV first.\n",
            _ => "",
        };
        script + "@quit\n"
    }

    /// Anything else, as on a link of an office: downloads and pages with an acknowledgement for every second segment,
    /// a few connections with most of the bytes, terminals, polling, DNS and ARP.
    fn other(&mut self) -> String {
        if matches!(self.mix.rest, Rest::Routed | Rest::Flat) {
            return self.single();
        }
        let port = 1024 + self.made % 60_000;
        let hosts = self.hosts(false);
        let (client, server) = (format!("C:{port}"), format!("S:{}", [443, 443, 443, 80, 8080][self.dice.below(5)]));
        let (open, close) = (format!("@open {client} {server}\n"), format!("@close {client} {server}\n"));
        let begin = open + &hello(&client, &server);
        match self.dice.below(if self.mix.rest == Rest::Small { 10 } else { 20 }) {
            0..=1 => hosts + "arp S asks C\narp C answers S\n",
            2..=6 => {
                hosts + &format!("udp {client} > S:53 \"a question about a name\"\nudp S:53 > {client} \"an answer\"\n")
            }
            7..=9 => hosts + &self.terminal(&client),
            10..=11 => hosts + &begin + &self.polling(&client, &server) + &close,
            12..=18 => hosts + &begin + &self.pages(&client, &server) + &close,
            _ => hosts + &begin + &bulk(&client, &server, self.dice.below(400)) + &close,
        }
    }

    /// One packet of hosts that are not seen again soon.
    fn single(&mut self) -> String {
        let [source, destination] =
            [172, 100].map(|net| [net, self.dice.below(1 << 6), self.dice.below(1 << 8), self.dice.below(1 << 8)]);
        let mac = |[a, b, c, d]: [usize; 4]| match self.mix.rest {
            Rest::Flat => format!("06:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}"),
            _ => format!("06:00:00:00:00:{a:02x}"),
        };
        let host = |name: &str, address: [usize; 4]| {
            format!("host {name} {} {} ttl 57\n", address.map(|byte| byte.to_string()).join("."), mac(address))
        };
        let hosts = host("C", source) + &host("S", destination);
        let (port, service, len) =
            (2048 + self.dice.below(50_000), [443, 5060, 8883, 1935][self.dice.below(4)], self.dice.below(400));
        let (client, server) = (format!("C:{port}"), format!("S:{service}"));
        let (from, to) = if self.dice.below(2) == 0 { (&client, &server) } else { (&server, &client) };
        let packet = match self.dice.below(5) {
            0 => format!("udp {from} > {to} \"{}\"\n", "u".repeat(len)),
            1 => format!("{from} > {to} A seq={len} ack=1\n"),
            2 => format!("{client} > {server} S seq={len}\n"),
            _ => format!("{from} > {to} PA seq={len} ack=1 len={}\n", len + 1),
        };
        hosts + &packet
    }

    /// Keystrokes, their echo, its acknowledgement.
    fn terminal(&mut self, client: &str) -> String {
        let banner = "SSH-2.0-OpenSSH_9.6\\r\\n";
        let mut script = format!("@open {client} S:22\nS:22 > {client} \"{banner}\"\n{client} > S:22 \"{banner}\"\n");
        for _ in 0..=self.dice.below(100) {
            let echo = 36 + self.dice.below(100);
            let _ = writeln!(script, "{client} > S:22 len=36\nS:22 > {client} len={echo}\n{client} > S:22 A");
        }
        script + &format!("@close {client} S:22\n")
    }

    /// Small requests and small answers on a connection that stays open.
    fn polling(&mut self, client: &str, server: &str) -> String {
        let mut script = String::new();
        for _ in 0..=self.dice.below(100) {
            let (question, answer) = (80 + self.dice.below(300), 60 + self.dice.below(900));
            let _ = writeln!(script, "{client} > {server} len={question}\n{server} > {client} len={answer}");
            let _ = writeln!(script, "{client} > {server} A");
        }
        script
    }

    /// Requests of some hundred bytes, each answered by a few segments.
    fn pages(&mut self, client: &str, server: &str) -> String {
        let mut script = bulk(client, server, 3);
        for _ in 0..=self.dice.below(8) {
            let request = 200 + self.dice.below(800);
            let (segments, rest) = (self.dice.below(14), 1 + self.dice.below(1400));
            let _ = writeln!(script, "{client} > {server} len={request}\n{server} > {client} A");
            script += &bulk(client, server, segments);
            let _ = writeln!(script, "{server} > {client} len={rest}\n{client} > {server} A");
        }
        script
    }
}

/// What a client says first: the head of a TLS handshake on port 443, else a request of HTTP.
fn hello(client: &str, server: &str) -> String {
    let filler = "h".repeat(300);
    let words = if server.ends_with(":443") {
        format!("\\x16\\x03\\x01\\x02\\x00{filler}")
    } else {
        format!("GET /{filler} HTTP/1.1\\r\\nHost: intranet\\r\\n\\r\\n")
    };
    format!("{client} > {server} \"{words}\"\n{server} > {client} A\n")
}

/// Full segments to the client, which acknowledges every second one.
fn bulk(client: &str, server: &str, segments: usize) -> String {
    (1..=segments).fold(String::new(), |mut script, number| {
        let _ = writeln!(script, "{server} > {client} len=1448");
        if number % 2 == 0 || number == segments {
            let _ = writeln!(script, "{client} > {server} A");
        }
        script
    })
}

/// Pseudo-random numbers, the same in every run (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }
}
