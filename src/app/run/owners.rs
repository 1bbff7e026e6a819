//! Whose sockets are whose: looks at the sockets of this host and at what the command has open, as long as it runs.
//!
//! In a thread that stays outside the sandbox, which would close `/proc` to it and keep it from sending signals. It sees
//! no packets and keeps no capability but, for root, that of looking.

use std::collections::HashSet;
use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::private::PrivateFile;
use crate::app::facts::Tables;
use crate::frame::Timestamp;
use crate::source::live::{keep_looking, now};

/// How often it is looked: a session that is over sooner may be missed.
const LOOK: Duration = Duration::from_millis(1);
/// It is looked less often where a look takes long, so that it takes one part of so many of a processor.
const SHARE: u32 = 8;
/// But not less often than this.
const SELDOM: Duration = Duration::from_millis(20);
/// Connections that are remembered.
const KNOWN: usize = 65_536;
/// Processes of the command that are looked at.
const PROCESSES: usize = 1_024;

/// Connections by their own and their remote ends.
type Connections = HashSet<(SocketAddr, SocketAddr)>;

/// Whose connections are whose, as far as it was seen.
#[derive(Debug, Default)]
pub(super) struct Owners {
    mine: Connections,
    others: Connections,
    /// When all processes of the command were seen to have ended.
    gone: Option<Timestamp>,
}

impl Owners {
    /// Whether somebody else has a connection whose first SYN came at that time: that was seen; or the command had ended; or
    /// nobody was seen to have it, but the command to have others to the same port.
    pub(super) fn is_of_others(&self, local: SocketAddr, remote: SocketAddr, first: Timestamp) -> bool {
        let is_late = self.gone.is_some_and(|gone| first > gone);
        let is_like = || self.mine.iter().any(|(_, other)| other.port() == remote.port());
        !self.is_mine(local, remote) && (is_late || self.others.contains(&(local, remote)) || is_like())
    }

    /// Whether it is known that the command has it.
    pub(super) fn is_mine(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.mine.contains(&(local, remote))
    }
}

/// The thread that looks.
pub(super) struct Watch {
    /// Signals that the command is to be sent. It ends when there can be none any more.
    signals: Option<Sender<Signal>>,
    thread: Option<JoinHandle<Owners>>,
}

