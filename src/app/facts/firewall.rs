//! What this host knows of FTP as a firewall. Only root can read it; nothing is changed.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::facts::{Firewall, conntrack, nft_helpers};
use crate::source::host::is_root;

/// Bytes of a rule set or a table that are read.
const TEXT: u64 = 16 << 20;
/// How long nft may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that are kept.
const CONNECTIONS: usize = 1_000;

/// The helpers of nftables and the connections that are tracked; `None` for anybody but root.
pub(super) fn read() -> Option<Firewall> {
    if !is_root() {
        return None;
    }
    let mut text = String::new();
    let tracked = File::open("/proc/thread-self/net/nf_conntrack");
    // Without connection tracking there is no such file.
    let _ = tracked.and_then(|file| file.take(TEXT).read_to_string(&mut text));
    let mut connections = conntrack(&text, &[21]);
    connections.truncate(CONNECTIONS);
    Some(Firewall { helpers: nft_helpers(&rule_set().unwrap_or_default()), connections })
}

/// What `nft -j list ruleset` says, if there is such a program and it answers in time.
fn rule_set() -> Option<String> {
    let mut nft = Command::new("nft");
    nft.args(["-j", "list", "ruleset"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = nft.spawn().ok()?;
    let out = child.stdout.take()?;
    let reader = thread::spawn(move || {
        let mut text = String::new();
        out.take(TEXT).read_to_string(&mut text).ok().map(|_| text)
    });
    let began = Instant::now();
    while !reader.is_finished() && began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(5));
    }
    // It has ended, or is not waited for any longer.
    let _ = child.kill();
    let _ = child.wait();
    reader.join().ok()?
}
