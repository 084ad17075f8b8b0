//! The tree as a whole: which files there are, which module each one is, and the rules that only
//! the whole tree can answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Finding;
use crate::source::{Source, Token};

const MAX_LOCKED_PACKAGES: usize = 500;

/// Folders that only somebody's own machine has, in pieces so that this file passes its own check.
const MACHINE_FOLDERS: &[&str] = &["work", "root", "home", "Users"];

pub struct Tree {
    pub root: PathBuf,
    /// Every file that belongs to the project, relative to the root.
    pub files: Vec<String>,
}

impl Tree {
    pub fn here() -> Tree {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut files = tracked(&root).unwrap_or_else(|| walked(&root));
        files.retain(|path| root.join(path).is_file());
        files.sort();
        Tree { root, files }
    }

    /// The file's text; nothing when it is not text.
    pub fn text(&self, path: &str) -> Option<String> {
        String::from_utf8(std::fs::read(self.root.join(path)).ok()?).ok()
    }

    /// Every Rust file under the rules, with its path from the root.
    pub fn sources(&self) -> Vec<Source> {
        let rust = self.files.iter().filter(|path| is_ours(path));
        let mut sources: Vec<Source> = rust
            .map(|path| Source::new(path, &self.text(path).expect("a Rust file is UTF-8")))
            .collect();
        mark_test_files(&mut sources);
        sources
    }
}

/// What git tracks; nothing outside a repository, as in an unpacked release.
fn tracked(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().ok()?;
    let names = String::from_utf8(output.stdout).ok()?;
    let files: Vec<String> = names.split_terminator('\0').map(str::to_owned).collect();
    (output.status.success() && !files.is_empty()).then_some(files)
}

fn walked(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let generated = ["target", "data", "node_modules", ".git"].contains(&name.as_str());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !generated => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => {
                    let path = entry.path();
                    let inside = path.strip_prefix(root).expect("a path below the root");
                    files.push(inside.to_string_lossy().into_owned());
                }
                _ => {}
            }
        }
    }
    files
}

fn is_ours(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    path.ends_with(".rs")
        && matches!(parts.as_slice(), ["src" | "tests" | "benches", ..] | ["crates", _, "src", ..])
}

/// A file that cargo compiles by itself: library, binary, test binary or benchmark.
fn is_crate_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let inner = if parts[0] == "crates" { &parts[2..] } else { &parts[..] };
    matches!(
        inner,
        ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", ..]
            | ["tests" | "benches", _]
            | ["tests" | "benches", _, "main.rs"]
    )
}

/// Where the modules that a file declares are looked for.
fn module_folder(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name.strip_suffix(".rs").unwrap_or(name) {
        "mod" => folder.to_owned(),
        _ if is_crate_root(path) => folder.to_owned(),
        stem => format!("{folder}/{stem}"),
    }
}

/// Line and possible paths of each `mod name;` in the file.
fn declared(source: &Source) -> Vec<(usize, Vec<String>)> {
    let word = |at: usize| source.tokens.get(at).map_or("", |token: &Token| token.text.as_str());
    let folder = module_folder(&source.path);
    let mut declared = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        if token.text != "mod" || word(at + 2) != ";" {
            continue;
        }
        let name = word(at + 1);
        let mut paths = vec![format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
        paths.extend(path_attribute(source, token.line));
        declared.push((token.line, paths));
    }
    declared
}

/// The file that `#[path = "…"]` right above the line names.
fn path_attribute(source: &Source, line: usize) -> Option<String> {
    let above = source.lines.get(line.checked_sub(1)?)?.text.trim();
    let name = above.strip_prefix("#[path = \"")?.strip_suffix("\"]")?;
    let mut folder: Vec<&str> = source.path.split('/').collect();
    folder.pop();
    for part in name.split('/') {
        match part {
            ".." => drop(folder.pop()),
            part => folder.push(part),
        }
    }
    Some(folder.join("/"))
}

/// A file whose `mod` line is under `#[cfg(test)]` is a test from its first to its last line, and
/// so are the files below it.
fn mark_test_files(sources: &mut [Source]) {
    loop {
        let tests: BTreeSet<String> = sources
            .iter()
            .flat_map(|source| declared(source).into_iter().map(move |found| (source, found)))
            .filter(|(source, (line, _))| source.lines[*line].test)
            .flat_map(|(_, (_, paths))| paths)
            .collect();
        let is_new = |source: &&mut Source| {
            tests.contains(&source.path) && source.lines.iter().any(|line| !line.test)
        };
        let mut found = false;
        for source in sources.iter_mut().filter(is_new) {
            source.lines.iter_mut().for_each(|line| line.test = true);
            found = true;
        }
        if !found {
            return;
        }
    }
}

