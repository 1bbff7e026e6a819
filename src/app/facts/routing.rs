//! The kernel's routing socket (rtnetlink(7)): opened once, it answers from inside the sandbox, too.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

use crate::facts::netlink::{Entry, KernelTable, answer, request};
use crate::source::host::interface_names;

/// Bytes of one datagram: the kernel fills 32 KiB at most.
const DATAGRAM: usize = 1 << 16;
/// Bytes of one table that are read: some 100,000 routes.
const BYTES: usize = 8 << 20;
/// It answers at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// The socket.
pub(super) struct Routing {
    socket: OwnedFd,
    /// The names of the interfaces by their indexes, as they were when routes were read last.
    names: BTreeMap<u32, String>,
}

impl Routing {
    /// Opens it, in the network namespace of this thread.
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self { socket: socket()?, names: BTreeMap::new() })
    }

    /// Hands the entries of a table to `take`. Whether those were all.
    pub(super) fn read(&mut self, table: KernelTable, take: &mut dyn FnMut(Entry)) -> io::Result<bool> {
        if table == KernelTable::Routes {
            self.names = interface_names()?;
        }
        send(&self.socket, &request(table), SendFlags::empty())?;
        let name = |index: u32| self.names.get(&index).cloned().unwrap_or_else(|| format!("interface {index}"));
        let (mut datagram, mut read) = (vec![0; DATAGRAM], 0);
        loop {
            let (_, len) = match recv(&self.socket, datagram.as_mut_slice(), RecvFlags::empty()) {
                Ok(received) => received,
                Err(error) => {
                    // A late answer is not one to the next request.
                    self.socket = socket()?;
                    return Err(error.into());
                }
            };
            read += len;
            if answer(datagram.get(..len).unwrap_or_default(), &name, take) {
                return Ok(true);
            }
            if len == 0 || read > BYTES {
                // The rest is not waited for.
                self.socket = socket()?;
                return Ok(false);
            }
        }
    }
}

fn socket() -> io::Result<OwnedFd> {
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    // Protocol 0 is that of routes (NETLINK_ROUTE).
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    Ok(socket)
}
