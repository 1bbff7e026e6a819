//! ftpwhy reads packet captures and tells why FTP transfers failed.

pub mod anonymize;
pub mod app;
pub mod check;
pub mod cli;
pub mod diagnosis;
pub mod extract;
pub mod finding;
pub mod fingerprint;
pub mod flow;
pub mod frame;
pub mod ftp;
pub mod network;
pub mod pipeline;
pub mod points;
pub mod record;
pub mod report;
pub mod source;
pub mod text;
pub mod transfer;
pub mod vantage;
pub mod wire;
