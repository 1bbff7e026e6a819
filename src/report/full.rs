//! stub
use std::io::{self, Write};
use super::{Style, collect::Run};
pub(super) fn write(_: &Run, _: &Style, _: &mut dyn Write) -> io::Result<()> { Ok(()) }
