//! Settings from `.ftpwhy.toml` and from `FTPWHY_*`: what the command line leaves open, as further arguments.
//!
//! Every long option is a setting by its name: `fail-on` in the file, `FTPWHY_FAIL_ON` in the environment. The command
//! line comes before the environment, that before the file. Knows no option by name but the few below.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::{Table, Value};

use super::spelling::{nearest, related};
use crate::source::reason;
use crate::text::line_and_column;

/// The file that is read without being named.
const FILE: &str = ".ftpwhy.toml";
const PREFIX: &str = "FTPWHY_";

/// No settings: they say where settings come from, or print something and end.
const NOT_SETTINGS: [&str; 4] = ["config", "isolated", "help", "version"];

/// Options that write files. A directory somebody else filled must not choose what is overwritten, so they are taken
/// from a file only when `--config` names it.
pub(super) const WRITING: [&str; 9] =
    ["output", "write-baseline", "bless", "svg", "html", "write", "evidence", "metrics-file", "manifest"];

/// Options of which every subcommand takes other values: for it they stand in its own table.
const OWN: [&str; 2] = ["format", "output"];

/// What there is beside the command line.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The environment.
    pub variables: Vec<(OsString, OsString)>,
    /// The current directory.
    pub directory: PathBuf,
}

impl Environment {
    /// The environment and the directory of this process.
    pub fn here() -> Self {
        Self { variables: std::env::vars_os().collect(), directory: PathBuf::from(".") }
    }

    fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.variables.iter().find(|(key, _)| key.to_str() == Some(name));
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    }
}

/// The command line with what the environment adds, and remarks for standard error.
pub(super) struct Settled {
    pub(super) matches: ArgMatches,
    pub(super) remarks: Vec<String>,
    /// The file that was read.
    pub(super) config: Option<PathBuf>,
}

/// An argument from elsewhere.
struct Addition {
    long: String,
    arguments: Vec<OsString>,
    /// Where it stands, for complaints.
    source: String,
}

/// Reads `arguments` (the program's name first) and adds the settings.
pub(super) fn settle(
    mut command: Command,
    arguments: Vec<OsString>,
    environment: &Environment,
) -> Result<Settled, clap::Error> {
    command.build();
    let said = match command.try_get_matches_from_mut(&arguments) {
        // A setting may supply what is missing; the second reading tells.
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => {
            command.clone().ignore_errors(true).try_get_matches_from(&arguments)?
        }
        said => said?,
    };
    let (active, inner, name) = match said.subcommand() {
        None => (&command, &said, None),
        Some((name, inner)) => (command.find_subcommand(name).unwrap_or(&command), inner, Some(name)),
    };
    if settings(active).next().is_none() || inner.get_flag("isolated") {
        let matches = command.try_get_matches_from_mut(arguments)?;
        return Ok(Settled { matches, remarks: Vec::new(), config: None });
    }
    let from_environment = of_environment(active, environment)?;
    let file = file(inner, environment)?;
    let from_file = match &file {
        Some(file) => of_file(&command, active, name, file)?,
        None => Vec::new(),
    };
    let mut taken: Vec<&str> =
        active.get_arguments().filter(|arg| is_said(inner, arg)).filter_map(Arg::get_long).collect();
    let mut added: Vec<&Addition> = Vec::new();
    for source in [&from_environment, &from_file] {
        let fresh: Vec<&Addition> =
            source.iter().filter(|addition| !excluded(active, &addition.long, &taken)).collect();
        taken.extend(fresh.iter().map(|addition| addition.long.as_str()));
        added.extend(fresh);
    }
    let at = if name.is_some() { 2 } else { 1 };
    let mut all = arguments;
    let rest = all.split_off(at.min(all.len()));
    all.extend(added.iter().flat_map(|addition| addition.arguments.clone()));
    all.extend(rest);
    let remarks = unknown_variables(&command, environment);
    let matches = command.clone().try_get_matches_from(all).map_err(|error| blame(error, &added))?;
    Ok(Settled { matches, remarks, config: file.map(|file| file.opened) })
}

