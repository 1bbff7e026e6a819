//! `--format table`: the transfers, a row each. `full` ends with the same table, folded.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::net::SocketAddr;

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table};

use super::causes;
use super::collect::Run;
use super::escape::safe;
use super::words::{AttemptOutcome, Mode, Outcome};
use super::{Style, totals, unread};
use crate::finding::{CauseId, SessionId, TransferId};
use crate::frame::Stamp;
use crate::record::{self, Circumstances, InferredRecord, SessionRecord, TransferRecord, VantageRecord};

/// The columns, of which the last but one takes what the others leave.
pub(super) const COLUMNS: [&str; 8] =
    ["session", "client", "server", "command", "mode", "announced", "reply", "verdict"];
const REPLY: usize = 6;

/// What a reply needs to be read beside the other columns; with less, two lines a transfer are better.
const MIN_REPLY: usize = 20;

/// Columns between columns.
const GAP: usize = 2;

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    write_rows(&rows(run), &causes::of_transfers(run), style, out)?;
    causes::write_lines(run, style, out)?;
    unread::write(&run.summary, style, out)?;
    totals::write(run, style, out)
}

/// The table with at most `most` transfers; when there are more, the failed ones come first to stay, and those of `hidden`
/// sessions are left out.
pub(super) fn write_folded(
    run: &Run,
    style: &Style,
    most: usize,
    hidden: &BTreeSet<SessionId>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut rows = rows(run);
    let all = rows.len().max(usize::try_from(run.tally.transfers()).unwrap_or(usize::MAX));
    if all > most {
        rows.retain(|(session, _)| !hidden.contains(&session.id));
        shorten(&mut rows, most);
    }
    write_rows(&rows, &causes::of_transfers(run), style, out)?;
    match all - rows.len() {
        0 => Ok(()),
        more if rows.is_empty() => writeln!(out, "{more} transfers are not listed here (--format table lists them)"),
        more => writeln!(out, "and {more} more transfers (-v shows all)\n"),
    }
}

/// What a row is about.
#[derive(Clone, Copy)]
pub(super) enum Row<'a> {
    /// A transfer that was asked for.
    Transfer(&'a TransferRecord),
    /// A transfer of which only the data connection is visible.
    Inferred(&'a InferredRecord),
}

impl Row<'_> {
    pub(super) fn has_failed(self) -> bool {
        let outcome = match self {
            Self::Transfer(transfer) => transfer.outcome,
            Self::Inferred(inferred) => inferred.outcome,
        };
        outcome == record::Outcome::Failed
    }

    fn at(self) -> Stamp {
        match self {
            Self::Transfer(transfer) => transfer.at,
            Self::Inferred(inferred) => inferred.attempt.syn,
        }
    }
}

pub(super) type TableRow<'a> = (&'a SessionRecord, Row<'a>);

/// A row for each transfer, in the order of time within each session.
pub(super) fn rows(run: &Run) -> Vec<TableRow<'_>> {
    run.sessions.iter().flat_map(of_session).collect()
}

/// A row alone, as a session with that one transfer and what it was announced by.
pub(super) fn alone((session, row): TableRow<'_>) -> SessionRecord {
    let mut alone = SessionRecord {
        captures: Vec::new(),
        server_software: None,
        circumstances: Circumstances::default(),
        vantage: VantageRecord { clues: Vec::new(), ..session.vantage },
        offers: Vec::new(),
        transfers: Vec::new(),
        inferred: Vec::new(),
        trace: None,
        views: Vec::new(),
        points: Vec::new(),
        path: Vec::new(),
        ..*session
    };
    match row {
        Row::Transfer(transfer) => {
            alone.offers.extend(transfer.offer.and_then(|offer| session.offers.get(offer)).cloned());
            let offer = (!alone.offers.is_empty()).then_some(0);
            alone.transfers.push(TransferRecord { offer, ..transfer.clone() });
        }
        Row::Inferred(inferred) => alone.inferred.push(inferred.clone()),
    }
    alone
}

/// Whether the transfer of such a row failed.
pub(super) fn has_failed(alone: &SessionRecord) -> bool {
    of_session(alone).iter().any(|(_, row)| row.has_failed())
}

/// When the transfer of such a row was asked for.
pub(super) fn begins(alone: &SessionRecord) -> Stamp {
    of_session(alone).first().map_or(alone.first, |(_, row)| row.at())
}

