//! The lines of the READMEs, pasted into a shell as they are except for the server's port.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use wechat::error::Language;

use crate::process::Server;

/// The pages that are not in English, each with its language.
const OTHERS: [(&str, &str); 2] = [("README.es.md", "es"), ("README.zh.md", "zh")];

/// The blocks of a page that are marked as `sh`, in order.
fn shell_blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line == "```sh" {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

/// Pastes the blocks of a page into a shell beside a fresh server; answers what it printed.
fn pasted(page: &str, shell: &str) -> Vec<Value> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).expect(page);
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let script = shell_blocks(&page).join("\n");
    assert!(script.contains("http://localhost:2565"), "the page names the default port");
    let here = format!("http://127.0.0.1:{}", server.port());
    let output = Command::new(shell)
        .args(["-euc", &script.replace("http://localhost:2565", &here)])
        .current_dir(folder.path())
        .output()
        .unwrap_or_else(|error| panic!("{shell} (and curl) must be there: {error}"));
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{out}\n{err}\n{}", server.log());
    let lines = out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON"));
    lines.collect()
}

#[test]
fn the_lines_of_the_readme_bring_a_message_from_ana_to_beto() {
    let others = OTHERS.map(|(page, _)| (page, "sh"));
    for (page, shell) in [("README.md", "sh"), ("README.md", "bash")].into_iter().chain(others) {
        let answers = pasted(page, shell);
        let [ana, beto, sent, read] = answers.as_slice() else {
            panic!("{page}: two sign-ups, a message, a page: {answers:#?}");
        };
        assert_eq!(ana["email"], "ana@example.org");
        assert_eq!(beto["email"], "beto@example.org");
        assert_eq!(sent["message"]["body"], "¡Hola, Beto!", "{page}: {sent:#}");
        assert_eq!(read["messages"][0], sent["message"], "{page}: {read:#}");
    }
}

#[test]
fn all_pages_paste_the_same_but_for_language() {
    let code = |page: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let blocks = shell_blocks(&fs::read_to_string(path).expect(page)).join("\n");
        let code = blocks.lines().filter(|line| !line.starts_with('#'));
        code.collect::<Vec<_>>().join("\n")
    };
    for (page, language) in OTHERS {
        let said = format!(" -H 'Accept-Language: {language}'");
        assert_eq!(code("README.md"), code(page).replace(&said, ""), "{page}");
    }
}

#[test]
fn there_is_a_page_in_every_language_and_each_leads_to_all() {
    let pages = OTHERS.map(|(page, _)| page).into_iter().chain(["README.md"]);
    for page in pages.clone() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = fs::read_to_string(path).expect(page);
        for other in pages.clone().filter(|other| *other != page) {
            assert!(text.contains(&format!("({other})")), "{page} does not lead to {other}");
        }
    }
    let languages = OTHERS.map(|(_, language)| language);
    let spoken = Language::ALL.map(Language::tag);
    assert!(spoken.iter().all(|tag| *tag == "en" || languages.contains(tag)), "{spoken:?}");
}
