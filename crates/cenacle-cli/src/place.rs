//! Where this program keeps a user's data when it is not told: `cenacle` in the user's data directory.

use std::{env, path::PathBuf};

/// What to say where no such directory can be found.
pub(crate) const NOT_FOUND: &str = "there is no home directory to keep data in: say where with --data DIR";

/// The directory called `name` in this program's part of the user's data directory (the XDG base directories).
pub(crate) fn of(name: &str) -> Option<PathBuf> {
    let absolute = |variable| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = absolute("XDG_DATA_HOME").or_else(|| absolute("LOCALAPPDATA"));
    let home = home.or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    Some(home.join("cenacle").join(name))
}
