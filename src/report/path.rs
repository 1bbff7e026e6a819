//! What became of the packets of a session between capture points, as a table in the terminal.

use std::io::{self, Write};

use super::page::Page;
use crate::record::{PathRecord, SessionRecord};

/// The columns.
const HEAD: [&str; 8] = ["way", "packets", "lost", "recovered", "missed", "duplicated", "reordered", DELAY];
/// The last one, which has a line of its own where there is no room.
const DELAY: &str = "delay in ms";

/// Writes the table of a session that several points have; nothing for others.
pub(super) fn write(page: &Page<'_>, session: &SessionRecord, out: &mut dyn Write) -> io::Result<()> {
    if session.path.is_empty() {
        return Ok(());
    }
    let rows: Vec<[String; 8]> = session.path.iter().map(|path| row(page, path)).collect();
    let head = HEAD.map(str::to_owned);
    let all = || std::iter::once(&head).chain(&rows);
    let width =
        |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let line = |row: &[String]| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let room = width(column);
            if column == 0 || column == HEAD.len() - 1 { format!("{cell:<room$}") } else { format!("{cell:>room$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let fits = all().all(|row| line(row).chars().count() <= page.style.width);
    for (index, row) in all().enumerate() {
        match row.split_last() {
            Some((delay, counts)) if !fits => {
                writeln!(out, "{}", line(counts))?;
                if index > 0 && !delay.is_empty() {
                    writeln!(out, "  {DELAY}: {delay}")?;
                }
            }
            _ => writeln!(out, "{}", line(row))?,
        }
    }
    Ok(())
}

fn row(page: &Page<'_>, path: &PathRecord) -> [String; 8] {
    let points = &page.run.summary.points;
    let name = |id: u32| {
        let point = points.iter().find(|point| point.id == id);
        page.safe(point.map_or("?", |point| &point.name))
    };
    let ms = |seconds: f64| format!("{:.1}", seconds * 1e3);
    let delay = path.delay.map_or_else(String::new, |[least, median, most]| {
        let known =
            path.uncertainty.map_or_else(|| "not known exactly".to_owned(), |known| format!("known to {}", ms(known)));
        format!("{} ({} to {}, {known})", ms(median), ms(least), ms(most))
    });
    let counts = [path.packets, path.lost, path.recovered, path.missed_by_tap, path.duplicated, path.reordered];
    let [packets, lost, recovered, missed, duplicated, reordered] = counts.map(|count| count.to_string());
    let way = format!("{} -> {}", name(path.from), name(path.to));
    [way, packets, lost, recovered, missed, duplicated, reordered, delay]
}
