//! Packet scripts of the evidence model (9.4 to 9.7) with their near misses, and the bounds.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::{How, Network, Place, RouterSign, SameHost, VirtualKind};
use crate::frame::{CaptureId, FrameNo, InterfaceId, Stamp, Timestamp};
use crate::wire::{Arp, ArpOperation, IpHeader, Link, Mac, NdKind, NeighborDiscovery, Wrapping};

const BROADCAST: Mac = Mac([0xff; 6]);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// `0c` is 02:00:00:00:00:0c.
fn mac(text: &str) -> Mac {
    let octets: Vec<u8> = text.split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
    <[u8; 6]>::try_from(octets.as_slice()).map_or_else(|_| Mac([2, 0, 0, 0, 0, octets[0]]), Mac)
}

fn place(interface: u32) -> Place {
    Place { capture: CaptureId(0), interface: InterfaceId(interface), wrapping: Wrapping::NONE, if_index: None }
}

fn stamp(number: usize, seconds: f64) -> Stamp {
    Stamp::new(CaptureId(0), FrameNo(number as u64), Timestamp(1_000_000_000_000_000_000).plus_seconds(seconds))
}

/// One packet a line, numbered from 1: `TIME ifN MAC reply IP to IP`, `... announce IP`, `... ask IP for IP`,
/// `... probe IP`, or `TIME ifN MAC>MAC IP>IP TTL`.
fn network(script: &str) -> Network {
    let mut network = Network::new();
    for (index, line) in script.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = stamp(index + 1, words[0].parse().unwrap());
        let place = place(words[1].strip_prefix("if").unwrap().parse().unwrap());
        let (source, destination) = words[2].split_once('>').unwrap_or((words[2], "ff:ff:ff:ff:ff:ff"));
        let (source, destination) = (mac(source), mac(destination));
        let link = Link { source: Some(source), destination: Some(destination), ..Link::default() };
        if let Some((from, to)) = words[3].split_once('>') {
            network.follow(ip(from));
            network.follow(ip(to));
            let header = IpHeader {
                source: ip(from),
                destination: ip(to),
                ttl: words[4].parse().unwrap(),
                identification: None,
                tunnelled: false,
            };
            network.packet(at, place, &link, &header);
            continue;
        }
        let v4 = |word: &str| word.parse::<Ipv4Addr>().unwrap();
        let (operation, sender_ip, target_ip) = match words[3] {
            "reply" => (ArpOperation::Reply, v4(words[4]), v4(words[6])),
            "announce" => (ArpOperation::Request, v4(words[4]), v4(words[4])),
            "ask" => (ArpOperation::Request, v4(words[4]), v4(words[6])),
            "probe" => (ArpOperation::Request, Ipv4Addr::UNSPECIFIED, v4(words[4])),
            other => panic!("{other}"),
        };
        let arp = Arp { operation, sender_mac: source, sender_ip, target_mac: Mac([0; 6]), target_ip };
        network.arp(at, place, &link, &arp);
    }
    network
}

fn numbers(frames: &[Stamp]) -> Vec<u64> {
    frames.iter().map(|at| at.number.0).collect()
}

// 9.4: same host

#[test]
fn one_mac_that_owns_and_sends_both_addresses_is_one_host() {
    let network = network(
        "0.0 if0 0c>01 reply 10.0.0.10 to 10.0.0.1
         0.1 if0 0c>01 reply 172.16.5.10 to 172.16.5.1
         0.2 if0 0c>01 10.0.0.10>10.9.0.21 64",
    );
    let SameHost::Proven { why, frames } = network.same_host(ip("172.16.5.10"), ip("10.0.0.10")) else { panic!() };
    assert_eq!(why, "02:00:00:00:00:0c has both addresses");
    assert_eq!(numbers(&frames), [1, 2]);
}

#[test]
fn a_mac_that_only_answers_for_both_may_be_a_proxy() {
    let network = network(
        "0.0 if0 0c>01 reply 10.0.0.10 to 10.0.0.1
         0.1 if0 0c>01 reply 172.16.5.10 to 172.16.5.1",
    );
    assert!(matches!(network.same_host(ip("172.16.5.10"), ip("10.0.0.10")), SameHost::Probable { .. }));
}

#[test]
fn two_macs_on_one_segment_are_two_hosts() {
    let network = network(
        "0.0 if0 0c>01 reply 10.0.0.10 to 10.0.0.1
         0.1 if0 99>01 reply 172.16.5.10 to 172.16.5.1",
    );
    assert!(matches!(network.same_host(ip("172.16.5.10"), ip("10.0.0.10")), SameHost::Refuted { .. }));
}

#[test]
fn two_macs_on_two_segments_tell_nothing() {
    let network = network(
        "0.0 if0 0c>01 reply 10.0.0.10 to 10.0.0.1
         0.1 if1 0d>01 reply 172.16.5.10 to 172.16.5.1",
    );
    assert_eq!(network.same_host(ip("172.16.5.10"), ip("10.0.0.10")), SameHost::Unknown);
}

#[test]
fn a_router_is_not_the_host_of_what_it_carries() {
    let network = network(
        "0.0 if0 01>15 10.0.0.10>10.0.0.21 64
         0.1 if0 01>15 172.16.5.10>10.0.0.21 64
         0.2 if0 01>15 192.0.2.1>10.0.0.21 57",
    );
    assert!(matches!(network.is_router(place(0), mac("01")), Some(RouterSign::Forwards(at)) if at.number.0 == 3));
    assert_eq!(network.same_host(ip("172.16.5.10"), ip("10.0.0.10")), SameHost::Unknown);
}