fn is_said(matches: &ArgMatches, arg: &Arg) -> bool {
    matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// The options of a command that can be set.
fn settings(command: &Command) -> impl Iterator<Item = &Arg> {
    let settable = |arg: &&Arg| arg.get_long().is_some_and(|long| !NOT_SETTINGS.contains(&long));
    command.get_arguments().filter(settable)
}

/// Those of the program and of all its subcommands.
fn all_settings(command: &Command) -> Vec<&str> {
    let commands = std::iter::once(command).chain(command.get_subcommands());
    commands.flat_map(settings).filter_map(Arg::get_long).collect()
}

/// Whether one of `taken` is the option itself or forbids it.
fn excluded(command: &Command, long: &str, taken: &[&str]) -> bool {
    let find = |long: &str| command.get_arguments().find(|arg| arg.get_long() == Some(long));
    let Some(arg) = find(long) else { return true };
    let together = |other: &Arg| {
        command.get_groups().any(|group| {
            let members: Vec<_> = group.get_args().collect();
            !group.clone().is_multiple() && members.contains(&arg.get_id()) && members.contains(&other.get_id())
        })
    };
    let conflict = |a: &Arg, b: &Arg| command.get_arg_conflicts_with(a).iter().any(|arg| arg.get_id() == b.get_id());
    taken
        .iter()
        .filter_map(|taken| find(taken))
        .any(|taken| taken.get_id() == arg.get_id() || conflict(arg, taken) || conflict(taken, arg) || together(taken))
}

fn variable_of(long: &str) -> String {
    format!("{PREFIX}{}", long.to_ascii_uppercase().replace('-', "_"))
}

fn of_environment(command: &Command, environment: &Environment) -> Result<Vec<Addition>, clap::Error> {
    let mut additions = Vec::new();
    for arg in settings(command) {
        let long = arg.get_long().unwrap_or_default();
        let name = variable_of(long);
        let Some(value) = environment.variable(&name) else { continue };
        let arguments = if let Some(set) = value.to_str().filter(|_| may_stand_alone(arg)).and_then(switch) {
            alone(long, set)
        } else if arg.get_action().takes_values() {
            match value.to_str().filter(|_| matches!(arg.get_action(), ArgAction::Append)) {
                Some(lines) => lines.lines().map(|line| with_value(long, line)).collect(),
                None => vec![with_value(long, value)],
            }
        } else {
            return Err(wrong(&format!("{name} must be true or false")));
        };
        additions.push(Addition { long: long.to_owned(), arguments, source: name });
    }
    Ok(additions)
}

/// Whether it means something without a value: a flag, or an option whose value may be left out.
fn may_stand_alone(arg: &Arg) -> bool {
    !arg.get_action().takes_values() || arg.get_num_args().is_some_and(|count| count.min_values() == 0)
}

/// What a variable says of a flag.
fn switch(value: &str) -> Option<bool> {
    match value {
        "1" | "true" | "yes" => Some(true),
        "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// The option without a value, or nothing.
fn alone(long: &str, set: bool) -> Vec<OsString> {
    if set { vec![format!("--{long}").into()] } else { Vec::new() }
}

fn with_value(long: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut argument = OsString::from(format!("--{long}="));
    argument.push(value);
    argument
}

/// Variables that look like misspelt settings. Others may belong to somebody else.
fn unknown_variables(command: &Command, environment: &Environment) -> Vec<String> {
    let known: Vec<String> = all_settings(command).into_iter().chain(NOT_SETTINGS).map(variable_of).collect();
    let names = environment.variables.iter().filter_map(|(name, _)| name.to_str());
    let mut remarks: Vec<String> = names
        .filter(|name| name.starts_with(PREFIX) && !known.iter().any(|known| known == name))
        .filter_map(|name| {
            let tails = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
            let meant = nearest(name.strip_prefix(PREFIX)?, tails)?;
            Some(format!("there is no setting {name}, did you mean {PREFIX}{meant}?"))
        })
        .collect();
    remarks.sort();
    remarks
}

/// A file of settings.
struct File {
    /// As it was opened, and as it is shown.
    opened: PathBuf,
    path: PathBuf,
    table: Table,
    /// Whether `--config` names it.
    named: bool,
}

fn file(matches: &ArgMatches, environment: &Environment) -> Result<Option<File>, clap::Error> {
    let named = matches.get_one::<PathBuf>("config").cloned();
    let named = named.or_else(|| environment.variable("FTPWHY_CONFIG").map(PathBuf::from));
    let path = named.clone().unwrap_or_else(|| environment.directory.join(FILE));
    let shown = named.as_deref().unwrap_or(Path::new(FILE)).display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(&format!("could not read {shown}: {}", reason(&error)))),
    };
    let damaged = |error: toml::de::Error| {
        let (line, column) = line_and_column(&text, error.span().map_or(0, |span| span.start));
        wrong(&format!("{shown}: line {line}, column {column}: {}", error.message()))
    };
    let table = text.parse().map_err(damaged)?;
    Ok(Some(File { opened: path, path: shown.into(), table, named: named.is_some() }))
}

/// The settings for `active`; every key is looked at, also those for other commands.
fn of_file(command: &Command, active: &Command, name: Option<&str>, file: &File) -> Result<Vec<Addition>, clap::Error> {
    let mut additions = Vec::new();
    let everywhere = all_settings(command);
    for (key, value) in &file.table {
        if let (Value::Table(table), Some(subcommand)) = (value, command.find_subcommand(key)) {
            let known: Vec<&str> = settings(subcommand).filter_map(Arg::get_long).collect();
            for (key, value) in table {
                check_key(key, &known, file, Some(subcommand.get_name()))?;
                if name == Some(subcommand.get_name()) {
                    additions.extend(addition(active, key, value, file)?);
                }
            }
            continue;
        }
        if value.is_table() {
            let commands = command.get_subcommands().map(Command::get_name);
            let meant = nearest(key, commands);
            let meant =
                meant.map_or("; `ftpwhy --help` lists them".to_owned(), |meant| format!(", did you mean [{meant}]?"));
            return Err(wrong(&format!("{}: there is no subcommand for [{key}]{meant}", file.path.display())));
        }
        check_key(key, &everywhere, file, None)?;
        let more_special = |table: &Value| table.get(key).is_some();
        if name.is_some() && OWN.contains(&key.as_str()) {
            continue;
        }
        if !name.and_then(|name| file.table.get(name)).is_some_and(more_special) {
            additions.extend(addition(active, key, value, file)?);
        }
    }
    Ok(additions)
}

/// `table` is the subcommand whose table the key stands in.
fn check_key(key: &str, known: &[&str], file: &File, table: Option<&str>) -> Result<(), clap::Error> {
    let shown = file.path.display();
    if !known.contains(&key) {
        let place = table.map_or_else(String::new, |table| format!(" in [{table}]"));
        let words = || known.iter().copied();
        let help = match nearest(key, words()).or_else(|| related(key, words())) {
            Some(meant) => format!(", did you mean {meant}?"),
            None if known.is_empty() => ": there is nothing to set".to_owned(),
            None => format!(
                "; `ftpwhy{} --help` lists the options",
                table.map(|table| format!(" {table}")).unwrap_or_default()
            ),
        };
        return Err(wrong(&format!("{shown}: unknown key {key}{place}{help}")));
    }
    if WRITING.contains(&key) && !file.named {
        return Err(wrong(&format!("{shown}: {key} writes files and is taken only from a file that --config names")));
    }
    Ok(())
}

/// The argument for a key, unless the command has no such option or the flag is not set.
fn addition(active: &Command, key: &str, value: &Value, file: &File) -> Result<Option<Addition>, clap::Error> {
    let Some(arg) = settings(active).find(|arg| arg.get_long() == Some(key)) else { return Ok(None) };
    let refuse = |expected: &str| wrong(&format!("{}: {key} must be {expected}", file.path.display()));
    let arguments = if let Some(set) = value.as_bool().filter(|_| may_stand_alone(arg)) {
        if !set {
            return Ok(None);
        }
        alone(key, set)
    } else if arg.get_action().takes_values() {
        let values = match value {
            Value::Array(values) if matches!(arg.get_action(), ArgAction::Append) => values.as_slice(),
            Value::Array(_) => return Err(refuse("a single value")),
            single => std::slice::from_ref(single),
        };
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Integer(_) | Value::Float(_) | Value::Datetime(_) => Some(value.to_string()),
            Value::Boolean(_) | Value::Array(_) | Value::Table(_) => None,
        };
        let texts =
            values.iter().map(text).collect::<Option<Vec<String>>>().ok_or_else(|| refuse("a string or a number"))?;
        texts.into_iter().map(|text| with_value(key, text)).collect()
    } else {
        return Err(refuse("true or false"));
    };
    Ok(Some(Addition { long: key.to_owned(), arguments, source: file.path.display().to_string() }))
}

