//! `control-terminated-by-proxy`

diagnosis! {
    /// The control connection at one capture point and at another are two TCP connections with one dialogue: a proxy stands
    /// between, ends the client's connection and opens another one to the server.
    ///
    /// Needs: two capture points; the same lines in the same order at both, within the time that one clock allows; other
    /// sequence numbers and time stamps.
    ///
    /// Helps: another address of the client at the server.
    ///
    /// Refuted by: numbers that differ by a constant (a firewall that chooses initial sequence numbers is no proxy).
    ///
    /// Confidence: proven.
    ///
    /// Traps: data connections may go past the proxy: then the server sees one client on the control connection and
    /// another one on the data connection (`pasv-bad-peer`, `port-third-party`).
    ///
    /// Remedy: none needed while transfers work. Where they do not: in the network let the proxy handle the data connections
    /// as well; at the client name the proxy, or go past it with both; at the server accept the addresses of both.
    "control-terminated-by-proxy", Info,
    "a proxy ends the control connection and opens another one to the server",
    ["RFC 1919", "RFC 2577"],
    verdict: never("a proxy is context: what it breaks is the verdict"),
    locus: Server
}
