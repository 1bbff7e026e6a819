//! Turns a server's lines into replies, single-line and multi-line (RFC 959 4.2).

use super::endpoint::{Parsed, parse_227, parse_228, parse_229};
use super::line::{Line, TEXT_BYTES, push_frame};
use crate::frame::Stamp;

/// Lines of a multi-line reply that are kept: banners and FEAT lists have fewer, a STAT listing may be endless.
const REPLY_LINES: usize = 64;

/// A complete reply as bytes; it is made printable once it is known what it answers.
pub(super) struct RawReply {
    pub(super) code: u16,
    pub(super) text: Vec<u8>,
    pub(super) more: Vec<Vec<u8>>,
    pub(super) frames: Vec<Stamp>,
    pub(super) endpoint: Option<Parsed>,
    pub(super) unreliable: bool,
}

/// What stands behind a reply's code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// A blank or nothing: a single line, or the last one.
    Last,
    /// `-`: more lines follow.
    More,
    /// Anything else that is no letter or digit: a single line of a sloppy server, but never the end of a longer reply.
    Sloppy,
}

/// The code of a line and the text behind it. Codes begin with 1 to 6 (RFC 959 4.2, RFC 2228 5.1).
fn coded(line: &[u8]) -> Option<(u16, Mark, &[u8])> {
    let (code, rest) = line.split_first_chunk::<3>()?;
    if !matches!(code, [b'1'..=b'6', b'0'..=b'9', b'0'..=b'9']) {
        return None;
    }
    let code = code.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, Mark::Last, rest)),
        Some((b' ', text)) => Some((code, Mark::Last, text)),
        Some((b'-', text)) => Some((code, Mark::More, text)),
        Some((byte, _)) if byte.is_ascii_alphanumeric() => None,
        Some(_) => Some((code, Mark::Sloppy, rest)),
    }
}

/// Whether a line begins a reply in the form that RFC 959 wants.
pub(super) fn is_reply(line: &[u8]) -> bool {
    coded(line).is_some_and(|(_, mark, _)| mark != Mark::Sloppy)
}

/// The reply whose last line has not come yet.
#[derive(Default)]
pub(super) struct ReplyReader {
    open: Option<RawReply>,
}

impl ReplyReader {
    /// Takes a line; gives the reply that it completes. Lines without code outside a multi-line reply say nothing.
    pub(super) fn take(&mut self, line: Line) -> Option<RawReply> {
        let coded = coded(&line.bytes).filter(|_| line.ended || line.bytes.len() > 3);
        let ellipsis = if line.ended { "" } else { "\u{2026}" }.as_bytes();
        let Some(mut reply) = self.open.take() else {
            let (code, mark, text) = coded?;
            let mut reply = RawReply {
                code,
                text: Vec::new(),
                more: Vec::new(),
                frames: line.frames,
                endpoint: endpoint(code, text).filter(|_| line.ended),
                unreliable: line.unreliable,
            };
            match mark {
                Mark::Last | Mark::Sloppy => reply.text = [&bounded(text), ellipsis].concat(),
                Mark::More => {
                    reply.more.push(bounded(text));
                    self.open = Some(reply);
                    return None;
                }
            }
            return Some(reply);
        };
        for at in line.frames {
            push_frame(&mut reply.frames, at);
        }
        reply.unreliable |= line.unreliable;
        let (text, last) = match coded {
            Some((code, Mark::Last, text)) if code == reply.code => (text, true),
            Some((code, Mark::More, text)) if code == reply.code => (text, false),
            Some(_) | None => (&line.bytes[..], false),
        };
        if line.ended && !matches!(reply.endpoint, Some(Ok(_))) {
            reply.endpoint = endpoint(reply.code, text).or(reply.endpoint);
        }
        if last {
            reply.text = bounded(text);
            return Some(reply);
        }
        if reply.more.len() < REPLY_LINES {
            reply.more.push(bounded(text));
        }
        self.open = Some(reply);
        None
    }

    /// Bytes that wait for the reply's last line.
    pub(super) fn held(&self) -> usize {
        self.open.as_ref().map_or(0, |reply| {
            let text: usize = reply.more.iter().map(|line| size_of::<Vec<u8>>() + line.len()).sum();
            text + reply.frames.len() * size_of::<Stamp>()
        })
    }

    /// The connection ended, or bytes are missing and maybe the last line among them: the lines so far must do.
    pub(super) fn close(&mut self) -> Option<RawReply> {
        let mut reply = self.open.take()?;
        reply.text = reply.more.pop().unwrap_or_default();
        Some(reply)
    }
}

/// The endpoint a line announces. Bodies of other replies (211, 214, 220) may look like one and are never looked at.
fn endpoint(code: u16, text: &[u8]) -> Option<Parsed> {
    match code {
        227 => parse_227(text),
        228 => parse_228(text),
        229 => parse_229(text),
        _ => None,
    }
}

