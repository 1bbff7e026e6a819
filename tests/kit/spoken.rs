//! What FTP scripts say again and again: logins, endpoint commands, data connections.

use std::net::IpAddr;

use super::packet::{ACK, FIN, PSH, RST, SYN};
use super::script::{End, Overrides, Script, parse};

/// How a data connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Close {
    /// The opener's FIN is acknowledged first: it holds TIME-WAIT.
    Opener,
    Accepter,
    /// The FINs cross.
    Both,
    /// The accepter answers the opener's FIN with a RST.
    Reset,
    /// The accepter never sends its FIN.
    Half,
    /// Not within this macro.
    Open,
}

impl Script {
    /// `H> text`: bytes on the control connection that was used last with this host.
    pub fn say(&mut self, host: &str, bytes: &[u8]) -> Result<(), String> {
        let found = self.controls.iter().rev().find(|(client, server)| client.host == host || server.host == host);
        let (client, server) = found.cloned().ok_or(format!("{host} has no control connection yet"))?;
        let (from, to) = if client.host == host { (client, server) } else { (server, client) };
        self.segment(&from, &to, PSH | ACK, bytes, &Overrides::default())
    }

    fn say_line(&mut self, host: &str, line: &str) -> Result<(), String> {
        self.say(host, format!("{line}\r\n").as_bytes())
    }

    fn control(&self) -> Result<(End, End), String> {
        self.controls.last().cloned().ok_or("no control connection yet".into())
    }

    pub fn macro_line(&mut self, name: &str, words: &[&str]) -> Result<(), String> {
        match (name, words) {
            ("@ctl", [client, server, rest @ ..]) => self.login(client, server, rest),
            ("@port", [port, rest @ ..]) => self.port(parse(port)?, rest),
            ("@pasv", [port, rest @ ..]) => self.pasv(parse(port)?, rest),
            ("@open", [from, to, rest @ ..]) => {
                let (from, to) = (self.end(from)?, self.end(to)?);
                self.open(&from, &to, &Wishes::parse(self, rest)?)
            }
            ("@close", [from, to, rest @ ..]) => {
                let (from, to) = (self.end(from)?, self.end(to)?);
                self.close(&from, &to, Wishes::parse(self, rest)?.close)
            }
            ("@act", [port, rest @ ..]) => {
                let (client, server) = self.control()?;
                let wishes = Wishes::parse(self, rest)?;
                let from = End { host: server.host.clone(), port: wishes.from.unwrap_or(server.port - 1) };
                self.data(&from, &End { host: client.host, port: parse(port)? }, &wishes)
            }
            ("@pas", [from, to, rest @ ..]) => {
                let (client, server) = self.control()?;
                let from = End { host: client.host, port: parse(from)? };
                let wishes = Wishes::parse(self, rest)?;
                self.data(&from, &End { host: server.host, port: parse(to)? }, &wishes)
            }
            ("@quit", []) => {
                let (client, server) = self.control()?;
                self.say_line(&client.host, "QUIT")?;
                self.say_line(&server.host, "221 Goodbye.")?;
                self.close(&server, &client, Close::Opener)
            }
            _ => Err(format!("no macro is written {name} {}", words.join(" "))),
        }
    }

    /// Handshake, greeting, USER, PASS. `isn=A,B` sets the initial sequence numbers.
    fn login(&mut self, client: &str, server: &str, rest: &[&str]) -> Result<(), String> {
        let (client, server) = (self.end(client)?, self.end(server)?);
        let wishes = Wishes::parse(self, rest)?;
        self.open(&client, &server, &wishes)?;
        self.controls.push((client.clone(), server.clone()));
        self.say_line(&server.host, wishes.greeting.as_deref().unwrap_or("220 Ready."))?;
        self.say_line(&client.host, "USER a")?;
        self.say_line(&server.host, "331 Password required.")?;
        self.say_line(&client.host, "PASS b")?;
        self.say_line(&server.host, "230 Logged in.")
    }

    /// PORT or EPRT with the client's control address, or the address given, and its 200.
    fn port(&mut self, port: u16, rest: &[&str]) -> Result<(), String> {
        let (client, server) = self.control()?;
        let address = match rest {
            [] => self.named(&client.host)?.ip,
            [address] => address.parse().map_err(|_| format!("{address} is no IP address"))?,
            _ => return Err("@port PORT [ADDRESS]".into()),
        };
        match address {
            IpAddr::V4(ip) => {
                self.say_line(&client.host, &format!("PORT {}", six(ip.octets(), port)))?;
                self.say_line(&server.host, "200 PORT command successful.")
            }
            IpAddr::V6(ip) => {
                self.say_line(&client.host, &format!("EPRT |2|{ip}|{port}|"))?;
                self.say_line(&server.host, "200 EPRT command successful.")
            }
        }
    }

