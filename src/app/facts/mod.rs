//! `ftpwhy facts`, and the tables of the kernel that facts come from.

#[cfg(target_os = "linux")]
mod firewall;
mod given;
#[cfg(target_os = "linux")]
mod tables;
#[cfg(all(feature = "live", target_os = "linux"))]
mod watching;

use std::io::Write;

use super::output::{Files, Role};
use super::{CLEAN, Trouble, claim, status, whole};
use crate::cli::FactsOptions;
use crate::facts;
use crate::facts::Host;
use crate::report::Out;

#[cfg(all(feature = "live", target_os = "linux"))]
pub(in crate::app) use given::replace_beside;
pub(in crate::app) use given::{beside, read, write_beside};
#[cfg(target_os = "linux")]
pub(in crate::app) use tables::Tables;
#[cfg(all(feature = "live", target_os = "linux"))]
pub(in crate::app) use watching::Watching;

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