/// Files that no `mod` line reaches: the compiler never sees them.
pub fn no_dead_file(sources: &[Source]) -> Vec<Finding> {
    let by_path: BTreeMap<&str, &Source> =
        sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = by_path.keys().copied().filter(|path| is_crate_root(path)).collect();
    while let Some(path) = next.pop() {
        if reached.insert(path) {
            for (_, paths) in declared(by_path[path]) {
                next.extend(
                    paths
                        .iter()
                        .filter_map(|path| by_path.get_key_value(path.as_str()))
                        .map(|(path, _)| *path),
                );
            }
        }
    }
    let dead = by_path.keys().filter(|path| !reached.contains(*path));
    dead.map(|path| {
        Finding::new(
            path,
            0,
            "dead file",
            "no `mod` line reaches the file, so nothing compiles it",
            "declare it in the module above, or delete it",
        )
    })
    .collect()
}

/// Paths that exist on one machine only.
pub fn no_machine_paths(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for folder in MACHINE_FOLDERS {
            if names_folder(line, folder) {
                findings.push(Finding::new(
                    path,
                    number,
                    "machine path",
                    &format!("`/{folder}/…` exists on one machine only"),
                    "use a path relative to the project, or one that a setting or $HOME gives",
                ));
            }
        }
    }
    findings
}

fn names_folder(line: &str, folder: &str) -> bool {
    let wanted = format!("/{folder}/");
    line.match_indices(&wanted).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.$}/~*".contains(c))
    })
}

/// The dependency budget. What may be in it at all is the business of `deny.toml`.
pub fn few_packages(path: &str, lock: &str) -> Vec<Finding> {
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    if packages <= MAX_LOCKED_PACKAGES {
        return Vec::new();
    }
    vec![Finding::new(
        path,
        0,
        "packages",
        &format!("{packages} locked packages, at most {MAX_LOCKED_PACKAGES}"),
        "switch off features (`cargo tree -e features`), or choose a lighter crate",
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> Vec<Source> {
        let mut sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new(path, text)).collect();
        mark_test_files(&mut sources);
        sources
    }

    #[test]
    fn a_file_without_a_mod_line_is_dead() {
        let tree = sources(&[
            ("src/lib.rs", "pub mod a;\n#[path = \"../shared/c.rs\"]\nmod c;\n// mod d;"),
            ("src/a/mod.rs", "mod b;"),
            ("src/a/b.rs", "mod e;"),
            ("src/a/b/e.rs", ""),
            ("shared/c.rs", ""),
            ("src/d.rs", ""),
            ("src/b.rs", ""),
            ("tests/f.rs", ""),
            ("tests/g/main.rs", "mod h;"),
            ("tests/g/h.rs", ""),
            ("crates/x/src/lib.rs", ""),
            ("crates/x/src/y.rs", ""),
        ]);
        let dead: Vec<String> = no_dead_file(&tree).into_iter().map(|found| found.path).collect();
        assert_eq!(dead, ["crates/x/src/y.rs", "src/b.rs", "src/d.rs"]);
    }

    #[test]
    fn a_file_declared_for_tests_is_a_test() {
        let tree = sources(&[
            ("src/lib.rs", "#[cfg(test)]\nmod a;\nmod b;"),
            ("src/a.rs", "mod c;"),
            ("src/a/c.rs", "fn d() {}"),
            ("src/b.rs", "fn d() {}"),
        ]);
        let test: Vec<bool> = tree.iter().map(|source| source.lines[0].test).collect();
        assert_eq!(test, [true, true, true, false]);
    }

    #[test]
    fn machine_paths() {
        let count = |line: &str| no_machine_paths("a", line).len();
        let folder = MACHINE_FOLDERS[0];
        assert_eq!(count(&format!("cd /{folder}/x")), 1);
        assert_eq!(count(&format!("a = \"/{}/x\"", MACHINE_FOLDERS[2])), 1);
        assert_eq!(count(&format!("/{folder}/x")), 1);
        assert_eq!(count(&format!("src/{folder}/x https://a/{folder}/ $X/{folder}/y")), 0);
    }

    #[test]
    fn packages() {
        assert!(few_packages("Cargo.lock", &"[[package]]\n".repeat(500)).is_empty());
        assert_eq!(few_packages("Cargo.lock", &"[[package]]\n".repeat(501)).len(), 1);
    }
}
