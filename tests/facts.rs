//! Facts of hosts beside a capture: what they prove, what they refute, and when they prove nothing.
//!
//! The captures and documents of `fixtures/_facts` were recorded by `tests/lab/s13_facts.py`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ftpwhy");

fn ftpwhy(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).arg("--isolated").args(arguments).output().expect("runs")
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/_facts").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

/// The findings about one capture, with further arguments.
fn findings(capture: &str, arguments: &[&str]) -> Vec<Value> {
    let output = ftpwhy(&[&["--format", "json", capture], arguments].concat());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
    report["findings"].as_array().expect("findings").clone()
}

fn named<'a>(findings: &'a [Value], diagnosis: &str) -> Option<&'a Value> {
    findings.iter().find(|finding| finding["diagnosis"] == diagnosis)
}

/// What hosts say in a finding.
fn hosts(finding: &Value) -> Vec<String> {
    let evidence = finding["evidence"].as_array().expect("evidence").iter();
    evidence.filter(|one| one["kind"] == "host").map(|one| one["fact"].as_str().expect("a fact").to_owned()).collect()
}

/// A changed copy of a recorded document, in a folder of its own.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> (tempfile::TempDir, String) {
    let text = std::fs::read(fixture(name)).expect("readable");
    let mut document: Value = serde_json::from_slice(&text).expect("JSON");
    change(&mut document);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("changed.json");
    std::fs::write(&path, document.to_string()).expect("written");
    let path = path.to_str().expect("UTF-8").to_owned();
    (folder, path)
}

/// The one collision, as it is judged from a capture of one side.
fn collision(side: &str, facts: Option<&str>) -> Value {
    let capture = fixture(&format!("collision.{side}.pcap"));
    let arguments: Vec<&str> = facts.map_or_else(Vec::new, |facts| vec!["--facts", facts]);
    let findings = findings(&capture, &arguments);
    named(&findings, "time-wait-collision").unwrap_or_else(|| panic!("{side} {facts:?}: {findings:?}")).clone()
}

#[test]
fn the_servers_kernel_proves_a_collision_wherever_it_was_captured() {
    for (side, without) in [("server", "probable"), ("client", "possible")] {
        let before = collision(side, None);
        assert_eq!((before["confidence"].as_str(), hosts(&before)), (Some(without), Vec::new()), "{side}");
        let proven = collision(side, Some(&fixture("collision.server.facts.json")));
        assert_eq!(proven["confidence"], "proven", "{side}: {proven}");
        assert!(hosts(&proven)[0].starts_with("10.2.0.20:20 to 10.1.0.10:5000 in TIME-WAIT"), "{proven}");
        assert_eq!(proven["caps"], serde_json::json!([]), "{side}");
        assert_eq!(proven["evidence"][0]["kind"], "seen", "the primary evidence is a frame");
    }
}

#[test]
fn facts_that_do_not_apply_change_nothing_and_say_why() {
    let overflowed = changed("collision.server.facts.json", |document| {
        let reading = &mut document["readings"][0];
        reading["time_wait"] = serde_json::json!([]);
        reading["counters"]["TCPTimeWaitOverflow"] = 7.into();
    });
    // As if the clock were half a minute slow: the entry would cover the reply none the less.
    let slow = changed("collision.server.facts.json", |document| {
        let at: jiff::Timestamp = document["readings"][0]["at"].as_str().expect("a time").parse().expect("RFC 3339");
        document["readings"][0]["at"] = (at - jiff::SignedDuration::from_secs(30)).to_string().into();
    });
    for (facts, why, sides) in [
        (fixture("collision.client.facts.json"), "no facts are from the host or network namespace with 10.2.0.20", 2),
        (fixture("collision.late.facts.json"), "read 72 s after the close", 2),
        (overflowed.1.clone(), "the table of TIME-WAIT overflowed 7 times", 1),
        (slow.1.clone(), "its clock differs from the capture's", 2),
    ] {
        for side in &["server", "client"][..sides] {
            let (before, after) = (collision(side, None), collision(side, Some(&facts)));
            assert_eq!(before["confidence"], after["confidence"], "{side}, {facts}");
            assert_eq!(before["caps"], after["caps"], "{side}, {facts}");
            // What holds on the host that was captured on is told where the capture says that it was.
            let said = hosts(&after).join("; ");
            let clock = "its clock may differ from the capture's";
            assert!(
                said.starts_with("nothing can be concluded: ") && (said.contains(why) || said.contains(clock)),
                "{said}"
            );
        }
    }
}

