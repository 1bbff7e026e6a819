//! Packet scripts: text in, packets and a capture file out. `fixtures/README.md` is the manual.
//!
//! One statement a line; an error names file and line. Knows TCP well enough to fill in numbers, and FTP only as
//! macros (`spoken`).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::connection::{Book, Stack, parse_flags, timestamp_options};
use super::container::{Compression, Container, Format, Interface};
use super::packet::{ACK, BROADCAST, Body, Fragment, Ip, Link, Mac, PSH, Packet, Payload, SYN, Tcp};
use super::transform::Transform;

/// 2024-03-01T12:00:00Z
pub const START: i64 = 1_709_294_400_000_000_000;
const MILLISECOND: i64 = 1_000_000;

/// A script turned into a capture.
pub struct Rendered {
    pub file: Vec<u8>,
    pub extension: &'static str,
    pub packets: Vec<Packet>,
    /// The frame that each mark stands for; of several copies the first.
    pub marks: BTreeMap<String, u64>,
}

/// Renders the script at `path`.
pub fn render(path: &Path) -> Result<Rendered, String> {
    let mut script = Script::new();
    script.include(path, None)?;
    script.finish()
}

/// A script that comes in pieces: what it plays need not fit into memory.
pub struct Playing(Script);

impl Playing {
    pub fn new() -> Self {
        Self(Script::new())
    }

    /// The packets of the next statements, which include nothing and transform nothing.
    pub fn read(&mut self, text: &str) -> Result<Vec<Packet>, String> {
        self.0.read(text, Path::new("script"))?;
        Ok(std::mem::take(&mut self.0.packets))
    }
}

/// Renders a script given as text, which includes nothing.
pub fn render_text(text: &str) -> Result<Rendered, String> {
    let mut script = Script::new();
    script.read(text, Path::new("script"))?;
    script.finish()
}

/// Its packets.
pub fn play(text: &str) -> Result<Vec<Packet>, String> {
    render_text(text).map(|rendered| rendered.packets)
}

#[derive(Clone, Debug)]
pub(super) struct Host {
    pub ip: IpAddr,
    pub mac: Mac,
    pub ttl: u8,
    pub stack: Stack,
    pub interface: Option<usize>,
    /// How long after the packet before its own packets come, when it is not near the capture.
    pub lag: Option<i64>,
    /// The last IP identification used.
    pub id: u16,
}

/// A host's name and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub host: String,
    pub port: u16,
}

/// What a packet line may override.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides {
    pub seq: Option<Number>,
    pub ack: Option<Number>,
    pub ttl: Option<u8>,
    pub window: Option<u16>,
    pub urgent: Option<u16>,
    pub id: Option<u16>,
    pub macs: Option<(Mac, Mac)>,
    pub interface: Option<usize>,
    pub timestamps: Option<bool>,
    /// TSval and TSecr as they are written.
    pub timestamp_values: Option<(u32, u32)>,
    pub fragment: Option<(usize, bool)>,
    pub vlan: Option<u16>,
    pub lost: bool,
    pub bad_checksum: bool,
}

/// A sequence number as a script may write it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Absolute(u32),
    /// From what it would be.
    Relative(i64),
    /// Where the incarnation before this one ended.
    Old,
}

pub(super) struct Script {
    pub hosts: BTreeMap<String, Host>,
    pub book: Book,
    pub controls: Vec<(End, End)>,
    pub packets: Vec<Packet>,
    container: Container,
    interfaces_named: bool,
    transforms: Vec<Transform>,
    /// The true time of the last packet, and how far the capture's clock is off.
    clock: i64,
    skew: i64,
    gap: Option<i64>,
    step: i64,
    vlan: Option<u16>,
}

