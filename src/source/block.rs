//! Finds the blocks of a pcapng file: each says its length before and after itself.
//!
//! Knows nothing of what is in them, but the byte order that a section header declares.

use super::Damage;
use super::record::{Endian, cut, damaged, end_of};
use super::window::{MAX_WINDOW, Window};

/// Type and length before a block, length after it.
const FRAMING: usize = 12;

/// The file's first bytes, and those of every section.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;

/// Brings a whole block to the front of the window: its type and length.
pub(super) fn next_block(window: &mut Window, endian: Endian) -> Result<Option<(u32, usize)>, Damage> {
    if !window.fill(FRAMING) {
        return match window.data() {
            [] => end_of(window).map(|()| None),
            _ => Err(cut(window, "a block header")),
        };
    }
    let head = window.data();
    let kind = endian.u32(head, 0).unwrap_or_default();
    let endian = if kind == SECTION_HEADER { byte_order(head) } else { Some(endian) };
    let Some(endian) = endian else {
        return Err(damaged(window, "a section header without a byte order"));
    };
    let len = endian.u32(head, 4).unwrap_or_default() as usize;
    if len < FRAMING || !len.is_multiple_of(4) || len > MAX_WINDOW {
        return Err(damaged(window, format!("a block of type {kind:#x} with an impossible length of {len} bytes")));
    }
    if !window.fill(len) {
        return Err(cut(window, "a block"));
    }
    let again = endian.u32(window.data(), len - 4).unwrap_or_default() as usize;
    if again != len {
        return Err(damaged(
            window,
            format!("a block of type {kind:#x} with two lengths, {len} bytes before and {again} after it"),
        ));
    }
    Ok(Some((kind, len)))
}

/// The byte order that a section header declares; its type reads the same in both.
fn byte_order(head: &[u8]) -> Option<Endian> {
    match Endian::Little.u32(head, 8) {
        Some(0x1a2b_3c4d) => Some(Endian::Little),
        Some(0x4d3c_2b1a) => Some(Endian::Big),
        _ => None,
    }
}
