//! Tables that become lists on a narrow screen: each cell knows the name of its column.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::finding::Severity;
use crate::report::Style;
use crate::report::collect::Run;
use crate::report::escape::markup;
use crate::report::hosts::{interface, roles};
use crate::report::table::{COLUMNS, Row, cells, rows, shorten};

/// Rows that are shown; of more transfers the failed ones come first.
const MOST: usize = 1000;

pub(super) fn transfers(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut all = rows(run);
    let count = all.len();
    if count > MOST {
        shorten(&mut all, MOST);
    }
    if all.is_empty() {
        return Ok(());
    }
    let told = run.findings.iter().filter(|finding| finding.severity != Severity::Quality);
    let mut numbers = HashMap::new();
    for (number, finding) in (1..).zip(told) {
        numbers.entry((finding.session, finding.transfer, finding.diagnosis)).or_insert(number);
    }
    open(&COLUMNS, out)?;
    for (session, one) in &all {
        let mut row: Vec<String> = cells(session, *one, style).iter().map(|cell| markup(cell)).collect();
        let verdict: Option<&usize> = match one {
            Row::Transfer(transfer) => {
                transfer.verdict.and_then(|verdict| numbers.get(&(Some(session.id), Some(transfer.id), verdict)))
            }
            Row::Inferred(_) => None,
        };
        if let (Some(number), Some(cell)) = (verdict, row.last_mut()) {
            *cell = format!("<a href=\"#finding-{number}\">{cell}</a>");
        }
        let class = if one.has_failed() { "failed" } else { "" };
        write_row(&COLUMNS, &row, class, out)?;
    }
    close(out)?;
    if count > all.len() { writeln!(out, "<p>And {} more transfers.</p>", count - all.len()) } else { Ok(()) }
}

pub(super) fn hosts(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    const NAMES: [&str; 5] = ["MAC", "address", "interface", "role", "known by"];
    if run.hosts.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section>\n<h2>Hosts</h2>")?;
    open(&NAMES, out)?;
    for host in run.hosts.iter().take(MOST) {
        let frame = host.at.map_or_else(String::new, |at| format!(", frame {}", at.number));
        let row = [
            host.mac.clone().unwrap_or_else(|| "-".to_owned()),
            host.ip.to_string(),
            markup(&interface(run, host)),
            markup(&roles(run, host).join(", ")),
            format!("{}{frame}", host.how),
        ];
        write_row(&NAMES, &row, "", out)?;
    }
    close(out)?;
    if run.hosts.len() > MOST {
        writeln!(out, "<p>And {} more addresses.</p>", run.hosts.len() - MOST)?;
    }
    writeln!(out, "</section>")
}

fn open(names: &[&str], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<div class=\"wide\"><table>\n<thead><tr>")?;
    for name in names {
        write!(out, "<th scope=\"col\">{name}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")
}

/// The cells must be markup already.
fn write_row(names: &[&str], row: &[String], class: &str, out: &mut dyn Write) -> io::Result<()> {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    write!(out, "<tr{class}>")?;
    for (name, cell) in names.iter().zip(row) {
        write!(out, "<td data-name=\"{name}\">{cell}</td>")?;
    }
    writeln!(out, "</tr>")
}

fn close(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</tbody>\n</table></div>")
}
