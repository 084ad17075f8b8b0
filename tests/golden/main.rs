//! Golden files: documents that come from the code, kept in the repository so that a change shows
//! in review. `GOLDEN=write cargo test --test golden` rewrites them.

mod asyncapi;
mod frames;
mod languages;
mod limits;
mod openapi;
mod schema;
mod settings;
mod stated;
mod types;

use std::path::Path;

/// Holds a file of the repository against what the code makes of it.
fn golden(path: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&file, made).expect("the golden file can be written");
        return;
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let differ = kept.lines().zip(made.lines()).position(|(kept, made)| kept != made);
    let line = differ.unwrap_or(kept.lines().count().min(made.lines().count())) + 1;
    assert!(
        kept == made,
        "{path} differs from the code, first in line {line}:\n  kept: {:?}\n  made: {:?}\nIf the \
         change is meant, run: GOLDEN=write cargo test --test golden",
        kept.lines().nth(line - 1),
        made.lines().nth(line - 1),
    );
}
