//! Tables that become lists on a narrow screen. What is shown of the transfers is chosen by buttons that need no script.

use std::io::{self, Write};

use super::Told;
use super::causes::Shown;
use super::room::{self, Room, left_out};
use crate::finding::Finding;
use crate::record::Mode;
use crate::report::Style;
use crate::report::collect::Run;
use crate::report::counted::counted;
use crate::report::escape::markup;
use crate::report::hosts::{interface, roles};
use crate::report::table::{COLUMNS, Row, TableRow, cells, rows, shorten};

/// Rows that are shown; of more transfers the failed ones come first.
const MOST: usize = 1000;

/// A table of more rows is opened by whoever wants it: what stands behind it should be in reach.
const MANY: usize = 60;

/// Transfers of a session that are in sight at its beginning and at its end; those between show when asked for, unless they
/// failed.
const EDGE: usize = 10;

/// What is chosen by: the name of the choice, the element, the label, and whether it is so at first.
const FILTERS: [(&str, &str, &str, bool); 5] = [
    ("outcome", "any-outcome", "all", true),
    ("outcome", "only-failed", "failed", false),
    ("mode", "any-mode", "both modes", true),
    ("mode", "only-active", "active", false),
    ("mode", "only-passive", "passive", false),
];

pub(super) fn transfers(
    run: &Run,
    style: &Style,
    told: &Told<'_>,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut all = rows(run);
    let count = all.len();
    if count > MOST {
        shorten(&mut all, MOST);
    }
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section id=\"transfers\">\n<h2>Transfers</h2>")?;
    let folds = fold(count, "transfer", out)?;
    let middle = middle(&all);
    if all.len() > 1 {
        for (name, id, label, checked) in FILTERS {
            let (checked, first) = if checked { (" checked", " first") } else { ("", "") };
            writeln!(
                out,
                "<input class=\"choice\" type=\"radio\" name=\"{name}\" id=\"{id}\"{checked}>\
                 <label class=\"filter{first}\" for=\"{id}\">{label}</label>"
            )?;
        }
    }
    if middle.contains(&true) {
        writeln!(
            out,
            "<input class=\"choice\" type=\"checkbox\" id=\"unfold\">\
             <label class=\"filter first\" for=\"unfold\">middle of long sessions</label>"
        )?;
    }
    open("flow", &COLUMNS, out)?;
    let mut room = Room::of(room::TRANSFERS);
    let mut listed = 0;
    for (place, row) in all.iter().enumerate() {
        let before = place.checked_sub(1);
        let is_middle = middle.get(place) == Some(&true);
        if is_middle && before.is_none_or(|before| middle.get(before) != Some(&true)) {
            let folded = middle.iter().skip(place).take_while(|is_middle| **is_middle).count();
            writeln!(
                out,
                "<tr class=\"fold\"><td colspan=\"8\">\u{22ee} {folded} transfers that did not fail</td></tr>"
            )?;
        }
        let same = before.and_then(|before| all.get(before)).is_some_and(|(session, _)| session.id == row.0.id);
        if !room.write(table_row(row, same, is_middle, style, told, shown).as_bytes(), out)? {
            break;
        }
        listed += 1;
    }
    close(out)?;
    left_out(count - listed, "transfer", out)?;
    end(folds, out)
}

fn table_row(
    (session, row): &TableRow<'_>,
    same: bool,
    is_middle: bool,
    style: &Style,
    told: &Told<'_>,
    shown: &Shown,
) -> String {
    let mut texts: Vec<String> = cells(session, *row, style).iter().map(|cell| markup(cell)).collect();
    let (verdict, mode) = match row {
        Row::Transfer(transfer) => (told.verdict(session.id, transfer), transfer.mode),
        Row::Inferred(inferred) => (None, inferred.mode),
    };
    if let (Some(to), Some(cell)) = (verdict.and_then(|finding| target(finding, told, shown)), texts.last_mut()) {
        *cell = format!("<a href=\"#{to}\">{cell}</a>");
    }
    let mode = match mode {
        Mode::Active | Mode::Default => "active",
        Mode::Passive => "passive",
        Mode::Unknown => "",
    };
    let classes = [
        (if row.has_failed() { "failed" } else { "" }),
        mode,
        (if same { "same" } else { "" }),
        (if is_middle { "middle" } else { "" }),
    ];
    let classes: Vec<&str> = classes.into_iter().filter(|class| !class.is_empty()).collect();
    format!("<tr class=\"{}\"><td>{}</td></tr>\n", classes.join(" "), texts.join("</td><td>"))
}

/// Where the page tells of a finding.
fn target(finding: &Finding, told: &Told<'_>, shown: &Shown) -> Option<String> {
    let number = told.number(finding);
    if shown.findings.contains(&number) {
        return Some(format!("finding-{number}"));
    }
    finding.cause.filter(|cause| shown.causes.contains(cause)).map(|cause| format!("cause-{}", cause.0))
}

/// Which rows are in the middle of a long session, and did not fail.
fn middle(rows: &[TableRow<'_>]) -> Vec<bool> {
    let mut middle = Vec::with_capacity(rows.len());
    for of_session in rows.chunk_by(|(one, _), (other, _)| one.id == other.id) {
        let count = of_session.len();
        let is_middle = |place: usize| count > 2 * EDGE + 2 && place >= EDGE && place + EDGE < count;
        middle.extend((0..).zip(of_session).map(|(place, (_, row))| is_middle(place) && !row.has_failed()));
    }
    middle
}

pub(super) fn hosts(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    const NAMES: [&str; 5] = ["MAC", "address", "interface", "role", "known by"];
    if run.hosts.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section id=\"hosts\">\n<h2>Hosts</h2>")?;
    let folds = fold(run.hosts.len(), "host", out)?;
    open("pairs", &NAMES, out)?;
    let (mut room, mut listed) = (Room::of(room::REST), 0);
    for host in &run.hosts {
        let frame = host.at.map_or_else(String::new, |at| format!(", frame {}", at.number));
        let row = [
            host.mac.clone().unwrap_or_else(|| "-".to_owned()),
            host.ip.to_string(),
            markup(&interface(run, host)),
            markup(&roles(run, host).join(", ")),
            format!("{}{frame}", host.how),
        ];
        let cells = NAMES.iter().zip(&row).map(|(name, cell)| format!("<td data-name=\"{name}\">{cell}</td>"));
        if !room.write(format!("<tr>{}</tr>\n", cells.collect::<String>()).as_bytes(), out)? {
            break;
        }
        listed += 1;
    }
    close(out)?;
    left_out(run.hosts.len() - listed, "host", out)?;
    end(folds, out)
}

/// Begins what is folded, if there are many rows; whether it did.
fn fold(count: usize, noun: &str, out: &mut dyn Write) -> io::Result<bool> {
    let folds = count > MANY;
    if folds {
        writeln!(out, "<details class=\"group\"><summary>{}</summary>", counted(count as u64, noun))?;
    }
    Ok(folds)
}

/// Ends a section with a table.
fn end(folded: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}</section>", if folded { "</details>\n" } else { "" })
}

fn open(class: &str, names: &[&str], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<div class=\"wide\"><table class=\"{class}\">\n<thead><tr>")?;
    for name in names {
        write!(out, "<th scope=\"col\">{name}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")
}

fn close(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</tbody>\n</table></div>")
}
