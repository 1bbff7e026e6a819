//! The table of TIME-WAIT: which 5-tuples are held, by whom and until when.

use std::io::{self, Write};

use super::Style;
use super::time::Clock;
use crate::record::TimeWaitEntry;

/// A line per tuple, the longest held first.
pub fn write(held: &[TimeWaitEntry], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if held.is_empty() {
        return writeln!(out, "no 5-tuple is in TIME-WAIT");
    }
    let clock = Clock::new(style.time);
    for one in held {
        let by: Vec<String> = one.by.iter().map(ToString::to_string).collect();
        let untils = one
            .lasts
            .iter()
            .map(|(length, systems)| format!("{} ({systems})", clock.time(one.since.plus(*length), one.since)));
        writeln!(
            out,
            "{} -> {} in TIME-WAIT at {} until {}",
            one.from,
            one.to,
            by.join(" and "),
            untils.collect::<Vec<_>>().join(" or ")
        )?;
    }
    Ok(())
}
