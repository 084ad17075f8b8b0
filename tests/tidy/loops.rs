//! No loops of imports: neither two files that import each other nor a longer way back. So each
//! file can be read after those that it rests on.
//!
//! In Rust an import is any path that code names, followed to the file that defines it through
//! what other modules hand on by `use`. What only tests name does not count. A file may name what
//! the modules around it define (`super::…`): that is the ground that it stands on. So between a
//! parent and its child only the parent's naming counts, and what a parent hands on from one child
//! to another is the first child's.
//!
//! In TypeScript it is any `from './…'`, of types alone too; what is imported when it is first
//! needed (`import('./…')`) does not count.

use std::collections::{BTreeMap, BTreeSet};

use crate::Finding;
use crate::ranks::{longest_module, module, names, resolve};
use crate::source::Source;
use crate::tree::Tree;

/// Where the crates are.
const CRATES: [&str; 4] = ["", "crates/turn/", "crates/media/", "crates/loadgen/"];

/// From each file to those that it imports, with the line of the first import, from zero.
type Imports = BTreeMap<String, BTreeMap<String, usize>>;

/// Checks every file of every crate, and of `sdk/js/src/` and `web/src/`.
pub fn no_loops(sources: &[Source], tree: &Tree) -> Vec<Finding> {
    let mut imports = typescript(tree);
    for folder in CRATES {
        imports.extend(rust(sources, folder));
    }
    let told = |files: &Vec<String>| {
        let way = [files, &files[..1]].concat().join(" → ");
        let cure = "move what both need into a file of its own, or pass it in";
        Finding::new(&files[0], imports[&files[0]][&files[1]], "loop", &way, cure)
    };
    loops(&imports).iter().map(told).collect()
}

/// What the files of a crate import from each other; of the root package, which has no folder of
/// its own, too.
fn rust(sources: &[Source], folder: &str) -> Imports {
    let inside = |source: &&Source| source.path.strip_prefix(folder).is_some_and(is_source);
    let module = |source: &Source| module(&source.path[folder.len()..]);
    let sources: Vec<&Source> = sources.iter().filter(inside).collect();
    let paths: BTreeMap<String, &str> =
        sources.iter().map(|source| (module(source), source.path.as_str())).collect();
    let modules: BTreeSet<String> = paths.keys().cloned().collect();
    let handed_on = handed_on(&sources, &modules, module);
    let mut imports = Imports::new();
    for source in sources {
        let own = module(source);
        let found = imports.entry(source.path.clone()).or_default();
        for named in names(&source.tokens) {
            if source.lines[named.line].test {
                continue;
            }
            let path = origin(resolve(&named.path, &own, &modules), &handed_on, &modules);
            let inside = path.strip_prefix("crate::");
            let target = inside.and_then(|path| longest_module(path, &modules));
            if let Some(target) = target.filter(|target| !is_around(target, &own)) {
                found.entry(paths[&target].to_owned()).or_insert(named.line);
            }
        }
    }
    imports
}

fn is_source(path: &str) -> bool {
    path.starts_with("src/")
}

