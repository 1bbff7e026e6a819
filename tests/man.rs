//! `man/` is what clap and the prose say: `UPDATE_MAN=1 cargo test --test man` rewrites it.

use std::path::Path;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use ftpwhy::cli::command;
use ftpwhy::cli::prose::{self, Entries, Page};
use ftpwhy::diagnosis::ALL;
use ftpwhy::diagnosis::replies::CAPTURE;
use ftpwhy::ftp::codes;
use ftpwhy::report::rules::paragraphs;

/// A section of terms and what they mean; nothing if there are none.
fn section(title: &str, entries: Entries) -> Vec<u8> {
    let mut roff = Roff::new();
    if entries.is_empty() {
        return Vec::new();
    }
    roff.control("SH", [title]);
    for (term, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
    roff.to_roff().into_bytes()
}

/// A file as it is, under a title of its own.
fn verbatim(title: &str, path: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path);
    let mut roff = Roff::new();
    roff.control("SS", [title]);
    roff.control("nf", []);
    for line in text.lines() {
        // An empty line would end the paragraph and its indentation.
        roff.text([roman(if line.is_empty() { " " } else { line })]);
    }
    roff.control("fi", []);
    roff.to_roff().into_bytes()
}

/// A page: what clap knows, and the prose.
fn page(command: clap::Command, name: &str, prose: &Page) -> Vec<u8> {
    let version = concat!("ftpwhy ", env!("CARGO_PKG_VERSION"));
    let has_subcommands = command.has_subcommands();
    let man = Man::new(command.display_name(name.to_owned())).title(name).source(version).manual("User Commands");
    let mut page = Vec::new();
    man.render_title(&mut page).expect("title");
    man.render_name_section(&mut page).expect("name");
    man.render_synopsis_section(&mut page).expect("synopsis");
    man.render_description_section(&mut page).expect("description");
    man.render_options_section(&mut page).expect("options");
    if has_subcommands {
        man.render_subcommands_section(&mut page).expect("subcommands");
    }
    page.extend(section("EXIT STATUS", prose.exit_status));
    page.extend(section("EXAMPLES", prose.examples));
    if prose.command == "check" {
        page.extend(b".SH \"CONTINUOUS INTEGRATION\"\n");
        page.extend(verbatim("GitHub Actions", ".github/workflows/captures.yml"));
        page.extend(verbatim("GitLab", "tests/ci/gitlab-ci.yml"));
    }
    page.extend(section("ENVIRONMENT", prose.environment));
    page.extend(section("FILES", prose.files));
    page.extend(section("LIMITS", prose.limits));
    page
}

/// All diagnoses with their explanations, from their own files.
fn rules_page() -> Vec<u8> {
    let mut roff = Roff::new();
    roff.control("TH", ["ftpwhy-rules", "7", "", concat!("ftpwhy ", env!("CARGO_PKG_VERSION")), "Diagnoses"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman("ftpwhy-rules - the diagnoses of ftpwhy and how each is recognised")]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(
        "A finding names its diagnosis in brackets after the severity. The severity is the one given here, unless the \
         finding has another for a reason given in the text. ftpwhy explain prints one of these texts.",
    )]);
    for diagnosis in ALL {
        roff.control("SH", [diagnosis.name.as_str()]);
        let severity = format!("{:?}", diagnosis.severity).to_lowercase();
        roff.text([bold(severity), roman(format!(": {}.", diagnosis.summary))]);
        for paragraph in paragraphs(diagnosis) {
            roff.control("PP", []);
            roff.text([roman(paragraph)]);
        }
        if !diagnosis.references.is_empty() {
            roff.control("PP", []);
            roff.text([roman(format!("See: {}.", diagnosis.references.join(", ")))]);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("ftpwhy"), roman("(1), "), bold("ftpwhy-explain"), roman("(1)")]);
    roff.to_roff().into_bytes()
}

/// All reply codes with what servers mean by them.
fn replies_page() -> Vec<u8> {
    let mut roff = Roff::new();
    roff.control("TH", ["ftpwhy-replies", "7", "", concat!("ftpwhy ", env!("CARGO_PKG_VERSION")), "Reply codes"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman("ftpwhy-replies - FTP reply codes and what servers mean by them")]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(
        "What each reply code means, and when servers send it with which text. ftpwhy explain CODE prints one of these \
         pages, and which diagnoses fit; ftpwhy explain \"CODE TEXT\" does so for one text. To find out which cause a \
         reply had, capture it:",
    )]);
    roff.control("PP", []);
    roff.text([bold(CAPTURE)]);
    for page in codes::all() {
        roff.control("SH", [page.code.to_string().as_str(), page.title]);
        roff.text([roman(page.meaning)]);
        for said in page.servers {
            roff.control("TP", []);
            let words = if said.text.is_empty() { String::new() } else { format!(" \"{}\"", said.text) };
            roff.text([bold(said.server), roman(words)]);
            roff.text([roman(said.when)]);
        }
        roff.control("PP", []);
        roff.text([roman(format!("See: {}.", page.references.join(", ")))]);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("ftpwhy-explain"), roman("(1), "), bold("ftpwhy-rules"), roman("(7)")]);
    roff.to_roff().into_bytes()
}

fn check(name: &str, page: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(name);
    if std::env::var_os("UPDATE_MAN").is_some() {
        std::fs::write(&path, page).expect("the page can be written");
        return;
    }
    let stored = std::fs::read(&path).unwrap_or_default();
    assert!(stored == page, "man/{name} is stale: UPDATE_MAN=1 cargo test --test man");
}

#[test]
fn the_man_page_is_fresh() {
    check("ftpwhy.1", &page(command(), "ftpwhy", prose::page("").expect("the main page")));
}

#[test]
fn the_page_of_diagnoses_is_fresh() {
    check("ftpwhy-rules.7", &rules_page());
}

#[test]
fn the_page_of_replies_is_fresh() {
    check("ftpwhy-replies.7", &replies_page());
}

#[test]
fn each_subcommand_has_a_fresh_page() {
    let mut command = command();
    command.build();
    let mut checked = 0;
    for subcommand in command.get_subcommands() {
        let name = subcommand.get_name();
        let prose = prose::page(name).unwrap_or_else(|| panic!("src/cli/prose has no page for {name}"));
        assert!(!prose.exit_status.is_empty() && !prose.examples.is_empty() && !prose.limits.is_empty(), "{name}");
        let name = format!("ftpwhy-{name}");
        check(&format!("{name}.1"), &page(subcommand.clone(), &name, prose));
        checked += 1;
    }
    assert!(checked > 0);
}