#[test]
fn one_station_that_plays_both_ends_is_neither() {
    let network = network(
        "0.0 if0 01>02 10.0.0.10>10.0.0.21 64
         0.1 if0 01>02 10.0.0.21>10.0.0.10 64
         0.2 if0 01>02 10.0.0.10>10.0.0.21 64
         0.3 if0 01>02 10.0.0.21>10.0.0.10 64
         0.4 if0 01>02 10.0.0.10>10.0.0.21 64
         0.5 if0 01>02 10.0.0.21>10.0.0.10 64",
    );
    assert_eq!(network.same_host(ip("10.0.0.10"), ip("10.0.0.21")), SameHost::Unknown);
    assert_eq!(network.asymmetric(ip("10.0.0.10"), ip("10.0.0.21")), None);
}

#[test]
fn addresses_named_by_the_file_belong_to_its_host() {
    let mut network = Network::new();
    network.interface_addresses(place(0), &[ip("10.0.0.10"), ip("10.0.0.11")]);
    network.interface_addresses(place(1), &[ip("172.16.5.10")]);
    assert!(matches!(network.same_host(ip("10.0.0.10"), ip("10.0.0.11")), SameHost::Proven { .. }));
    assert!(matches!(network.same_host(ip("10.0.0.10"), ip("172.16.5.10")), SameHost::Probable { .. }));
}

#[test]
fn what_the_capturing_host_itself_sends_is_its_own() {
    let mut network = Network::new();
    let mut sent = |number, index, station: &str, from: &str, outgoing| {
        let place = Place { if_index: Some(index), ..place(0) };
        let source = Some(mac(station));
        let link = Link { source, if_index: Some(index), outgoing: Some(outgoing), destination: None };
        let header = IpHeader {
            source: ip(from),
            destination: ip("10.2.0.20"),
            ttl: 64,
            identification: None,
            tunnelled: false,
        };
        network.packet(stamp(number, 0.0), place, &link, &header);
    };
    sent(1, 2, "0c", "10.1.0.10", true);
    sent(2, 3, "0d", "10.3.0.10", true);
    sent(3, 3, "99", "10.4.0.10", false);
    sent(4, 2, "99", "10.4.0.10", true);
    assert!(matches!(network.same_host(ip("10.1.0.10"), ip("10.3.0.10")), SameHost::Proven { .. }));
    assert_eq!(network.same_host(ip("10.1.0.10"), ip("10.4.0.10")), SameHost::Unknown, "bridged");
}

// 9.5: weak end system

const WEAK: &str = "0.0 if0 0c>01 reply 10.0.0.10 to 10.0.0.1
     0.1 if1 0d>02 reply 172.16.5.10 to 172.16.5.1
     1.0 if0 0c>01 172.16.5.10>192.0.2.80 64
     2.0 if0 0c>01 172.16.5.10>192.0.2.80 64
     3.0 if0 0c>01 172.16.5.10>192.0.2.80 64
     4.0 if0 0c>01 10.0.0.10>192.0.2.80 64
     4.1 if0 01>0c 192.0.2.80>10.0.0.10 57";

#[test]
fn a_source_that_lives_on_the_other_interface_is_a_mismatch() {
    let spoofs = network(WEAK).spoofs();
    let [spoof] = spoofs.as_slice() else { panic!("{spoofs:?}") };
    assert_eq!((spoof.ip, spoof.mac, spoof.owner), (ip("172.16.5.10"), mac("0c"), Some(mac("0d"))));
    assert_eq!((spoof.place, spoof.home), (place(0), place(1)));
    assert_eq!(spoof.own, [ip("10.0.0.10")]);
    assert_eq!(numbers(&spoof.sent), [3, 4, 5]);
    assert_eq!(spoof.owned.map(|(how, at)| (how, at.number.0)), Some((How::Reply, 2)));
    assert!(!spoof.is_certain());
}

#[test]
fn an_answer_that_arrives_at_home_proves_one_host() {
    let network = network(&format!("{WEAK}\n 2.5 if1 02>0d 192.0.2.80>172.16.5.10 57"));
    let spoofs = network.spoofs();
    assert!(spoofs[0].is_certain());
    assert_eq!(spoofs[0].returned.map(|at| at.number.0), Some(8));
}

#[test]
fn near_misses_of_a_mismatch_stay_silent() {
    let silent = |why: &str, script: &str| assert_eq!(network(script).spoofs(), [], "{why}");
    silent("secondary address", &format!("{WEAK}\n 5.0 if0 0c>01 reply 172.16.5.10 to 10.0.0.1"));
    silent("its packets arrive here", &format!("{WEAK}\n 5.0 if0 01>0c 192.0.2.80>172.16.5.10 57"));
    silent("a router", &format!("{WEAK}\n 5.0 if0 0c>01 198.51.100.7>192.0.2.80 63"));
    silent("a virtual MAC", &WEAK.replace("0c>", "00:00:5e:00:01:05>"));
    silent("a counted down TTL", &WEAK.replace("172.16.5.10>192.0.2.80 64", "172.16.5.10>192.0.2.80 63"));
    silent("one segment", &WEAK.replace("if1", "if0"));
    silent("the same MAC on both ports of a bridge", &WEAK.replace("0d>", "0c>"));
    silent("leaves its home at the same time", &format!("{WEAK}\n 2.5 if1 0d>02 172.16.5.10>192.0.2.80 64"));
    silent("the new MAC of a bridged host", &format!("{WEAK}\n 6.0 if1 0c>02 172.16.5.10>192.0.2.80 64"));
    silent("a proxy answers at home", &format!("{WEAK}\n 5.0 if1 0d>02 203.0.113.1>172.16.5.1 61"));
    silent(
        "ARP flux",
        "0.0 if0 0c>01 reply 10.0.0.10 to 10.0.0.1
         0.1 if1 0d>02 reply 172.16.5.10 to 172.16.5.1
         1.0 if0 0c ask 172.16.5.10 for 10.0.0.1
         2.0 if0 0c ask 172.16.5.10 for 10.0.0.1",
    );
    silent(
        "no ownership but a request",
        "0.1 if1 0d ask 172.16.5.10 for 172.16.5.1
         1.0 if0 0c>01 172.16.5.10>192.0.2.80 64",
    );
}

