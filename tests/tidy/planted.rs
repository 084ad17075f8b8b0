//! Planted faults (`tests/planted`): each patch still fits the tree, says what its fault is, and
//! names a test that there is. That the test catches the fault is what `scripts/planted` shows.

use std::process::Command;

use crate::Finding;
use crate::source::Source;
use crate::tree::Tree;

const RULE: &str = "planted faults";
/// What catches faults of the client library.
const LIVES: &str = "scripts/lives";

/// Whether a file is a planted fault.
pub fn is_planted(path: &str) -> bool {
    path.starts_with("tests/planted/") && path.ends_with(".patch")
}

/// What is wrong with a patch.
pub fn patch_is_sound(tree: &Tree, sources: &[Source], path: &str) -> Vec<Finding> {
    let text = tree.text(path).unwrap_or_default();
    let field = |name: &str| {
        let lines = text.lines().take_while(|line| !line.is_empty());
        lines.filter_map(|line| line.strip_prefix(name)).map(str::trim).next()
    };
    let found = |problem: &str, cure: &str| Finding::new(path, 0, RULE, problem, cure);
    let mut findings = Vec::new();
    if field("fault:").is_none() {
        findings.push(found("the head has no `fault:`", "say what the fault is"));
    }
    let test = field("caught-by:").and_then(|test| test.rsplit(' ').next()).unwrap_or_default();
    if test != LIVES && !is_test(sources, test) {
        let problem = format!("there is no test `{test}`");
        findings.push(found(&problem, "name the test that catches it after `caught-by:`"));
    }
    let mut git = Command::new("git");
    let check = git.args(["apply", "--check", path]).current_dir(&tree.root).output();
    let check = check.expect("git is installed");
    if !check.status.success() {
        let problem = String::from_utf8_lossy(&check.stderr).trim().replace('\n', "; ");
        findings.push(found(&problem, "make the patch anew against the tree as it is"));
    }
    findings
}

/// Whether there is such a function in a file or module that the test's path names.
fn is_test(sources: &[Source], test: &str) -> bool {
    let Some((modules, name)) = test.rsplit_once("::") else { return false };
    let named = |source: &&Source| {
        let path = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        modules.split("::").any(|module| path.rsplit('/').next() == Some(module))
    };
    let function = format!("fn {name}(");
    sources
        .iter()
        .filter(named)
        .any(|source| source.lines.iter().any(|line| line.text.contains(&function)))
}
