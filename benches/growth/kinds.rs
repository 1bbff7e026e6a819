//! The kinds of traffic that grow: long sessions and many sessions, as scripts (`fixtures/README.md` is their manual).

use super::capture::{Damage, Recording};

/// One kind: a name, and what is played of it `n` times.
pub struct Kind {
    pub name: &'static str,
    pub damage: Damage,
    pub play: fn(usize, &mut Recording),
}

const fn kind(name: &'static str, play: fn(usize, &mut Recording)) -> Kind {
    Kind { name, damage: Damage::None, play }
}

/// Long sessions: `n` is the number of transfers, or of what else is named.
pub const TRANSFERS: &[Kind] = &[
    kind("active, fresh ports", |n, to| session(n, to, |i| active(port(i)))),
    kind("active, 100 ports in turn", |n, to| session(n, to, |i| active(5000 + i % 100))),
    kind("active, one port", |n, to| session(n, to, |_| active(5000))),
    kind("passive, fresh ports", |n, to| session(n, to, |i| passive(port(i), port(i * 7)))),
    kind("passive, 100 ports in turn", |n, to| session(n, to, |i| passive(port(i), 50_000 + i % 100))),
    kind("passive, one port", |n, to| session(n, to, |i| passive(port(i), 50_000))),
    kind("EPSV over IPv6", |n, to| session_between(V6, n, to, |i| passive(port(i), port(i * 7)))),
    kind("refused by 550", |n, to| session(n, to, refused)),
    kind("passive, refused by 550", |n, to| session(n, to, |i| format!("@pasv {}\n{RETR}{MISSING}", port(i)))),
    kind("ABOR", |n, to| session(n, to, aborted)),
    kind("425 of TIME-WAIT, one in ten works", |n, to| session(n, to, held)),
    kind("425, the SYN is refused", |n, to| session(n, to, unreached)),
    kind("425, the SYN is unanswered", |n, to| session(n, to, unanswered)),
    kind("425, no SYN, fresh ports", |n, to| session(n, to, |i| format!("@port {}\n{RETR}{CANNOT}", port(i)))),
    kind("PORT without a transfer", |n, to| session(n, to, |i| format!("@port {}\n", port(i)))),
    kind("PORT refused, then PASV", |n, to| session(n, to, falls_back)),
    kind("LIST without PORT", |n, to| session(n, to, |_| "C> LIST\n@act 1050\n".to_owned())),
    kind("NOOP", |n, to| session(n, to, |_| "C> NOOP\nS> 200 OK.\n".to_owned())),
    kind("other connections of the two hosts", |n, to| session(n, to, other)),
    kind("all mixed", |n, to| session(n, to, mixed)),
    kind("TLS, passive", |n, to| {
        encrypted(n, to, |i| {
            format!("@open C:{0} S:{1}\n{2}@close C:{0} S:{1}\n", port(i), port(i * 7), tls(port(i), port(i * 7)))
        });
    }),
    Kind {
        name: "the server's side is not captured",
        damage: Damage::Deaf(21),
        play: |n, to| session(n, to, |i| active(port(i))),
    },
    Kind { name: "one packet in 97 is missing", damage: Damage::Lost(97), play: |n, to| session(n, to, mixed) },
    Kind {
        name: "both sides of a NAT",
        damage: Damage::Nat(INSIDE, OUTSIDE),
        play: |n, to| session_between(NAT, n, to, |i| active(port(i))),
    },
];

/// Many sessions: `n` is their number.
pub const SESSIONS: &[Kind] = &[
    kind("one after the other, clients differ", |n, to| apart(n, to, client, |_| 1050)),
    kind("one after the other, one host pair", |n, to| apart(n, to, |_| client(0), port)),
    kind("open at once, clients differ", |n, to| at_once(n, to, |i| i, |_| 1050, then_moves_a_file)),
    kind("open at once, one host pair", |n, to| at_once(n, to, |_| 0, port, then_moves_a_file)),
    kind("open and idle to the end", |n, to| at_once(n, to, |i| i, |_| 1050, |_, _, _| String::new())),
    kind("open at once, a word every 3 s", |n, to| at_once(n, to, |i| i, |_| 1050, then_says_something)),
    kind("one after the other, among knocks", |n, to| {
        each(n, to, |i| format!("{}C:1050 > X:8080 S\n{}@ctl C:1051 S:21\n@quit\n", client(2 * i), client(2 * i + 1)));
    }),
    kind("login refused", |n, to| {
        each(n, to, |i| {
            format!(
                "{}@open C:1050 S:21\nuse C:1050 S:21\nS> 220 Ready.\nC> USER a\nS> 530 No.\n@close C:1050 S:21\n",
                client(i)
            )
        });
    }),
    kind("data refused", |n, to| each(n, to, |i| format!("{}@ctl C:1050 S:21\n{}@quit\n", client(i), unreached(i)))),
    kind("data refused, every other client's works", |n, to| {
        each(n, to, |i| {
            let data = if i.is_multiple_of(2) { unreached(i) } else { active(port(i)) };
            format!("{}@ctl C:1050 S:21\n{data}@quit\n", client(i))
        });
    }),
    kind("encrypted", |n, to| {
        each(n, to, |i| {
            format!(
                "{}{LOGIN_TLS}@open C:3000 S:4000\n{}@close C:3000 S:4000\n@close C:1050 S:21\n",
                client(i),
                tls(3000, 4000)
            )
        });
    }),
    kind("SYN unanswered", |n, to| each(n, to, |i| format!("{}C:1050 > S:21 S\n", client(i)))),
    kind("each on a server of its own", |n, to| {
        each(n, to, |i| format!("{}@ctl C:{} S:21\n{}@quit\n", server(i), port(i), active(port(i))));
    }),
];

