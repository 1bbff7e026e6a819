//! Decides which packets of a capture, and how much of them, belong to what somebody wants to hand on: a session, a finding,
//! or everything but data.
//!
//! The analysis concludes first ([`Collected`]); then every frame is looked at again ([`WantedFrames`]). Does no I/O.

mod collected;
mod parts;
mod thin;
mod wanted;

pub use collected::{Collected, Comments};
pub use wanted::WantedFrames;

use crate::diagnosis::selection::Pattern;
use crate::finding::{CauseId, SessionId};

/// What is wanted of a capture.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Choice {
    /// Every packet.
    #[default]
    All,
    /// The packets of a session: its control connection, its data connections with earlier ones of the same sockets,
    /// what answered them, and who has its addresses.
    Session(SessionId),
    /// The evidence of findings, with the session it is about.
    Finding(Pick),
    /// Every packet, without the payload on which no finding rests.
    Slim,
}

/// Which findings.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// The one with this number, from 1, in the order in which reports list them.
    Number(usize),
    /// Those of a cause.
    Cause(CauseId),
    /// All of these diagnoses.
    Named(Pattern),
}
