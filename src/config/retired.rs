//! Settings of the first version of this backend, written in Go, so that its `.env` keeps working:
//! those that mean nothing here are reported once when the server starts and otherwise ignored,
//! those that it spelled otherwise are read under their present names.
//!
//! Called by `sources`.

use std::path::Path;

use super::row::File;

/// Settings of the first version that have no meaning here.
const SETTINGS: [&str; 16] = [
    "ENV",
    "API_VERSION",
    "BASE_URL",
    "BASE_LIBRARY_URL",
    "BASE_VIDEO_URL",
    "URL_URI",
    "MEDIA_PKEY",
    "CONTENT_AUTH",
    "CONTENT_PATH",
    "CONTENT_URL",
    "FILES_AUTH",
    "FILES_PATH",
    "FILES_URL",
    "PROFILES_AUTH",
    "PROFILES_PATH",
    "PROFILES_URL",
];
/// Settings that it spelled otherwise, and their names here.
const RENAMED: [(&str, &str); 1] = [("TSL_KEY", "TLS_KEY")];
/// Files that it read, and what to do with them.
const FILES: [(&str, &str); 2] = [
    (
        "db.env",
        "The settings of the database stand in .env_db: move its lines there, with a DB_DATABASE \
         of its own, as this server does not read the documents of the first version.",
    ),
    ("services.env", "The server keeps files itself and needs no services for them."),
];

/// Whether a key was a setting of the first version and is none of ours.
pub(super) fn is_retired(key: &str) -> bool {
    SETTINGS.contains(&key)
}

/// What a setting is called here.
pub(super) fn present_name(key: &str) -> &str {
    RENAMED.iter().find(|(former, _)| *former == key).map_or(key, |(_, present)| *present)
}

/// What the first version called a setting, if otherwise.
pub(super) fn former_name(key: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(_, present)| *present == key).map(|(former, _)| *former)
}

/// What to say of such lines of a file, by their keys and numbers; nothing if there are none.
pub(super) fn settings(file: File, lines: &[(&str, usize)]) -> Option<String> {
    let named: Vec<_> = lines.iter().map(|(key, line)| format!("{key} (line {line})")).collect();
    (!named.is_empty()).then(|| {
        format!(
            "{}: {}: settings of the first version that mean nothing here and are left aside. \
             Remove them.",
            file.name(),
            named.join(", ")
        )
    })
}

/// What to say of files of the first version that lie in a folder.
pub(super) fn files(folder: &Path) -> Vec<String> {
    let there = FILES.iter().filter(|(name, _)| folder.join(name).is_file());
    there
        .map(|(name, cure)| {
            format!("{name} is a file of the first version and is not read. {cure}")
        })
        .collect()
}