const STEP: &str = "step 50us\n";
const V4: &str =
    "host C 10.0.0.10 02:00:00:00:00:0c ttl 64 stack linux\nhost S 10.0.0.20 02:00:00:00:00:14 ttl 63 stack linux\n";
const V6: &str = "host C 2001:db8::10 02:00:00:00:00:0c ttl 64 stack linux\nhost S 2001:db8::20 02:00:00:00:00:14 ttl 63 stack linux\n";
const NAT: &str = "interface eth0\ninterface eth1\nhost C 192.168.1.10 02:00:00:00:00:0c ttl 64 stack linux on eth0\nhost S 198.51.100.21 02:00:00:00:00:14 ttl 64 stack linux on eth1\n";
const INSIDE: [u8; 4] = [192, 168, 1, 10];
const OUTSIDE: [u8; 4] = [203, 0, 113, 10];
const RETR: &str = "C> RETR a\n";
const MISSING: &str = "S> 550 No such file.\n";
const CANNOT: &str = "S> 425 Can't open data connection.\n";

const LOGIN_TLS: &str = concat!(
    "@open C:1050 S:21\nuse C:1050 S:21\nS> 220 Ready.\nC> AUTH TLS\nS> 234 Proceed.\n",
    "C>> \\x16\\x03\\x03\\x00\\x05\\x01\\x00\\x00\\x01\\x00\nS>> \\x16\\x03\\x03\\x00\\x05\\x02\\x00\\x00\\x01\\x00\n",
    "C>> \\x14\\x03\\x03\\x00\\x01\\x01\nS>> \\x14\\x03\\x03\\x00\\x01\\x01\n",
);
/// A command and its reply in TLS.
const RECORDS: &str = "C>> \\x17\\x03\\x03\\x00\\x08abcdefgh\nS>> \\x17\\x03\\x03\\x00\\x08abcdefgh\n";

/// Ports in turn, none of them low: 2^16 are all there are.
fn port(i: usize) -> usize {
    1100 + i % 60_000
}

/// The client with this number, and the server.
fn client(i: usize) -> String {
    format!("host C {} 02:00:00:00:00:0c ttl 62 stack linux\n", address(i))
}

fn server(i: usize) -> String {
    format!("host S {} 02:00:00:00:00:14 ttl 62 stack linux\n", address(i))
}

fn address(i: usize) -> String {
    format!("10.{}.{}.{}", 1 + i / 62_500, i / 250 % 250, 1 + i % 250)
}

fn active(port: usize) -> String {
    format!("@port {port}\n{RETR}@act {port}\n")
}

fn passive(from: usize, to: usize) -> String {
    format!("@pasv {to}\n{RETR}@pas {from} {to}\n")
}

fn refused(i: usize) -> String {
    format!("@port {}\n{RETR}{MISSING}", port(i))
}

fn aborted(i: usize) -> String {
    let port = port(i);
    format!(
        "@port {port}\n{RETR}@act {port} close=open\nC> ABOR\n@close S:20 C:{port} close=rst\nS> 426 Aborted.\nS> 226 Closed.\n"
    )
}

/// A port that works once, and then again and again within TIME-WAIT.
fn held(i: usize) -> String {
    let port = port(i / 10);
    if i.is_multiple_of(10) { active(port) } else { format!("@port {port}\n{RETR}{CANNOT}") }
}

fn unreached(i: usize) -> String {
    let port = port(i);
    format!("@port {port}\n{RETR}S:20 > C:{port} S\nC:{port} > S:20 RA seq=0\n{CANNOT}")
}

fn unanswered(i: usize) -> String {
    let port = port(i);
    format!("@port {port}\n{RETR}S:20 > C:{port} S\n+1s S:20 > C:{port} again\n+2s {CANNOT}")
}

fn falls_back(i: usize) -> String {
    format!("C> PORT 10,0,0,10,4,5\nS> 500 Illegal PORT command.\n{}", passive(port(i), port(i * 7)))
}