#[test]
fn a_whole_table_without_the_tuple_refutes_a_collision() {
    let without = |overflow: u64| {
        changed("collision.server.facts.json", |document| {
            document["readings"][0]["time_wait"] = serde_json::json!([]);
            document["readings"][0]["counters"]["TCPTimeWaitOverflow"] = overflow.into();
        })
    };
    let capture = fixture("collision.server.pcap");
    let (_folder, facts) = without(0);
    let found = findings(&capture, &["--here", "10.2.0.20", "--facts", &facts]);
    assert!(named(&found, "time-wait-collision").is_none(), "{found:?}");
    let never = named(&found, "data-syn-never-sent").unwrap_or_else(|| panic!("{found:?}"));
    let ruled_out = never["ruled_out"].as_array().expect("causes").iter();
    let why: Vec<&str> = ruled_out
        .filter(|cause| cause["diagnosis"] == "time-wait-collision")
        .filter_map(|cause| cause["why"].as_str())
        .collect();
    assert!(why.len() == 1 && why[0].contains("is not in TIME-WAIT"), "{why:?}");
    assert!(hosts(never)[0].contains("the route to 10.1.0.10 goes out at s0 by 10.2.0.1"), "{never}");
    let (_folder, facts) = without(3);
    let found = findings(&capture, &["--here", "10.2.0.20", "--facts", &facts]);
    let collision = named(&found, "time-wait-collision").expect("as without facts");
    assert_eq!(collision["confidence"], "probable");
    assert!(hosts(collision)[0].contains("overflowed 3 times"), "{collision}");
}

#[test]
fn without_a_route_that_is_said() {
    let (_folder, facts) = changed("collision.server.facts.json", |document| {
        document["readings"][0]["time_wait"] = serde_json::json!([]);
        document["routes"] = serde_json::json!([]);
    });
    let found = findings(&fixture("collision.server.pcap"), &["--here", "10.2.0.20", "--facts", &facts]);
    let never = named(&found, "data-syn-never-sent").unwrap_or_else(|| panic!("{found:?}"));
    assert!(
        never["message"].as_str().expect("text").contains("; there is no route to 10.1.0.10 in the main table"),
        "{never}"
    );
}

#[test]
fn the_clients_own_list_tells_its_interfaces_from_others_addresses() {
    let capture = fixture("addresses.server.pcap");
    let before = findings(&capture, &[]);
    let foreign = before.iter().filter(|finding| finding["diagnosis"] == "port-foreign-address").count();
    assert_eq!(foreign, 2, "{before:?}");
    let after = findings(&capture, &["--facts", &fixture("addresses.client.facts.json")]);
    let own = named(&after, "port-wrong-interface").unwrap_or_else(|| panic!("{after:?}"));
    assert_eq!(own["confidence"], "proven");
    assert!(own["message"].as_str().expect("text").contains("10.3.0.10"), "{own}");
    let other = named(&after, "port-foreign-address").expect("the other one is still nobody's");
    let refuted = other["ruled_out"].as_array().expect("causes").iter();
    assert!(refuted.filter_map(|cause| cause["diagnosis"].as_str()).any(|cause| cause == "port-wrong-interface"));
    // Those of the server do not tell.
    let server = findings(&capture, &["--facts", &fixture("collision.server.facts.json")]);
    assert!(named(&server, "port-wrong-interface").is_none(), "{server:?}");
}

#[test]
fn a_filter_in_front_of_a_listener_is_told_from_nobody_listening() {
    let told = |capture: &str| {
        let facts = fixture(&format!("{capture}.client.facts.json"));
        let found = findings(&fixture(&format!("{capture}.client.pcap")), &["--here", "10.1.0.10", "--facts", &facts]);
        let finding = named(&found, "data-syn-unanswered").unwrap_or_else(|| panic!("{found:?}")).clone();
        (finding["message"].as_str().expect("text").to_owned(), hosts(&finding).join(""))
    };
    let (message, fact) = told("filtered");
    assert!(
        message.contains("; a socket listened on that port") && fact == "a socket listens on port 5000",
        "{message}"
    );
    let (message, fact) = told("hidden");
    assert!(
        message.contains("; no socket listened on that port") && fact == "no socket listens on port 5000",
        "{message}"
    );
}

