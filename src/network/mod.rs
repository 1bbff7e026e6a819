//! Who has which address: MACs, IPs, interfaces, segments, and how each is known.
