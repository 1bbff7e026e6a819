//! `ftpwhy facts`: what the kernel of this host knows.

use std::io::Write;

#[cfg(target_os = "linux")]
use super::{Tables, firewall, tables};
use crate::app::output::{Files, Role};
use crate::app::{CLEAN, Trouble, claim, status, whole};
use crate::cli::FactsOptions;
use crate::facts;
use crate::facts::Host;
use crate::report::Out;

/// Writes the facts of this host. The exit status.
pub fn run(options: &FactsOptions) -> u8 {
    status(written(options))
}

fn written(options: &FactsOptions) -> Result<u8, Trouble> {
    let mut files = Files::default();
    options.config.iter().for_each(|path| files.reads(Role::Configuration, path));
    claim(&mut files, options.output.is_none(), options.output.iter().map(std::path::PathBuf::as_path))?;
    let host = of_this_host(options).map_err(Trouble::Refused)?;
    let named = |error: std::io::Error| match options.output {
        Some(_) => Trouble::from(error),
        None => Trouble::Print(error),
    };
    let mut out = whole(options.output.as_deref())?;
    writeln!(out, "{}", facts::to_json(&host)).and_then(|()| out.finish()).map_err(named)?;
    Ok(CLEAN)
}

#[cfg(target_os = "linux")]
fn of_this_host(options: &FactsOptions) -> Result<Host, String> {
    let mut tables = Tables::open()?;
    let reading =
        tables.read(&options.peers).map_err(|error| tables::failed("read the sockets of this host", &error))?;
    let mut host = tables.host().clone();
    host.firewall = firewall::read();
    host.readings.push(reading);
    Ok(host)
}

#[cfg(not(target_os = "linux"))]
fn of_this_host(_: &FactsOptions) -> Result<Host, String> {
    Err("could not read the facts of this host: they come from /proc, which only Linux has".to_owned())
}