#[test]
fn a_route_that_flips_in_mid_session_is_a_mismatch_from_there_on() {
    let spoofs = network(
        "0.0 if0 20>01 reply 10.2.0.20 to 10.2.0.1
         0.1 if0 01>20 10.1.0.10>10.2.0.20 63
         0.2 if0 20>01 10.2.0.20>10.1.0.10 64
         0.3 if0 01>20 10.1.0.10>10.2.0.20 63
         0.4 if1 05 ask 10.2.0.20 for 10.5.0.1
         0.5 if1 05>51 10.2.0.20>10.1.0.10 64
         0.6 if0 01>20 10.1.0.10>10.2.0.20 63",
    )
    .spoofs();
    assert_eq!(numbers(&spoofs[0].sent), [6]);
    assert!(spoofs[0].is_certain());
}

#[test]
fn sll_mixes_segments_and_is_not_judged() {
    let mut network = Network::new();
    for (number, source, index) in [(1, "0c", None), (2, "0d", None), (3, "0c", None), (4, "0d", None)] {
        let link = Link { source: Some(mac(source)), destination: None, if_index: index, outgoing: Some(true) };
        let arp = Arp {
            operation: ArpOperation::Request,
            sender_mac: mac(source),
            sender_ip: Ipv4Addr::new(10, 0, 0, 10),
            target_mac: BROADCAST,
            target_ip: Ipv4Addr::new(10, 0, 0, 10),
        };
        network.arp(stamp(number, 0.1), place(0), &link, &arp);
    }
    assert_eq!((network.moves(), network.conflicts(), network.spoofs()), (vec![], vec![], vec![]));
    assert_eq!(network.owners(ip("10.0.0.10")).len(), 2);
}

// 9.6: a MAC changes

const MOVED: &str = "0.0 if0 0c>15 reply 10.0.0.10 to 10.0.0.21
     1.0 if0 0c>15 10.0.0.10>10.0.0.21 64
     1.1 if0 15>0c 10.0.0.21>10.0.0.10 64
     5.0 if0 0c>15 10.0.0.10>10.0.0.21 64
     6.0 if0 0e>15 10.0.0.10>10.0.0.21 64
     6.1 if0 15>0c 10.0.0.21>10.0.0.10 64
     7.1 if0 15>0c 10.0.0.21>10.0.0.10 64
     8.1 if0 15>0c 10.0.0.21>10.0.0.10 64
     36.0 if0 15 ask 10.0.0.21 for 10.0.0.10
     36.1 if0 0e>15 reply 10.0.0.10 to 10.0.0.21
     36.2 if0 15>0e 10.0.0.21>10.0.0.10 64";

#[test]
fn an_address_that_goes_over_to_a_new_mac_has_moved() {
    let network = network(MOVED);
    let moves = network.moves();
    let [gone] = moves.as_slice() else { panic!("{moves:?}") };
    assert_eq!((gone.ip, gone.old.0, gone.new.0), (ip("10.0.0.10"), mac("0c"), mac("0e")));
    assert_eq!((gone.old.1.last.number.0, gone.at().number.0), (4, 5));
    assert_eq!(gone.announced, None);
    assert!(gone.is_certain());
    assert_eq!(network.conflicts(), []);
}

#[test]
fn a_peer_that_does_not_notice_is_stale_until_it_learns() {
    let stale = network(MOVED).stale_peers();
    let [stale] = stale.as_slice() else { panic!("{stale:?}") };
    assert_eq!((stale.peer, stale.peer_mac), (ip("10.0.0.21"), mac("15")));
    assert_eq!(numbers(&stale.sent.frames()), [6, 7, 8]);
    assert!((stale.seconds() - 2.1).abs() < 0.001);
    assert_eq!(stale.learnt.map(|at| at.number.0), Some(11));
}

#[test]
fn an_announcement_is_reported_and_frames_under_way_are_not_stale() {
    let network = network(
        "0.0 if0 0c>15 reply 10.0.0.10 to 10.0.0.21
         0.1 if0 0c>15 10.0.0.10>10.0.0.21 64
         1.0 if0 0e announce 10.0.0.10
         1.01 if0 15>0c 10.0.0.21>10.0.0.10 64
         1.05 if0 15>0c 10.0.0.21>10.0.0.10 64
         1.1 if0 15>0e 10.0.0.21>10.0.0.10 64",
    );
    assert_eq!(network.moves()[0].announced.map(|at| at.number.0), Some(3));
    assert_eq!(network.stale_peers(), []);
}

#[test]
fn both_ports_of_a_switch_show_one_move() {
    let lines = MOVED.lines().flat_map(|line| [line.to_owned(), line.replace("if0", "if1")]);
    let network = network(&lines.collect::<Vec<_>>().join("\n"));
    assert_eq!(network.moves().len(), 1);
    assert_eq!(network.stale_peers().len(), 1);
    assert_eq!(network.spoofs(), []);
}

