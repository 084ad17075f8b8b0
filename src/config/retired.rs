//! Settings of the first version of this backend, written in Go, that mean nothing here: reported
//! once when the server starts and otherwise ignored, so that its `.env` keeps working.
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
/// Those that named its certificate and key.
const TLS: [&str; 2] = ["TLS_CERT", "TSL_KEY"];
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
    SETTINGS.contains(&key) || TLS.contains(&key)
}

/// What to say of such lines of a file, by their keys and numbers.
pub(super) fn settings(file: File, lines: &[(&str, usize)]) -> Vec<String> {
    let named = |keys: &[&str]| {
        let lines = lines.iter().filter(|(key, _)| keys.contains(key));
        let named: Vec<_> = lines.map(|(key, line)| format!("{key} (line {line})")).collect();
        (!named.is_empty()).then(|| named.join(", "))
    };
    let old = named(&SETTINGS).map(|keys| {
        format!(
            "{}: {keys}: settings of the first version that mean nothing here and are left aside. \
             Remove them.",
            file.name()
        )
    });
    let tls = named(&TLS).map(|keys| {
        format!(
            "{}: {keys}: this server does not speak TLS itself yet, so they are left aside; once \
             it does, they name its certificate and key. Until then put a proxy with the \
             certificate before it (docs/ops.md).",
            file.name()
        )
    });
    old.into_iter().chain(tls).collect()
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