/// Says where a wrong value stands, if it is not on the command line.
fn blame(error: clap::Error, added: &[&Addition]) -> clap::Error {
    let Some(ContextValue::String(named)) = error.get(ContextKind::InvalidArg) else { return error };
    let named = named.split([' ', '=']).next().unwrap_or_default().trim_start_matches('-');
    let Some(addition) = added.iter().find(|addition| addition.long == named) else { return error };
    let text = error.to_string();
    // What could stand there, and what was perhaps meant, follow in lines of their own.
    let lines = text.lines().take_while(|line| !line.starts_with("For more")).map(str::trim);
    let said: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let said = said.join("; ").trim_start_matches("error: ").to_owned();
    clap::Error::raw(error.kind(), format!("{}: {said}\n", addition.source))
}

/// A setting that cannot be taken. Status 2, like wrong usage.
pub(super) fn wrong(what: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::InvalidValue, format!("{}\n", crate::text::printable_str(what)))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use clap::ValueHint;

    use super::{Environment, WRITING, all_settings};
    use crate::check::Bless;
    use crate::cli::{AnalyseOptions, FailOn, Grouping, Invocation, Terminal, command, read_in};
    use crate::report::{CheckFormat, Format, TimeStyle};

    /// Reads a command line in a directory with this file and environment.
    fn run(line: &str, file: &str, variables: &[(&str, &str)]) -> Result<(Invocation, Vec<String>), String> {
        let folder = tempfile::tempdir().expect("a directory");
        if !file.is_empty() {
            std::fs::write(folder.path().join(".ftpwhy.toml"), file).expect("writes");
        }
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let environment = Environment { variables, directory: folder.path().into() };
        let line = line.replace("DIR", &folder.path().to_string_lossy());
        let arguments = format!("ftpwhy {line}").split(' ').map(Into::into).collect();
        read_in(arguments, &Terminal::NONE, &environment).map_err(|error| error.to_string())
    }

    fn options(line: &str, file: &str, variables: &[(&str, &str)]) -> AnalyseOptions {
        match run(line, file, variables) {
            Ok((Invocation::Analyse(options), _)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn complaint(line: &str, file: &str, variables: &[(&str, &str)]) -> String {
        run(line, file, variables).expect_err("refused")
    }

    #[test]
    fn formats_are_those_of_the_program_and_repeated_options_take_lines() {
        let file = "format = \"sarif\"\n[check]\nformat = \"junit\"\n";
        assert_eq!(options("x", file, &[]).format, Format::Sarif);
        assert!(
            matches!(run("check x", file, &[]), Ok((Invocation::Check(found), _)) if found.format == CheckFormat::Junit)
        );
        assert!(run("hosts x", file, &[]).is_ok());
        let found = options("x", "", &[("FTPWHY_OUTPUT", "sarif=a,b\njunit=c")]);
        assert_eq!(found.beside, [(Format::Sarif, "a,b".into()), (Format::Junit, "c".into())]);
    }

    #[test]
    fn the_command_line_comes_before_the_environment_and_that_before_the_file() {
        let file = "fail-on = \"info\"\nport = [2121, 2122]\ntime-wait = 30.5\nper-file = true\nhere = [\"10.0.0.1\", \"::1\"]\n";
        let found = options("x", file, &[]);
        assert_eq!(found.input.here.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1", "::1"]);
        assert_eq!((found.fail_on, found.input.ports.as_slice()), (FailOn::Info, &[2121, 2122][..]));
        assert_eq!(
            (found.input.time_wait, found.input.grouping),
            (Some(Duration::from_millis(30_500)), Grouping::PerFile)
        );
        let variables = [("FTPWHY_FAIL_ON", "warning"), ("FTPWHY_PORT", "990,991"), ("FTPWHY_COLOR", "")];
        let found = options("x", file, &variables);
        assert_eq!((found.fail_on, found.input.ports.as_slice()), (FailOn::Warning, &[990, 991][..]));
        let found = options("--fail-on never --port 1 x", file, &variables);
        assert_eq!((found.fail_on, found.input.ports.as_slice()), (FailOn::Never, &[1][..]));
    }

    #[test]
    fn what_is_said_beats_what_would_conflict_with_it() {
        assert_eq!(options("--merge x", "per-file = true", &[]).input.grouping, Grouping::Merge);
        assert_eq!(options("--utc x", "local = true", &[]).style.time, TimeStyle::Utc);
        assert_eq!(options("--json x", "format = \"csv\"", &[]).format, Format::Json);
        assert_eq!(options("x", "local = true", &[("FTPWHY_RELATIVE", "1")]).style.time, TimeStyle::Relative);
        assert!(complaint("x", "merge = true\nper-file = true", &[]).contains("cannot be used with"));
    }

    #[test]
    fn flags_can_be_off() {
        assert!(!options("x", "ascii = true", &[("FTPWHY_ASCII", "false")]).style.ascii);
        assert!(!options("x", "ascii = false", &[]).style.ascii);
        assert!(complaint("x", "", &[("FTPWHY_ASCII", "perhaps")]).contains("FTPWHY_ASCII"));
        assert!(complaint("x", "ascii = 1", &[]).contains("ascii must be true or false"));
    }

    #[test]
    fn unknown_keys_are_refused_with_what_was_probably_meant() {
        assert!(complaint("x", "prot = 1", &[]).contains(".ftpwhy.toml: unknown key prot, did you mean port?"));
        assert!(complaint("x", "[check]\nbles = true", &[]).contains("in [check], did you mean bless?"));
        assert!(complaint("x", "config = \"y\"", &[]).contains("unknown key config"));
        assert!(complaint("x", "[schema]\nx = 1", &[]).contains("unknown key x in [schema]: there is nothing to set"));
        assert!(complaint("x", "no-color = true", &[]).contains("unknown key no-color, did you mean color?"));
        let text = complaint("x", "severity = \"error\"", &[]);
        assert!(text.contains("unknown key severity; `ftpwhy --help` lists the options"), "{text}");
        let text = complaint("x", "[hosts]\nfail-on = \"never\"", &[]);
        assert!(text.contains("unknown key fail-on in [hosts]; `ftpwhy hosts --help` lists the options"), "{text}");
        assert!(complaint("x", "[hosst]\nutc = true", &[]).contains("did you mean [hosts]?"));
        let (_, remarks) = run("x", "", &[("FTPWHY_PROT", "1"), ("FTPWHY_CAPTURES", "x")]).expect("a remark only");
        assert_eq!(remarks, ["there is no setting FTPWHY_PROT, did you mean FTPWHY_PORT?"]);
    }

    #[test]
    fn wrong_values_say_where_they_stand() {
        let text = complaint("x", "", &[("FTPWHY_WIDTH", "7")]);
        assert!(text.contains("FTPWHY_WIDTH: invalid value '7' for '--width"), "{text}");
        let text = complaint("x", "fail-on = \"sometimes\"", &[]);
        assert!(text.contains(".ftpwhy.toml: invalid value 'sometimes'"), "{text}");
        assert!(complaint("x", "width = [80, 90]", &[]).contains("width must be a single value"));
        assert!(complaint("x", "width 80", &[]).contains(".ftpwhy.toml: "));
    }

    #[test]
    fn an_option_whose_value_may_be_left_out_can_be_on_or_off() {
        let bless = |variables: &[(&str, &str)]| match run("check x", "", variables) {
            Ok((Invocation::Check(check), _)) => check.bless,
            other => panic!("{other:?}"),
        };
        assert_eq!(bless(&[("FTPWHY_BLESS", "true")]), Some(Bless::Exact));
        assert_eq!(bless(&[("FTPWHY_BLESS", "0")]), None);
        assert_eq!(bless(&[("FTPWHY_BLESS", "loose")]), Some(Bless::Loose));
        assert_eq!(bless(&[]), None);
    }

    #[test]
    fn a_table_is_for_one_subcommand() {
        let file = "fail-on = \"info\"\n[check]\nfail-on = \"never\"\njobs = 3\n";
        let (Invocation::Check(check), _) = run("check x", file, &[]).expect("fine") else { panic!("not a check") };
        assert_eq!((check.fail_on, check.input.jobs), (FailOn::Never, 3));
        assert_eq!(options("x", file, &[]).fail_on, FailOn::Info);
        assert!(run("schema", "nonsense = 1", &[]).is_ok(), "takes no settings");
    }

    #[test]
    fn isolated_takes_nothing() {
        assert_eq!(options("--isolated x", "prot = 1", &[("FTPWHY_FAIL_ON", "info")]).fail_on, FailOn::Error);
    }

    #[test]
    fn what_writes_is_taken_from_a_named_file_alone() {
        let file = "output = [\"sarif=a\", \"b\"]";
        assert!(complaint("x", file, &[]).contains("--config"));
        assert_eq!(options("--config DIR/.ftpwhy.toml x", file, &[]).output, Some(PathBuf::from("b")));
        assert!(complaint("--config DIR/none x", "", &[]).contains("no such file"));
    }

    #[test]
    fn a_required_input_may_be_a_setting() {
        assert_eq!(options("-q", "", &[("FTPWHY_READ", "x.pcap")]).input.files, [PathBuf::from("x.pcap")]);
        assert!(complaint("-q", "", &[]).contains("<FILE>"));
    }

    #[test]
    fn every_option_that_names_a_file_reads_it_or_is_known_to_write() {
        const READING: [&str; 5] = ["baseline", "config", "facts", "keylog", "read"];
        let mut command = command();
        command.build();
        assert!(WRITING.iter().all(|name| all_settings(&command).contains(name)));
        for command in std::iter::once(&command).chain(command.get_subcommands()) {
            let names_a_file =
                |arg: &&clap::Arg| matches!(arg.get_value_hint(), ValueHint::FilePath | ValueHint::DirPath);
            for arg in command.get_arguments().filter(names_a_file) {
                let name = arg.get_long().unwrap_or_default();
                assert!(WRITING.contains(&name) || READING.contains(&name), "{} --{name}", command.get_name());
            }
        }
    }
}