#[test]
fn near_misses_of_a_move_stay_silent() {
    let silent = |why: &str, script: &str| {
        let network = network(script);
        assert_eq!((network.moves(), network.stale_peers()), (vec![], vec![]), "{why}");
    };
    silent(
        "a bond alternates",
        "0.0 if0 0c>15 10.0.0.10>10.0.0.21 64
         0.1 if0 0e>15 10.0.0.10>10.0.0.21 64
         0.2 if0 0c>15 10.0.0.10>10.0.0.21 64
         0.3 if0 0e>15 reply 10.0.0.10 to 10.0.0.21
         0.4 if0 0c>15 10.0.0.10>10.0.0.21 64",
    );
    silent(
        "the router of a remote host fails over",
        "0.0 if0 01>15 198.51.100.7>10.0.0.21 57
         0.1 if0 01>15 198.51.100.7>10.0.0.21 57
         1.0 if0 02>15 198.51.100.7>10.0.0.21 57
         1.1 if0 02>15 198.51.100.7>10.0.0.21 57",
    );
    silent(
        "no ARP at all",
        "0.0 if0 0c>15 10.0.0.10>10.0.0.21 64
         0.1 if0 0c>15 10.0.0.10>10.0.0.21 64
         1.0 if0 0e>15 10.0.0.10>10.0.0.21 64
         1.1 if0 0e>15 10.0.0.10>10.0.0.21 64",
    );
    silent(
        "VRRP",
        "0.0 if0 00:00:5e:00:01:05>15 reply 10.0.0.1 to 10.0.0.21
         1.0 if0 01>15 10.0.0.1>10.0.0.21 255
         1.1 if0 01>15 reply 10.0.0.1 to 10.0.0.21",
    );
    silent(
        "a proxy takes over",
        "0.0 if0 0c>15 reply 10.0.0.10 to 10.0.0.21
         0.1 if0 0c>15 10.0.0.10>10.0.0.21 64
         1.0 if0 01>15 reply 10.0.0.10 to 10.0.0.21
         1.1 if0 01>15 10.0.0.10>10.0.0.21 63",
    );
    silent("different segments", "0.0 if0 0c announce 10.0.0.10 \n 1.0 if1 0e announce 10.0.0.10");
}

#[test]
fn invented_macs_say_nothing() {
    let lines: Vec<String> = (0..40_u8)
        .map(|n| {
            let (from, to) = if n % 2 == 0 { (10, 21) } else { (21, 10) };
            format!("{n}.0 if0 02:{n:02x}:11:22:33:44>02:{n:02x}:55:66:77:88 10.0.0.{from}>10.0.0.{to} 64")
        })
        .collect();
    let network = network(&lines.join("\n"));
    assert_eq!((network.moves(), network.stale_peers(), network.conflicts()), (vec![], vec![], vec![]));
    assert_eq!(network.spoofs(), []);
    assert_eq!(network.asymmetric(ip("10.0.0.10"), ip("10.0.0.21")), None);
}

#[test]
fn a_single_request_before_is_no_certain_owner() {
    let moves = network(
        "0.0 if0 0c ask 10.0.0.10 for 10.0.0.21
         1.0 if0 30 announce 10.0.0.10
         1.1 if0 30>15 10.0.0.10>10.0.0.21 64",
    )
    .moves();
    assert_eq!(moves.len(), 1);
    assert!(!moves[0].is_certain());
    assert_eq!(moves[0].old_how, How::RequestSpa);
}

// 9.7: conflict

#[test]
fn two_macs_that_contend_are_a_conflict() {
    let network = network(
        "0.0 if0 0c announce 10.0.0.10
         1.0 if0 99 announce 10.0.0.10
         1.1 if0 0c announce 10.0.0.10
         5.0 if0 99 ask 10.0.0.10 for 10.0.0.1
         5.2 if0 0c>01 10.0.0.10>10.0.0.1 64",
    );
    let conflicts = network.conflicts();
    let [conflict] = conflicts.as_slice() else { panic!("{conflicts:?}") };
    assert!(conflict.certain);
    assert_eq!(conflict.returns, 3);
    assert_eq!(numbers(&conflict.claims[0].1), [1, 3, 5]);
    assert_eq!(numbers(&conflict.claims[1].1), [2, 4]);
    assert_eq!(network.moves(), []);
}

#[test]
fn one_defence_is_a_conflict_but_no_certain_one() {
    let conflicts = network(
        "0.0 if0 0c announce 10.0.0.10
         1.0 if0 99 announce 10.0.0.10
         1.1 if0 0c announce 10.0.0.10",
    )
    .conflicts();
    assert_eq!(conflicts.len(), 1);
    assert!(!conflicts[0].certain);
}

#[test]
fn two_answers_to_one_request_are_a_conflict() {
    let conflicts = network(
        "0.0 if0 15 ask 10.0.0.21 for 10.0.0.10
         0.1 if0 99>15 reply 10.0.0.10 to 10.0.0.21
         0.2 if0 0c>15 reply 10.0.0.10 to 10.0.0.21",
    )
    .conflicts();
    assert_eq!(conflicts[0].answered_twice.map(|frames| numbers(&frames)), Some(vec![1, 2, 3]));
    assert!(!conflicts[0].certain);
}

