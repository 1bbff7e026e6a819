//! The rules of the house that a compiler does not know: which way imports point, one door for each outside crate,
//! short files, no panic and no printing in the library.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules in the order of the path of data; a module may use those of lower rank only.
const RANKS: [(&str, u8); 22] = [
    ("frame", 0),
    ("text", 0),
    ("decrypt", 0),
    ("finding", 1),
    ("source", 1),
    ("wire", 1),
    ("redact", 1),
    ("record", 2),
    ("fingerprint", 3),
    ("flow", 2),
    ("network", 2),
    ("ftp", 3),
    ("transfer", 4),
    ("vantage", 5),
    ("diagnosis", 6),
    ("pipeline", 7),
    ("points", 7),
    ("report", 7),
    ("anonymize", 8),
    ("check", 8),
    ("extract", 8),
    ("cli", 9),
];
/// Above all others: they know everything.
const TOP: [&str; 3] = ["app", "lib", "main"];

/// Who may name an outside crate; what reads or writes files of text, or needs files for a while, has one at each edge.
/// `foldhash` is a type parameter of maps and needs no door.
const DOORS: [(&str, &str); 48] = [
    ("aes", "decrypt"),
    ("aes_gcm", "decrypt"),
    ("anstream", "cli"),
    ("anstyle", "report"),
    ("caps", "source"),
    ("cbc", "decrypt"),
    ("ccm", "decrypt"),
    ("chacha20poly1305", "decrypt"),
    ("clap", "cli"),
    ("clap_complete", "cli"),
    ("comfy_table", "report"),
    ("csv", "report"),
    ("data_encoding", "decrypt"),
    ("data_encoding", "ftp"),
    ("etherparse", "wire"),
    ("flate2", "source"),
    ("getrandom", "anonymize"),
    ("glob", "points"),
    ("hkdf", "decrypt"),
    ("hmac", "decrypt"),
    ("indexmap", "network"),
    ("indicatif", "cli"),
    ("jiff", "report"),
    ("landlock", "source"),
    ("lz4_flex", "source"),
    ("memchr", "ftp"),
    ("nix", "source"),
    ("pcap", "source"),
    ("pcap_parser", "source"),
    ("quick_junit", "report"),
    ("rustix", "app"),
    ("ruzstd", "source"),
    ("schemars", "report"),
    ("serde", "check"),
    ("serde", "report"),
    ("serde_json", "report"),
    ("sha1", "decrypt"),
    ("sha2", "decrypt"),
    ("signal_hook", "app"),
    ("siphasher", "anonymize"),
    ("smallvec", "network"),
    ("strsim", "ftp"),
    ("tempfile", "app"),
    ("tempfile", "source"),
    ("terminal_size", "cli"),
    ("toml", "check"),
    ("toml", "cli"),
    ("zeroize", "decrypt"),
];

/// Lines of a file, tests included.
const LONGEST: usize = 600;
/// Files that may be longer, each with its reason beside it.
const LONG: [&str; 0] = [];

/// What would end the program, or talk past the reports. Printing is for the edge.
const FORBIDDEN: [&str; 8] =
    [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "println!(", "print!(", "dbg!("];
const MAY_PRINT: [&str; 3] = ["app", "cli", "main"];

/// Public types that share their name, each for its reason.
const SHARED_NAMES: [(&str, &str); 0] = [];

/// A clock, and who may look at it: what waits for packets, and `app/live` to stop in time. Elsewhere packet time counts.
const CLOCKS: [&str; 2] = ["Instant::now", "SystemTime::now"];
const MAY_LOOK_AT_A_CLOCK: [&str; 3] = ["source", "app/live.rs", "app/live"];

/// Files and folders, and who may open them.
const FILES: [&str; 4] = ["std::fs", "File::open", "File::create", "OpenOptions"];
const MAY_OPEN_FILES: [&str; 4] = ["source", "points", "app", "cli"];

/// A source file: its top module, and its code line by line without comments and tests.
struct Source {
    path: PathBuf,
    module: String,
    lines: Vec<(usize, String)>,
    length: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    let mut waiting = vec![root.clone()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("src can be listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { waiting.push(path) } else { paths.push(path) }
        }
    }
    paths.sort();
    let texts: BTreeMap<PathBuf, String> =
        paths.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).expect("UTF-8"))).collect();
    let test_only = test_modules(&texts);
    let files = texts.into_iter().filter(|(path, _)| !test_only.contains(path));
    files
        .map(|(path, text)| {
            let inside = path.strip_prefix(&root).expect("below src").to_path_buf();
            let module = inside.iter().next().expect("a name").to_string_lossy().replace(".rs", "");
            Source { path: inside, module, length: text.lines().count(), lines: code(&text) }
        })
        .collect()
}