impl Script {
    fn new() -> Self {
        let only = Interface { name: "eth0".into(), link: Link::Ethernet, addresses: Vec::new(), dropped: None };
        Self {
            hosts: BTreeMap::new(),
            book: Book::default(),
            controls: Vec::new(),
            packets: Vec::new(),
            container: Container {
                format: Format::parse("pcap").expect("known"),
                interfaces: vec![only],
                snap_len: 0,
                compression: Compression::None,
                cut: 0,
            },
            interfaces_named: false,
            transforms: Vec::new(),
            clock: START,
            skew: 0,
            gap: Some(0),
            step: MILLISECOND,
            vlan: None,
        }
    }

    /// The statements of a file; `value` takes the place of each % in them.
    fn include(&mut self, path: &Path, value: Option<&str>) -> Result<(), String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        self.read(&value.map_or_else(|| text.clone(), |value| text.replace('%', value)), path)
    }

    fn read(&mut self, text: &str, path: &Path) -> Result<(), String> {
        let folder = path.parent().unwrap_or(Path::new("."));
        for (index, line) in text.lines().enumerate() {
            self.line(line.trim(), folder).map_err(|e| format!("{}:{}: {e}", path.display(), index + 1))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Rendered, String> {
        let mut packets = self.packets;
        for transform in &self.transforms {
            packets = transform.apply(packets)?;
        }
        let mut marks = BTreeMap::new();
        for (packet, number) in packets.iter().zip(1..) {
            for mark in &packet.marks {
                marks.entry(mark.clone()).or_insert(number);
            }
        }
        let file = self.container.write(&packets);
        Ok(Rendered { file, extension: self.container.extension(), packets, marks })
    }

    fn line(&mut self, line: &str, folder: &Path) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(rest) = line.strip_prefix('+') {
            let (gap, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            self.gap = Some(duration(gap)?);
            return self.line(rest.trim(), folder);
        }
        if let Some(rest) = line.strip_prefix('=') {
            let (time, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            self.gap = Some(START + duration(time)? - self.clock);
            return self.line(rest.trim(), folder);
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let words: Vec<&str> = rest.split_whitespace().collect();
        if let Some(name) = word.strip_suffix(">>") {
            return self.say(name, &unescape(rest)?);
        }
        if let Some(name) = word.strip_suffix('>').filter(|name| !name.contains(':')) {
            return self.say(name, &[unescape(rest)?, b"\r\n".to_vec()].concat());
        }
        if word.starts_with('@') {
            return self.macro_line(word, &words);
        }
        match (word, &words[..]) {
            ("include", [name]) => self.include(&folder.join(name), None),
            ("include", [name, "with", value]) => self.include(&folder.join(name), Some(value)),
            ("host", [name, ip, mac, rest @ ..]) => self.host(name, ip, mac, rest),
            ("link", [name]) => {
                self.container.interfaces[0].link =
                    Link::parse(name).ok_or(format!("no link type is called {name}"))?;
                Ok(())
            }
            ("format", [name]) => {
                self.container.format = Format::parse(name).ok_or(format!("no format is called {name}"))?;
                Ok(())
            }
            ("compress", [name]) => {
                self.container.compression =
                    Compression::parse(name).ok_or(format!("no compression is called {name}"))?;
                Ok(())
            }
            ("cut", [bytes]) => parse(bytes).map(|bytes| self.container.cut = bytes),
            ("snaplen", [bytes]) => parse(bytes).map(|bytes| self.container.snap_len = bytes),
            ("interface", [name, rest @ ..]) => self.interface(name, rest),
            ("drops", [name, count]) => {
                let index = self.interface_index(name)?;
                self.container.interfaces[index].dropped = Some(parse(count)?);
                Ok(())
            }
            ("vlan", ["off"]) => {
                self.vlan = None;
                Ok(())
            }
            ("vlan", [id]) => parse(id).map(|id| self.vlan = Some(id)),
            ("step", [time]) => duration(time).map(|time| self.step = time),
            ("clock", [by]) => signed_duration(by).map(|by| self.skew += by),
            ("mark", [name]) => {
                self.packets.last_mut().ok_or("nothing to mark yet")?.marks.push((*name).to_owned());
                Ok(())
            }
            ("repeat", [range, ..]) => self.repeat(range, rest.strip_prefix(range).unwrap_or(rest).trim(), folder),
            ("use", [client, server]) => {
                let pair = (self.end(client)?, self.end(server)?);
                self.controls.retain(|control| *control != pair);
                self.controls.push(pair);
                Ok(())
            }
            ("transform", _) => Transform::parse(&words).map(|transform| self.transforms.push(transform)),
            ("icmp", [from, ">", to, what, "about", rest @ ..]) => self.icmp(from, to, what, rest),
            ("arp", [host, rest @ ..]) => self.arp(host, rest),
            ("nd", [host, what, about, rest @ ..]) => self.nd(host, what, about, rest),
            ("udp", [from, ">", to, rest @ ..]) => self.udp(from, to, &rest.join(" ")),
            ("frame", _) => {
                let bytes = from_hex(&words.concat())?;
                self.emit("", 0, [0; 6], [0; 6], Body::Frame(bytes));
                Ok(())
            }
            (from, [">", to, ..]) => {
                let rest = rest.strip_prefix('>').unwrap_or(rest).trim_start();
                let rest = rest.strip_prefix(to).unwrap_or(rest);
                self.segment_line(from, to, rest.trim())
            }
            _ => Err(format!("cannot read `{line}`")),
        }
    }

    /// `repeat 2000..2100 C:% > S:80 S`: the statement once for each number, which takes the place of %.
    fn repeat(&mut self, range: &str, statement: &str, folder: &Path) -> Result<(), String> {
        let (first, end) = range.split_once("..").ok_or("repeat FIRST..END STATEMENT")?;
        for number in parse::<u32>(first)?..parse(end)? {
            self.line(&statement.replace('%', &number.to_string()), folder)?;
        }
        Ok(())
    }

    // --- what is being captured -------------------------------------------------------------------------------

    fn host(&mut self, name: &str, ip: &str, mac: &str, rest: &[&str]) -> Result<(), String> {
        let mut host = Host {
            ip: ip.parse().map_err(|_| format!("{ip} is no IP address"))?,
            mac: parse_mac(mac)?,
            ttl: 64,
            stack: Stack::Plain,
            interface: None,
            lag: None,
            id: ip.bytes().fold(0x1000, |id, byte| u16::wrapping_mul(id, 31).wrapping_add(byte.into())),
        };
        for pair in rest.chunks(2) {
            match pair {
                ["ttl", ttl] => host.ttl = parse(ttl)?,
                ["stack", stack] => host.stack = Stack::parse(stack).ok_or(format!("no stack is called {stack}"))?,
                ["lag", time] => host.lag = Some(duration(time)?),
                ["on", interface] => host.interface = Some(self.interface_index(interface)?),
                other => return Err(format!("a host has no {}", other.join(" "))),
            }
        }
        self.hosts.insert(name.to_owned(), host);
        Ok(())
    }

    fn interface(&mut self, name: &str, rest: &[&str]) -> Result<(), String> {
        let mut interface =
            Interface { name: name.to_owned(), link: Link::Ethernet, addresses: Vec::new(), dropped: None };
        for word in rest {
            match (Link::parse(word), word.parse()) {
                (Some(link), _) => interface.link = link,
                (None, Ok(address)) => interface.addresses.push(address),
                (None, Err(_)) => return Err(format!("{word} is neither a link type nor an address")),
            }
        }
        if !std::mem::replace(&mut self.interfaces_named, true) {
            self.container.interfaces.clear();
        }
        self.container.interfaces.push(interface);
        Ok(())
    }

    fn interface_index(&self, name: &str) -> Result<usize, String> {
        let found = self.container.interfaces.iter().position(|interface| interface.name == name);
        found.ok_or(format!("no interface is called {name}"))
    }

    /// A host that is only an address needs no line of its own.
    fn know_by_address(&mut self, end: &str) -> Result<(), String> {
        let Some((name, _)) = end.split_once(':') else { return Ok(()) };
        if self.hosts.contains_key(name) || name.parse::<IpAddr>().is_err() {
            return Ok(());
        }
        self.host(name, name, "02:00:00:00:00:01", &[])
    }

    pub fn named(&self, name: &str) -> Result<&Host, String> {
        self.hosts.get(name).ok_or(format!("no host is called {name}"))
    }

    pub fn end(&self, text: &str) -> Result<End, String> {
        let (host, port) = text.split_once(':').ok_or(format!("{text} is not HOST:PORT"))?;
        self.named(host)?;
        Ok(End { host: host.to_owned(), port: parse(port)? })
    }

    pub fn socket(&self, end: &End) -> Result<SocketAddr, String> {
        Ok(SocketAddr::new(self.named(&end.host)?.ip, end.port))
    }

    // --- packets ----------------------------------------------------------------------------------------------

    /// How long after the last packet the next one of this host comes.
    fn gap_before(&self, host: &str) -> i64 {
        let lag = self.hosts.get(host).and_then(|host| host.lag);
        self.gap.or(lag).unwrap_or(self.step)
    }

    fn emit(&mut self, sender: &str, interface: usize, from: Mac, to: Mac, body: Body) {
        self.clock += self.gap_before(sender);
        self.gap = None;
        let at = self.clock + self.skew;
        self.packets.push(Packet { at, interface, from, to, vlan: self.vlan, body, lost: false, marks: Vec::new() });
    }

    fn emit_ip(&mut self, from: &str, to: &str, payload: Payload, o: &Overrides) -> Result<(), String> {
        let destination = self.named(to)?.clone();
        let source = self.hosts.get_mut(from).ok_or(format!("no host is called {from}"))?;
        source.id = source.id.wrapping_add(1);
        let ip = Ip {
            source: source.ip,
            destination: destination.ip,
            ttl: o.ttl.unwrap_or(source.ttl),
            id: o.id.unwrap_or(source.id),
            payload,
            fragment: None,
        };
        let interface = o.interface.or(source.interface).or(destination.interface).unwrap_or(0);
        let (source_mac, destination_mac) = o.macs.unwrap_or((source.mac, destination.mac));
        let Some((size, whole)) = o.fragment else {
            self.emit(from, interface, source_mac, destination_mac, Body::Ip(ip));
            if let Some(packet) = self.packets.last_mut() {
                packet.lost = o.lost;
                packet.vlan = o.vlan.or(packet.vlan);
            }
            return Ok(());
        };
        let first = Fragment { start: 0, end: size, more: true };
        let second = Fragment { start: size, end: usize::MAX, more: false };
        for part in if whole { vec![first, second] } else { vec![first] } {
            self.emit(
                from,
                interface,
                source_mac,
                destination_mac,
                Body::Ip(Ip { fragment: Some(part), ..ip.clone() }),
            );
        }
        Ok(())
    }

    fn segment_line(&mut self, from: &str, to: &str, rest: &str) -> Result<(), String> {
        for end in [from, to] {
            self.know_by_address(end)?;
        }
        let (from, to) = (self.end(from)?, self.end(to)?);
        let (rest, data) = match rest.split_once('"') {
            None => (rest, Vec::new()),
            Some((before, quoted)) => {
                let (text, after) = quoted.rsplit_once('"').ok_or("a quote is not closed")?;
                if !after.trim().is_empty() {
                    return Err("nothing may follow the payload".into());
                }
                (before, unescape(text)?)
            }
        };
        let (mut flags, mut data, mut again) = (None, data, false);
        let mut overrides = Overrides::default();
        for word in rest.split_whitespace() {
            match (word.split_once('='), parse_flags(word)) {
                (None, Some(parsed)) => flags = Some(parsed),
                (Some(("len", len)), _) => data = vec![b'x'; parse(len)?],
                (None, None) if word == "again" => again = true,
                _ => self.override_word(word, &mut overrides)?,
            }
        }
        if again {
            return self.again(&from, &to, &overrides);
        }
        let flags = flags.unwrap_or(if data.is_empty() { ACK } else { PSH | ACK });
        self.segment(&from, &to, flags, &data, &overrides)
    }

    pub fn override_word(&self, word: &str, o: &mut Overrides) -> Result<(), String> {
        match word.split_once('=') {
            Some(("seq", value)) => o.seq = Some(number(value)?),
            Some(("ack", value)) => o.ack = Some(number(value)?),
            Some(("ttl", value)) => o.ttl = Some(parse(value)?),
            Some(("win", value)) => o.window = Some(parse(value)?),
            Some(("urg", value)) => o.urgent = Some(parse(value)?),
            Some(("id", value)) => o.id = Some(parse(value)?),
            Some(("on", name)) => o.interface = Some(self.interface_index(name)?),
            Some(("ts", "on")) => o.timestamps = Some(true),
            Some(("ts", "off")) => o.timestamps = Some(false),
            Some(("ts", pair)) => {
                let (value, echo) = pair.split_once('/').ok_or("ts= takes on, off or TSVAL/TSECR")?;
                o.timestamp_values = Some((parse(value)?, parse(echo)?));
            }
            Some(("vlan", id)) => o.vlan = Some(parse(id)?),
            Some(("frag", size)) => o.fragment = Some((parse(size)?, true)),
            Some(("frag-first", size)) => o.fragment = Some((parse(size)?, false)),
            Some(("mac", pair)) => {
                let (from, to) = pair.split_once('>').ok_or("mac= takes FROM>TO")?;
                let mac = |name: &str| self.named(name).map(|host| host.mac).or_else(|_| parse_mac(name));
                o.macs = Some((mac(from)?, mac(to)?));
            }
            None if word == "lost" => o.lost = true,
            None if word == "badsum" => o.bad_checksum = true,
            _ => return Err(format!("a packet has no {word}")),
        }
        Ok(())
    }

    /// Sends one segment, with the numbers that TCP would use unless overridden.
    pub fn segment(&mut self, from: &End, to: &End, flags: u8, data: &[u8], o: &Overrides) -> Result<(), String> {
        let (source, destination) = (self.socket(from)?, self.socket(to)?);
        let stack = self.named(&from.host)?.stack;
        let peer = self.book.direction(destination, source).clone();
        let own = self.book.direction(source, destination).clone();
        let syn = flags & SYN != 0;
        let usual = if syn { self.book.initial() } else { own.next };
        let seq = match o.seq {
            None => usual,
            Some(Number::Absolute(seq)) => seq,
            Some(Number::Relative(by)) => moved(own.next, by),
            Some(Number::Old) => own.old,
        };
        let ack = match o.ack {
            _ if flags & ACK == 0 => 0,
            None => peer.arrived,
            Some(Number::Absolute(ack)) => ack,
            Some(Number::Relative(by)) => moved(peer.arrived, by),
            Some(Number::Old) => peer.old,
        };
        let timestamps = if syn {
            let willing = o.timestamps.unwrap_or(stack == Stack::Linux);
            willing && (flags & ACK == 0 || peer.timestamps)
        } else {
            own.timestamps && peer.timestamps && flags & 0x04 == 0
        };
        let millis = (self.clock + self.gap_before(&from.host) - START) / MILLISECOND;
        let base = u32::from(from.host.bytes().next().unwrap_or(0)) << 20;
        let value = base.wrapping_add(u32::try_from(millis.rem_euclid(1 << 32)).expect("reduced"));
        let usual = timestamps.then_some((value, if flags & ACK == 0 { 0 } else { peer.clock }));
        let pair = o.timestamp_values.or(usual);
        let options = if syn { stack.syn_options(pair) } else { pair.map(timestamp_options).unwrap_or_default() };
        let tcp = Tcp {
            source: from.port,
            destination: to.port,
            seq,
            ack,
            flags,
            window: o.window.unwrap_or(if flags & 0x04 != 0 { 0 } else { 29_200 }),
            urgent: o.urgent.unwrap_or(0),
            options,
            data: data.to_vec(),
            bad_checksum: o.bad_checksum,
        };
        let direction = self.book.direction(source, destination);
        if syn {
            direction.timestamps = timestamps;
        }
        if timestamps {
            direction.clock = value;
        }
        self.emit_ip(&from.host, &to.host, Payload::Tcp(tcp), o)?;
        let packet = self.packets.last().expect("just sent").clone();
        self.book.sent(source, destination, &packet, o.lost);
        Ok(())
    }

    /// The last segment of this direction once more, as a retransmission (a new IP id).
    fn again(&mut self, from: &End, to: &End, o: &Overrides) -> Result<(), String> {
        let (source, destination) = (self.socket(from)?, self.socket(to)?);
        let last = self.book.direction(source, destination).last.clone().ok_or("nothing was sent here yet")?;
        let tcp = last.tcp().expect("only segments are booked").clone();
        let macs = o.macs.or(Some((self.named(&from.host)?.mac, self.named(&to.host)?.mac)));
        self.emit_ip(&from.host, &to.host, Payload::Tcp(tcp), &Overrides { macs, ..o.clone() })
    }

    /// `icmp G > S 3/13 about S:20 > C:5001`: quotes the last segment of that direction.
    fn icmp(&mut self, from: &str, to: &str, what: &str, rest: &[&str]) -> Result<(), String> {
        let ([a, ">", b, options @ ..], Some((kind, code))) = (rest, what.split_once('/')) else {
            return Err("icmp FROM > TO TYPE/CODE about A:PORT > B:PORT".into());
        };
        let (a, b) = (self.socket(&self.end(a)?)?, self.socket(&self.end(b)?)?);
        let quoted = self.book.direction(a, b).last.clone().ok_or("nothing was sent there yet")?;
        let Body::Ip(ip) = quoted.body else { return Err("only IP packets are quoted".into()) };
        let header = if ip.source.is_ipv4() { 20 } else { 40 };
        let mut bytes = vec![0; 4];
        bytes.extend(&ip.bytes()[..header + 8]);
        let mut overrides = Overrides::default();
        for word in options {
            self.override_word(word, &mut overrides)?;
        }
        self.emit_ip(from, to, Payload::Icmp { kind: parse(kind)?, code: parse(code)?, rest: bytes }, &overrides)
    }

    fn udp(&mut self, from: &str, to: &str, data: &str) -> Result<(), String> {
        let (from, to) = (self.end(from)?, self.end(to)?);
        let data = unescape(data.trim_matches('"'))?;
        let payload = Payload::Udp { source: from.port, destination: to.port, data };
        self.emit_ip(&from.host, &to.host, payload, &Overrides::default())
    }

    // --- neighbours -------------------------------------------------------------------------------------------

    /// `arp H asks IP|HOST`, `arp H answers HOST`, `arp H announces`, `arp H probes`; with `ip=`, `mac=`, `to=`, `on=`.
    fn arp(&mut self, name: &str, rest: &[&str]) -> Result<(), String> {
        let host = self.named(name)?.clone();
        let (mut sender_ip, mut sender_mac, mut link_to, mut interface) = (host.ip, host.mac, None, host.interface);
        let mut plain = Vec::new();
        for word in rest {
            match word.split_once('=') {
                Some(("ip", ip)) => sender_ip = self.address(ip)?,
                Some(("mac", mac)) => sender_mac = parse_mac(mac)?,
                Some(("to", mac)) => link_to = Some(parse_mac(mac)?),
                Some(("on", name)) => interface = Some(self.interface_index(name)?),
                Some(_) => return Err(format!("arp has no {word}")),
                None => plain.push(*word),
            }
        }
        let any = IpAddr::from([0, 0, 0, 0]);
        let (operation, sender_ip, target_ip, target_mac, to) = match plain[..] {
            ["asks", target] => (1, sender_ip, self.address(target)?, [0; 6], BROADCAST),
            ["answers", target] => {
                let target = self.named(target)?;
                interface = interface.or(target.interface);
                (2, sender_ip, target.ip, target.mac, target.mac)
            }
            ["announces"] => (1, sender_ip, sender_ip, [0; 6], BROADCAST),
            ["probes"] => (1, any, sender_ip, [0; 6], BROADCAST),
            _ => return Err("arp HOST asks X | answers HOST | announces | probes".into()),
        };
        let (IpAddr::V4(sender), IpAddr::V4(target)) = (sender_ip, target_ip) else {
            return Err("arp is for IPv4".into());
        };
        let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, operation];
        bytes.extend(sender_mac);
        bytes.extend(sender.octets());
        bytes.extend(target_mac);
        bytes.extend(target.octets());
        self.emit(name, interface.unwrap_or(0), sender_mac, link_to.unwrap_or(to), Body::Arp(bytes));
        Ok(())
    }

    /// `nd H asks TARGET`, `nd H answers ASKER`.
    fn nd(&mut self, name: &str, what: &str, about: &str, rest: &[&str]) -> Result<(), String> {
        let host = self.named(name)?.clone();
        let v6 = |ip: IpAddr| match ip {
            IpAddr::V6(ip) => Ok(ip.octets()),
            IpAddr::V4(_) => Err("nd is for IPv6"),
        };
        let mut overrides = Overrides { ttl: Some(255), ..Overrides::default() };
        for word in rest {
            self.override_word(word, &mut overrides)?;
        }
        let (kind, target, flags, option) = match what {
            "asks" => (135, v6(self.address(about)?)?, 0, 1),
            "answers" => (136, v6(host.ip)?, 0x60, 2),
            _ => return Err("nd HOST asks TARGET | answers ASKER".into()),
        };
        let mut bytes = vec![flags, 0, 0, 0];
        bytes.extend(target);
        bytes.extend([option, 1]);
        bytes.extend(host.mac);
        // A solicitation goes to the target itself: what unicast reachability probes do, and enough for a decoder.
        self.emit_ip(name, about, Payload::Icmp { kind, code: 0, rest: bytes }, &overrides)
    }

    fn address(&self, text: &str) -> Result<IpAddr, String> {
        self.hosts.get(text).map(|host| host.ip).or(text.parse().ok()).ok_or(format!("{text} is no host or address"))
    }
}

fn moved(from: u32, by: i64) -> u32 {
    u32::try_from((i64::from(from) + by).rem_euclid(1 << 32)).expect("reduced")
}

fn number(text: &str) -> Result<Number, String> {
    Ok(match text {
        "old" => Number::Old,
        _ if text.starts_with(['+', '-']) => Number::Relative(parse(text)?),
        _ => Number::Absolute(parse(text)?),
    })
}

pub(super) fn parse<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no number that fits here"))
}

fn parse_mac(text: &str) -> Result<Mac, String> {
    let wrong = || format!("{text} is no MAC address");
    let bytes: Vec<u8> =
        text.split(':').map(|part| u8::from_str_radix(part, 16)).collect::<Result<_, _>>().map_err(|_| wrong())?;
    bytes.try_into().map_err(|_| wrong())
}

/// `20s`, `0.2ms`, `5us`, in nanoseconds.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    let (value, unit) = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)]
        .iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, unit)))
        .ok_or(format!("{text} has no unit (s, ms, us, ns)"))?;
    #[expect(clippy::cast_possible_truncation, reason = "scripts last minutes")]
    parse::<f64>(value).map(|value| (value * unit).round() as i64)
}

fn signed_duration(text: &str) -> Result<i64, String> {
    match text.strip_prefix('-') {
        Some(text) => duration(text).map(|time| -time),
        None => duration(text.trim_start_matches('+')),
    }
}

fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    text.as_bytes().chunks(2).map(|pair| byte(pair).ok_or("not hexadecimal".to_owned())).collect()
}

/// `\r \n \t \\ \" \xNN` as bytes; everything else as it stands.
pub(super) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        out.push(match rest.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('\\') => b'\\',
            Some('"') => b'"',
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).map_err(|_| format!("\\x{digits} is no byte"))?
            }
            other => return Err(format!("\\{} means nothing", other.unwrap_or(' '))),
        });
    }
    Ok(out)
}
