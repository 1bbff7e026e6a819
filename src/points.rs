//! Which inputs are one timeline, and which saw the same packets.