#[test]
fn near_misses_of_a_conflict_stay_silent() {
    let silent = |why: &str, script: &str| assert_eq!(network(script).conflicts(), [], "{why}");
    silent(
        "a probe that is answered",
        "0.0 if0 99 probe 10.0.0.10
         0.1 if0 0c>99 reply 10.0.0.10 to 0.0.0.0
         0.2 if0 0c>01 10.0.0.10>10.0.0.1 64",
    );
    silent(
        "a router answers for all",
        "0.0 if0 0c announce 10.0.0.10
         1.0 if0 01>15 reply 10.0.0.10 to 10.0.0.21
         1.1 if0 0c announce 10.0.0.10
         1.2 if0 01>15 reply 10.0.0.10 to 10.0.0.21
         1.3 if0 01>15 198.51.100.1>10.0.0.21 57",
    );
    silent(
        "two cards of one host answer for both addresses",
        "0.0 if0 15 ask 10.0.0.21 for 10.0.0.10
         0.1 if0 0c>15 reply 10.0.0.10 to 10.0.0.21
         0.2 if0 0d>15 reply 10.0.0.10 to 10.0.0.21
         1.0 if0 15 ask 10.0.0.21 for 10.0.0.11
         1.1 if0 0c>15 reply 10.0.0.11 to 10.0.0.21
         1.2 if0 0d>15 reply 10.0.0.11 to 10.0.0.21",
    );
    silent(
        "a bond answers each peer with another card",
        "0.0 if0 15 ask 10.0.0.21 for 10.0.0.10
         0.1 if0 0c>15 reply 10.0.0.10 to 10.0.0.21
         0.2 if0 16 ask 10.0.0.22 for 10.0.0.10
         0.3 if0 0d>16 reply 10.0.0.10 to 10.0.0.22
         0.4 if0 0c>15 10.0.0.10>10.0.0.21 64
         0.5 if0 0d>16 10.0.0.10>10.0.0.22 64",
    );
    silent(
        "a card fails over and back, a minute each",
        "0.0 if0 0c announce 10.0.0.10
         60.0 if0 0e announce 10.0.0.10
         120.0 if0 0c announce 10.0.0.10
         180.0 if0 0e announce 10.0.0.10",
    );
    silent(
        "the same answer recorded twice",
        "0.0 if0 15 ask 10.0.0.21 for 10.0.0.10
         0.1 if0 0c>15 reply 10.0.0.10 to 10.0.0.21
         0.1 if0 0c>15 reply 10.0.0.10 to 10.0.0.21",
    );
}

// Questions without answer

#[test]
fn questions_that_nobody_answers_are_counted() {
    let network = network(
        "0.0 if0 15 ask 10.0.0.21 for 10.0.0.77
         1.0 if0 15 ask 10.0.0.21 for 10.0.0.77
         2.0 if0 15 ask 10.0.0.21 for 10.0.0.77
         2.5 if0 16 ask 10.0.0.22 for 10.0.0.77
         9.0 if0 15 ask 10.0.0.21 for 10.0.0.77",
    );
    let query = network.unanswered_queries(ip("10.0.0.77"), stamp(1, 0.0), stamp(4, 3.0)).unwrap();
    assert_eq!((query.asker, query.asker_mac), (ip("10.0.0.21"), mac("15")));
    assert_eq!(numbers(&query.asked), [1, 2, 3]);
    assert_eq!(network.unanswered_queries(ip("10.0.0.78"), stamp(1, 0.0), stamp(4, 3.0)), None);
}

#[test]
fn an_answer_or_any_packet_of_the_target_ends_it() {
    let asked = "0.0 if0 15 ask 10.0.0.21 for 10.0.0.77
         1.0 if0 15 ask 10.0.0.21 for 10.0.0.77";
    for alive in ["1.1 if0 77>15 reply 10.0.0.77 to 10.0.0.21", "0.5 if0 77>15 10.0.0.77>10.0.0.21 63"] {
        let network = network(&format!("{asked}\n{alive}"));
        assert_eq!(network.unanswered_queries(ip("10.0.0.77"), stamp(1, 0.0), stamp(9, 3.0)), None);
    }
}

#[test]
fn probes_and_announcements_ask_nothing() {
    let network = network("0.0 if0 15 probe 10.0.0.77 \n 1.0 if0 15 announce 10.0.0.77");
    assert_eq!(network.unanswered_queries(ip("10.0.0.77"), stamp(1, 0.0), stamp(9, 3.0)), None);
}

// Paths

#[test]
fn directions_through_different_gateways_are_asymmetric() {
    let lines = |n: u32| {
        format!(
            "{n}.0 if0 0c>01 10.0.0.10>192.0.2.21 64
             {n}.1 if0 02>0c 192.0.2.21>10.0.0.10 57\n"
        )
    };
    let script: String = (0..3).map(lines).collect();
    let bent = network(&script).asymmetric(ip("10.0.0.10"), ip("192.0.2.21")).unwrap();
    assert_eq!((bent.there.to_mac, bent.back.from_mac), (Some(mac("01")), mac("02")));
    let redundant = script.replace("0c>01", "0c>00:00:5e:00:01:05");
    assert_eq!(network(&redundant).asymmetric(ip("10.0.0.10"), ip("192.0.2.21")), None, "VRRP");
    let few: String = (0..2).map(lines).collect();
    assert_eq!(network(&few).asymmetric(ip("10.0.0.10"), ip("192.0.2.21")), None, "two packets are no way");
}

#[test]
fn without_receivers_macs_the_interfaces_tell_ways_apart() {
    // SLL2: the capturing host receives on one interface what it answers on another.
    let ways = |there: u32, back: u32| {
        let mut network = Network::new();
        network.follow(ip("10.0.0.10"));
        network.follow(ip("10.0.9.21"));
        for (number, seconds) in [(1, 0.0), (2, 0.1), (3, 1.0), (4, 1.1), (5, 2.0), (6, 2.1)] {
            let answer = number % 2 == 0;
            let (index, station) = if answer { (back, "15") } else { (there, "01") };
            let (source, destination) = if answer { ("10.0.9.21", "10.0.0.10") } else { ("10.0.0.10", "10.0.9.21") };
            let place = Place { if_index: Some(index), ..place(0) };
            let link =
                Link { source: Some(mac(station)), if_index: Some(index), outgoing: Some(answer), destination: None };
            let header = IpHeader {
                source: ip(source),
                destination: ip(destination),
                ttl: 64,
                identification: None,
                tunnelled: false,
            };
            network.packet(stamp(number, seconds), place, &link, &header);
        }
        network.asymmetric(ip("10.0.0.10"), ip("10.0.9.21"))
    };
    let bent = ways(2, 3).unwrap();
    assert_eq!((bent.there.place.if_index, bent.back.place.if_index), (Some(2), Some(3)));
    assert_eq!((bent.there.to_mac, bent.back.to_mac), (None, None));
    assert_eq!(ways(2, 2), None, "one interface both ways");
}

