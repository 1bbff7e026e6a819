//! Reads the key logs that were named.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Trouble;
use crate::cli::reason;
use crate::decrypt::Keys;

/// Bytes that are read at once. No line that is of use is longer.
const CHUNK: usize = 1 << 16;

/// The keys in all of these files.
pub(super) fn read(files: &[PathBuf]) -> Result<Arc<Keys>, Trouble> {
    let mut keys = Keys::default();
    for path in files {
        let could_not = |error: &io::Error| format!("could not read the key log {}: {}", path.display(), reason(error));
        File::open(path)
            .and_then(|mut file| read_from(&mut file, &mut keys))
            .map_err(|error| Trouble::Refused(could_not(&error)))?;
    }
    Ok(Arc::new(keys))
}

fn read_from(file: &mut impl Read, keys: &mut Keys) -> io::Result<()> {
    let mut chunk = Zeroizing::new(vec![0; CHUNK]);
    let mut held = 0;
    loop {
        let read = match file.read(chunk.get_mut(held..).unwrap_or_default()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        held += read;
        let lines = chunk.get(..held).unwrap_or_default();
        // The last line may lack its end.
        let whole = if read == 0 { held } else { lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
        keys.read(lines.get(..whole).unwrap_or_default());
        if read == 0 {
            return Ok(());
        }
        // A line without end is none.
        let whole = if whole == 0 && held == CHUNK { held } else { whole };
        chunk.copy_within(whole..held, 0);
        held -= whole;
    }
}
