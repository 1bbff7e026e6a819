//! `/proc/net/tcp` and `/proc/net/tcp6`, line by line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Ticks of a timer in a second, whatever the kernel counts in (`USER_HZ`).
const TICKS: f64 = 100.0;

/// A TCP socket of this host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Socket {
    /// Its own end. IPv4 is IPv4, also where the program uses IPv6 for both.
    pub local: SocketAddr,
    /// The other end; unspecified, with port 0, for one that listens.
    pub remote: SocketAddr,
    /// Its state.
    pub state: SocketState,
    /// Whom it belongs to: an inode, which `/proc/PID/fd` names; 0 if no program has it any more.
    pub inode: u64,
}

/// The states that matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SocketState {
    /// It listens.
    Listening,
    /// Closed by both sides; free in so many seconds.
    TimeWait(f64),
    /// Closed by this side, the program has let go of it; free in so many seconds.
    FinWait2(f64),
    /// Any other.
    Other,
}

/// The sockets in the text of one of the two files. Lines that are none are left out.
pub fn sockets(text: &str) -> impl Iterator<Item = Socket> + '_ {
    text.lines().skip(1).filter_map(socket)
}

fn socket(line: &str) -> Option<Socket> {
    let mut columns = line.split_ascii_whitespace().skip(1);
    let (local, remote, state) = (end(columns.next()?)?, end(columns.next()?)?, columns.next()?);
    let (timer, left) = columns.nth(1)?.split_once(':')?;
    let left = || Some(f64::from(u32::from_str_radix(left, 16).ok()?) / TICKS);
    let state = match (state, timer) {
        ("0A", _) => SocketState::Listening,
        // Timer 3 is that of TIME-WAIT, which also holds those whose peer has not sent its FIN.
        ("06", "03") => SocketState::TimeWait(left()?),
        ("05", "03") => SocketState::FinWait2(left()?),
        _ => SocketState::Other,
    };
    Some(Socket { local, remote, state, inode: columns.nth(3)?.parse().ok()? })
}

/// `1400090A:0014`: words of the address in the byte order of the machine, and the port.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for (at, octets) in octets.chunks_exact_mut(4).enumerate() {
                octets.copy_from_slice(&word(at * 8)?);
            }
            Ipv6Addr::from(octets).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn one(line: &str) -> Socket {
        let text = format!("{HEAD}{line}\n");
        let all: Vec<Socket> = sockets(&text).collect();
        assert_eq!(all.len(), 1, "{line}");
        all[0]
    }

    #[test]
    fn a_timer_says_how_long_a_tuple_is_held() {
        let line =
            "   1: 1400090A:0014 0A00090A:1388 06 00000000:00000000 03:000016A6 00000000     0        0 0 3 0000000079";
        let socket = one(line);
        assert_eq!(socket.local, "10.9.0.20:20".parse().unwrap());
        assert_eq!(socket.remote, "10.9.0.10:5000".parse().unwrap());
        assert_eq!((socket.state, socket.inode), (SocketState::TimeWait(57.98), 0));
        assert_eq!(one(&line.replace(" 06 ", " 05 ")).state, SocketState::FinWait2(57.98));
        assert_eq!(one(&line.replace(" 06 ", " 05 ").replace("03:", "00:")).state, SocketState::Other);
    }

    #[test]
    fn listeners_and_owners_are_seen() {
        let line = "   0: 00000000:0015 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1145 1 00000000d0003ac2 100 0 0 10 0";
        let socket = one(line);
        assert_eq!((socket.state, socket.inode), (SocketState::Listening, 1145));
        assert_eq!(socket.local, "0.0.0.0:21".parse().unwrap());
    }

    #[test]
    fn ipv4_on_a_socket_for_both_is_ipv4() {
        let line = "   1: 0000000000000000FFFF00001400090A:0014 0000000000000000FFFF00000A00090A:1388 06 00000000:00000000 03:00000064 00000000 0 0 0 3 0";
        assert_eq!(one(line).local, "10.9.0.20:20".parse().unwrap());
        let line = "   1: 000000FD000000000000000002000000:0015 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 7 3 0";
        assert_eq!(one(line).local, "[fd00::2]:21".parse().unwrap());
    }

    #[test]
    fn what_is_no_line_is_left_out() {
        for line in ["", "x", "1: 00 00 06 0:0 03:1 0 0 0 0", "1: é0000000:0015 00000000:0000 0A 0:0 00:0 0 0 0 1"] {
            assert_eq!(sockets(&format!("{HEAD}{line}\n")).count(), 0, "{line}");
        }
    }
}