fn other(i: usize) -> String {
    let from = port(i);
    format!("@open C:{from} S:80\nC:{from} > S:80 len=100\nS:80 > C:{from} len=1000\n@close C:{from} S:80\n")
}

/// What a client that mirrors a tree does, with all that can go wrong.
fn mixed(i: usize) -> String {
    match i % 16 {
        0 => format!("C> CWD d{i}\nS> 250 OK.\n{}", active(port(i))),
        1 | 2 => passive(port(i), port(i * 7)),
        3 | 4 => format!("C> SIZE f{i}\nS> 213 6\nC> MDTM f{i}\nS> 213 20240301120000\n{}", active(5000 + i % 100)),
        5 => refused(i),
        6 => aborted(i),
        7 => unreached(i),
        8 => falls_back(i),
        9 => format!("@port {}\n", port(i)),
        10 => other(i),
        11 | 12 => held(i),
        13 => format!("@pasv {}\n{RETR}{MISSING}", port(i)),
        14 => active(5000),
        _ => passive(port(i), 50_000 + i % 100),
    }
}

/// What TLS carries on a data connection.
fn tls(from: usize, to: usize) -> String {
    format!(
        "C:{from} > S:{to} \"\\x16\\x03\\x03\\x00\\x05\\x01\\x00\\x00\\x01\\x00\"\nS:{to} > C:{from} \"\\x16\\x03\\x03\\x00\\x05\\x02\\x00\\x00\\x01\\x00\"\nC:{from} > S:{to} \"\\x14\\x03\\x03\\x00\\x01\\x01\"\nS:{to} > C:{from} \"\\x14\\x03\\x03\\x00\\x01\\x01\"\nS:{to} > C:{from} \"\\x17\\x03\\x03\\x00\\x08abcdefgh\"\n"
    )
}

/// One session of `n` steps.
fn session(n: usize, to: &mut Recording, step: fn(usize) -> String) {
    session_between(V4, n, to, step);
}

fn session_between(hosts: &str, n: usize, to: &mut Recording, step: fn(usize) -> String) {
    to.play(&format!("{STEP}{hosts}@ctl C:1050 S:21\n"));
    (0..n).for_each(|i| to.play(&step(i)));
    to.play("@quit\n");
}

fn encrypted(n: usize, to: &mut Recording, step: fn(usize) -> String) {
    to.play(&format!("{STEP}{V4}{LOGIN_TLS}"));
    (0..n).for_each(|i| to.play(&format!("{RECORDS}{RECORDS}{}", step(i))));
    to.play("@close C:1050 S:21\n");
}

fn each(n: usize, to: &mut Recording, session: fn(usize) -> String) {
    to.play(&format!("{STEP}{V4}"));
    (0..n).for_each(|i| to.play(&session(i)));
}

/// Sessions of one transfer, one after the other.
fn apart(n: usize, to: &mut Recording, client: fn(usize) -> String, port: fn(usize) -> usize) {
    to.play(&format!("{STEP}{V4}"));
    for i in 0..n {
        to.play(&format!("{}@ctl C:{} S:21\n{}@quit\n", client(i), port(i), active(5000)));
    }
}

/// Sessions that all begin before the first one goes on. `client` gives the number of the client, `port` its control port,
/// and `then` what follows, of both and the number of the session.
fn at_once(
    n: usize,
    to: &mut Recording,
    client_of: fn(usize) -> usize,
    port: fn(usize) -> usize,
    then: fn(usize, usize, usize) -> String,
) {
    to.play(&format!("{STEP}{V4}"));
    for i in 0..n {
        to.play(&format!("{}@ctl C:{} S:21\n", client(client_of(i)), port(i)));
    }
    for i in 0..n {
        to.play(&format!("{}{}", client(client_of(i)), then(client_of(i), port(i), i)));
    }
}

fn then_moves_a_file(client: usize, control: usize, i: usize) -> String {
    let (address, data) = (address(client), 5000 + i % 50_000);
    let says = |line: &str| format!("C:{control} > S:21 \"{line}\\r\\n\"\n");
    let answers = |line: &str| format!("S:21 > C:{control} \"{line}\\r\\n\"\n");
    [
        says(&format!("EPRT |1|{address}|{data}|")),
        answers("200 OK."),
        says("RETR a"),
        format!("@open S:20 C:{data}\n"),
        answers("150 Here it comes."),
        format!("S:20 > C:{data} len=6\n@close S:20 C:{data}\n"),
        answers("226 Done."),
        says("QUIT"),
        answers("221 Bye."),
        format!("@close S:21 C:{control}\n"),
    ]
    .concat()
}

fn then_says_something(_: usize, control: usize, _: usize) -> String {
    format!("+3s C:{control} > S:21 \"NOOP\\r\\n\"\nS:21 > C:{control} \"200 OK.\\r\\n\"\n")
}