    /// PASV and its 227, or EPSV and its 229; with the server's control address, or the address given.
    fn pasv(&mut self, port: u16, rest: &[&str]) -> Result<(), String> {
        let (client, server) = self.control()?;
        let address = match rest {
            [] => self.named(&server.host)?.ip,
            [address] => address.parse().map_err(|_| format!("{address} is no IP address"))?,
            _ => return Err("@pasv PORT [ADDRESS]".into()),
        };
        match address {
            IpAddr::V4(ip) => {
                self.say_line(&client.host, "PASV")?;
                self.say_line(&server.host, &format!("227 Entering Passive Mode ({})", six(ip.octets(), port)))
            }
            IpAddr::V6(_) => {
                self.say_line(&client.host, "EPSV")?;
                self.say_line(&server.host, &format!("229 Entering Extended Passive Mode (|||{port}|)"))
            }
        }
    }

    fn open(&mut self, from: &End, to: &End, wishes: &Wishes) -> Result<(), String> {
        let with =
            |seq: Option<u32>| Overrides { seq: seq.map(super::script::Number::Absolute), ..wishes.rest.clone() };
        self.segment(from, to, SYN, &[], &with(wishes.isn.map(|isn| isn.0)))?;
        self.segment(to, from, SYN | ACK, &[], &with(wishes.isn.map(|isn| isn.1)))?;
        self.segment(from, to, ACK, &[], &wishes.rest)
    }

    /// Handshake, 150, data, close, 226: from whoever opens to whoever accepts. The server is who speaks port 21.
    fn data(&mut self, from: &End, to: &End, wishes: &Wishes) -> Result<(), String> {
        let (client, server) = self.control()?;
        self.open(from, to, wishes)?;
        self.say_line(&server.host, "150 Opening data connection.")?;
        let (sender, receiver) = if wishes.up == (from.host == client.host) { (from, to) } else { (to, from) };
        let mut left = wishes.data;
        while left > 0 {
            let len = left.min(1460);
            self.segment(sender, receiver, PSH | ACK, &vec![b'x'; len], &wishes.rest)?;
            left -= len;
        }
        self.close(from, to, wishes.close)?;
        if wishes.close == Close::Open { Ok(()) } else { self.say_line(&server.host, "226 Transfer complete.") }
    }

    fn close(&mut self, from: &End, to: &End, close: Close) -> Result<(), String> {
        let usual = Overrides::default();
        let behind = Overrides { ack: Some(super::script::Number::Relative(-1)), ..Overrides::default() };
        let mut fins = |first: &End, second: &End| {
            self.segment(first, second, FIN | ACK, &[], &usual)?;
            self.segment(second, first, FIN | ACK, &[], &usual)?;
            self.segment(first, second, ACK, &[], &usual)
        };
        match close {
            Close::Opener => fins(from, to),
            Close::Accepter => fins(to, from),
            Close::Both => {
                self.segment(from, to, FIN | ACK, &[], &usual)?;
                self.segment(to, from, FIN | ACK, &[], &behind)?;
                self.segment(from, to, ACK, &[], &usual)?;
                self.segment(to, from, ACK, &[], &usual)
            }
            Close::Reset => {
                self.segment(from, to, FIN | ACK, &[], &usual)?;
                self.segment(to, from, RST | ACK, &[], &usual)
            }
            Close::Half => {
                self.segment(from, to, FIN | ACK, &[], &usual)?;
                self.segment(to, from, ACK, &[], &usual)
            }
            Close::Open => Ok(()),
        }
    }
}

/// The wishes that macros take as `name=value`.
struct Wishes {
    isn: Option<(u32, u32)>,
    from: Option<u16>,
    data: usize,
    up: bool,
    close: Close,
    greeting: Option<String>,
    rest: Overrides,
}

impl Wishes {
    fn parse(script: &Script, words: &[&str]) -> Result<Self, String> {
        let mut wishes = Self {
            isn: None,
            from: None,
            data: 6,
            up: false,
            close: Close::Opener,
            greeting: None,
            rest: Overrides::default(),
        };
        for word in words {
            match word.split_once('=') {
                Some(("isn", pair)) => {
                    let (a, b) = pair.split_once(',').ok_or("isn= takes two numbers")?;
                    wishes.isn = Some((parse(a)?, parse(b)?));
                }
                Some(("from", port)) => wishes.from = Some(parse(port)?),
                Some(("data", len)) => wishes.data = parse(len)?,
                Some(("greeting", text)) => wishes.greeting = Some(text.replace('_', " ")),
                Some(("close", close)) => {
                    wishes.close = match close {
                        "opener" => Close::Opener,
                        "accepter" => Close::Accepter,
                        "both" => Close::Both,
                        "rst" => Close::Reset,
                        "half" => Close::Half,
                        "open" => Close::Open,
                        _ => return Err(format!("nothing closes by {close}")),
                    }
                }
                None if *word == "up" => wishes.up = true,
                _ => script.override_word(word, &mut wishes.rest)?,
            }
        }
        Ok(wishes)
    }
}

/// The six numbers of PORT and 227.
fn six(ip: [u8; 4], port: u16) -> String {
    let [high, low] = port.to_be_bytes();
    let [a, b, c, d] = ip;
    format!("{a},{b},{c},{d},{high},{low}")
}
