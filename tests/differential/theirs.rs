//! What tshark says of a capture.

use std::path::Path;
use std::process::Command;

use super::ours::Line;

/// One frame as tshark shows it.
#[derive(Debug)]
pub struct Frame {
    pub number: u64,
    /// Nanoseconds since the epoch.
    pub time: i64,
    pub interface: u32,
    /// The first line of the segment, if it is dissected as FTP.
    pub line: Option<Line>,
    /// Whether the frame carries TLS.
    pub encrypted: bool,
    /// Whether it takes the frame for out of order or sent again, or Telnet or a blank precedes the command: such a
    /// line it does not always show.
    pub irregular: bool,
}

pub enum Unread {
    /// A format that tshark does not know (lz4 and zstd, depending on how it was built).
    Unsupported,
    Failed(String),
}

pub fn is_installed() -> bool {
    Command::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success())
}

pub fn read(path: &Path) -> Result<Vec<Frame>, Unread> {
    let fields = [
        "frame.number",
        "frame.time_epoch",
        "frame.interface_id",
        "ftp.request.command",
        "ftp.request.arg",
        "ftp.response.code",
        "ftp.response.arg",
        "tls.record.content_type",
        "tcp.analysis.flags",
        "tcp.payload",
    ];
    let mut command = Command::new("tshark");
    // Without reassembly each segment is dissected for itself, which is what the comparison rests on.
    command.args(["-n", "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields", "-E", "occurrence=f", "-r"]).arg(path);
    command.args(fields.iter().flat_map(|field| ["-e", field]));
    let output = command.output().map_err(|e| Unread::Failed(e.to_string()))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("isn't a capture file") || stderr.contains("doesn't understand") || stderr.contains("support") {
        return Err(Unread::Unsupported);
    }
    // A cut file gives its frames, a complaint and a status.
    if !output.status.success() && !stderr.contains("cut short") {
        return Err(Unread::Failed(format!("tshark: {stderr}")));
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().map(|line| frame(line).ok_or_else(|| Unread::Failed(format!("tshark printed {line:?}")))).collect()
}

fn frame(line: &str) -> Option<Frame> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [number, time, interface, command, argument, code, text, encrypted, analysis, payload] = fields[..] else {
        return None;
    };
    let line = match (command, code) {
        ("", "") => None,
        ("", code) => Some(Line::Reply { code: code.parse().ok()?, text: text.trim_end().to_owned() }),
        // Telnet negotiation within a command is shown as part of it.
        (command, _) if !command.bytes().all(|byte| byte.is_ascii_graphic()) => None,
        (command, _) => {
            Some(Line::Command { name: command.to_ascii_uppercase(), argument: argument.trim_end().to_owned() })
        }
    };
    Some(Frame {
        number: number.parse().ok()?,
        time: nanos(time)?,
        interface: interface.parse().unwrap_or(0),
        line,
        encrypted: !encrypted.is_empty(),
        irregular: !analysis.is_empty() || command.contains('\u{fffd}') || payload.starts_with("20"),
    })
}

/// `1709294400.000001000`
fn nanos(time: &str) -> Option<i64> {
    let (seconds, fraction) = time.split_once('.')?;
    let fraction: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let seconds: i64 = seconds.parse().ok()?;
    Some(seconds * 1_000_000_000 + if time.starts_with('-') { -fraction } else { fraction })
}
