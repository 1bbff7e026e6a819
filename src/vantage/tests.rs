//! Each clue alone.

use super::Vantage;
use crate::facts::Facts;
use crate::facts::testing::host;
use crate::finding::Party;
use crate::flow::script::{C, S, play, stamp};
use crate::flow::{Connection, End};
use crate::frame::{CaptureId, InterfaceId};
use crate::network::{Network, Place};
use crate::record::Nearness::{Adjacent, At, Far, Near, Unknown};
use crate::wire::{Arp, ArpOperation, Link, Mac, Wrapping};

const CLIENTS: Mac = Mac([2, 0, 0, 0, 0, 0x0c]);

/// A handshake whose SYN-ACK and ACK come at these seconds, with these TTLs; no MACs.
fn control(syn_ack: f64, ack: f64, ttls: [u8; 2]) -> Connection {
    let [client, server] = ttls;
    let script = format!(
        "=0.0s C:5001 > S:20 S seq=100 ttl={client}
         ={syn_ack}s S:20 > C:5001 SA seq=200 ack=101 ttl={server}
         ={ack}s C:5001 > S:20 A seq=101 ack=201 ttl={client}"
    );
    let mut connection = play(&script).only().clone();
    connection.from_origin.first_mac = None;
    connection.from_target.first_mac = None;
    connection
}

fn judged(control: &Connection) -> Vantage {
    Vantage::of(control, End::Origin, &Network::new(), &Facts::default())
}

fn ends(vantage: &Vantage) -> (crate::record::Nearness, crate::record::Nearness) {
    (vantage.client, vantage.server)
}

/// A neighbourhood in which `CLIENTS` answers for the client.
fn arp() -> Network {
    arp_by(CLIENTS)
}

/// A neighbourhood in which that MAC answers for the client.
fn arp_by(mac: Mac) -> Network {
    let mut network = Network::new();
    let place = Place { capture: CaptureId(0), interface: InterfaceId(0), wrapping: Wrapping::NONE, if_index: None };
    let (std::net::IpAddr::V4(client), std::net::IpAddr::V4(server)) = (C, S) else { return network };
    let link = Link { source: Some(mac), ..Link::default() };
    let reply = Arp {
        operation: ArpOperation::Reply,
        sender_mac: mac,
        sender_ip: client,
        target_mac: Mac([2; 6]),
        target_ip: server,
    };
    network.arp(stamp(1, 0.0), place, &link, &reply);
    network
}

#[test]
fn an_untouched_ttl_is_next_door_and_a_counted_one_is_not() {
    assert_eq!(ends(&judged(&control(0.0001, 0.0002, [64, 128]))), (Adjacent, Adjacent));
    assert_eq!(ends(&judged(&control(0.0001, 0.0002, [255, 63]))), (Adjacent, Far));
}

#[test]
fn ttls_of_old_stacks_tell_nothing() {
    let vantage = judged(&control(0.0001, 0.0002, [60, 32]));
    assert_eq!(ends(&vantage), (Unknown, Unknown));
    assert_eq!(vantage.clues.len(), 2);
}

#[test]
fn the_handshake_tells_the_side_when_one_half_is_much_longer() {
    assert_eq!(ends(&judged(&control(0.0001, 0.02, [60, 60]))), (Far, Near));
    assert_eq!(ends(&judged(&control(0.02, 0.0201, [60, 60]))), (Near, Far));
    assert_eq!(ends(&judged(&control(0.02, 0.04, [60, 60]))), (Unknown, Unknown));
    assert_eq!(ends(&judged(&control(0.000_01, 0.0009, [60, 60]))), (Unknown, Unknown));
}

#[test]
fn what_the_capturing_host_sent_is_marked() {
    let mut control = control(0.0001, 0.0002, [64, 63]);
    control.syns[0].link.outgoing = Some(true);
    assert_eq!(ends(&judged(&control)), (At, Far));
}

#[test]
fn what_the_capturing_host_received_is_not_its_own() {
    let mut control = control(0.0001, 0.0002, [60, 63]);
    control.syns[0].link.outgoing = Some(false);
    control.syn_acks[0].link.outgoing = Some(false);
    assert_eq!(ends(&judged(&control)), (Unknown, Far));
}

#[test]
fn a_host_captured_on_itself_stays_that_whatever_the_handshake_says() {
    let mut control = control(0.02, 0.0201, [60, 64]);
    control.syn_acks[0].link.outgoing = Some(true);
    assert_eq!(ends(&judged(&control)), (Near, At));
    control.syn_acks[0].link.outgoing = None;
    control.syns[0].link.outgoing = Some(true);
    assert_eq!(ends(&judged(&control)).0, At);
}

#[test]
fn checksums_left_to_the_card_are_the_senders() {
    let mut control = control(0.0001, 0.0002, [63, 64]);
    (control.from_target.bad_checksums, control.from_target.good_checksums) = (3, 0);
    (control.from_origin.bad_checksums, control.from_origin.good_checksums) = (0, 3);
    assert_eq!(ends(&judged(&control)), (Far, At));
    control.from_origin.bad_checksums = 1;
    assert_eq!(ends(&judged(&control)), (Far, Adjacent));
}

#[test]
fn what_a_router_forwards_is_not_its_own_whatever_marks_it() {
    let mut control = control(0.0001, 0.0002, [63, 60]);
    // Sent out on the outside of a NAT, with its address.
    control.syns[0].link.outgoing = Some(true);
    (control.from_origin.bad_checksums, control.from_target.good_checksums) = (3, 3);
    let vantage = Vantage::of(&control, End::Origin, &Network::new().at(&[C]), &Facts::default());
    assert_eq!((ends(&vantage), vantage.this_host()), ((Far, Unknown), None));
    assert!(vantage.clues[0].contains("TTL of 63 is that of forwarded packets"), "{:?}", vantage.clues);
    control.from_origin.first_ttl = Some(64);
    assert_eq!(judged(&control).this_host(), Some(Party::Client));
}

