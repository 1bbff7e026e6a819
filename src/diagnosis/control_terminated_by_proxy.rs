//! `control-terminated-by-proxy`

diagnosis! {
    /// The control connection at one capture point and at another are two TCP connections with the same dialogue: a
    /// proxy in between ends the client's connection and opens another one to the server.
    ///
    /// Needs: two capture points; the same lines in the same order at both, at the same time; different sequence
    /// numbers and TCP timestamps.
    ///
    /// Helps: another address of the client at the server.
    ///
    /// Refuted by: sequence numbers that differ by a constant (a firewall that changes initial sequence numbers is not
    /// a proxy).
    ///
    /// Confidence: proven.
    ///
    /// Traps: data connections may bypass the proxy: then the server sees one client on the control connection and
    /// another one on the data connection (`pasv-bad-peer`, `port-third-party`).
    ///
    /// Remedy: none needed while transfers work. Where they do not: in the network let the proxy handle the data
    /// connections as well; at the client use the proxy for both connections, or for neither; at the server accept the
    /// addresses of both.
    "control-terminated-by-proxy", Info,
    "a proxy ends the control connection and opens another one to the server",
    ["RFC 1919", "RFC 2577"],
    verdict: never("a proxy is context: what it breaks is the verdict"),
    locus: Server
}
