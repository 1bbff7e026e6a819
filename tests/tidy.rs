//! The rules of the house that a compiler does not know: which way imports point, one door for each outside crate,
//! no circles between the files of a module, short files, no panic and no printing in the library.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules in the order of the path of data; a module may use those of lower rank only.
const RANKS: [(&str, u8); 25] = [
    ("frame", 0),
    ("text", 0),
    ("decrypt", 0),
    ("facts", 1),
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
    ("causes", 7),
    ("report", 7),
    ("anonymize", 8),
    ("check", 8),
    ("extract", 8),
    ("options", 9),
    ("cli", 10),
];
/// Above all others: they know everything.
const TOP: [&str; 3] = ["app", "lib", "main"];

/// Who may name an outside crate; what reads or writes files of text, or needs files for a while, has one at each edge.
/// `foldhash` is a type parameter of maps and needs no door.
const DOORS: [(&str, &str); 59] = [
    ("aes", "decrypt"),
    ("aes_gcm", "decrypt"),
    ("anstream", "cli"),
    ("anstyle", "report"),
    ("anstyle_hyperlink", "report"),
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
    ("jiff", "facts"),
    ("jiff", "report"),
    ("landlock", "source"),
    ("lz4_flex", "source"),
    ("memchr", "ftp"),
    ("netlink_packet_core", "facts"),
    ("netlink_packet_route", "facts"),
    ("nix", "source"),
    ("pcap", "source"),
    ("pcap_parser", "source"),
    ("quick_junit", "report"),
    ("rustix", "app"),
    ("ruzstd", "source"),
    ("schemars", "facts"),
    ("schemars", "report"),
    ("serde", "check"),
    ("serde", "facts"),
    ("serde", "report"),
    ("serde_json", "facts"),
    ("serde_json", "report"),
    ("sha1", "decrypt"),
    ("sha2", "app"),
    ("sha2", "decrypt"),
    ("signal_hook", "app"),
    ("siphasher", "anonymize"),
    ("smallvec", "network"),
    ("strsim", "diagnosis"),
    ("strsim", "ftp"),
    ("supports_hyperlinks", "cli"),
    ("tempfile", "app"),
    ("tempfile", "source"),
    ("terminal_size", "cli"),
    ("toml", "check"),
    ("toml", "cli"),
    ("zeroize", "decrypt"),
    ("zstd", "source"),
];

/// Words that are literal translations or mean nothing to a reader, each with what to say instead. Only what needs no
/// reading is here: single words such as "holds" can be right.
const HARD_WORDS: [(&str, &str); 17] = [
    ("behind this", "after this, between this frame and"),
    ("its kin", "a similar reply"),
    ("and kin", "and similar commands"),
    ("or kin", "or a similar command"),
    ("by right", "belongs to"),
    ("all the same", "anyway"),
    ("lost interest", "the user cancelled"),
    ("in vain", "without an answer"),
    ("came to its end", "completed"),
    ("come to its end", "complete"),
    ("to theft", "others can hijack it"),
    ("connection that stands", "connection that is open"),
    ("told in chapters", "reported in parts"),
    ("in its name", "instead of it"),
    ("2yz", "2xx"),
    ("4yz", "4xx"),
    ("5yz", "5xx"),
];
/// Where people read, or learn how we write: comments count.
const READ_BY_PEOPLE: [&str; 4] = ["src/report", "src/diagnosis", "src/cli", "man"];

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

/// A clock, and who may look at it: what waits for packets or for other programs and must stop in time (`source`, `app/live`,
/// `app/run`), and `app/facts`, which also limits how often it reads tables. Elsewhere packet time counts.
const CLOCKS: [&str; 2] = ["Instant::now", "SystemTime::now"];
const MAY_LOOK_AT_A_CLOCK: [&str; 6] = ["source", "app/live.rs", "app/live", "app/run.rs", "app/run", "app/facts"];

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

