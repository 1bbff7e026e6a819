//! Where a session was captured, and what may be claimed from there.
