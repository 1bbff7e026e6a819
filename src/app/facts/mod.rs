//! The facts that are named with a capture, `ftpwhy facts`, and the tables of the kernel that facts come from.

#[cfg(all(feature = "cli", target_os = "linux"))]
mod firewall;
mod given;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod routing;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod tables;
#[cfg(feature = "cli")]
mod this_host;
#[cfg(all(feature = "live", target_os = "linux"))]
mod watching;

#[cfg(all(feature = "live", target_os = "linux"))]
pub(in crate::app) use given::replace_beside;
pub(in crate::app) use given::{beside, read, write_beside};
#[cfg(all(feature = "cli", target_os = "linux"))]
pub(in crate::app) use tables::Tables;
#[cfg(feature = "cli")]
pub use this_host::run;
#[cfg(all(feature = "live", target_os = "linux"))]
pub(in crate::app) use watching::Watching;
