//! The fuzz corpora, and mutations of them, on the stable toolchain.

mod kit;

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::fs;
use std::path::PathBuf;

use kit::packet::Link;

/// Mutations of each seed: enough to touch every field of a small capture over the seeds, and still a second or two.
const MUTATIONS: u64 = 150;

fn corpus(target: &str) -> PathBuf {
    kit::root().join("fuzz/corpus").join(target)
}

fn replay(target: &str, body: fn(&[u8])) {
    let seeds = kit::files_below(&corpus(target), &[""]);
    assert!(!seeds.is_empty(), "no seeds for {target}");
    for path in seeds {
        let seed = fs::read(&path).expect("a seed");
        body(&seed);
        for number in 0..MUTATIONS {
            let mutated = mutate(&seed, number);
            let outcome = std::panic::catch_unwind(|| body(&mutated));
            assert!(outcome.is_ok(), "mutation {number} of {} fails: {}", path.display(), hex(&mutated));
        }
    }
}

/// A few changes that depend on nothing but the number: bytes set, pieces doubled or left out, the end cut off.
fn mutate(seed: &[u8], number: u64) -> Vec<u8> {
    let mut dice = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut roll = |bound: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice >> 33).expect("31 bits") % bound.max(1)
    };
    let mut bytes = seed.to_vec();
    for _ in 0..=roll(4) {
        if bytes.is_empty() {
            break;
        }
        let at = roll(bytes.len());
        match roll(6) {
            0 => bytes[at] = 0xff,
            1 => bytes[at] = 0,
            2 => bytes[at] ^= 1 << roll(8),
            3 => bytes[at] = u8::try_from(roll(256)).expect("a byte"),
            4 => bytes.truncate(at),
            _ => {
                let piece = bytes[at..bytes.len().min(at + 1 + roll(40))].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[test]
fn the_reader_takes_anything() {
    replay("reader", bodies::reader);
}

#[test]
fn the_decoder_takes_anything() {
    replay("decoder", bodies::decoder);
}

#[test]
fn the_control_stream_takes_anything() {
    replay("control", bodies::control);
}

/// The seeds come from packet scripts, so that they can be made again when scripts or targets change.
#[test]
#[ignore = "rewrites fuzz/corpus"]
fn seeds_are_written() {
    for target in ["reader", "decoder", "control"] {
        fs::create_dir_all(corpus(target)).expect("a directory");
    }
    let render = |name: &str| kit::render(&kit::root().join("fixtures").join(name)).expect("a script");
    for name in ["pcap-be", "pcap-ns", "pcap-modified", "pcapng", "pcapng-be", "gzip", "zstd", "lz4", "sll2"] {
        let file = render(&format!("_format/{name}.script")).file;
        fs::write(corpus("reader").join(name), file).expect("a seed");
    }
    let sources = [
        ("time-wait-challenge/fires", Link::Ethernet),
        ("data-syn-icmp-rejected/fires", Link::Sll),
        ("data-syn-icmp-rejected/fires-ipv6", Link::Sll2),
        ("capture-fragments/silent", Link::Raw),
        ("mac-stale-peer/fires", Link::Ethernet),
        ("_stream/vlan", Link::Ethernet),
        ("_stream/telnet-and-banners", Link::Ppp),
    ];
    for (name, link) in sources {
        let rendered = render(&format!("{name}.script"));
        let seed = name.replace('/', "-");
        fs::write(corpus("decoder").join(&seed), decoder_seed(&rendered, link)).expect("a seed");
        fs::write(corpus("control").join(&seed), control_seed(&rendered)).expect("a seed");
    }
    for name in ["tls-control-opaque/fires", "port-malformed/fires-eprt", "data-connection-broken/silent-abor"] {
        let seed = control_seed(&render(&format!("{name}.script")));
        fs::write(corpus("control").join(name.replace('/', "-")), seed).expect("a seed");
    }
}

/// Frames as `bodies::decoder` reads them; its table of link types gives the first byte.
fn decoder_seed(rendered: &kit::Rendered, link: Link) -> Vec<u8> {
    let choice = [Link::Ethernet, Link::Sll, Link::Sll2, Link::Raw, Link::Null, Link::Loop, Link::Ppp];
    let index = choice.iter().position(|one| *one == link).expect("a link type of the target");
    let mut out = Vec::new();
    for packet in rendered.packets.iter().take(30) {
        let mut frame = packet.bytes(link);
        frame.resize(frame.len().next_multiple_of(2).min(510), 0);
        out.extend([u8::try_from(index).expect("few"), u8::try_from(frame.len() / 2).expect("at most 255")]);
        out.extend(frame);
    }
    out
}

/// Control payloads as `bodies::control` reads them.
fn control_seed(rendered: &kit::Rendered) -> Vec<u8> {
    let mut out = Vec::new();
    for tcp in rendered.packets.iter().filter_map(|packet| packet.tcp()) {
        let server = tcp.source == 21;
        if (server || tcp.destination == 21) && !tcp.data.is_empty() && tcp.data.len() < 256 {
            out.extend([8 | u8::from(server), u8::try_from(tcp.data.len()).expect("checked")]);
            out.extend(&tcp.data);
        }
    }
    out
}
