//! What a line of the dialogue becomes.

use std::ops::Range;

use super::address::Addresses;
use super::command::command;
use super::line::{Names, reply};
use super::reading::Line;
use super::script::What;
use super::words::Words;
use crate::ftp::Speaker;

/// What a line becomes, in stretches.
pub(super) fn redacted(
    speaker: Speaker,
    line: &Line,
    names: &mut Names,
    words: &Words,
    addresses: &mut Addresses,
) -> Vec<What> {
    let hidden = match speaker {
        Speaker::Client => command(&line.text, names, words, addresses),
        Speaker::Server => reply(&line.text, names, words, addresses),
    };
    let (now, line, places) = (line.saying(&hidden.now), &line.raw, &line.places);
    let place = |at: usize| places.get(at).copied().unwrap_or(line.len());
    let mut out = Vec::new();
    let mut at = 0;
    for (range, said) in hidden.replaced {
        let Some(last) = range.end.checked_sub(1) else { continue };
        let (start, end) = (place(range.start), place(last) + 1);
        out.push(stretch(line, &now, at..start));
        out.push(What::Text(line.get(start..end).unwrap_or_default().to_vec(), said));
        at = end;
    }
    out.push(stretch(line, &now, at..line.len()));
    out
}

fn stretch(line: &[u8], now: &[u8], range: Range<usize>) -> What {
    let part = |bytes: &[u8]| bytes.get(range.clone()).unwrap_or_default().to_vec();
    What::Text(part(line), part(now))
}