#[test]
fn both_sides_of_a_router_are_symmetric() {
    let lines = |n: u32| {
        format!(
            "{n}.0 if0 0c>01 10.0.0.10>10.1.0.21 64
             {n}.1 if1 02>15 10.0.0.10>10.1.0.21 63
             {n}.2 if1 15>02 10.1.0.21>10.0.0.10 64
             {n}.3 if0 01>0c 10.1.0.21>10.0.0.10 63\n"
        )
    };
    let network = network(&(0..5).map(lines).collect::<String>());
    assert_eq!(network.asymmetric(ip("10.0.0.10"), ip("10.1.0.21")), None);
    assert_eq!(network.spoofs(), []);
    assert_eq!(network.pairs().collect::<Vec<_>>(), [(ip("10.0.0.10"), ip("10.1.0.21"))]);
}

#[test]
fn a_detour_that_is_only_another_leg_is_none() {
    // NAT answers on the second leg with another address.
    let lines = |n: u32| {
        format!(
            "{n}.0 if1 20>01 203.0.113.20>192.168.1.10 64
             {n}.1 if0 02>10 203.0.113.20>192.168.1.10 63
             {n}.2 if0 10>02 192.168.1.10>203.0.113.20 64\n"
        )
    };
    let network = network(&(0..4).map(lines).collect::<String>());
    assert_eq!(network.asymmetric(ip("192.168.1.10"), ip("203.0.113.20")), None);
}

#[test]
fn a_virtual_mac_is_named_once_for_a_host() {
    let uses = network(
        "0.0 if0 0c>00:00:5e:00:01:05 10.0.0.10>192.0.2.21 64
         0.1 if0 0c>00:00:5e:00:01:05 10.0.0.10>192.0.2.21 64",
    )
    .virtual_macs();
    assert_eq!(uses.len(), 2, "both ends");
    assert!(uses.iter().all(|used| used.kind == VirtualKind::Vrrp && used.at.number.0 == 1));
}

// IPv6

#[test]
fn neighbour_advertisements_own_and_solicitations_ask() {
    let mut network = Network::new();
    let link = |source: &str| Link { source: Some(mac(source)), destination: Some(BROADCAST), ..Link::default() };
    let header = |to: &str, ttl| IpHeader {
        source: ip("fe80::1"),
        destination: ip(to),
        ttl,
        identification: None,
        tunnelled: false,
    };
    let message = |kind, source: &str| NeighborDiscovery {
        kind,
        sender: source.parse().unwrap(),
        target: "2001:db8::77".parse().unwrap(),
        link_address: None,
        override_flag: true,
        router: kind == NdKind::Advertisement,
    };
    let ask = message(NdKind::Solicitation, "2001:db8::21");
    network.nd(stamp(1, 0.0), place(0), &link("15"), &header("ff02::1:ff00:77", 255), &ask);
    network.nd(stamp(2, 1.0), place(0), &link("15"), &header("ff02::1:ff00:77", 255), &ask);
    let target = ip("2001:db8::77");
    let query = network.unanswered_queries(target, stamp(1, 0.0), stamp(2, 2.0)).unwrap();
    assert_eq!((query.asker, query.asked.len()), (ip("2001:db8::21"), 2));
    let answer = message(NdKind::Advertisement, "fe80::77");
    network.nd(stamp(3, 1.1), place(0), &link("77"), &header("2001:db8::21", 64), &answer);
    assert_eq!(network.owners(target), [], "not from this link");
    network.nd(stamp(4, 1.2), place(0), &link("77"), &header("2001:db8::21", 255), &answer);
    assert_eq!(network.owners(target)[0].how, How::Reply);
    assert_eq!(network.unanswered_queries(target, stamp(1, 0.0), stamp(4, 2.0)), None);
    assert!(matches!(network.is_router(place(0), mac("77")), Some(RouterSign::Advertises(_))));
    let detection = message(NdKind::Solicitation, "::");
    network.nd(stamp(5, 9.0), place(0), &link("99"), &header("ff02::1:ff00:77", 255), &detection);
    assert_eq!(network.owners(target).len(), 1, "duplicate address detection claims nothing");
}

// Ownership

#[test]
fn claims_are_ranked_by_how_they_are_known() {
    let network = network(
        "0.0 if0 0d ask 10.0.0.10 for 10.0.0.1
         0.1 if0 0c>01 10.0.0.10>10.0.0.1 64
         0.2 if0 0c>01 reply 10.0.0.10 to 10.0.0.1",
    );
    let owners = network.owners(ip("10.0.0.10"));
    assert_eq!(owners[0].mac, mac("0c"));
    assert_eq!((owners[0].how, owners[0].at.number.0, owners[0].count), (How::Reply, 3, 2));
    assert_eq!((owners[1].mac, owners[1].how), (mac("0d"), How::RequestSpa));
    assert_eq!(network.inventory().len(), 2);
}

#[test]
fn a_forged_link_header_makes_a_reply_weak() {
    let mut network = Network::new();
    let link = Link { source: Some(mac("99")), destination: Some(mac("15")), ..Link::default() };
    let arp = Arp {
        operation: ArpOperation::Reply,
        sender_mac: mac("0c"),
        sender_ip: Ipv4Addr::new(10, 0, 0, 10),
        target_mac: mac("15"),
        target_ip: Ipv4Addr::new(10, 0, 0, 21),
    };
    network.arp(stamp(1, 0.0), place(0), &link, &arp);
    assert_eq!(network.owners(ip("10.0.0.10"))[0].how, How::RequestSpa);
}

