//! One direction of a connection between two points.

use super::super::sampled::Flow;
use crate::flow::End;

/// One direction of a connection: the point that its packets pass first, and the next one.
#[derive(Clone, Copy)]
pub(in crate::points) struct Way<'a> {
    /// Nearer to the sender.
    pub near: &'a Flow,
    /// Nearer to the receiver.
    pub far: &'a Flow,
    /// Who sends.
    pub by: End,
}