/// One byte more than is shown, so that a cut can still be seen.
fn bounded(text: &[u8]) -> Vec<u8> {
    text.get(..=TEXT_BYTES).unwrap_or(text).to_vec()
}

#[cfg(test)]
mod tests {
    use super::{RawReply, ReplyReader, is_reply};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};
    use crate::ftp::Endpoint;
    use crate::ftp::line::{Line, Start};

    fn line(number: u64, text: &str) -> Line {
        let at = Stamp::new(CaptureId(0), FrameNo(number), Timestamp(0));
        Line { bytes: text.into(), frames: vec![at], cut: false, ended: true, unreliable: false, start: Start::Sure }
    }

    fn replies(lines: &[&str]) -> Vec<RawReply> {
        let mut reader = ReplyReader::default();
        (1..).zip(lines).filter_map(|(number, text)| reader.take(line(number, text))).collect()
    }

    fn codes(lines: &[&str]) -> Vec<(u16, usize)> {
        replies(lines).iter().map(|reply| (reply.code, reply.more.len())).collect()
    }

    #[test]
    fn single_lines() {
        assert_eq!(codes(&["220 ready", "331", "250\u{20}"]), [(220, 0), (331, 0), (250, 0)]);
        assert_eq!(replies(&["230_no_space"])[0].text, b"_no_space");
        assert!(codes(&["SYST not supported", "22 x", "", "2200 files", "700 x", "20x y"]).is_empty());
    }

    #[test]
    fn a_multi_line_reply_ends_at_its_own_code_only() {
        let lines = [
            "230-Welcome",
            " 230 indented",
            "226 other",
            "227 Entering (1,2,3,4,5,6)",
            "230-",
            "230_x",
            "230 done",
            "200 ok",
        ];
        assert_eq!(codes(&lines), [(230, 6), (200, 0)]);
        let reply = &replies(&lines)[0];
        assert_eq!((reply.text.as_slice(), reply.frames.len(), &reply.endpoint), (&b"done"[..], 7, &None));
        assert_eq!(codes(&["211-", "211"]), [(211, 1)]);
    }

    #[test]
    fn endpoints_come_from_any_line_of_227_and_from_no_other_code() {
        let expected = Some(Ok(Endpoint { address: Some([0, 0, 0, 0].into()), port: 258 }));
        assert_eq!(replies(&["227-listen socket created", "227 (0,0,0,0,1,2)"])[0].endpoint, expected);
        assert_eq!(replies(&["227-(0,0,0,0,1,2)", "227 ok"])[0].endpoint, expected);
        assert_eq!(replies(&["227-(0,0,0,0,1,2)", "227 not (9,9,9,9,9,9)"])[0].endpoint, expected);
        assert_eq!(replies(&["227 Logout."])[0].endpoint, None);
        assert!(replies(&["227 (300,0,0,0,1,2)"])[0].endpoint.as_ref().unwrap().is_err());
        for code in [211, 214, 220] {
            let body = [format!("{code}-x"), " 227 (1,2,3,4,5,6)".into(), format!("{code} (1,2,3,4,5,6)")];
            assert_eq!(replies(&body.each_ref().map(String::as_str))[0].endpoint, None);
        }
    }

    #[test]
    fn an_endless_reply_is_bounded() {
        let mut reader = ReplyReader::default();
        for number in 0..10_000 {
            assert!(reader.take(line(number, &"211-x".repeat(200))).is_none());
        }
        let reply = reader.take(line(10_000, "211 end")).unwrap();
        assert!(reply.more.len() == 64 && reply.frames.len() == 128 && reply.more[0].len() == 513);
    }

    #[test]
    fn a_reply_that_the_close_cut_is_given_as_far_as_it_came() {
        let mut reader = ReplyReader::default();
        assert!(reader.take(line(1, "421-too many")).is_none() && reader.take(line(2, "421-users")).is_none());
        let reply = reader.close().unwrap();
        assert_eq!((reply.code, reply.text.as_slice(), reply.more.len()), (421, &b"users"[..], 1));
        assert!(reader.close().is_none());
    }

    #[test]
    fn a_line_whose_end_is_missing_announces_nothing() {
        let cut = |text: &str| ReplyReader::default().take(Line { ended: false, ..line(1, text) });
        let reply = cut("227 Entering Passive Mode (10,2,0,20,156,17").unwrap();
        assert!(reply.endpoint.is_none() && reply.text.ends_with("17\u{2026}".as_bytes()));
        assert!(cut("227").is_none() && cut("22").is_none());
    }

    #[test]
    fn only_the_proper_form_is_taken_for_a_line_start() {
        assert!(is_reply(b"220 x") && is_reply(b"220-x") && is_reply(b"220"));
        assert!(!is_reply(b"220_x") && !is_reply(b" 220 x") && !is_reply(b"999 x"));
    }
}
