//! Errors of the program itself, as people read them.

use std::io::{self, Write};

use crate::text::printable_str;

/// `error: could not read x.pcap: no such file`, and below it what to do, if there is something.
/// `message` and `help` have no full stop; they may hold names that strangers chose.
pub fn write_error(out: &mut dyn Write, color: bool, message: &str, help: Option<&str>) -> io::Result<()> {
    let styles = clap::builder::Styles::styled();
    let (error, strong) = if color { (*styles.get_error(), *styles.get_literal()) } else { Default::default() };
    writeln!(out, "{error}error:{error:#} {}", printable_str(message))?;
    if let Some(help) = help {
        writeln!(out, "  {strong}help:{strong:#} {}", printable_str(help))?;
    }
    Ok(())
}

/// `note: could not read x.pcap: it is empty`: something that is not taken for an error.
pub fn write_note(out: &mut dyn Write, message: &str) -> io::Result<()> {
    writeln!(out, "note: {}", printable_str(message))
}

#[cfg(test)]
mod tests {
    use super::write_error;

    fn written(message: &str, help: Option<&str>) -> String {
        let mut out = Vec::new();
        write_error(&mut out, false, message, help).expect("a vector takes everything");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn an_error_says_what_and_what_to_do() {
        assert_eq!(
            written("could not read x.pcap: no such file", Some("name a capture")),
            "error: could not read x.pcap: no such file\n  help: name a capture\n"
        );
        assert_eq!(written("a\x1b[2J", None), "error: a\\x1b[2J\n");
    }
}