/// Places where a text that people read has one of [`HARD_WORDS`], or an article of Microsoft's without saying what it is.
fn hard_words(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let lower = text.to_lowercase().replace("\\-", "-");
    for (index, line) in lower.lines().enumerate() {
        let is_word = |at: usize, len: usize| {
            let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            !letter(line[..at].chars().next_back()) && !letter(line[at + len..].chars().next())
        };
        for (hard, better) in HARD_WORDS {
            if line.match_indices(hard).any(|(at, _)| is_word(at, hard.len())) {
                found.push((index + 1, format!("\"{hard}\", say \"{better}\"")));
            }
        }
        let article = |at: usize| {
            let digits = line[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
            digits == 6 && is_word(at, 1 + digits) && !line[..at].ends_with("microsoft kb ")
        };
        if line.match_indices('q').any(|(at, _)| article(at)) {
            found.push((index + 1, "an article without \"Microsoft KB\" before its number".to_owned()));
        }
    }
    found
}

#[test]
fn nothing_is_said_in_words_that_are_hard_to_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut complaints = Vec::new();
    let mut read = 0;
    for folder in READ_BY_PEOPLE {
        let mut waiting = vec![root.join(folder)];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(&folder).expect("it can be listed") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    waiting.push(path);
                    continue;
                }
                read += 1;
                let shown = path.strip_prefix(root).expect("below the root").display().to_string();
                let text = fs::read_to_string(&path).expect("UTF-8");
                complaints.extend(hard_words(&text).into_iter().map(|(line, what)| format!("{shown}:{line}: {what}")));
            }
        }
    }
    assert!(read > 100, "{read} files");
    report(&complaints);
}

#[test]
fn hard_words_are_found_as_words() {
    let lines = |text| hard_words(text).into_iter().map(|(line, _)| line).collect::<Vec<_>>();
    assert_eq!(lines("x\nIt worked All the same.\n425 or its kin"), [2, 3]);
    assert_eq!(lines("See Q129395"), [1]);
    assert_eq!(lines("See Microsoft KB Q129395; any kind of it; a sequence123456; by rights"), [0_usize; 0]);
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

/// A module by the names of those it lies in, and its own.
type ModulePath = Vec<String>;

impl Source {
    fn module_path(&self) -> ModulePath {
        let mut names: ModulePath =
            self.path.with_extension("").iter().map(|name| name.to_string_lossy().into()).collect();
        if names.last().is_some_and(|name| name == "mod") {
            names.pop();
        }
        names
    }

    /// The paths that it names, as modules and what is in them: those it imports, and those it writes out.
    fn named_paths(&self) -> Vec<ModulePath> {
        let text = self.lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join(" ");
        let mut paths = Vec::new();
        for statement in text.split(';') {
            let import = statement.rfind("use ").filter(|at| *at == 0 || !is_of_name(statement.as_bytes()[at - 1]));
            match import {
                Some(at) => expand("", &statement[at + 4..], &mut paths),
                None => paths.extend(written_out(statement)),
            }
        }
        paths.retain(|path| !is_only_named(path, &text));
        paths.iter().filter_map(|path| absolute(&self.module_path(), path)).collect()
    }
}

/// Whether a path is the name of a diagnosis, or imports a module of which the text takes nothing else: findings say which
/// others they rule out, and whoever names another has no use of how it is found.
fn is_only_named(path: &str, text: &str) -> bool {
    let module = format!("{}::", path.rsplit("::").next().unwrap_or_default());
    let mut taken = text.match_indices(&module).filter(|(at, _)| *at == 0 || !is_of_name(text.as_bytes()[at - 1]));
    let is_name = |at: usize| {
        let rest = text[at + module.len()..].strip_prefix("NAME");
        rest.is_some_and(|rest| !rest.bytes().next().is_some_and(is_of_name))
    };
    path.ends_with("::NAME") || (taken.clone().next().is_some() && taken.all(|(at, _)| is_name(at)))
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The single paths of an import that may have braces.
fn expand(before: &str, import: &str, out: &mut Vec<String>) {
    let Some((head, rest)) = import.split_once('{') else {
        let alone = import.split(" as ").next().unwrap_or_default().trim();
        out.push(format!("{before}{alone}"));
        return;
    };
    let before = format!("{before}{}", head.trim());
    let (mut depth, mut from) = (0, 0);
    for (at, byte) in rest.bytes().enumerate() {
        let ends = depth == 0 && matches!(byte, b',' | b'}');
        depth += i32::from(byte == b'{') - i32::from(byte == b'}');
        if ends {
            if !rest[from..at].trim().is_empty() {
                expand(&before, &rest[from..at], out);
            }
            from = at + 1;
        }
        if depth < 0 {
            break;
        }
    }
}

/// The paths from `crate` or `super` that stand in code.
fn written_out(code: &str) -> Vec<String> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let words = code.split(|c: char| !is_path(c));
    words.filter(|word| word.starts_with("crate::") || word.starts_with("super::")).map(str::to_owned).collect()
}

/// A path as seen from the root; `None` for one into an outside crate.
fn absolute(own: &ModulePath, path: &str) -> Option<ModulePath> {
    let mut names = path.split("::").map(|name| name.trim().to_owned()).peekable();
    let mut base = match names.peek()?.as_str() {
        "crate" => {
            names.next();
            Vec::new()
        }
        "self" => {
            names.next();
            own.clone()
        }
        "super" => own.clone(),
        _ => return None,
    };
    while names.next_if(|name| name == "super").is_some() {
        base.pop();
    }
    base.extend(names);
    Some(base)
}

/// Who uses whom among the modules that lie in one, each with all that lies in it, and by which path.
type Uses = BTreeMap<String, BTreeMap<String, String>>;

fn uses_by_parent(sources: &[Source]) -> BTreeMap<ModulePath, Uses> {
    let modules: BTreeSet<ModulePath> = sources.iter().map(Source::module_path).collect();
    let mut uses: BTreeMap<ModulePath, Uses> = BTreeMap::new();
    for source in sources {
        let own = source.module_path();
        for path in source.named_paths() {
            let target = (1..=path.len()).rev().map(|len| &path[..len]).find(|path| modules.contains(*path));
            let Some(target) = target else { continue };
            let common = own.iter().zip(target).take_while(|(one, other)| one == other).count();
            // Whoever lies in a module may use what it has, and it what lies in it.
            if common == 0 || common == own.len() || common == target.len() {
                continue;
            }
            let level = uses.entry(own[..common].to_vec()).or_default().entry(own[common].clone()).or_default();
            level.insert(target[common].clone(), format!("{} names {}", source.path.display(), path.join("::")));
        }
    }
    uses
}

/// Those that `from` uses, and those that they use, and so on.
fn reached<'a>(uses: &'a Uses, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from.to_owned()];
    while let Some(next) = waiting.pop() {
        for target in uses.get(&next).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(target.as_str()) {
                waiting.push(target.clone());
            }
        }
    }
    reached
}

