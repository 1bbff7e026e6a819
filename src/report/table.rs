//! stub
use super::{Style, collect::Run};
use std::io::{self, Write};
pub(super) fn write(_: &Run, _: &Style, _: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
