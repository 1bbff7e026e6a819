//! Where what a diagnosis refers to can be read.

use anstyle_hyperlink::Hyperlink;

use super::Style;
use crate::diagnosis::Diagnosis;

/// Programs of captures, and where their manuals are.
const MANUALS: [(&str, &str); 3] = [
    ("tcpdump(1)", "https://www.tcpdump.org/manpages/tcpdump.1.html"),
    ("editcap(1)", "https://www.wireshark.org/docs/man-pages/editcap.html"),
    ("reordercap(1)", "https://www.wireshark.org/docs/man-pages/reordercap.html"),
];

/// The address of `RFC 959 3.3` or `tcpdump(1)`; `None` for what has no lasting one, as the articles of Microsoft's
/// knowledge base.
pub(super) fn address(reference: &str) -> Option<String> {
    if let Some((_, address)) = MANUALS.iter().find(|(name, _)| *name == reference) {
        return Some((*address).to_owned());
    }
    let mut words = reference.strip_prefix("RFC ")?.split(' ');
    let is_number = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let page = format!("https://www.rfc-editor.org/rfc/rfc{}", words.next().filter(is_number)?);
    Some(match words.next().filter(is_number) {
        Some(section) => format!("{page}#section-{section}"),
        None => page,
    })
}

/// Where to read on about a diagnosis: the first of its references that has an address.
pub(super) fn first_of(diagnosis: &Diagnosis) -> Option<String> {
    diagnosis.references.iter().find_map(|reference| address(reference))
}

impl Style {
    /// `text` as a link to `address`, where the terminal can show one.
    pub(super) fn link(&self, address: Option<&str>, text: &str) -> String {
        match address.filter(|_| self.links) {
            Some(address) => {
                let link = Hyperlink::with_url(address);
                format!("{link}{text}{link:#}")
            }
            None => text.to_owned(),
        }
    }

    /// `line` with each of `references` that stands in it as a link.
    pub(super) fn link_all(&self, references: &[&str], line: &str) -> String {
        let mut linked = line.to_owned();
        for reference in references {
            // A longer one may begin with the same words, and one may be broken over two lines.
            let whole = |rest: &str| !rest.starts_with([' ', '.']);
            if self.links && line.split_once(reference).is_some_and(|(_, rest)| whole(rest)) {
                linked = linked.replacen(reference, &self.link(address(reference).as_deref(), reference), 1);
            }
        }
        linked
    }
}

#[cfg(test)]
mod tests {
    use super::{address, first_of};
    use crate::diagnosis::ALL;
    use crate::report::testing::wide;
    use crate::report::{Format, Style, testing::Sample};

    #[test]
    fn rfcs_and_manuals_have_addresses() {
        assert_eq!(address("RFC 959 3.3").as_deref(), Some("https://www.rfc-editor.org/rfc/rfc959#section-3.3"));
        assert_eq!(address("RFC 1337").as_deref(), Some("https://www.rfc-editor.org/rfc/rfc1337"));
        assert_eq!(address("tcpdump(1)").as_deref(), Some("https://www.tcpdump.org/manpages/tcpdump.1.html"));
        assert_eq!((address("Microsoft KB Q129395"), address("RFC x"), address("")), (None, None, None));
    }

    #[test]
    fn every_diagnosis_has_an_address_to_read_on() {
        let without: Vec<&str> =
            ALL.iter().filter(|one| first_of(one).is_none()).map(|one| one.name.as_str()).collect();
        assert!(without.is_empty(), "{without:?}");
    }

    #[test]
    fn a_terminal_that_can_gets_links_and_nothing_else_changes() {
        let plain = Sample::collision().render(Format::Full, &wide());
        let linked = Sample::collision().render(Format::Full, &Style { links: true, ..wide() });
        assert!(!plain.contains("\x1b]8;;"));
        // The name of the diagnosis, and what its note refers to.
        for section in ["rfc959#section-3.3", "rfc9293#section-3.6.1"] {
            assert!(linked.contains(&format!("\x1b]8;;https://www.rfc-editor.org/rfc/{section}\x1b\\")), "{linked:?}");
        }
        let mut bare = String::new();
        let mut rest = linked.as_str();
        while let Some((before, after)) = rest.split_once("\x1b]8;;") {
            bare.push_str(before);
            rest = after.split_once("\x1b\\").expect("a link ends").1;
        }
        bare.push_str(rest);
        assert_eq!(bare, plain, "links take no room");
    }
}
