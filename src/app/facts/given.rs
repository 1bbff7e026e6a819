//! The facts that are named with a capture: `--facts`, and the documents that go with a capture that is written.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::anonymize::{Anonymizer, Key};
use crate::app::Trouble;
use crate::app::output::Destination;
use crate::facts::{Facts, parse, to_json};
use crate::report::Out;
use crate::source::{open_named, reason};

/// Bytes of a document at most: one with 50,000 entries of TIME-WAIT has some 10 MB.
const DOCUMENT: u64 = 256 << 20;

/// Reads the documents. With a key their addresses become those of the anonymised capture.
pub(in crate::app) fn read(paths: &[PathBuf], key: Option<Key>) -> Result<Arc<Facts>, Trouble> {
    let mut anonymizer = key.map(Anonymizer::new);
    let mut facts = Facts::default();
    for path in paths {
        let failed = |reason| Trouble::File { doing: "read", path: path.clone(), reason };
        let mut text = Vec::new();
        let read = open_named(path).and_then(|file| file.take(DOCUMENT).read_to_end(&mut text));
        read.map_err(|error| failed(reason(&error)))?;
        let mut host = parse(&text).map_err(|refused| failed(refused.to_string()))?;
        if let Some(anonymizer) = &mut anonymizer {
            anonymizer.host(&mut host);
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        facts.add(name.to_string_lossy(), host);
    }
    Ok(Arc::new(facts))
}

/// Where the facts go that belong to a capture: `X.facts.json` for `X.pcapng`, then `X.2.facts.json`.
pub(in crate::app) fn beside(capture: &Path, number: usize) -> PathBuf {
    let number = if number == 0 { String::new() } else { format!("{}.", number + 1) };
    capture.with_extension(format!("{number}facts.json"))
}

/// Writes the facts of all hosts beside a capture.
pub(in crate::app) fn write_beside(capture: &Path, facts: &Facts) -> io::Result<()> {
    for (number, host) in facts.hosts().enumerate() {
        let mut out = Destination::whole(&beside(capture, number))?;
        writeln!(out, "{}", to_json(host))?;
        out.finish()?;
    }
    Ok(())
}

/// The same from inside the sandbox, for one host: written beside the file that takes its name.
#[cfg(all(feature = "live", target_os = "linux"))]
pub(in crate::app) fn replace_beside(capture: &Path, host: &crate::facts::Host) -> io::Result<()> {
    let path = beside(capture, 0);
    let begun = path.with_extension("json.part");
    std::fs::write(&begun, to_json(host) + "\n").and_then(|()| std::fs::rename(&begun, &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_called_like_their_capture() {
        assert_eq!(beside(Path::new("a/ring.pcapng"), 0), Path::new("a/ring.facts.json"));
        assert_eq!(beside(Path::new("ring"), 1), Path::new("ring.2.facts.json"));
    }

    #[test]
    fn what_is_no_document_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.json");
        std::fs::write(&path, "{}").unwrap();
        let said = |paths: &[PathBuf]| read(paths, None).map_err(|trouble| trouble.to_string()).unwrap_err();
        assert!(said(&[path]).contains("host.json: not written by ftpwhy facts"));
        assert!(said(&["/nonexistent.json".into()]).contains("no such file"));
    }
}
