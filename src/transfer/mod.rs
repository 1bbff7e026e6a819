//! Turns control events and connections into concluded transfers.