/// Files that are only compiled for tests: `#[cfg(test)]` and `mod NAME;` on the next line.
fn test_modules(texts: &BTreeMap<PathBuf, String>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (path, text) in texts {
        for (line, next) in text.lines().zip(text.lines().skip(1)) {
            let name = next.trim().trim_start_matches("pub").trim_start_matches("(crate)").trim();
            if let ("#[cfg(test)]", Some(name)) =
                (line.trim(), name.strip_prefix("mod ").and_then(|n| n.strip_suffix(';')))
            {
                // Beside a `mod.rs`, below any other file.
                found.push(path.with_file_name(format!("{name}.rs")));
                found.push(path.with_extension("").join(format!("{name}.rs")));
            }
        }
    }
    found
}

/// The lines before the tests, comments removed.
fn code(text: &str) -> Vec<(usize, String)> {
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let bare = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text[..tests].lines().map(bare).enumerate().map(|(index, line)| (index + 1, line)).collect()
}

/// The modules that a text names behind `crate::`, alone or in braces over any number of lines, each with the line of
/// its `crate::`.
fn crate_modules(lines: &[(usize, String)]) -> Vec<(usize, String)> {
    let identifier = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let mut found = Vec::new();
    for (index, (number, line)) in lines.iter().enumerate() {
        for (at, word) in line.match_indices("crate::") {
            let rest = &line[at + word.len()..];
            let Some(rest) = rest.strip_prefix('{') else {
                found.push((*number, rest[..identifier(rest)].to_owned()));
                continue;
            };
            // Names at the first depth of the braces, wherever these end.
            let (mut depth, mut name) = (1, String::new());
            let more = lines[index + 1..].iter().map(|(_, line)| line.as_str());
            for c in std::iter::once(rest).chain(more).flat_map(|line| line.chars().chain(['\n'])) {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 || (depth == 1 && c == ',') {
                    let path = name.trim();
                    found.push((*number, path[..identifier(path)].to_owned()));
                    name.clear();
                } else {
                    name.push(c);
                }
                if depth == 0 {
                    break;
                }
            }
        }
    }
    found.retain(|(_, name)| !name.is_empty());
    found
}

#[test]
fn imports_are_found_in_every_form() {
    let text = "use crate::frame::Stamp;\nuse crate::{finding, record::{self, Sink}};\nuse crate::{\n    ftp::{\n        Verb,\n    },\n    wire,\n};";
    let found = crate_modules(&code(text));
    let found: Vec<(usize, &str)> = found.iter().map(|(line, name)| (*line, name.as_str())).collect();
    assert_eq!(found, [(1, "frame"), (2, "finding"), (2, "record"), (3, "ftp"), (3, "wire")]);
}

fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn imports_point_one_way() {
    let rank = |module: &str| RANKS.iter().find(|(name, _)| *name == module).map(|(_, rank)| *rank);
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| !TOP.contains(&source.module.as_str())) {
        let own = rank(&source.module).unwrap_or_else(|| panic!("{} has no rank", source.module));
        for (number, used) in crate_modules(&source.lines).into_iter().filter(|(_, used)| *used != source.module) {
            if rank(&used).is_none_or(|rank| rank >= own) {
                complaints.push(format!("{}:{number}: {} may not use {used:?}", source.path.display(), source.module));
            }
        }
    }
    report(&complaints);
}

#[test]
fn each_outside_crate_has_one_door() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (number, line) in &source.lines {
            for (krate, door) in DOORS {
                let path = format!("{krate}::");
                let named = line.match_indices(&path).any(|(at, _)| {
                    let before = line[..at].chars().next_back().unwrap_or(' ');
                    !before.is_alphanumeric() && before != '_' && before != ':'
                });
                let welcome = DOORS.contains(&(krate, source.module.as_str()));
                if named && source.module != door && !welcome {
                    complaints.push(format!("{}:{number}: {krate} belongs to {door}", source.path.display()));
                }
            }
        }
    }
    report(&complaints);
}

