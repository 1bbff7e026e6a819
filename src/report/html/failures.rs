//! All findings, cause by cause: each opens to what is known of it, as long as there is room.

use std::io::{self, Write};

use super::super::block::location;
use super::super::causes::worst_first;
use super::super::counted::counted;
use super::super::escape::markup;
use super::super::page::Page;
use super::super::place::place;
use super::causes::Shown;
use super::room::{self, Room, left_out};
use super::{Told, badge, finding};
use crate::finding::{CauseId, Finding};

/// With no more findings than this the lists are open.
const FEW: usize = 12;

pub(super) fn write<'a>(
    page: &Page<'a>,
    told: &mut Told<'a>,
    shown: &mut Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for cause in worst_first(&page.run.causes) {
        let title = format!("{} <code>{}</code>, cause {}", badge(cause.severity), cause.diagnosis, cause.id.0);
        groups.push(Group { cause: Some(cause.id), title, members: told.of_cause(cause.id) });
    }
    groups.push(Group { cause: None, title: "Found beside these".to_owned(), members: told.beside() });
    groups.retain(|group| match group.members.as_slice() {
        [] => false,
        [only] => group.cause.is_none() || !shown.findings.contains(&told.number(only)),
        _ => true,
    });
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section id=\"failures\">\n<h2>All findings</h2>")?;
    let open = groups.iter().map(|group| group.members.len()).sum::<usize>() <= FEW;
    // A group leaves what it does not need to those that follow.
    let (mut blocks, mut lines) = (room::BLOCKS, room::LINES);
    let mut left = groups.len();
    for group in &groups {
        let (mut of_blocks, mut of_lines) = (Room::of(blocks / left), Room::of(lines / left));
        let given = (blocks / left, lines / left);
        group.write(page, told, shown, open, (&mut of_blocks, &mut of_lines), out)?;
        blocks -= given.0 - of_blocks.left();
        lines -= given.1 - of_lines.left();
        left = left.saturating_sub(1).max(1);
    }
    writeln!(out, "</section>")
}

/// The findings of a cause, or those of none.
struct Group<'a> {
    cause: Option<CauseId>,
    /// Markup.
    title: String,
    members: Vec<&'a Finding>,
}

impl<'a> Group<'a> {
    fn write(
        &self,
        page: &Page<'a>,
        told: &mut Told<'a>,
        shown: &mut Shown,
        open: bool,
        (blocks, lines): (&mut Room, &mut Room),
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Self { cause, title, members } = self;
        let id = cause.map_or_else(|| "failures-beside".to_owned(), |cause| format!("failures-{}", cause.0));
        let open = if open { " open" } else { "" };
        let count = counted(members.len() as u64, "finding");
        writeln!(out, "<details class=\"group\" id=\"{id}\"{open}><summary>{title}: {count}</summary>")?;
        let mut listed = 0;
        let mut is_full = false;
        for one in members {
            let number = told.number(one);
            let line = line(page, one);
            if shown.findings.contains(&number) {
                let line = format!("<p class=\"line\">{line} <a href=\"#finding-{number}\">shown above</a></p>\n");
                if !lines.write(line.as_bytes(), out)? {
                    break;
                }
                listed += 1;
                continue;
            }
            if !is_full {
                let block = self.block(page, told, shown, one, &line)?;
                is_full = !blocks.write(&block, out)?;
            }
            if is_full {
                let line = format!("<p class=\"line\" id=\"finding-{number}\">{line}</p>\n");
                if !lines.write(line.as_bytes(), out)? {
                    break;
                }
            }
            shown.findings.insert(number);
            listed += 1;
        }
        left_out(members.len() - listed, "finding", out)?;
        writeln!(out, "</details>")
    }

    fn block(
        &self,
        page: &Page<'a>,
        told: &mut Told<'a>,
        shown: &Shown,
        one: &'a Finding,
        line: &str,
    ) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let number = told.number(one);
        writeln!(out, "<details class=\"one\" id=\"finding-{number}\"><summary>{line}</summary>")?;
        let remedies = finding::remedies(one);
        if self.cause.and_then(|cause| shown.remedies.get(&cause)) != Some(&remedies) {
            finding::write_remedies(&remedies, &mut out)?;
        }
        finding::write_body(page, one, told.traced(page, one), number, &mut out)?;
        writeln!(out, "</details>")?;
        Ok(out)
    }
}

/// `session 12, transfer 1, 10.1.0.3:40002 -> 10.2.0.20:21: the server refused …`
fn line(page: &Page<'_>, finding: &Finding) -> String {
    let name = if finding.cause.is_none() { format!("<code>{}</code> ", finding.diagnosis) } else { String::new() };
    let session = finding.session.and_then(|id| page.run.session(id));
    let place = match session {
        // With one capture its name says nothing.
        Some(session) if page.run.captures.len() == 1 => {
            format!("{}, {} -> {}", place(finding), session.client, session.server)
        }
        _ => location(page, finding),
    };
    format!("{name}<b>{}</b>: {}", markup(&place), markup(&finding.message))
}
