//! Every capture and script below `fixtures/` against the expectation beside it, and its JSON against the schema.
//!
//! `FTPWHY_FIXTURE=part/of/a/path` narrows the run; `BLESS=1` rewrites the expectations that differ.

mod kit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kit::expect::{Expectation, blessed};
use kit::run::{analyse, schema};

const CAPTURES: [&str; 9] =
    [".script", ".pcap", ".pcapng", ".pcap.gz", ".pcap.zst", ".pcap.lz4", ".snoop", ".txt", ".bin"];

/// A capture to judge, and what its expectation may call by name.
struct Fixture {
    source: PathBuf,
    capture: PathBuf,
    marks: BTreeMap<String, u64>,
}

#[test]
fn every_fixture_is_as_expected() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let wanted = std::env::var("FTPWHY_FIXTURE").unwrap_or_default();
    let sources = kit::files_below(&kit::root().join("fixtures"), &CAPTURES);
    assert!(!sources.is_empty(), "there are no fixtures");
    let schema = schema(Path::new(env!("CARGO_BIN_EXE_ftpwhy")));
    let mut failures = Vec::new();
    for (index, source) in sources.iter().enumerate().filter(|(_, source)| source.to_string_lossy().contains(&wanted)) {
        let name = source.strip_prefix(kit::root()).unwrap_or(source).display().to_string();
        let differences = match prepare(source, folder.path(), index).and_then(|fixture| judge(&fixture, &schema)) {
            Ok(differences) => differences,
            Err(error) => vec![error],
        };
        if !differences.is_empty() {
            failures.push(format!("{name}\n    {}", differences.join("\n    ")));
        }
    }
    let counted = format!("{} of {} fixtures are not as expected", failures.len(), sources.len());
    assert!(failures.is_empty(), "{counted} (BLESS=1 rewrites them):\n{}", failures.join("\n"));
}

/// Scripts are rendered under a name that says nothing about what is in them.
fn prepare(source: &Path, folder: &Path, index: usize) -> Result<Fixture, String> {
    if source.extension().is_none_or(|extension| extension != "script") {
        return Ok(Fixture { source: source.into(), capture: source.into(), marks: BTreeMap::new() });
    }
    let rendered = kit::render(source)?;
    let capture = folder.join(format!("{index}.{}", rendered.extension));
    std::fs::write(&capture, &rendered.file).map_err(|e| e.to_string())?;
    Ok(Fixture { source: source.into(), capture, marks: rendered.marks })
}

fn judge(fixture: &Fixture, schema: &jsonschema::Validator) -> Result<Vec<String>, String> {
    let path = expectation_path(&fixture.source);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let resolved = kit::marks::resolve(&text, &fixture.marks)?;
    let expectation = Expectation::parse(&resolved)?;
    let answer = analyse(Path::new(env!("CARGO_BIN_EXE_ftpwhy")), &fixture.capture)?;
    if let Some(part) = &expectation.unreadable {
        let refused = answer.status == 2 && answer.stderr.contains(part.as_str());
        return Ok(if refused { vec![] } else { vec![format!("status {}: {}", answer.status, answer.stderr.trim())] });
    }
    if answer.status == 2 {
        return Err(format!("cannot be read: {}", answer.stderr.trim()));
    }
    let mut differences = expectation.compare(&answer.observed, &answer.transfers);
    differences.extend(schema.iter_errors(&answer.document).map(|error| format!("not by the schema: {error}")));
    let guilty = answer.observed.iter().any(|finding| finding.severity == "error" && finding.role != "related");
    if answer.status != i32::from(guilty) {
        differences.push(format!("exit status is {} with{} an error", answer.status, if guilty { "" } else { "out" }));
    }
    if !differences.is_empty() && std::env::var_os("BLESS").is_some() {
        let new = blessed(&resolved, &answer.observed, &answer.transfers)?;
        std::fs::write(&path, kit::marks::restore(&new, &fixture.marks)).map_err(|e| e.to_string())?;
        println!("rewrote {}", path.display());
        return Ok(vec![]);
    }
    Ok(differences)
}

/// `NAME.expect.toml` for `NAME.script`, `NAME.pcap`, `NAME.pcap.gz`.
fn expectation_path(source: &Path) -> PathBuf {
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let stem = CAPTURES.iter().rev().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    source.with_file_name(format!("{stem}.expect.toml"))
}