#[test]
fn every_dependency_has_a_door() {
    let manifest: toml::Table = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .expect("a manifest")
        .parse()
        .expect("TOML");
    let named = manifest["dependencies"].as_table().expect("dependencies").keys().map(|name| name.replace('-', "_"));
    let complaints: Vec<String> =
        named.filter(|name| name != "foldhash" && !DOORS.iter().any(|(krate, _)| krate == name)).collect();
    report(&complaints);
}

#[test]
fn files_are_short() {
    let long = sources().into_iter().filter(|source| source.length > LONGEST);
    let unexcused = long.filter(|source| !LONG.contains(&source.path.to_string_lossy().as_ref()));
    report(
        &unexcused.map(|source| format!("{} has {} lines", source.path.display(), source.length)).collect::<Vec<_>>(),
    );
}

#[test]
fn nothing_panics_and_nothing_prints() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (number, line) in &source.lines {
            for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
                let printing = word.contains("print");
                // `write!(f, "println!(")` would be a false alarm; so far nobody wrote one.
                if !(printing && MAY_PRINT.contains(&source.module.as_str())) {
                    complaints.push(format!("{}:{number}: {word}", source.path.display()));
                }
            }
        }
    }
    report(&complaints);
}

/// What names one of `words` outside the files and folders of `allowed`.
fn named_outside(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut complaints = Vec::new();
    let is_allowed =
        |source: &Source| allowed.iter().any(|place| source.path.starts_with(place) || source.module == *place);
    for source in sources().iter().filter(|source| !is_allowed(source)) {
        for (number, line) in &source.lines {
            for word in words.iter().filter(|word| line.contains(**word)) {
                complaints.push(format!("{}:{number}: {word}", source.path.display()));
            }
        }
    }
    complaints
}

#[test]
fn packet_time_is_the_only_time() {
    report(&named_outside(&CLOCKS, &MAY_LOOK_AT_A_CLOCK));
    assert!(!named_outside(&CLOCKS, &[]).is_empty(), "nobody looks at a clock: the rule looks for the wrong words");
}

#[test]
fn only_the_edges_open_files() {
    report(&named_outside(&FILES, &MAY_OPEN_FILES));
    assert!(!named_outside(&FILES, &[]).is_empty(), "nobody opens a file: the rule looks for the wrong words");
}

/// One name for one thing: what a module shows to others is called like nothing else that one does. What stays within a
/// module (`pub(super)`), and the mirrors of domain types in `report/shape` and `report/words`, may be called like another.
#[test]
fn public_types_have_names_of_their_own() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let edge = [Path::new("report/shape"), Path::new("report/words.rs")];
    for source in sources().iter().filter(|source| !edge.iter().any(|edge| source.path.starts_with(edge))) {
        for (number, line) in &source.lines {
            let name = line.trim_start().strip_prefix("pub ").and_then(|line| {
                let (_, rest) = ["struct ", "enum ", "trait ", "type "]
                    .iter()
                    .find_map(|kind| line.split_once(kind).filter(|(before, _)| before.is_empty()))?;
                Some(rest.chars().take_while(|c| c.is_alphanumeric()).collect::<String>())
            });
            if let Some(name) = name {
                places.entry(name).or_default().push(format!("{}:{number}", source.path.display()));
            }
        }
    }
    assert!(places.len() > 100, "only {} types are found", places.len());
    let excused = |name: &str| SHARED_NAMES.iter().any(|(shared, _)| *shared == name);
    let shared = places.iter().filter(|(name, places)| places.len() > 1 && !excused(name));
    report(&shared.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect::<Vec<_>>());
}

/// A name without a declaration behind it would be a diagnosis that nobody can look up.
#[test]
fn only_a_declaration_names_a_diagnosis() {
    let elsewhere = |source: &Source| source.path != Path::new("diagnosis/mod.rs");
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| elsewhere(source)) {
        for (number, line) in source.lines.iter().filter(|(_, line)| line.contains("DiagnosisName::declare(")) {
            complaints.push(format!("{}:{number}: {}", source.path.display(), line.trim()));
        }
    }
    report(&complaints);
}

#[test]
fn every_module_says_what_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mute = |source: &Source| !fs::read_to_string(root.join(&source.path)).expect("UTF-8").starts_with("//!");
    report(&sources().iter().filter(|s| mute(s)).map(|s| s.path.display().to_string()).collect::<Vec<_>>());
}
