//! What decrypting costs: one dialogue in clear, and the same in TLS 1.3 with its key log.

use std::fmt::Write as _;
use std::path::Path;

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use hkdf::Hkdf;
use sha2::Sha256;

use super::capture::{Damage, Recording};
use super::measure::{Run, in_turn, program};
use super::row;

const APPLICATION: u8 = 0x17;
const HANDSHAKE: u8 = 0x16;
const RANDOM: [u8; 32] = [0xc5; 32];
const HOSTS: &str = "step 50us\nhost C 10.0.0.10 02:00:00:00:00:0c ttl 62 stack linux\n\
    host S 10.0.0.20 02:00:00:00:00:14 ttl 63 stack linux\n@open C:1050 S:21\nuse C:1050 S:21\nS> 220 Ready.\n";

/// A row for so many commands, each with its reply.
pub fn rows(folder: &Path, commands: u64, rounds: usize) {
    let [clear, sealed, keys] = ["clear", "sealed", "keys"].map(|name| folder.join(name));
    write_clear(&clear, commands);
    write_sealed(&sealed, commands);
    std::fs::write(&keys, key_log()).expect("room on the disk");
    let costs = in_turn(rounds, &[&|| ftpwhy(&sealed, Some(&keys)), &|| ftpwhy(&clear, None)]);
    row("decrypted, beside the same in clear", &sealed, costs[0], costs[1]);
    if let [Some(sealed), Some(clear)] = costs[..] {
        let lines = f64::from(u32::try_from(2 * commands).expect("some millions"));
        println!("  {:.2} microseconds for each decrypted line", (sealed.least - clear.least) / lines * 1e6);
    }
}

fn ftpwhy(capture: &Path, keys: Option<&Path>) -> Run {
    let mut command = program();
    command.args(["--isolated", "--fail-on", "never", "--format", "json"]).arg(capture);
    if let Some(keys) = keys {
        command.arg("--keylog").arg(keys);
    }
    command.into()
}

fn line(i: u64) -> String {
    format!("SIZE file{i}.txt\r\n")
}

fn reply(i: u64) -> String {
    format!("213 {i}\r\n")
}

fn write_clear(path: &Path, commands: u64) {
    let mut recording = Recording::create(path, Damage::None);
    recording.play(HOSTS);
    for i in 0..commands {
        recording.play(&format!("C>> {}\nS>> {}\n", escaped(line(i).as_bytes()), escaped(reply(i).as_bytes())));
    }
    recording.finish();
}

fn write_sealed(path: &Path, commands: u64) {
    let [mut client, mut server] = [0, 1].map(|role| Side::new(secret(role)));
    let mut recording = Recording::create(path, Damage::None);
    recording.play(&format!("{HOSTS}C> AUTH TLS\nS> 234 Proceed.\n"));
    let mut say = |who: char, records: &[u8]| recording.play(&format!("{who}>> {}\n", escaped(records)));
    let hello = |kind: u8, suites: &[u8], extensions: &[u8]| {
        let body = [&[3, 3][..], &RANDOM, &[0], suites, extensions].concat();
        record(HANDSHAKE, &[&[kind, 0, 0, u8::try_from(body.len()).expect("short")][..], &body].concat())
    };
    let finished = [&[20, 0, 0, 32][..], &[0; 32]].concat();
    say('C', &hello(1, &[0, 2, 0x13, 1, 1, 0], &[0, 0]));
    let chosen = hello(2, &[0x13, 1, 0], &[0, 6, 0, 43, 0, 2, 3, 4]);
    say('S', &[chosen, server.seal(HANDSHAKE, &finished)].concat());
    say('C', &client.seal(HANDSHAKE, &finished));
    [client, server] = [2, 3].map(|role| Side::new(secret(role)));
    for i in 0..commands {
        say('C', &client.seal(APPLICATION, line(i).as_bytes()));
        say('S', &server.seal(APPLICATION, reply(i).as_bytes()));
    }
    recording.finish();
}

/// The secrets of the handshake of client and server, and of what follows it.
fn secret(role: u8) -> [u8; 32] {
    [0x51 + role; 32]
}

fn key_log() -> String {
    let labels = [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ];
    (0..).zip(labels).fold(String::new(), |mut log, (role, label)| {
        let _ = writeln!(log, "{label} {} {}", hex(&RANDOM), hex(&secret(role)));
        log
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\x{byte:02x}");
        text
    })
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &u16::try_from(body.len()).expect("short").to_be_bytes(), body].concat()
}

/// What encrypts one direction (RFC 8446 5.2, 7.3).
struct Side {
    cipher: Aes128Gcm,
    iv: [u8; 12],
    number: u64,
}

impl Side {
    fn new(secret: [u8; 32]) -> Self {
        let expand = |label: &str, out: &mut [u8]| {
            let len = u8::try_from(out.len()).expect("short");
            let name = u8::try_from(6 + label.len()).expect("short");
            let info = [&[0, len, name][..], b"tls13 ", label.as_bytes(), &[0]].concat();
            Hkdf::<Sha256>::from_prk(&secret).expect("32 bytes").expand(&info, out).expect("short");
        };
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        expand("key", &mut key);
        expand("iv", &mut iv);
        Self { cipher: Aes128Gcm::new_from_slice(&key).expect("16 bytes"), iv, number: 0 }
    }

    fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut nonce = self.iv;
        nonce.iter_mut().skip(4).zip(self.number.to_be_bytes()).for_each(|(byte, other)| *byte ^= other);
        self.number += 1;
        let inner = [content, &[kind]].concat();
        let header = &record(APPLICATION, &vec![0; inner.len() + 16])[..5];
        let payload = Payload { msg: &inner, aad: header };
        let nonce = nonce.as_slice().try_into().expect("12 bytes");
        record(APPLICATION, &self.cipher.encrypt(nonce, payload).expect("short"))
    }
}
