//! `ftpwhy explain` and `ftpwhy rules`: what the program knows, from the diagnoses' own files.

use std::io::{self, Write};

use super::Style;
use super::escape::safe;
use super::paint::Ink;
use super::shape::{Rule, Rules};
use super::table::write_grid;
use super::words::Severity;
use super::wrap::write_wrapped;
use crate::diagnosis::Diagnosis;

/// A page for each diagnosis.
pub fn explain(diagnoses: &[&Diagnosis], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for (index, diagnosis) in diagnoses.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let severity = Severity::from(diagnosis.severity);
        let name = format!("{severity}[{}]", diagnosis.name);
        writeln!(out, "{}", style.paint(Ink::of(diagnosis.severity), &name))?;
        write_wrapped(out, style, "  ", "  ", &safe(diagnosis.summary, style.ascii))?;
        for paragraph in paragraphs(diagnosis) {
            writeln!(out)?;
            write_wrapped(out, style, "", "", &safe(&paragraph, style.ascii))?;
        }
        if !diagnosis.references.is_empty() {
            writeln!(out)?;
            write_wrapped(out, style, "", "  ", &format!("See: {}.", diagnosis.references.join(", ")))?;
        }
    }
    Ok(())
}

/// All diagnoses, a row each.
pub fn list(diagnoses: &[&Diagnosis], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let rows = diagnoses.iter().map(|diagnosis| {
        let severity = Severity::from(diagnosis.severity).to_string();
        [diagnosis.name.to_string(), severity, safe(diagnosis.summary, style.ascii)]
    });
    write_grid(&["name", "severity", "what it says"], rows, &[0, 1], style, out)
}

/// All diagnoses with all that is said of them, as JSON.
pub fn list_json(diagnoses: &[&Diagnosis], out: &mut dyn Write) -> io::Result<()> {
    let rules = Rules::new(diagnoses.iter().map(|diagnosis| Rule::new(diagnosis, paragraphs(diagnosis))));
    writeln!(out, "{}", serde_json::to_string_pretty(&rules)?)
}

/// The doc comment without its line breaks: paragraphs, and items of lists each alone.
pub fn paragraphs(diagnosis: &Diagnosis) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut open = false;
    for line in diagnosis.explanation.lines().map(str::trim) {
        match paragraphs.last_mut() {
            _ if line.is_empty() => open = false,
            Some(paragraph) if open && !line.starts_with("- ") => {
                paragraph.push(' ');
                paragraph.push_str(line);
            }
            _ => {
                open = true;
                paragraphs.push(line.to_owned());
            }
        }
    }
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::{explain, list, list_json, paragraphs};
    use crate::diagnosis::{ALL, time_wait_collision};
    use crate::report::testing::{expect, narrow};

    fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).expect("a vector takes everything");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn an_explanation_is_the_doc_comment_in_paragraphs() {
        let text = written(|out| explain(&[&time_wait_collision::DIAGNOSIS], &narrow(), out));
        expect("time-wait-collision.explain", &text);
        assert!(text.lines().all(|line| line.len() <= 80));
    }

    #[test]
    fn every_diagnosis_is_explained_and_listed() {
        let rows = written(|out| list(ALL, &narrow(), out));
        let json: serde_json::Value =
            serde_json::from_str(&written(|out| list_json(ALL, out))).expect("the list is JSON");
        for (diagnosis, rule) in ALL.iter().zip(json["rules"].as_array().expect("an array")) {
            assert!(!paragraphs(diagnosis).is_empty(), "{}", diagnosis.name);
            assert!(rows.lines().any(|line| line.starts_with(diagnosis.name.as_str())), "{}", diagnosis.name);
            assert_eq!(rule["name"], diagnosis.name.as_str());
        }
    }
}
