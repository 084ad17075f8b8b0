//! The house rules as tests: each rule reads the files that git tracks and names file, line and
//! cure for whatever breaks it. The rules and their exceptions are explained in CONTRIBUTING.md.

mod links;
mod loops;
mod planted;
mod ranks;
mod source;
mod style;
mod texts;
mod translated;
mod tree;
mod words;

use std::fmt;
use std::sync::OnceLock;

use source::Source;
use tree::Tree;

/// One broken rule at one place.
pub struct Finding {
    path: String,
    /// Counted from one, as editors do.
    line: usize,
    rule: &'static str,
    problem: String,
    cure: String,
}

impl Finding {
    /// `line` is counted from zero.
    pub fn new(path: &str, line: usize, rule: &'static str, problem: &str, cure: &str) -> Finding {
        let (path, problem, cure) = (path.to_owned(), problem.to_owned(), cure.to_owned());
        Finding { path, line: line + 1, rule, problem, cure }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { path, line, rule, problem, cure } = self;
        write!(f, "{path}:{line}: {rule}: {problem}; {cure}")
    }
}

fn tree() -> &'static Tree {
    static TREE: OnceLock<Tree> = OnceLock::new();
    TREE.get_or_init(Tree::here)
}

fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| tree().sources())
}

#[track_caller]
fn none(findings: impl IntoIterator<Item = Finding>) {
    let lines: Vec<String> = findings.into_iter().map(|found| found.to_string()).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

#[test]
fn there_is_something_to_check() {
    let has = |path: &str| sources().iter().any(|source| source.path == path);
    assert!(has("src/lib.rs") && has("tests/tidy/main.rs"), "the rules did not find the tree");
}

#[test]
fn every_file_opens_with_its_purpose() {
    none(sources().iter().flat_map(style::opens_with_purpose));
}

#[test]
fn lines_fit_the_page() {
    none(sources().iter().flat_map(style::fits_the_page));
    let scripts: Vec<_> = tree().files.iter().filter(|path| style::is_script(path)).collect();
    assert!(scripts.len() > 50, "the rules did not find the page and its tests");
    let texts = scripts.iter().filter_map(|path| Some((path, tree().text(path)?)));
    none(texts.flat_map(|(path, text)| style::script_fits_the_page(path, &text)));
}

#[test]
fn functions_are_short() {
    none(sources().iter().flat_map(style::functions_are_short));
}

#[test]
fn files_are_short() {
    none(sources().iter().flat_map(style::file_is_short));
}

#[test]
fn panics_in_the_product_are_justified() {
    let product = sources().iter().filter(|source| is_product(source));
    none(product.flat_map(style::panics_are_justified));
}

#[test]
fn notes_have_reasons() {
    none(sources().iter().flat_map(style::notes_have_reasons));
}

#[test]
fn only_commands_print() {
    let product = sources().iter().filter(|source| is_product(source));
    none(product.flat_map(style::only_commands_print));
}

#[test]
fn choices_are_ifs() {
    none(sources().iter().flat_map(style::choices_are_ifs));
}

#[test]
fn no_file_is_dead() {
    none(tree::no_dead_file(sources()));
}

#[test]
fn import_ranks_hold() {
    none(ranks::ranks_hold(sources()));
}

#[test]
fn no_imports_in_loops() {
    none(loops::no_loops(sources(), tree()));
}

#[test]
fn heads_name_callers_that_exist() {
    none(words::callers_exist(tree(), sources()));
}

#[test]
fn doc_comments_say_more_than_the_name() {
    none(sources().iter().flat_map(words::docs_say_more));
}

#[test]
fn the_glossary_has_the_words_of_public_types() {
    let glossary = tree().text(words::GLOSSARY).expect("the glossary is tracked");
    none(words::types_are_in_the_glossary(sources(), &glossary));
}

#[test]
fn every_language_says_what_the_server_says() {
    let english = texts::english(sources());
    assert!(english.len() > 200, "the rule did not find the server's texts");
    let files = texts::files(tree());
    assert!(!files.is_empty(), "the rule did not find the languages' files");
    let read = |path: &str| tree().text(path).expect("a language's file is UTF-8");
    none(files.iter().flat_map(|path| texts::complete(path, &read(path), &english)));
}

#[test]
fn links_lead_to_what_is_there() {
    let pages = links::pages(tree());
    assert!(pages.len() >= 15, "the rule did not find the pages");
    none(pages.iter().flat_map(|path| links::lead_somewhere(tree(), path)));
}

#[test]
fn the_site_has_every_page() {
    none(links::contents_are_whole(tree()));
}

#[test]
fn translated_pages_follow_the_english_ones() {
    let names = translated::pages(tree());
    assert!(names.len() >= 5, "the rule did not find the translated pages");
    none(names.iter().flat_map(|name| translated::follows_the_english(tree(), name)));
}

#[test]
fn boards_and_alerts_ask_for_numbers_that_there_are() {
    let board = tree().text("docs/monitoring/grafana.json").expect("the board");
    let board: serde_json::Value = serde_json::from_str(&board).expect("JSON");
    assert!(board["panels"].as_array().is_some_and(|panels| panels.len() > 5));
    none(links::watch_what_is_there(tree(), sources()));
}

#[test]
fn no_machine_path_is_written_down() {
    let texts = tree().files.iter().filter_map(|path| Some((path, tree().text(path)?)));
    none(texts.flat_map(|(path, text)| tree::no_machine_paths(path, &text)));
}

#[test]
fn planted_faults_fit_the_tree_and_name_their_tests() {
    let patches: Vec<_> = tree().files.iter().filter(|path| planted::is_planted(path)).collect();
    assert!(patches.len() >= 8, "the planted faults are not there");
    none(patches.iter().flat_map(|path| planted::patch_is_sound(tree(), sources(), path)));
}

#[test]
fn dependencies_stay_few() {
    let lock = tree().text("Cargo.lock").expect("Cargo.lock is tracked");
    none(tree::few_packages("Cargo.lock", &lock));
}

fn is_product(source: &Source) -> bool {
    source.path.starts_with("src/") || source.path.starts_with("crates/")
}
