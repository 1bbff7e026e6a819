//! `ftpwhy hosts`: who has which address, a row each.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use super::collect::Run;
use super::escape::{safe, safe_json};
use super::shape::{Completeness, Host, Inventory};
use super::table::write_grid;
use super::{Style, interrupted, unread};
use crate::frame::CaptureId;
use crate::record::{HostRecord, SessionRecord};

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    unread::write(&run.summary, style, out)?;
    if run.hosts.is_empty() {
        writeln!(out, "no hosts: the capture has no FTP, and nothing that shows which host has which address")?;
        return interrupted::write(run, style, out);
    }
    let mut by_capture: BTreeMap<CaptureId, Vec<[String; 5]>> = BTreeMap::new();
    for host in &run.hosts {
        by_capture.entry(host.capture).or_default().push(cells(run, host, style));
    }
    for (capture, rows) in by_capture {
        if run.captures.len() > 1 {
            writeln!(out, "{}", safe(&run.path(capture), style.ascii))?;
        }
        write_grid(&["MAC", "address", "interface", "role", "known by"], rows, &[0, 1, 2], style, out)?;
    }
    interrupted::write(run, style, out)
}

fn cells(run: &Run, host: &HostRecord, style: &Style) -> [String; 5] {
    let frame = host.at.map_or_else(String::new, |at| format!(", frame {}", at.number));
    [
        host.mac.clone().unwrap_or_else(|| "-".to_owned()),
        host.ip.to_string(),
        safe(&interface(run, host), style.ascii),
        safe(&roles(run, host).join(", "), style.ascii),
        format!("{}{frame}", host.how),
    ]
}

pub(super) fn write_json(run: &Run, _: &Style, out: &mut dyn Write) -> io::Result<()> {
    let completeness = Completeness::of(&run.summary, &run.captures);
    let hosts = run.hosts.iter().map(|host| Host::new(host, &interface(run, host), &roles(run, host)));
    let hosts = Inventory::new(completeness, hosts, &run.summary.unreadable);
    writeln!(out, "{}", safe_json(serde_json::to_string_pretty(&hosts)?))
}

/// `eth0`, or its number where it has no name; `-` for a host whose link was not captured.
pub(super) fn interface(run: &Run, host: &HostRecord) -> String {
    let Some(id) = host.interface else { return "-".to_owned() };
    let interfaces = run.capture(host.capture).map(|capture| capture.interfaces.as_slice()).unwrap_or_default();
    let name = interfaces.iter().find(|interface| interface.id == id).and_then(|interface| interface.name.as_deref());
    let name = name.map_or_else(|| id.0.to_string(), crate::text::printable_str);
    if host.segment.is_empty() { name } else { format!("{name} ({})", host.segment) }
}

/// What the host does in FTP, what it does on the link; empty for a bystander.
pub(super) fn roles(run: &Run, host: &HostRecord) -> Vec<String> {
    let is = |what: fn(&SessionRecord, IpAddr) -> bool| run.sessions.iter().any(|session| what(session, host.ip));
    let roles = [
        (is(|session, ip| session.ends().any(|[client, _]| client.ip() == ip)), "FTP client"),
        (is(|session, ip| session.ends().any(|[_, server]| server.ip() == ip)), "FTP server"),
        (is(is_announced), "announced data host"),
        (host.local, "capturing host"),
    ];
    let roles = roles.iter().filter(|(holds, _)| *holds).map(|(_, role)| (*role).to_owned());
    roles.chain(host.shared.clone()).collect()
}

/// Whether PORT, PASV or a similar command names a host that is not the end of the control connection that is to listen.
fn is_announced(session: &SessionRecord, ip: IpAddr) -> bool {
    let is_end = session.ends().flatten().any(|end| end.ip() == ip);
    let announced = session.views.iter().flat_map(|view| &view.announced);
    let mut announced = session.offers.iter().filter_map(|offer| offer.endpoint.as_ref()).chain(announced);
    !is_end && announced.any(|socket| socket.ip() == ip)
}

#[cfg(test)]
mod tests {
    use crate::frame::CaptureId;
    use crate::report::testing::{Sample, expect, narrow, wide};

    #[test]
    fn an_address_is_a_row() {
        expect("collision.80.hosts", &Sample::collision().render_hosts(false, &narrow()));
    }

    #[test]
    fn the_inventory_is_json_too() {
        expect("collision.hosts.json", &Sample::collision().render_hosts(true, &narrow()));
    }

    #[test]
    fn several_captures_are_named_and_an_empty_one_says_so() {
        let mut sample = Sample::merged();
        sample.hosts[0].capture = CaptureId(1);
        let text = sample.render_hosts(false, &wide());
        assert!(text.starts_with("ring_00001.pcap\nMAC") && text.contains("\nring_00002.pcap\nMAC"), "{text}");
        assert!(Sample::without_ftp().render_hosts(false, &narrow()).starts_with("no hosts"));
    }
}
