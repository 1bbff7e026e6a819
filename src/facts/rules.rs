//! What a firewall knows of FTP: `nft -j list ruleset`, `/proc/net/nf_conntrack`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use super::{Helper, Tracked};

/// The helpers in a rule set of nftables, as JSON, and how many rules use each. Empty for what is no rule set.
pub fn nft_helpers(text: &str) -> Vec<Helper> {
    let Ok(Value::Object(set)) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let Some(Value::Array(objects)) = set.get("nftables") else { return Vec::new() };
    let mut rules: BTreeMap<[String; 3], u64> = BTreeMap::new();
    for rule in objects.iter().filter_map(|object| object.get("rule")) {
        for statement in rule.get("expr").and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = statement.get("ct helper").and_then(Value::as_str) {
                *rules.entry([word(rule, "family"), word(rule, "table"), name.to_owned()]).or_default() += 1;
            }
        }
    }
    let helpers = objects.iter().filter_map(|object| object.get("ct helper"));
    let helper = |object: &Value| {
        let [family, table, name, protocol] = ["family", "table", "name", "type"].map(|key| word(object, key));
        let rules = rules.get(&[family.clone(), table.clone(), name.clone()]).copied().unwrap_or_default();
        Helper { family, table, name, protocol, rules }
    };
    helpers.map(helper).collect()
}

fn word(object: &Value, key: &str) -> String {
    object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The TCP connections in the text of the file that go to one of these ports or from port 20.
pub fn conntrack(text: &str, ports: &[u16]) -> Vec<Tracked> {
    let all = text.lines().filter_map(tracked);
    all.filter(|one| ports.contains(&one.to.port()) || one.from.port() == 20).collect()
}

/// `ipv4 2 tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… dst=… sport=… dport=… [ASSURED] …`
fn tracked(line: &str) -> Option<Tracked> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    if words.get(2) != Some(&"tcp") {
        return None;
    }
    let values = |key: &str| -> Vec<&str> { words.iter().filter_map(|word| word.strip_prefix(key)).collect() };
    let socket = |ips: &[&str], ports: &[&str], at: usize| {
        Some(SocketAddr::new(ips.get(at)?.parse().ok()?, ports.get(at)?.parse().ok()?))
    };
    let (sources, targets) = ((values("src="), values("sport=")), (values("dst="), values("dport=")));
    Some(Tracked {
        state: (*words.get(5)?).to_owned(),
        from: socket(&sources.0, &sources.1, 0)?,
        to: socket(&targets.0, &targets.1, 0)?,
        answers: socket(&sources.0, &sources.1, 1)?,
        answers_to: socket(&targets.0, &targets.1, 1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_is_counted_with_the_rules_that_use_it() {
        let text = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"ct helper": {"family": "ip", "name": "ftp-std", "table": "f", "type": "ftp", "protocol": "tcp"}},
            {"ct helper": {"family": "inet", "name": "ftp-std", "table": "f", "type": "ftp", "protocol": "tcp"}},
            {"rule": {"family": "ip", "table": "f", "chain": "x", "expr": [
                {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 21}},
                {"ct helper": "ftp-std"}]}}]}"#;
        let rules: Vec<(String, u64)> = nft_helpers(text).into_iter().map(|one| (one.family, one.rules)).collect();
        assert_eq!(rules, [("ip".to_owned(), 1), ("inet".to_owned(), 0)]);
        assert!(nft_helpers("[]").is_empty() && nft_helpers("x").is_empty());
    }

    #[test]
    fn connections_of_ftp_are_picked_out() {
        let text = "ipv4     2 tcp      6 431999 ESTABLISHED src=10.1.0.10 dst=10.2.0.20 sport=40000 dport=21 src=192.168.0.5 dst=10.9.9.9 sport=21 dport=40000 [ASSURED] mark=0 zone=0 use=2\n\
            ipv4     2 tcp      6 431999 ESTABLISHED src=10.1.0.10 dst=10.2.0.20 sport=40000 dport=22 src=10.2.0.20 dst=10.1.0.10 sport=22 dport=40000 [ASSURED] mark=0 use=2\n\
            ipv4     2 udp      17 29 src=10.1.0.10 dst=10.2.0.20 sport=40000 dport=21 [UNREPLIED] src=10.2.0.20 dst=10.1.0.10 sport=21 dport=40000 use=2\n";
        let found = conntrack(text, &[21]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].answers, "192.168.0.5:21".parse().unwrap());
        assert_eq!(found[0].answers_to, "10.9.9.9:40000".parse().unwrap());
    }
}
