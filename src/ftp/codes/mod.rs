//! Reply codes as a reader meets them: what the RFCs mean by each, and what servers say with it and why.
//!
//! From the RFCs and from the sources and documents of the servers. [`super::texts`] has what the diagnoses make of the
//! same words; this is for people.

mod aborted;
mod endpoints;
mod files;
mod opening;
mod refused;

use super::meaning::holds;

/// Letters that a text must have beside what differs each time: fewer of them are in any line.
const LEAST_LETTERS: usize = 6;

/// What is known of a reply code.
#[derive(Debug, PartialEq, Eq)]
pub struct ReplyCode {
    /// Three digits.
    pub code: u16,
    /// What it means, in a few words.
    pub title: &'static str,
    /// What it means for whoever gets it, in whole sentences.
    pub meaning: &'static str,
    /// What servers say with it.
    pub servers: &'static [ServerText],
    /// Sections of RFCs.
    pub references: &'static [&'static str],
}

/// A text of a server, and when it sends it.
#[derive(Debug, PartialEq, Eq)]
pub struct ServerText {
    /// The server, or several with the same text.
    pub server: &'static str,
    /// The text; `<...>` stands for words that differ each time, and an empty text for any.
    pub text: &'static str,
    /// When the server says so, and which setting decides.
    pub when: &'static str,
}

impl ServerText {
    /// Whether a line begins with its words, in any case.
    pub fn is(&self, line: &str) -> bool {
        let mut pattern = String::new();
        let mut inside = false;
        for c in self.text.trim_end_matches('.').chars() {
            match c {
                '<' => inside = true,
                '>' => {
                    inside = false;
                    pattern.push('*');
                }
                _ if inside => {}
                _ => pattern.push(c.to_ascii_lowercase()),
            }
        }
        let letters = pattern.chars().filter(char::is_ascii_alphabetic).count();
        let line = line.to_ascii_lowercase();
        let begins = pattern.split('*').next().is_some_and(|first| line.starts_with(first));
        letters >= LEAST_LETTERS && begins && holds(&line, &pattern)
    }
}

/// Every code that is explained, in ascending order.
pub fn all() -> impl Iterator<Item = &'static ReplyCode> {
    let parts = [opening::CODES, aborted::CODES, refused::CODES, endpoints::CODES, files::CODES];
    let mut all: Vec<&'static ReplyCode> = parts.into_iter().flatten().collect();
    all.sort_by_key(|code| code.code);
    all.into_iter()
}

/// The page of a code.
pub fn page(code: u16) -> Option<&'static ReplyCode> {
    all().find(|page| page.code == code)
}

/// The page of the only code with which servers are known to say this.
pub fn saying(line: &str) -> Option<&'static ReplyCode> {
    let mut pages = all().filter(|page| page.servers.iter().any(|said| said.is(line)));
    pages.next().filter(|_| pages.next().is_none())
}

/// The codes most like one without a page: those of its class and group (RFC 959 4.2.1: the first two digits), else of
/// its class.
pub fn near(code: u16) -> Vec<u16> {
    let codes = |size: u16| all().map(|page| page.code).filter(move |other| other / size == code / size);
    let group: Vec<u16> = codes(10).collect();
    if group.is_empty() { codes(100).collect() } else { group }
}

const fn said(server: &'static str, text: &'static str, when: &'static str) -> ServerText {
    ServerText { server, text, when }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{all, near, page, said};
    use crate::ftp::texts::MEANINGS;

    /// Words that a reader gets of a page, without its title and references.
    fn words(page: &super::ReplyCode) -> usize {
        let servers = page.servers.iter().flat_map(|said| [said.server, said.text, said.when]);
        servers.chain([page.meaning]).map(|text| text.split_whitespace().count()).sum()
    }

    #[test]
    fn every_code_that_judgements_know_has_a_page_of_eighty_words() {
        let known: BTreeSet<u16> = MEANINGS.iter().flat_map(|meaning| meaning.codes).copied().collect();
        let missing: Vec<u16> = known.into_iter().filter(|code| page(*code).is_none()).collect();
        assert!(missing.is_empty(), "no page for {missing:?}");
        let short: Vec<(u16, usize)> =
            all().map(|page| (page.code, words(page))).filter(|(_, words)| *words < 80).collect();
        assert!(short.is_empty(), "shorter than 80 words: {short:?}");
    }

    #[test]
    fn codes_are_in_order_and_each_has_one_page() {
        let codes: Vec<u16> = all().map(|page| page.code).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
        assert!(all().all(|page| !page.references.is_empty() && !page.title.ends_with('.')));
    }

    #[test]
    fn what_is_near_shares_the_first_two_digits_or_else_the_first() {
        assert_eq!(near(428), [421, 425, 426]);
        assert_eq!(near(599), near(590));
        assert!(near(599).len() > 5 && near(599).iter().all(|code| code / 100 == 5));
        assert!(near(700).is_empty());
    }

    #[test]
    fn words_lead_to_their_code_if_it_is_the_only_one() {
        let code = |line| super::saying(line).map(|page| page.code);
        assert_eq!(code("Can't build data connection: Cannot assign requested address."), Some(425));
        assert_eq!(code("Illegal PORT command."), None, "500 and 501");
        assert_eq!(code("no such words"), None);
    }

    #[test]
    fn words_that_differ_each_time_match_anything() {
        let text = said("x", "Can't create data socket (<address>,<port>): <error>.", "");
        assert!(text.is("Can't create data socket (10.0.0.1,20): Address already in use."));
        assert!(text.is("CAN'T CREATE DATA SOCKET (10.0.0.1,20): x"));
        assert!(!text.is("Can't create data socket") && !text.is("x: Can't create data socket (a,b): c"));
        assert!(!said("x", "", "").is("anything"));
    }
}
