//! The key of the audit's hashes: the organisation's own. One is made on first use when there is none, and said so: with
//! the key that everybody knows a state would tell too much.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::filter::config::build::own_keys;
use crate::finding::identity::{Key, new_salt};
use crate::private;

/// A file of this name in the user's config folder.
///
/// # Errors
/// When there is no such folder.
pub(super) fn config_file(name: &str) -> Result<PathBuf> {
    let variable = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").or_else(|| variable("USERPROFILE")).map(|home| home.join(".config"));
    variable("XDG_CONFIG_HOME").or_else(home).map(|folder| folder.join("keysweep").join(name)).ok_or_else(|| {
        Error::Usage("neither XDG_CONFIG_HOME nor HOME is set: give KEYSWEEP_FINGERPRINT_KEY".to_owned())
    })
}

/// The organisation's key of this id, where there is one: in the environment, or in the user's config folder. None is made.
///
/// # Errors
/// When one cannot be read or is too short.
pub(super) fn find(key_id: &str) -> Result<Option<Key>> {
    let mut keys = own_keys(None)?;
    if let Some(path) = config_file("fingerprint-key").ok().filter(|path| path.exists()) {
        keys.push(Key::organisation(&private::read(&path, 4096)?)?);
    }
    Ok(keys.into_iter().find(|key| key.id() == key_id))
}

/// Puts the organisation's key first among `keys`.
///
/// # Errors
/// When there is none and none can be made.
pub(super) fn first(keys: &mut Vec<Key>) -> Result<()> {
    if let Some(at) = keys.iter().position(|key| key.id().starts_with("organisation:")) {
        keys.swap(0, at);
        return Ok(());
    }
    let path = config_file("fingerprint-key")?;
    if !path.exists() {
        if let Some(folder) = path.parent() {
            private::private_folder(folder)?;
        }
        let text = format!("{}{}\n", new_salt()?, new_salt()?);
        private::write_private(&path, text.as_bytes())?;
        anstream::eprintln!("keysweep: made the key of the audit's hashes: {} (keep a copy)", path.display());
    }
    keys.insert(0, Key::organisation(&private::read(&path, 4096)?)?);
    Ok(())
}