#[test]
fn anonymised_facts_go_with_anonymised_frames() {
    let capture = fixture("collision.server.pcap");
    let output =
        ftpwhy(&["--format", "json", "--anonymize", "--facts", &fixture("collision.server.facts.json"), &capture]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let found = report["findings"].as_array().expect("findings");
    assert_eq!(named(found, "time-wait-collision").expect("found")["confidence"], "proven", "{text}");
    assert!(!text.contains("10.2.0.20") && !text.contains("10.1.0.10"), "{text}");
}

#[test]
fn an_extract_carries_them() {
    for anonymous in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let (facts, capture) = (fixture("collision.server.facts.json"), fixture("collision.server.pcap"));
        let out = path("x.pcapng");
        let mut arguments = vec!["extract", "--session", "1", "--facts", &facts, "-w", &out, &capture];
        arguments.extend(anonymous.then_some("--anonymize"));
        let output = Command::new(PROGRAM).args(&arguments).output().expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let carried = path("x.facts.json");
        let text = std::fs::read_to_string(&carried).expect("it is beside");
        assert_eq!(text.contains("10.2.0.20"), !anonymous, "{text}");
        let found = findings(&out, &["--facts", &carried]);
        assert_eq!(named(&found, "time-wait-collision").expect("found")["confidence"], "proven", "{found:?}");
    }
}

#[test]
fn what_holds_no_facts_is_refused() {
    let capture = fixture("collision.server.pcap");
    let output = ftpwhy(&["--facts", &capture, &capture]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("could not read") && said.contains("not written by ftpwhy facts"), "{said}");
    // Nor is it written over.
    let (_folder, facts) = changed("collision.server.facts.json", |_| {});
    let output = ftpwhy(&["--facts", &facts, "-o", &facts, &capture]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("it has the facts of a host"));
}

/// What `ftpwhy facts` gives here, run by `before` if that is not empty.
#[cfg(target_os = "linux")]
fn here(before: &[&str], arguments: &[&str]) -> Option<Value> {
    let all = [before, &[PROGRAM, "facts"], arguments].concat();
    let output = Command::new(all[0]).args(&all[1..]).env("A_SECRET", "hunter2").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("hunter2") && !text.contains("A_SECRET"), "{text}");
    Some(serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))))
}