/// The rows of one session.
pub(super) fn of_session(session: &SessionRecord) -> Vec<TableRow<'_>> {
    let hidden = session.inferred.iter().map(Row::Inferred);
    let mut rows: Vec<_> =
        session.transfers.iter().map(Row::Transfer).chain(hidden).map(|row| (session, row)).collect();
    if !session.inferred.is_empty() {
        rows.sort_by_key(|(_, row)| row.at());
    }
    rows
}

/// Leaves `most` rows, the failed ones first to stay.
pub(super) fn shorten(rows: &mut Vec<TableRow<'_>>, most: usize) {
    rows.sort_by_key(|(_, row)| !row.has_failed());
    rows.truncate(most);
    rows.sort_by_key(|(session, row)| (session.id, row.at()));
}

pub(super) fn write_rows(
    rows: &[TableRow<'_>],
    causes: &HashMap<(SessionId, TransferId), CauseId>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut cells: Vec<[String; 8]> = rows.iter().map(|(session, row)| cells(session, *row, style)).collect();
    for ((session, row), cells) in rows.iter().zip(&mut cells) {
        if let (Row::Transfer(transfer), [.., verdict]) = (row, cells)
            && let Some(cause) = causes.get(&(session.id, transfer.id))
        {
            *verdict = format!("{verdict}\n(cause {})", cause.0);
        }
    }
    // The columns that lose their sense when broken keep their width.
    if fits(&cells, style.width) {
        write_grid(&COLUMNS, cells, &[0, 3, 4, 7], style, out)
    } else {
        let names = COLUMNS.map(str::to_owned);
        let header = stacked(&names);
        let rows: Vec<_> = cells.iter().map(stacked).collect();
        if stack_fits(&header, &rows, style.width) {
            return write_grid(&header.each_ref().map(String::as_str), rows, &[0, 1, 2, 4], style, out);
        }
        // Of IPv6 on a narrow terminal no two columns of sockets stand side by side.
        let header = listed(&names);
        write_grid(&header.each_ref().map(String::as_str), cells.iter().map(listed), &[0], style, out)
    }
}

/// Columns under a header, and an empty line. Those in `whole` keep their width, the others share what is left. The
/// cells must be safe already.
pub(super) fn write_grid<const N: usize>(
    header: &[&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    whole: &[usize],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let line = if style.ascii { '-' } else { '\u{2500}' };
    let mut table = Table::new();
    table
        .load_style(NOTHING.header_separator(LineStyle::none().fill(line).junction(line)))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(style.width).unwrap_or(u16::MAX))
        .set_header(header)
        .add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        // The rest of the gap is the column of the lines between columns, which this style leaves blank.
        column.set_padding((0, 1));
        if whole.contains(&index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    writeln!(out, "{}\n", table.trim_fmt())
}

/// Whether a transfer fits one line, but for a long reply.
fn fits(cells: &[[String; 8]], width: usize) -> bool {
    let widest = |column: usize| {
        let lengths = cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        lengths.chain(COLUMNS.get(column).map(|name| name.len())).max().unwrap_or(0)
    };
    let needed = |column| if column == REPLY { widest(column).min(MIN_REPLY) } else { widest(column) };
    (0..COLUMNS.len()).map(|column| needed(column) + GAP).sum::<usize>() <= width
}

/// Whether two lines a transfer fit, no socket broken.
fn stack_fits(header: &[String; 5], rows: &[[String; 5]], width: usize) -> bool {
    let lines = |column: usize| {
        rows.iter().chain([header]).filter_map(move |row| row.get(column)).flat_map(|cell| cell.lines().enumerate())
    };
    let widest = |column: usize| lines(column).map(|(_, line)| line.chars().count()).max().unwrap_or(0);
    let announced = lines(3).filter(|(line, _)| *line == 0).map(|(_, line)| line.chars().count()).max().unwrap_or(0);
    let needed = [widest(0), widest(1), widest(2), announced.max(MIN_REPLY), widest(4)];
    needed.iter().map(|needed| needed + GAP).sum::<usize>() <= width
}

/// A transfer as a list under its number.
fn listed([session, client, server, command, mode, announced, reply, verdict]: &[String; 8]) -> [String; 2] {
    [
        session.clone(),
        [client, server, &format!("{command} {mode}"), announced, reply, verdict].map(String::as_str).join("\n"),
    ]
}

/// The same on two lines.
fn stacked([session, client, server, command, mode, announced, reply, verdict]: &[String; 8]) -> [String; 5] {
    [
        session.clone(),
        format!("{client}\n{server}"),
        format!("{command}\n{mode}"),
        format!("{announced}\n{reply}"),
        verdict.clone(),
    ]
}

pub(super) fn cells(session: &SessionRecord, row: Row<'_>, style: &Style) -> [String; 8] {
    match row {
        Row::Transfer(transfer) => of_transfer(session, transfer, style),
        Row::Inferred(inferred) => of_inferred(session, inferred),
    }
}

/// A transfer that cannot be read has no number; where its reply would stand, what its data connection carried does.
fn of_inferred(session: &SessionRecord, inferred: &InferredRecord) -> [String; 8] {
    [
        session.id.0.to_string(),
        session.client.to_string(),
        session.server.to_string(),
        "(encrypted)".to_owned(),
        Mode::from(inferred.mode).to_string(),
        inferred.attempt.to.to_string(),
        moved(inferred),
        Outcome::from(inferred.outcome).to_string(),
    ]
}

/// `download, 1234 bytes`, `upload, 10 bytes, clear`
fn moved(inferred: &InferredRecord) -> String {
    let InferredRecord { to_client, to_server, .. } = inferred;
    let what = match inferred.heading {
        Some(record::Heading::Download) => format!("download, {to_client} bytes"),
        Some(record::Heading::Upload) => format!("upload, {to_server} bytes"),
        Some(record::Heading::Nothing) => "nothing carried".to_owned(),
        None if inferred.attempt.outcome != record::AttemptOutcome::Established => {
            AttemptOutcome::from(inferred.attempt.outcome).to_string()
        }
        None => format!("{to_client} bytes to the client, {to_server} to the server"),
    };
    if inferred.protected == Some(false) { format!("{what}, clear") } else { what }
}

fn of_transfer(session: &SessionRecord, transfer: &TransferRecord, style: &Style) -> [String; 8] {
    let announced = transfer.offer.and_then(|index| session.offers.get(index)).and_then(|offer| offer.endpoint);
    let reply = transfer.reply.as_ref().map(|reply| format!("{} {}", reply.code, reply.text));
    let verdict = transfer.verdict.map_or_else(|| Outcome::from(transfer.outcome).to_string(), |name| name.to_string());
    [
        format!("{}.{}", session.id.0, transfer.id.0),
        session.client.to_string(),
        session.server.to_string(),
        // Bounded, so that no stranger's verb takes the table's width.
        safe(&transfer.command, style.ascii).chars().take(8).collect(),
        Mode::from(transfer.mode).to_string(),
        announced.as_ref().map_or_else(|| "-".to_owned(), SocketAddr::to_string),
        reply.map_or_else(|| "-".to_owned(), |reply| safe(&reply, style.ascii)),
        verdict,
    ]
}

#[cfg(test)]
mod tests {
    use crate::report::testing::{Sample, expect, narrow, wide};
    use crate::report::{Format, Style};

    #[test]
    fn a_transfer_is_a_row() {
        expect("collision.80.table", &Sample::collision().render(Format::Table, &narrow()));
        expect("collision.160.table", &Sample::collision().render(Format::Table, &wide()));
    }

    #[test]
    fn no_socket_is_broken() {
        let mut sample = Sample::collision();
        let [client, server] =
            ["[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111]:50000", "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222]:21"];
        (sample.sessions[0].client, sample.sessions[0].server) = (client.parse().unwrap(), server.parse().unwrap());
        for width in [60, 80, 100, 132] {
            let text = sample.render(Format::Table, &Style { width, ..narrow() });
            for socket in [client, server, "10.1.0.10:5000"] {
                assert!(text.contains(socket), "{width}: {text}");
            }
            let mut table = text.lines().take_while(|line| !line.is_empty());
            assert!(table.all(|line| line.chars().count() <= width), "{width}: {text}");
        }
    }

    #[test]
    fn a_clean_run_says_so() {
        expect("clean.table", &Sample::clean().render(Format::Table, &wide()));
    }

    #[test]
    fn no_ftp_is_said_with_what_to_try() {
        expect("empty.table", &Sample::without_ftp().render(Format::Table, &narrow()));
    }
}
