//! What sessions are compared by, beside who they are between.

/// Under which circumstances a session was held, as far as the capture shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The text of the server's greeting, without its code.
    pub greeting: Option<String>,
    /// What the client says it is (CLNT).
    pub client_software: Option<String>,
    /// The MAC by which the client's packets came to the capture: its own, or that of the last router before it.
    pub client_mac: Option<String>,
    /// The MAC by which the server's packets came, likewise.
    pub server_mac: Option<String>,
    /// The VLANs and tunnels around its packets; empty where there are none.
    pub vlan: String,
}

impl Circumstances {
    /// Every text in it that may quote what was captured.
    pub fn texts(&mut self, mut change: impl FnMut(&mut String)) {
        self.greeting.iter_mut().chain(&mut self.client_software).for_each(&mut change);
    }
}
