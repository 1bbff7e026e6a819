//! What a TTL tells of the way that a packet has come.

/// Whether a TTL is one that stacks start with. 32 and 60 are left out: 64 after some hops looks like 60.
pub(super) fn is_initial_ttl(ttl: u8) -> bool {
    matches!(ttl, 64 | 128 | 255)
}

/// Whether a TTL can only come from a router. Small ones are traceroutes or old stacks, 60 is an old stack's.
pub(super) fn is_forwarded_ttl(ttl: u8) -> bool {
    ttl > 32 && ttl != 60 && !is_initial_ttl(ttl)
}