#[test]
fn an_own_address_is_this_host() {
    let control = control(0.0001, 0.0002, [60, 60]);
    let vantage =
        |here: &[std::net::IpAddr]| Vantage::of(&control, End::Origin, &Network::new().at(here), &Facts::default());
    assert_eq!((ends(&vantage(&[C])), vantage(&[C]).this_host()), ((At, Unknown), Some(Party::Client)));
    assert_eq!((ends(&vantage(&[S])), vantage(&[S]).this_host()), ((Unknown, At), Some(Party::Server)));
    // Both on one host, or a capture of each: which of them is meant cannot be told.
    assert_eq!((ends(&vantage(&[C, S])), vantage(&[C, S]).this_host()), ((At, At), None));
    assert_eq!(ends(&vantage(&["10.9.9.9".parse().unwrap()])), (Unknown, Unknown));
}

#[test]
fn the_owner_of_the_address_is_next_door_unless_its_ttl_is_counted_down() {
    let mut control = control(0.0001, 0.0002, [60, 63]);
    control.from_origin.first_mac = Some(CLIENTS);
    let vantage = Vantage::of(&control, End::Origin, &arp(), &Facts::default());
    assert_eq!(ends(&vantage), (Adjacent, Far));
    assert!(vantage.clues.iter().any(|clue| clue.contains("ARP")), "{:?}", vantage.clues);
    control.from_origin.first_ttl = Some(63);
    assert_eq!(ends(&Vantage::of(&control, End::Origin, &arp(), &Facts::default())), (Far, Far));
    assert_eq!(ends(&Vantage::of(&control, End::Origin, &Network::new(), &Facts::default())), (Far, Far));
}

#[test]
fn a_mac_that_stands_for_no_host_is_nobodys_neighbour() {
    let mut control = control(0.0001, 0.0002, [60, 63]);
    control.from_origin.first_mac = Some(CLIENTS);
    // Another one answers.
    assert_eq!(
        ends(&Vantage::of(&control, End::Origin, &arp_by(Mac([2, 0, 0, 0, 0, 0x99])), &Facts::default())),
        (Unknown, Far)
    );
    // VRRP.
    let router = Mac([0, 0, 0x5e, 0, 1, 5]);
    control.from_origin.first_mac = Some(router);
    assert_eq!(ends(&Vantage::of(&control, End::Origin, &arp_by(router), &Facts::default())), (Unknown, Far));
}

#[test]
fn packets_above_the_mtu_are_told_and_decide_nothing() {
    let mut control = control(0.0001, 0.0002, [60, 63]);
    control.from_target.largest_packet = 20_000;
    let vantage = judged(&control);
    assert_eq!(ends(&vantage), (Unknown, Far));
    assert!(vantage.clues.iter().any(|clue| clue.contains("20000 bytes")));
    control.from_target.largest_packet = 1500;
    assert!(!judged(&control).clues.iter().any(|clue| clue.contains("bytes")));
}

#[test]
fn one_link_alone_does_not_show_all_that_a_client_sends() {
    let beside = judged(&control(0.0001, 0.0002, [64, 63]));
    assert_eq!((beside.client, beside.sees_all_of_client()), (Adjacent, false));
    assert!(beside.is_beside_client() && beside.with_passive_syns().sees_all_of_client());
    let timed = judged(&control(0.02, 0.0201, [64, 63]));
    assert_eq!((timed.client, timed.sees_all_of_client()), (Adjacent, true));
    // At the server, timing says so too.
    assert!(!judged(&control(0.0001, 0.02, [64, 64])).sees_all_of_client());
    // Behind a router, other SYNs do not show it: what it drops it drops by port.
    let far = judged(&control(0.0001, 0.02, [63, 64]));
    assert!(!far.is_beside_client() && !far.with_passive_syns().sees_all_of_client());
}

#[test]
fn a_client_captured_on_itself_shows_all_that_it_sends() {
    let mut control = control(0.0001, 0.0002, [64, 63]);
    control.syns[0].link.outgoing = Some(true);
    assert!(judged(&control).sees_all_of_client());
}

#[test]
fn a_hosts_own_list_tells_its_macs_from_those_of_routers() {
    let judged = |ttl: u8, mac: &str| {
        let mut control = control(0.0001, 0.0002, [ttl, 63]);
        control.from_origin.first_mac = Some(CLIENTS);
        let mut own = host(&C.to_string(), &[]);
        own.readings = host("192.0.2.1", &[control.first.time.0 / 1_000_000_000]).readings;
        own.addresses[0].mac = Some(mac.to_owned());
        let mut facts = Facts::default();
        facts.add("host.json", own);
        Vantage::of(&control, End::Origin, &Network::new(), &facts)
    };
    let own = judged(60, "02:00:00:00:00:0C");
    assert_eq!(ends(&own), (Adjacent, Far), "where the TTL alone tells nothing");
    assert!(own.clues[0].contains("02:00:00:00:00:0c is the MAC of its interface eth0 (host.json)"), "{:?}", own.clues);
    assert_eq!(ends(&judged(64, "02:00:00:00:00:99")), (Far, Far), "a proxy's TTL is untouched, too");
    assert_eq!(ends(&judged(63, "02:00:00:00:00:0c")), (Far, Far), "a router bears its own address outside of a NAT");
}