#[test]
fn hosts_that_nobody_follows_are_booked_once_a_second() {
    let mut network = Network::new();
    let link = Link { source: Some(mac("0c")), destination: Some(mac("15")), ..Link::default() };
    let from = |address| IpHeader {
        source: ip(address),
        destination: ip("10.0.0.21"),
        ttl: 64,
        identification: None,
        tunnelled: false,
    };
    let push = |network: &mut Network, number: u32, address| {
        network.packet(stamp(number as usize, f64::from(number) / 10.0), place(0), &link, &from(address));
    };
    for number in 0..25 {
        push(&mut network, number, "10.0.0.10");
    }
    assert_eq!(network.owners(ip("10.0.0.10"))[0].count, 3, "at 0, 1 and 2 s");
    network.follow(ip("10.0.0.10"));
    for number in 25..30 {
        push(&mut network, number, "10.0.0.10");
    }
    assert_eq!(network.owners(ip("10.0.0.10"))[0].count, 8);
}

/// A packet of hosts that nobody follows, to one of many.
fn stranger(network: &mut Network, (number, seconds): (usize, f64), station: Mac, source: Ipv4Addr, ttl: u8) {
    let link = Link { source: Some(station), destination: Some(mac("15")), ..Link::default() };
    let destination = ip("10.0.0.21");
    let header = IpHeader { source: source.into(), destination, ttl, identification: None, tunnelled: false };
    network.packet(stamp(number, seconds), place(0), &link, &header);
}

#[test]
fn what_a_host_was_before_it_took_part_in_ftp_is_known_when_it_does() {
    let mut network = Network::new();
    let host = Ipv4Addr::new(10, 0, 0, 10);
    for number in 1..=30_u8 {
        stranger(&mut network, (number.into(), f64::from(number) / 10.0), mac("0c"), host, 64);
    }
    let before = network.owners(host.into());
    assert_eq!((before.len(), before[0].mac, before[0].how, before[0].count), (1, mac("0c"), How::SourceFrame, 3));
    assert_eq!(numbers(&[before[0].first, before[0].last]), [1, 21]);
    let arp = Arp {
        operation: ArpOperation::Request,
        sender_mac: mac("0d"),
        sender_ip: host,
        target_mac: Mac([0; 6]),
        target_ip: host,
    };
    let link = Link { source: Some(mac("0d")), destination: Some(BROADCAST), ..Link::default() };
    network.arp(stamp(31, 4.0), place(0), &link, &arp);
    network.follow(host.into());
    stranger(&mut network, (32, 4.1), mac("0d"), host, 64);
    let [moved] = &network.moves()[..] else { panic!("{:?}", network.moves()) };
    assert_eq!((moved.old.0, moved.new.0), (mac("0c"), mac("0d")));
    assert_eq!(numbers(&[moved.old.1.first, moved.old.1.last, moved.new.1.first, moved.new.1.last]), [1, 21, 31, 32]);
}

#[test]
fn an_address_that_goes_back_and_forth_does_so_in_what_is_derived() {
    let mut network = Network::new();
    let host = Ipv4Addr::new(10, 0, 0, 10);
    for (number, station) in (1_u8..).zip(["0c", "0d", "0c"]) {
        stranger(&mut network, (number.into(), f64::from(number) / 10.0), mac(station), host, 64);
    }
    network.follow(host.into());
    stranger(&mut network, (4, 0.4), mac("0c"), host, 64);
    let claims = network.owners(host.into());
    let seen: Vec<_> =
        claims.iter().map(|claim| (claim.mac, claim.count, numbers(&[claim.first, claim.last]))).collect();
    assert_eq!(seen, [(mac("0c"), 3, vec![1, 4]), (mac("0d"), 1, vec![2, 2])]);
    assert_eq!(network.moves(), [], "it is back");
}

#[test]
fn what_lies_behind_a_router_is_not_booked_one_by_one() {
    let (mut forwards, mut shared) = (Network::new(), Network::new());
    for number in 1..=200 {
        let host = Ipv4Addr::from_bits(0x0a00_0100 + u32::try_from(number).unwrap());
        stranger(&mut forwards, (number, 0.0), mac("66"), host, 57);
        stranger(&mut shared, (number, 0.0), mac("66"), host, 64);
    }
    assert_eq!(forwards.addresses(), [] as [IpAddr; 0]);
    assert!(matches!(forwards.is_router(place(0), mac("66")), Some(RouterSign::Forwards(at)) if at.number.0 == 1));
    assert_eq!(shared.addresses().len(), 64);
    assert_eq!(shared.is_router(place(0), mac("66")), Some(RouterSign::ManyAddresses(64)));
}

#[test]
fn a_flood_of_hosts_makes_nobody_forget_a_router() {
    let mut network = Network::new();
    stranger(&mut network, (1, 0.0), mac("66"), Ipv4Addr::new(192, 0, 2, 1), 57);
    for number in 0..100_000_u32 {
        let [_, b, c, d] = number.to_be_bytes();
        let host = Ipv4Addr::from_bits(0x0b00_0000 + number);
        stranger(&mut network, (number as usize + 2, 1.0), Mac([6, 0, 0, b, c, d]), host, 64);
    }
    assert!(matches!(network.is_router(place(0), mac("66")), Some(RouterSign::Forwards(at)) if at.number.0 == 1));
    assert!(network.let_go().addresses > 0 && network.addresses().len() <= super::BINDINGS);
    assert_eq!(network.is_router(place(0), Mac([6, 0, 0, 1, 0x86, 0x9f])), None, "a plain host");
}

// Bounds