/// Two files that use each other are one thing in two places: what both need belongs to the one that owns it, or to a
/// third.
#[test]
fn no_files_of_a_module_use_each_other_in_a_circle() {
    let mut complaints = Vec::new();
    for uses in uses_by_parent(&sources()).values() {
        for (one, others) in uses {
            let back = |other: &str| reached(uses, other).contains(one.as_str());
            complaints.extend(others.iter().filter(|(other, _)| back(other)).map(|(_, how)| how.clone()));
        }
    }
    report(&complaints);
}

#[test]
fn imports_are_read_with_braces_over_lines_and_paths_as_they_stand() {
    let lines =
        ["use super::{a::{B, c}, d as e};", "use crate::x::{", "  y::Z,", "};", "fn f() -> super::g::H { other::i() }"];
    let lines = lines.iter().map(|line| (1, (*line).to_owned())).collect();
    let source = Source { path: "m/n.rs".into(), module: "m".to_owned(), lines, length: 0 };
    let named: Vec<String> = source.named_paths().iter().map(|path| path.join("::")).collect();
    assert_eq!(named, ["m::a::B", "m::a::c", "m::d", "x::y::Z", "m::g::H"]);
}

#[test]
fn to_name_a_diagnosis_is_no_use_of_its_module() {
    assert!(is_only_named("super::a::NAME", "super::a::NAME"));
    assert!(is_only_named("super::a", "use super::{a, b}; a::NAME, c_a::f(), a::NAME"));
    assert!(!is_only_named("super::a", "use super::a; a::NAME, a::f()"), "something else is taken");
    assert!(!is_only_named("super::a", "use super::a; a::NAMES"), "another name");
    assert!(!is_only_named("super::A", "use super::A; A { b: 1 }"), "a type");
}

#[test]
fn a_circle_over_three_files_and_their_folders_is_found() {
    let source = |path: &str, code: &str| Source {
        path: path.into(),
        module: "m".to_owned(),
        lines: vec![(1, code.to_owned())],
        length: 1,
    };
    let circle = [
        source("m/mod.rs", "mod a; mod b; mod c; use a::A;"),
        source("m/a.rs", "use super::b::inner::B;"),
        source("m/b/mod.rs", "mod inner;"),
        source("m/b/inner.rs", "use super::super::c::C;"),
        source("m/c.rs", "use crate::m::a::A;"),
    ];
    let uses = uses_by_parent(&circle);
    let inside = &uses[&vec!["m".to_owned()]];
    assert_eq!(reached(inside, "a"), BTreeSet::from(["a", "b", "c"]));
    let uses = uses_by_parent(&circle[..4]);
    assert_eq!(reached(&uses[&vec!["m".to_owned()]], "a"), BTreeSet::from(["b"]), "the third is not there");
}