impl Watch {
    /// Begins to look at a process and its children. The file is removed in the end.
    pub(super) fn start(tables: Tables, child: &Child, private: Option<PrivateFile>) -> Self {
        let (signals, orders) = channel();
        // Another process that gets its number is not meant.
        let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).ok();
        let family = Family { known: vec![child.id()], sockets: HashSet::new() };
        let watch = move || {
            let is_fit = keep_looking().is_ok();
            let owners = look_on(tables, family, process.as_ref(), &orders);
            drop(private);
            // With more rights than it should have it is not to be relied on.
            if is_fit { owners } else { Owners::default() }
        };
        // Without it nobody is known to own anything.
        let thread = thread::Builder::new().name("owners".to_owned()).spawn(watch).ok();
        Self { signals: Some(signals), thread }
    }

    /// Sends the command a signal, unless it has ended.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(signals) = &self.signals {
            // Without a thread there is nobody to send it.
            let _ = signals.send(signal);
        }
    }

    /// Ends it; what was seen.
    pub(super) fn end(&mut self) -> Owners {
        self.signals = None;
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

fn look_on(mut tables: Tables, mut family: Family, process: Option<&OwnedFd>, signals: &Receiver<Signal>) -> Owners {
    let mut owners = Owners::default();
    let mut before = HashSet::new();
    loop {
        let began = Instant::now();
        let mut present = Vec::new();
        let seen = tables.sockets(|socket| {
            if socket.inode != 0 && socket.remote.port() != 0 {
                present.push((socket.inode, (socket.local, socket.remote)));
            }
        });
        for (inode, connection) in present.iter().filter(|_| seen.is_ok()) {
            // Nobody of the command had it at the look before, and it was there already and still is.
            if before.contains(inode) && !family.sockets.contains(inode) && owners.others.len() < KNOWN {
                owners.others.insert(*connection);
            }
        }
        let is_seen = family.look();
        let mine = present.iter().filter(|(inode, _)| family.sockets.contains(inode));
        owners.mine.extend(mine.map(|(_, connection)| *connection));
        before = present.into_iter().filter(|_| is_seen).map(|(inode, _)| inode).collect();
        if family.known.is_empty() {
            owners.gone.get_or_insert_with(now);
        }
        match signals.recv_timeout((began.elapsed() * SHARE).clamp(LOOK, SELDOM)) {
            // It may just have ended.
            Ok(signal) => drop(process.map(|process| pidfd_send_signal(process, signal))),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return owners,
        }
    }
}

/// A process and its children, and theirs.
struct Family {
    known: Vec<u32>,
    /// Inodes of all sockets that they had open.
    sockets: HashSet<u64>,
}

impl Family {
    /// Looks at all of them. Whether it could be seen what they have open: something of one, or that all have ended.
    fn look(&mut self) -> bool {
        let (mut at, mut is_seen) = (0, false);
        while let Some(process) = self.known.get(at).copied() {
            at += 1;
            let folder = Path::new("/proc").join(process.to_string());
            let tasks = folder.join("task");
            let children = names(&tasks).flat_map(|task| {
                let path = tasks.join(task).join("children");
                let text = fs::read_to_string(path).unwrap_or_default();
                text.split_ascii_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<u32>>()
            });
            for child in children.collect::<Vec<u32>>() {
                if self.known.len() < PROCESSES && !self.known.contains(&child) {
                    self.known.push(child);
                }
            }
            let open = folder.join("fd");
            is_seen |= fs::read_dir(&open).is_ok();
            let sockets = names(&open).filter_map(|fd| {
                let link = fs::read_link(open.join(fd)).ok()?;
                link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()
            });
            if self.sockets.len() < KNOWN {
                self.sockets.extend(sockets);
            }
        }
        // Whoever has ended has a number that others may get.
        self.known.retain(|process| Path::new("/proc").join(process.to_string()).exists());
        is_seen || self.known.is_empty()
    }
}

fn names(folder: &Path) -> impl Iterator<Item = std::ffi::OsString> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.file_name()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_connection_of_this_process_is_not_a_childs_and_the_other_way_round() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let ends = |stream: &TcpStream| (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        // The child has it as its standard input, and so has its child.
        let given: std::os::fd::OwnedFd = TcpStream::connect(listener.local_addr().unwrap()).unwrap().into();
        let connection = ends(&TcpStream::from(given.try_clone().unwrap()));
        let mut command = Command::new("sh");
        let mut child = command.args(["-c", "sleep 30 & wait"]).stdin(Stdio::from(given)).spawn().unwrap();
        drop(command);
        let mut watch = Watch::start(Tables::open().unwrap(), &child, None);
        thread::sleep(Duration::from_millis(400));
        let owners = watch.end();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(owners.is_mine(connection.0, connection.1), "{owners:?}");
        let (local, remote) = ends(&own);
        let is_of_others = |(local, remote)| owners.is_of_others(local, remote, Timestamp(0));
        assert!(is_of_others((local, remote)) && !owners.is_mine(local, remote), "{owners:?}");
        assert!(!is_of_others(connection));
    }

    #[test]
    fn what_nobody_was_seen_to_have_is_the_commands_unless_that_has_others_or_has_ended() {
        let mut owners = Owners::default();
        let [local, remote, other] =
            ["10.0.0.1:4000", "10.0.0.2:21", "10.0.0.9:21"].map(|socket| socket.parse().unwrap());
        assert!(!owners.is_of_others(local, remote, Timestamp(5)));
        owners.gone = Some(Timestamp(5));
        assert!(!owners.is_of_others(local, remote, Timestamp(5)));
        assert!(owners.is_of_others(local, remote, Timestamp(6)));
        owners.mine.insert((local, other));
        assert!(owners.is_of_others(local, remote, Timestamp(5)));
        owners.mine.insert((local, remote));
        assert!(!owners.is_of_others(local, remote, Timestamp(6)));
    }
}
