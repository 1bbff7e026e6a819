//! stub
use super::End;
use crate::frame::Stamp;
use crate::wire::{Checksum, Segment, Seq};
pub enum Piece<'a> {
    Bytes { from: End, bytes: &'a [u8], at: Stamp, conflicting: bool },
    Gap { from: End, len: u64, at: Stamp },
    Closed { from: End, at: Stamp },
}
pub struct Conflict {
    pub first: Stamp,
    pub second: Stamp,
}
pub struct Conversation {
    next: [Option<Seq>; 2],
    c: Vec<Conflict>,
}
impl Conversation {
    pub fn new() -> Self {
        Self { next: [None; 2], c: vec![] }
    }
    pub fn push(
        &mut self,
        from: End,
        at: Stamp,
        tcp: &Segment<'_>,
        _c: impl Fn() -> Checksum,
        out: &mut impl FnMut(Piece<'_>),
    ) {
        let i = usize::from(from == End::Target);
        let seq = if tcp.flags.has(2) { tcp.seq.plus(1) } else { tcp.seq };
        let n = self.next[i].get_or_insert(seq);
        if seq == *n && !tcp.payload.is_empty() {
            *n = seq.plus(tcp.payload.len() as u32);
            out(Piece::Bytes { from, bytes: tcp.payload, at, conflicting: false });
        }
    }
    pub fn finish(&mut self, _out: &mut impl FnMut(Piece<'_>)) {}
    pub fn conflicts(&self) -> &[Conflict] {
        &self.c
    }
}
