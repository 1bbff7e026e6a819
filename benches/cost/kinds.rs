//! The kinds of traffic that are measured.

use std::io;
use std::path::Path;

use super::capture::{Damage, Recording};
use super::real;
use super::traffic::{self, Container, Mix, Rest};

/// One kind.
pub struct Kind {
    pub name: &'static str,
    /// The report that is written.
    pub format: &'static str,
    pub with_tshark: bool,
    /// Whether it is measured compressed, too.
    pub packed: bool,
    /// Writes a capture, where the largest one has so many bytes. The error says why there is none.
    pub write: fn(u64, &Path) -> io::Result<()>,
}

const MIXED: Mix = Mix { size: 0, ftp_percent: 5, rest: Rest::Office, container: Container::Pcap };
/// Sessions, or transfers of one, of the largest size.
const MANY: u64 = 100_000;
const LARGEST: u64 = 1 << 30;

const fn kind(name: &'static str, write: fn(u64, &Path) -> io::Result<()>) -> Kind {
    Kind { name, format: "json", with_tshark: false, packed: false, write }
}

pub const KINDS: &[Kind] = &[
    Kind { with_tshark: true, ..kind("mixed", |whole, to| traffic::write(to, Mix { size: whole, ..MIXED })) },
    kind("mixed as pcapng", |whole, to| traffic::write(to, Mix { size: whole, container: Container::Pcapng, ..MIXED })),
    kind("mixed, small packets", |whole, to| traffic::write(to, Mix { size: whole / 4, rest: Rest::Small, ..MIXED })),
    Kind {
        packed: true,
        ..kind("mixed, half the size", |whole, to| traffic::write(to, Mix { size: whole / 2, ..MIXED }))
    },
    Kind { packed: true, ..kind("real", real_traffic) },
    kind("routed", |whole, to| others(to, whole, Rest::Routed)),
    kind("flat", |whole, to| others(to, whole, Rest::Flat)),
    kind("many sessions", |whole, to| {
        played(to, |to| (0..many(whole)).for_each(|i| to.play(&short_session(i))));
        Ok(())
    }),
    kind("one long session", |whole, to| {
        played(to, |to| {
            to.play(&format!("{}@ctl C:1050 S:21\n", hosts(0)));
            (0..many(whole)).for_each(|i| to.play(&transfer(i)));
            to.play("@quit\n");
        });
        Ok(())
    }),
    Kind {
        format: "ndjson",
        ..kind("FTP only", |whole, to| traffic::write(to, Mix { size: whole / 4, ftp_percent: 100, ..MIXED }))
    },
];

fn real_traffic(whole: u64, to: &Path) -> io::Result<()> {
    let capture = std::env::var_os("FTPWHY_BENCH_REAL").ok_or(io::Error::other("FTPWHY_BENCH_REAL is not set"))?;
    real::write(Path::new(&capture), whole / 4, to)
}

fn others(to: &Path, whole: u64, rest: Rest) -> io::Result<()> {
    traffic::write(to, Mix { size: whole / 8, ftp_percent: 1, rest, ..MIXED })
}

/// Sessions, or transfers of one, or commands.
pub fn many(whole: u64) -> u64 {
    MANY * whole / LARGEST
}

fn played(to: &Path, play: impl Fn(&mut Recording)) {
    let mut recording = Recording::create(to, Damage::None);
    play(&mut recording);
    recording.finish();
}

/// A client of which there are many, and one server.
fn hosts(client: u64) -> String {
    let address = format!("10.{}.{}.{}", 1 + client / 62_500, client / 250 % 250, 1 + client % 250);
    format!(
        "step 50us\nhost C {address} 02:00:00:00:00:0c ttl 62 stack linux\n\
         host S 10.0.0.20 02:00:00:00:00:14 ttl 63 stack linux\n"
    )
}

fn short_session(i: u64) -> String {
    format!("{}@ctl C:1050 S:21\n@port 5000\nC> RETR a\n@act 5000\n@quit\n", hosts(i))
}

fn transfer(i: u64) -> String {
    let port = 1_100 + i % 60_000;
    format!("@port {port}\nC> RETR a\n@act {port}\n")
}