/// Whether a module is this one, or one that this one stands in.
fn is_around(module: &str, own: &str) -> bool {
    own.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What modules bring in by `use`: its path there, and where it is from.
fn handed_on(
    sources: &[&Source],
    modules: &BTreeSet<String>,
    module: impl Fn(&Source) -> String,
) -> BTreeMap<String, String> {
    let mut handed_on = BTreeMap::new();
    for source in sources {
        let own = module(source);
        for named in names(&source.tokens).iter().filter(|named| named.is_use) {
            if let (Some(name), false) = (named.path.last(), source.lines[named.line].test) {
                let here = format!("crate::{own}::{name}");
                let from = resolve(&named.path, &own, modules);
                if here != from {
                    handed_on.insert(here, from);
                }
            }
        }
    }
    handed_on
}

/// Where what a path names is from, past those who only hand it on.
fn origin(
    mut path: String,
    handed_on: &BTreeMap<String, String>,
    modules: &BTreeSet<String>,
) -> String {
    // More hands than this are none that the compiler would follow.
    for _ in 0..8 {
        let inside = path.strip_prefix("crate::");
        let Some(module) = inside.and_then(|inside| longest_module(inside, modules)) else { break };
        let beyond = path["crate::".len() + module.len()..].trim_start_matches("::");
        let (name, rest) = beyond.split_once("::").unwrap_or((beyond, ""));
        let Some(from) = handed_on.get(&format!("crate::{module}::{name}")) else { break };
        path = if rest.is_empty() { from.clone() } else { format!("{from}::{rest}") };
    }
    path
}

/// What the client and its library import.
fn typescript(tree: &Tree) -> Imports {
    let ours = |path: &&String| {
        let folder = ["sdk/js/src/", "web/src/"].iter().any(|folder| path.starts_with(folder));
        folder && (path.ends_with(".ts") || path.ends_with(".tsx"))
    };
    let files: BTreeSet<&String> = tree.files.iter().filter(ours).collect();
    let mut imports = Imports::new();
    for path in &files {
        let text = tree.text(path).unwrap_or_default();
        let found = imports.entry((*path).clone()).or_default();
        for (number, line) in text.lines().enumerate() {
            let target = imported(path, line).into_iter();
            let target = target.flat_map(|stem| [format!("{stem}.ts"), format!("{stem}.tsx")]);
            for target in target.filter(|target| files.contains(target)) {
                found.entry(target).or_insert(number);
            }
        }
    }
    imports
}

/// The file, without its ending, that a line of TypeScript imports from the same folder.
fn imported(path: &str, line: &str) -> Option<String> {
    let (_, rest) = line.split_once(" from './")?;
    let (name, _) = rest.split_once(".js'")?;
    let (folder, _) = path.rsplit_once('/')?;
    Some(format!("{folder}/{name}"))
}

/// The shortest way back to each file that has one; each loop once, short ones first.
fn loops(imports: &Imports) -> Vec<Vec<String>> {
    let mut found = BTreeMap::new();
    for start in imports.keys() {
        if let Some(files) = shortest(imports, start) {
            let mut key = files.clone();
            key.sort();
            found.entry((files.len(), key)).or_insert(files);
        }
    }
    found.into_values().collect()
}

/// The shortest way from a file back to it.
fn shortest(imports: &Imports, start: &str) -> Option<Vec<String>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = vec![start];
    while !next.is_empty() {
        let mut further = Vec::new();
        for from in next {
            for to in imports.get(from).into_iter().flat_map(BTreeMap::keys) {
                if to == start {
                    let mut way = vec![from.to_owned()];
                    while way[0] != start {
                        way.insert(0, before[way[0].as_str()].to_owned());
                    }
                    return Some(way);
                }
                if !before.contains_key(to.as_str()) {
                    before.insert(to, from);
                    further.push(to.as_str());
                }
            }
        }
        next = further;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loops of a house with these files, by their names alone.
    fn loops_of(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source::new(&format!("src/{path}.rs"), text);
        let sources: Vec<Source> = files.iter().map(source).collect();
        let name = |path: &String| path.trim_start_matches("src/").trim_end_matches(".rs").into();
        let way = |files: &Vec<String>| files.iter().map(name).collect::<Vec<String>>().join(" ");
        loops(&rust(&sources, "")).iter().map(way).collect()
    }

    #[test]
    fn files_that_import_each_other_are_found() {
        let lib = ("lib", "mod a; mod b; mod c;");
        let back = loops_of(&[lib, ("a", "use crate::b::B;"), ("b", "fn f(a: super::a::A) {}")]);
        assert_eq!(back, ["a b"]);
        let far = [("a", "use crate::b;"), ("b", "use crate::c::C;"), ("c", "use crate::a::A;")];
        assert_eq!(loops_of(&[&[lib][..], &far].concat()), ["a b c"]);
        assert_eq!(loops_of(&[lib, ("a", "use crate::b::B;"), ("b", "")]), Vec::<String>::new());
        let test = ("b", "#[cfg(test)]\nmod tests {\n use crate::a::A;\n}");
        assert_eq!(loops_of(&[lib, ("a", "use crate::b::B;"), test]), Vec::<String>::new());
    }

    #[test]
    fn a_child_may_name_its_parents_but_what_they_hand_on_is_the_other_childs() {
        let parent =
            ("a/mod", "mod b; mod c;\npub use b::{B, self as d};\nuse c::C;\npub struct A;");
        let child = ("a/b", "use super::A;");
        assert_eq!(loops_of(&[parent, child, ("a/c", "use super::A;")]), Vec::<String>::new());
        let other = ("a/c", "use super::B;");
        assert_eq!(loops_of(&[parent, child, other]), Vec::<String>::new());
        assert_eq!(loops_of(&[parent, ("a/b", "use super::C;"), other]), ["a/b a/c"]);
    }

    #[test]
    fn typescript_names_files_beside_it() {
        let import = |line: &str| imported("web/src/chat.tsx", line);
        assert_eq!(import("import { A } from './a.js';").as_deref(), Some("web/src/a"));
        assert_eq!(import("export type { B } from './b.js';").as_deref(), Some("web/src/b"));
        for line in ["const a = import('./a.js');", "import { h } from 'preact';", ""] {
            assert_eq!(import(line), None, "{line}");
        }
    }
}
