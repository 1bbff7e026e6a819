//! `ftpwhy explain CODE`: what servers mean by a reply, and how to find out which cause it had.

use std::io::{self, Write};

use super::Style;
use super::escape::safe;
use super::paint::Ink;
use super::wrap::write_wrapped;
use crate::diagnosis::replies::{CAPTURE, Explained, Question, error_says};

/// A page for each question; `first` if nothing was written before.
pub fn explain(questions: &[&Question], mut first: bool, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for question in questions {
        if !std::mem::take(&mut first) {
            writeln!(out)?;
        }
        Page { question, answer: question.answer(), style }.write(out)?;
    }
    Ok(())
}

struct Page<'a> {
    question: &'a Question,
    answer: Explained,
    style: &'a Style,
}

impl Page<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let name = self.question.page.map_or_else(|| "reply".to_owned(), |page| format!("reply[{}]", page.code));
        write!(out, "{}", self.style.paint(Ink::Strong, &name))?;
        writeln!(out, "{}{}", if self.question.text.is_empty() { "" } else { " " }, self.safe(&self.question.text))?;
        if let Some(page) = self.question.page {
            self.text(out, "  ", page.title)?;
        }
        if self.question.is_known() {
            self.words(out)?;
        } else {
            self.code(out)?;
        }
        writeln!(out, "\nDiagnoses that fit, the most frequent first:")?;
        for diagnosis in &self.answer.diagnoses {
            self.item(out, &format!("{}: {}", diagnosis.name, diagnosis.summary))?;
        }
        writeln!(out, "\nTo find out which, capture it:\n  {CAPTURE}")?;
        self.text(out, "", self.answer.how_to_capture)?;
        self.text(
            out,
            "",
            "Do not capture with 'port 21': it hides the data connection, ARP and ICMP, and those decide between the causes.",
        )?;
        if let Some(page) = self.question.page {
            writeln!(out)?;
            write_wrapped(out, self.style, "", "  ", &format!("See: {}.", page.references.join(", ")))?;
        }
        Ok(())
    }

    /// What these words mean.
    fn words(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nWhat it says:")?;
        let mut said: Vec<&str> = Vec::new();
        for meaning in &self.answer.meanings {
            let plain = meaning.condition.plain();
            if !said.contains(&plain) {
                said.push(plain);
                self.item(out, &format!("{plain}. The packets must show: {}.", meaning.wire))?;
            }
        }
        if let Some(error) = self.answer.error {
            self.item(out, error_says(error))?;
        }
        if !self.answer.servers.is_empty() {
            writeln!(out, "\nWho says it:")?;
        }
        self.servers(out, self.answer.servers.iter().copied())
    }

    /// What the code means, whatever the words.
    fn code(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.question.text.is_empty() {
            self.text(out, "", "These words are not known; this is what the code means.")?;
        }
        let Some(page) = self.question.page else { return Ok(()) };
        writeln!(out)?;
        self.text(out, "", page.meaning)?;
        if !page.servers.is_empty() {
            writeln!(out, "\nWhat servers mean by it:")?;
        }
        self.servers(out, page.servers.iter())
    }

    fn servers<'a>(
        &self,
        out: &mut dyn Write,
        servers: impl Iterator<Item = &'a crate::ftp::codes::ServerText>,
    ) -> io::Result<()> {
        for said in servers {
            let words = if said.text.is_empty() { String::new() } else { format!(" \"{}\"", said.text) };
            self.item(out, &format!("{}{words}: {}", said.server, said.when))?;
        }
        Ok(())
    }

    fn item(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        write_wrapped(out, self.style, "- ", "  ", &self.safe(text))
    }

    fn text(&self, out: &mut dyn Write, lead: &str, text: &str) -> io::Result<()> {
        write_wrapped(out, self.style, lead, lead, &self.safe(text))
    }

    fn safe(&self, text: &str) -> String {
        safe(text, self.style.ascii)
    }
}

#[cfg(test)]
mod tests {
    use super::explain;
    use crate::diagnosis::replies::Question;
    use crate::ftp::codes;
    use crate::report::testing::{expect, narrow};

    fn page(code: Option<u16>, text: &str) -> String {
        let mut out = Vec::new();
        let question = Question::new(code, text).expect("known");
        explain(&[&question], true, &narrow(), &mut out).expect("a vector takes everything");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_code_and_a_text_are_explained() {
        expect("425.explain", &page(Some(425), ""));
        expect("425-text.explain", &page(Some(425), "Can't build data connection: Cannot assign requested address"));
        expect("227.explain", &page(Some(227), ""));
    }

    #[test]
    fn every_page_says_what_fits_and_what_to_capture_within_the_width() {
        for code in codes::all() {
            let text = page(Some(code.code), "");
            assert!(text.contains("Diagnoses that fit") && text.contains("tcpdump -i any"), "{text}");
            assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        }
    }

    #[test]
    fn a_hostile_text_is_harmless() {
        let text = page(Some(425), "a\x1b[2J\u{202e}b: Connection refused");
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text}");
        assert!(text.contains("data-syn-refused"), "{text}");
    }
}