#[test]
fn a_flood_is_bounded_and_followed_hosts_survive_it() {
    let mut network = network(
        "0.0 if0 0c>01 reply 10.0.0.10 to 10.0.0.1
         0.1 if0 0c>01 10.0.0.10>10.0.0.21 64",
    );
    network.follow(ip("10.0.0.10"));
    let link = Link { source: Some(mac("66")), destination: Some(mac("01")), ..Link::default() };
    for n in 0..40_000_u32 {
        let from = Ipv4Addr::from_bits(0x0b00_0000 + n);
        let header = IpHeader {
            source: from.into(),
            destination: ip("10.0.0.21"),
            ttl: 64,
            identification: None,
            tunnelled: false,
        };
        let at = stamp(10 + n as usize, 1.0);
        network.packet(at, place(0), &link, &header);
        let arp = Arp {
            operation: ArpOperation::Request,
            sender_mac: mac("66"),
            sender_ip: from,
            target_mac: Mac([0; 6]),
            target_ip: Ipv4Addr::from_bits(0x0c00_0000 + n),
        };
        network.arp(at, place(0), &link, &arp);
    }
    let let_go = network.let_go();
    assert!(let_go.addresses > 0 && let_go.pairs > 0 && let_go.targets > 0);
    assert!(network.inventory().len() <= super::ADDRESSES + super::BINDINGS);
    assert!(network.pairs().count() <= super::PAIRS);
    assert_eq!(network.owners(ip("10.0.0.10"))[0].how, How::Reply);
    assert!(matches!(network.is_router(place(0), mac("66")), Some(RouterSign::ManyAddresses(_))));
}

/// A packet from a small world, so that everything meets everything.
#[derive(Clone, Debug)]
struct Packet {
    interface: u32,
    source: u8,
    destination: u8,
    from: u8,
    to: u8,
    kind: u8,
    ttl: u8,
    outgoing: Option<bool>,
}

fn packet() -> impl Strategy<Value = Packet> {
    let ttl = prop_oneof![Just(64), Just(63), Just(255), any::<u8>()];
    (0..3_u32, 0..5_u8, 0..5_u8, 0..5_u8, 0..5_u8, 0..6_u8, ttl, proptest::option::of(any::<bool>())).prop_map(
        |(interface, source, destination, from, to, kind, ttl, outgoing)| Packet {
            interface,
            source,
            destination,
            from,
            to,
            kind,
            ttl,
            outgoing,
        },
    )
}

fn push(network: &mut Network, number: usize, packet: &Packet) {
    let at = stamp(number, f64::from(u32::try_from(number).unwrap()) / 10.0);
    let station = |n: u8| Mac([if n == 4 { 0 } else { 2 }, 0, if n == 4 { 0x5e } else { 0 }, 0, 1, n]);
    let host = |n: u8| if n == 0 { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::new(10, 0, 0, n) };
    let place = place(packet.interface);
    let link = Link {
        source: Some(station(packet.source)),
        destination: packet.outgoing.is_none().then(|| station(packet.destination)),
        if_index: None,
        outgoing: packet.outgoing,
    };
    let header = IpHeader {
        source: host(packet.from).into(),
        destination: host(packet.to).into(),
        ttl: packet.ttl,
        identification: None,
        tunnelled: false,
    };
    match packet.kind {
        kind @ 0..=1 => {
            let operation = if kind == 0 { ArpOperation::Request } else { ArpOperation::Reply };
            let arp = Arp {
                operation,
                sender_mac: station(packet.source),
                sender_ip: host(packet.from),
                target_mac: station(packet.destination),
                target_ip: host(packet.to),
            };
            network.arp(at, place, &link, &arp);
        }
        _ => {
            network.packet(at, place, &link, &header);
        }
    }
}

proptest! {
    /// Whatever comes, the queries answer, in the same words twice, and what excludes each other is not said together.
    #[test]
    fn any_traffic_gives_consistent_answers(packets in proptest::collection::vec(packet(), 0..200)) {
        let run = || {
            let mut network = Network::new();
            for (index, packet) in packets.iter().enumerate() {
                push(&mut network, index + 1, packet);
            }
            network
        };
        let (network, again) = (run(), run());
        prop_assert_eq!(network.spoofs(), again.spoofs());
        prop_assert_eq!(network.stale_peers(), again.stale_peers());
        prop_assert_eq!(network.virtual_macs(), again.virtual_macs());
        prop_assert_eq!(network.inventory(), again.inventory());
        let (moves, conflicts) = (network.moves(), network.conflicts());
        prop_assert_eq!(&moves, &again.moves());
        prop_assert_eq!(&conflicts, &again.conflicts());
        for moved in &moves {
            prop_assert!(moved.old.1.last < moved.at());
            prop_assert!(!conflicts.iter().any(|conflict| (conflict.ip, conflict.place) == (moved.ip, moved.place)));
        }
        for spoof in network.spoofs() {
            prop_assert!(spoof.place != spoof.home && Some(spoof.mac) != spoof.owner);
            prop_assert!(!spoof.sent.is_empty() && spoof.sent.len() <= 12);
            prop_assert!(network.is_router(spoof.place, spoof.mac).is_none());
        }
        for a in 1..5 {
            for b in 1..5 {
                let (a, b) = (Ipv4Addr::new(10, 0, 0, a).into(), Ipv4Addr::new(10, 0, 0, b).into());
                prop_assert_eq!(network.same_host(a, b), again.same_host(a, b));
                prop_assert_eq!(network.asymmetric(a, b), again.asymmetric(a, b));
                let query = network.unanswered_queries(a, stamp(1, 0.0), stamp(200, 20.0));
                prop_assert!(query.is_none_or(|query| !query.asked.is_empty()));
            }
        }
    }
}
