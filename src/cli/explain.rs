//! `ftpwhy explain` and `ftpwhy rules`: what the program knows.

use clap::Args;

use super::layout::{PlainArguments, TextOrJson};
use super::settings::wrong;
use super::{ExplainOptions, RulesOptions, Terminal};
use crate::diagnosis::replies::Question;
use crate::diagnosis::selection::Pattern;
use crate::ftp::codes;
use crate::options::Topic;

/// Explain a diagnosis or a reply of a server
///
/// Of a diagnosis: what it means, how it is recognised, what refutes it, what to do, where to read more. Of a reply
/// code or its text: what servers mean by it, which diagnoses fit, and what to capture to find out which.
#[derive(Args)]
pub(super) struct Explain {
    /// A diagnosis as findings name it, a glob as in 'time-wait-*', a reply code, or a reply as in "425 Can't open data
    /// connection."
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    #[command(flatten)]
    plain: PlainArguments,
}

/// List all diagnoses with their severities
#[derive(Args)]
pub(super) struct Rules {
    /// How to write the list; json includes the explanations
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: TextOrJson,

    #[command(flatten)]
    plain: PlainArguments,
}

impl Explain {
    pub(super) fn into_options(self, terminal: &Terminal) -> Result<ExplainOptions, clap::Error> {
        Ok(ExplainOptions { topics: topics(&self.names)?, style: self.plain.into_style(terminal) })
    }
}

impl Rules {
    pub(super) fn into_options(self, terminal: &Terminal) -> RulesOptions {
        RulesOptions { json: self.format == TextOrJson::Json, style: self.plain.into_style(terminal) }
    }
}

/// What the words ask about. What follows a code and is no code or diagnosis itself is the reply's text, so that it needs
/// no quotes.
fn topics(words: &[String]) -> Result<Vec<Topic>, clap::Error> {
    let mut topics = Vec::new();
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let Some((code, text)) = reply(word) else {
            topics.push(named(word)?);
            continue;
        };
        let mut text = text.to_owned();
        while let Some(more) = rest.next_if(|word| reply(word).is_none() && Pattern::parse(word).is_err()) {
            text.push(' ');
            text.push_str(more);
        }
        topics.push(Topic::Reply(Question::new(Some(code), text.trim()).ok_or_else(|| no_code(code))?));
    }
    Ok(topics)
}

/// A diagnosis, or words of a server without their code.
fn named(word: &str) -> Result<Topic, clap::Error> {
    let unknown = match Pattern::parse(word) {
        Ok(pattern) => return Ok(Topic::Diagnoses(pattern)),
        Err(unknown) => unknown,
    };
    let is_line = word.trim().contains(' ');
    let question = if is_line { Question::new(None, word.trim()) } else { None };
    question.map(Topic::Reply).ok_or_else(|| {
        let hint = if is_line { "; put the reply code before the text of a reply" } else { "" };
        wrong(&format!("{unknown}{hint}"))
    })
}

/// `425 text`, `425-text` or `425`: the code, and what follows.
fn reply(word: &str) -> Option<(u16, &str)> {
    let (code, text) = word.trim().split_at_checked(3)?;
    let stands_alone = text.is_empty() || text.starts_with([' ', '-']);
    let code = code.bytes().all(|byte| byte.is_ascii_digit()).then(|| code.parse().ok()).flatten();
    code.filter(|_| stands_alone).map(|code| (code, text.trim_start_matches([' ', '-'])))
}

fn no_code(code: u16) -> clap::Error {
    let mut near = codes::near(code);
    if near.is_empty() {
        near = codes::all().map(|page| page.code).collect();
    }
    let near: Vec<String> = near.iter().map(u16::to_string).collect();
    wrong(&format!("no explanation of reply code {code}; near it: {}", near.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{Topic, topics};

    fn asked(words: &[&str]) -> Result<Vec<(Option<u16>, String)>, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let of = |topic| match topic {
            Topic::Reply(question) => (question.page.map(|page| page.code), question.text),
            Topic::Diagnoses(pattern) => (None, format!("{pattern:?}")),
        };
        topics(&words).map(|topics| topics.into_iter().map(of).collect()).map_err(|said| said.to_string())
    }

    #[test]
    fn a_reply_is_a_code_with_or_without_its_text() {
        assert_eq!(asked(&["425"]), Ok(vec![(Some(425), String::new())]));
        let line = "425 Can't open data connection.";
        let text = "Can't open data connection.".to_owned();
        assert_eq!(asked(&[line]), Ok(vec![(Some(425), text.clone())]));
        assert_eq!(asked(&line.split(' ').collect::<Vec<_>>()), Ok(vec![(Some(425), text)]));
        assert_eq!(asked(&["227", "426"]).map(|topics| topics.len()), Ok(2));
        assert_eq!(asked(&["425", "mac-*"]).map(|topics| topics.len()), Ok(2));
        assert_eq!(asked(&["x: Connection refused"]), Ok(vec![(None, "x: Connection refused".to_owned())]));
    }

    #[test]
    fn what_is_not_known_is_answered_with_what_is_near() {
        assert!(asked(&["428"]).expect_err("refused").contains("near it: 421, 425, 426"));
        assert!(asked(&["999"]).expect_err("refused").contains("near it: 125, 150"));
        assert!(asked(&["syn-lost"]).expect_err("refused").contains("data-syn-lost-in-transit"));
        assert!(asked(&["no such words"]).expect_err("refused").contains("put the reply code before"));
        assert!(asked(&["4250"]).is_err());
    }
}
