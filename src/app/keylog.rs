//! Reads the key logs that were named.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Trouble, complain};
use crate::cli::reason;
use crate::decrypt::Keys;

/// The keys in all of these files.
pub(super) fn read(files: &[PathBuf]) -> Result<Arc<Keys>, Trouble> {
    let mut keys = Keys::default();
    for path in files {
        let failed = |error| Trouble::File { doing: "read", path: path.clone(), reason: reason(&error) };
        File::open(path).and_then(|mut file| keys.read_all(&mut file)).map_err(failed)?;
    }
    if keys.is_overfull() {
        complain("there are more keys than are kept; what needs the rest stays encrypted", None);
    }
    Ok(Arc::new(keys))
}