#[cfg(target_os = "linux")]
#[test]
fn this_hosts_facts_obey_their_schema_also_without_privileges() {
    let schema = Command::new(PROGRAM).args(["schema", "facts"]).output().expect("runs");
    let schema: Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let mine = here(&[], &[]).expect("runs");
    assert!(validator.is_valid(&mine), "{:?}", validator.validate(&mine));
    for name in ["collision.server", "collision.late", "addresses.client"] {
        let text = std::fs::read(fixture(&format!("{name}.facts.json"))).expect("readable");
        assert!(validator.is_valid(&serde_json::from_slice(&text).expect("JSON")), "{name}");
    }
    let root = mine["firewall"].is_object();
    if !root {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let program: PathBuf = folder.path().join("ftpwhy");
    std::fs::copy(PROGRAM, &program).expect("copied");
    let nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--no-new-privs"];
    let open =
        Command::new("chmod").args(["-R", "a+rx"]).arg(folder.path()).status().is_ok_and(|status| status.success());
    let output = Command::new(nobody[0]).args(&nobody[1..]).arg(&program).arg("facts").output();
    let Some(output) = output.ok().filter(|_| open) else { return eprintln!("skipped: no setpriv") };
    let facts: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert!(validator.is_valid(&facts));
    assert_eq!(facts["firewall"], Value::Null, "that takes root");
    assert_eq!(facts["addresses"], mine["addresses"]);
    assert!(!facts["sysctls"]["net.ipv4.tcp_timestamps"].is_null());
}

#[cfg(target_os = "linux")]
#[test]
fn only_a_peers_connections_are_kept_if_one_is_named() {
    let facts = here(&[], &["--peer", "192.0.2.77"]).expect("runs");
    assert_eq!(facts["readings"][0]["peers"], serde_json::json!(["192.0.2.77"]));
    assert_eq!(facts["readings"][0]["time_wait"], serde_json::json!([]));
}

/// A network namespace, removed in the end.
#[cfg(target_os = "linux")]
struct Namespace(String);

#[cfg(target_os = "linux")]
impl Namespace {
    /// `None` where none can be made.
    fn with(name: &str, commands: &[&str]) -> Option<Self> {
        let name = format!("ftpwhy-{name}-{}", std::process::id());
        let ip =
            |line: &str| Command::new("ip").args(line.split(' ')).output().is_ok_and(|output| output.status.success());
        if !ip(&format!("netns add {name}")) {
            return None;
        }
        let namespace = Self(name);
        for command in commands {
            assert!(ip(&format!("-n {} {command}", namespace.0)), "ip {command}");
        }
        Some(namespace)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn rules_and_routes_of_all_tables_and_neighbours_of_both_families_are_read() {
    let commands = [
        "link add d0 type veth peer name d1",
        "link set d1 up",
        "addr add 10.77.0.1/24 dev d0",
        "addr add fd77::1/64 dev d0 nodad",
        "link set d0 up",
        "rule add from 10.77.0.1 lookup 77 priority 100",
        "rule add fwmark 5 lookup 78 priority 101",
        "rule add from 10.78.0.0/16 iif lo prohibit priority 102",
        "rule add lookup main suppress_prefixlength 0 priority 103",
        "-6 rule add to fd78::/64 lookup 77 priority 104",
        "route add default via 10.77.0.9 dev d0 table 77",
        "route add unreachable 10.79.0.0/16 table 77",
        "route add throw 10.80.0.0/16 table 77",
        "route add 10.81.0.0/16 nexthop via 10.77.0.8 dev d0 nexthop via 10.77.0.9 dev d0",
        "-6 route add fd78::/64 via fd77::9 dev d0 table 77 metric 5",
        "neigh add 10.77.0.9 lladdr 02:00:00:00:00:09 dev d0 nud permanent",
        "neigh add 10.77.0.8 dev d0 nud failed",
        "-6 neigh add fd77::9 lladdr 02:00:00:00:00:0a dev d0 nud reachable",
        "-6 neigh add fd77::8 lladdr 02:00:00:00:00:0b dev d0 nud permanent",
    ];
    let Some(namespace) = Namespace::with("routes", &commands) else {
        return eprintln!("skipped: network namespaces cannot be made");
    };
    let facts = here(&["ip", "netns", "exec", &namespace.0], &[]).expect("runs");
    let lines = |key: &str, fields: &[&str]| -> Vec<String> {
        let all = facts.pointer(key).and_then(Value::as_array).unwrap_or_else(|| panic!("no {key}: {facts}")).iter();
        let line = |one: &Value| fields.iter().map(|field| one[field].to_string().replace('"', "")).collect::<Vec<_>>();
        let mut lines: Vec<String> = all.map(|one| line(one).join(" ")).collect();
        lines.sort();
        lines
    };
    let routes =
        lines("/routes", &["table", "network", "prefix", "gateway", "interface", "refused", "next_rule", "metric"]);
    for expected in [
        "254 10.77.0.0 24 null d0 false false 0",
        "254 10.81.0.0 16 10.77.0.8 d0 false false 0",
        "254 10.81.0.0 16 10.77.0.9 d0 false false 0",
        "77 0.0.0.0 0 10.77.0.9 d0 false false 0",
        "77 10.79.0.0 16 null * true false 0",
        "77 10.80.0.0 16 null * false true 0",
        "77 fd78:: 64 fd77::9 d0 false false 5",
    ] {
        assert!(routes.iter().any(|route| route == expected), "{expected}: {routes:#?}");
    }
    assert!(!routes.iter().any(|route| route.contains("10.77.0.1 ") || route.starts_with("255 ")), "{routes:#?}");
    assert_eq!(facts["routes_left_out"], 0);
    let rules = lines("/rules", &["family", "priority", "action", "table", "incoming", "conditions", "longer_than"]);
    for expected in [
        "ipv4 100 lookup 77 null [] null",
        "ipv4 101 lookup 78 null [fwmark] null",
        "ipv4 102 refuse null lo [] null",
        "ipv4 103 lookup 254 null [] 0",
        "ipv4 32766 lookup 254 null [] null",
        "ipv6 104 lookup 77 null [] null",
    ] {
        assert!(rules.iter().any(|rule| rule == expected), "{expected}: {rules:#?}");
    }
    let from = facts["rules"].as_array().expect("rules").iter().find(|rule| rule["priority"] == 100).expect("the rule");
    assert_eq!(from["from"], serde_json::json!({"address": "10.77.0.1", "prefix": 32}));
    let neighbours = lines("/readings/0/neighbours", &["address", "mac", "state", "interface"]);
    for expected in [
        "10.77.0.8 null unresolved d0",
        "10.77.0.9 02:00:00:00:00:09 permanent d0",
        "fd77::8 02:00:00:00:00:0b permanent d0",
        "fd77::9 02:00:00:00:00:0a resolved d0",
    ] {
        assert!(neighbours.iter().any(|one| one == expected), "{expected}: {neighbours:#?}");
    }
    let schema = Command::new(PROGRAM).args(["schema", "facts"]).output().expect("runs");
    let schema: Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert!(jsonschema::validator_for(&schema).expect("a valid schema").is_valid(&facts), "{facts}");
}
