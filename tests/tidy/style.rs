//! The rules that look at one file at a time: sizes, panics, prints, left-over notes, choices. The
//! sizes of other languages' functions and files are the linter's (`.oxlintrc.json`).

use crate::Finding;
use crate::source::{Source, Token, closing};

const MAX_COLUMNS: usize = 100;
const MAX_FUNCTION_LINES: usize = 70;
const MAX_FILE_LINES: usize = 600;

/// Where a person at a terminal reads the output; everything else logs.
const MAY_PRINT: &[&str] = &["src/cli/", "src/main.rs", "crates/loadgen/src/"];

/// Rooms that do not keep the rule of choices yet.
const MAY_MATCH: &[&str] = &["src/config/", "src/core/sync.rs", "src/store/mongo/"];

pub fn opens_with_purpose(source: &Source) -> Vec<Finding> {
    let first = source.lines.first().map_or("", |line| line.text.as_str());
    if first.starts_with("//!") {
        return Vec::new();
    }
    vec![Finding::new(
        &source.path,
        0,
        "purpose",
        "the file does not open with `//!`",
        "say in its first lines what it guarantees and who calls it",
    )]
}

pub fn fits_the_page(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.lines.iter().enumerate() {
        let columns = line.text.chars().count();
        if !is_wide(&line.text) {
            continue;
        }
        // Inside a string nothing can be noted: its exception stands above the line that opens it.
        let opening = (0..=number).rev().find(|&at| !source.lines[at].inside_string).unwrap_or(0);
        if !source.remark(opening).contains("tidy: wide because ") {
            findings.push(Finding::new(
                &source.path,
                number,
                "columns",
                &format!("{columns} columns, at most {MAX_COLUMNS}"),
                "break the line, or write `// tidy: wide because …` above it",
            ));
        }
    }
    findings
}

/// The same for the page, its library and their tests.
pub fn script_fits_the_page(path: &str, text: &str) -> Vec<Finding> {
    let lines: Vec<&str> = text.lines().collect();
    let is_noted = |at: usize| lines[at].contains("tidy: wide because ");
    let wide = |at: &usize| {
        is_wide(lines[*at]) && !is_noted(*at) && !at.checked_sub(1).is_some_and(is_noted)
    };
    let found = |at: usize| {
        let problem = format!("{} columns, at most {MAX_COLUMNS}", lines[at].chars().count());
        Finding::new(path, at, "columns", &problem, "break the line")
    };
    (0..lines.len()).filter(wide).map(found).collect()
}

/// Whether a file holds TypeScript, JavaScript or Python that people write.
pub fn is_script(path: &str) -> bool {
    let ours = ["web/src/", "web/static/", "web/build.mjs", "sdk/", "e2e/", "tests/"];
    let endings = [".ts", ".tsx", ".js", ".mjs", ".py"];
    ours.iter().any(|place| path.starts_with(place))
        && endings.iter().any(|ending| path.ends_with(ending))
}

/// Whether a line is longer than a page; a web address may be.
fn is_wide(line: &str) -> bool {
    line.chars().count() > MAX_COLUMNS && !line.contains("://")
}

pub fn functions_are_short(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, first, last) in functions(source) {
        let lines = last - first + 1;
        if lines > MAX_FUNCTION_LINES && !source.remark(first).contains("tidy: long because ") {
            findings.push(Finding::new(
                &source.path,
                first,
                "function",
                &format!("`{name}` has {lines} lines, at most {MAX_FUNCTION_LINES}"),
                "give its parts names of their own, or write `// tidy: long because …` above it",
            ));
        }
    }
    findings
}

/// Name, first and last line of every function with a body.
fn functions(source: &Source) -> Vec<(String, usize, usize)> {
    let tokens = &source.tokens;
    let mut functions = Vec::new();
    for at in 0..tokens.len().saturating_sub(1) {
        let name = &tokens[at + 1].text;
        if tokens[at].text != "fn" || !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            continue;
        }
        let mut next = at + 2;
        while next < tokens.len() {
            match tokens[next].text.as_str() {
                "(" | "[" => next = closing(tokens, next),
                "{" => {
                    let last = tokens[closing(tokens, next)].line;
                    functions.push((name.clone(), tokens[at].line, last));
                    break;
                }
                ";" => break,
                _ => {}
            }
            next += 1;
        }
    }
    functions
}

pub fn file_is_short(source: &Source) -> Vec<Finding> {
    let lines = source.lines.iter().filter(|line| !line.test).count();
    if lines <= MAX_FILE_LINES {
        return Vec::new();
    }
    vec![Finding::new(
        &source.path,
        0,
        "file",
        &format!("{lines} lines without tests, at most {MAX_FILE_LINES}"),
        "move a part that has a name of its own into its own file",
    )]
}

pub fn panics_are_justified(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.lines.iter().enumerate() {
        let panics = [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err("];
        if line.test || !panics.iter().any(|call| line.code.contains(call)) {
            continue;
        }
        if !says_why(source, number) && !source.remark(number).contains("invariant: ") {
            findings.push(Finding::new(
                &source.path,
                number,
                "panic",
                "a possible panic without its reason",
                "return an error, or say why it cannot fail: in the words of `expect`, or in \
                 `// invariant: …` on the line or above it",
            ));
        }
    }
    findings
}

/// Every `expect` on the line has a message of a few words: the invariant itself.
fn says_why(source: &Source, number: usize) -> bool {
    let text = &source.lines[number].text;
    let next = source.lines.get(number + 1).map_or("", |line| line.text.trim());
    let mut calls = text.split(".expect(").skip(1);
    !source.lines[number].code.contains(".unwrap()")
        && text.contains(".expect(")
        && calls.all(|argument| {
            let argument = if argument.is_empty() { next } else { argument };
            let message = argument.strip_prefix('"').and_then(|rest| rest.split_once('"'));
            message.is_some_and(|(words, _)| words.split_whitespace().count() >= 3)
        })
}

pub fn notes_have_reasons(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in source.lines.iter().enumerate() {
        for word in ["TODO", "FIXME", "XXX"] {
            let Some((_, after)) = line.comment.split_once(word) else { continue };
            let reason = after.strip_prefix('(').and_then(|text| text.split_once(')'));
            if reason.is_none_or(|(reason, _)| reason.trim().is_empty()) {
                findings.push(Finding::new(
                    &source.path,
                    number,
                    "note",
                    &format!("{word} without a reason"),
                    &format!("do it now, or write {word}(what it waits for)"),
                ));
            }
        }
    }
    findings
}

pub fn only_commands_print(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if MAY_PRINT.iter().any(|prefix| source.path.starts_with(prefix)) {
        return findings;
    }
    for pair in source.tokens.windows(2) {
        let prints = ["println", "print", "eprintln", "eprint", "dbg"];
        if pair[1].text != "!" || !prints.contains(&pair[0].text.as_str()) {
            continue;
        }
        if !source.lines[pair[0].line].test {
            findings.push(Finding::new(
                &source.path,
                pair[0].line,
                "print",
                &format!("`{}!` outside the commands", pair[0].text),
                "log it with `tracing`, or return it to the caller",
            ));
        }
    }
    findings
}

/// A `match` over one condition: its first arm is `true` or `false`.
pub fn choices_are_ifs(source: &Source) -> Vec<Finding> {
    if MAY_MATCH.iter().any(|prefix| source.path.starts_with(prefix)) {
        return Vec::new();
    }
    let is_arm = |tokens: &&[Token]| {
        let [open, value, next] = [&tokens[0], &tokens[1], &tokens[2]].map(|token| &*token.text);
        open == "{" && ["true", "false"].contains(&value) && ["=", "if"].contains(&next)
    };
    let found = |tokens: &[Token]| {
        let (line, problem) = (tokens[1].line, "a `match` over one condition");
        Finding::new(&source.path, line, "choice", problem, "write `if` and `else`")
    };
    source.tokens.windows(3).filter(is_arm).map(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rule: fn(&Source) -> Vec<Finding>, text: &str) -> usize {
        rule(&Source::new("src/a.rs", text)).len()
    }

    fn function_of(lines: usize) -> String {
        format!("fn a() {{\n{}}}\n", "    b();\n".repeat(lines - 2))
    }

    #[test]
    fn purpose() {
        assert_eq!(count(opens_with_purpose, "//! Says it.\nfn a() {}"), 0);
        assert_eq!(count(opens_with_purpose, "fn a() {}\n//! late"), 1);
        assert_eq!(count(opens_with_purpose, ""), 1);
    }

    #[test]
    fn columns() {
        let wide = format!("let a = {};", "b".repeat(100));
        assert_eq!(count(fits_the_page, &wide), 1);
        assert_eq!(count(fits_the_page, &format!("let a = \"{}\";", "ñ".repeat(89))), 0);
        assert_eq!(count(fits_the_page, &format!("// https://x/{}", "b".repeat(100))), 0);
        assert_eq!(count(fits_the_page, &format!("// tidy: wide because a table\n{wide}")), 0);
        let inside = format!("// tidy: wide because golden\nlet a = \"x\n{}\";", "b".repeat(101));
        assert_eq!(count(fits_the_page, &inside), 0);
    }

    #[test]
    fn columns_of_scripts() {
        let count = |text: &str| script_fits_the_page("e2e/a.mjs", text).len();
        let wide = format!("a({});", "b".repeat(100));
        assert_eq!(count(&format!("a();\n{wide}\n{wide}")), 2);
        assert_eq!(count(&format!("// tidy: wide because a table\n{wide}")), 0);
        assert_eq!(count(&format!("// {}\n// https://x/{}", "ñ".repeat(97), "b".repeat(99))), 0);
        assert!(is_script("web/src/call.tsx") && is_script("e2e/lives/server.mjs"));
        assert!(!is_script("web/dist/call.js") && !is_script("web/vendor/x.js"));
    }

    #[test]
    fn long_functions() {
        assert_eq!(count(functions_are_short, &function_of(70)), 0);
        assert_eq!(count(functions_are_short, &function_of(71)), 1);
        let marked = format!("// tidy: long because a table\n#[a]\n{}", function_of(71));
        assert_eq!(count(functions_are_short, &marked), 0);
        assert_eq!(count(functions_are_short, "type A = fn([u8; 2]) -> B;"), 0);
        let generic = function_of(71).replace("a()", "a<T>(x: [u8; 2]) -> T where T: Fn(u8)");
        assert_eq!(count(functions_are_short, &generic), 1);
    }

    #[test]
    fn long_files() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(900));
        assert_eq!(count(file_is_short, &format!("{}{tests}", "a();\n".repeat(600))), 0);
        assert_eq!(count(file_is_short, &"a();\n".repeat(601)), 1);
    }

    #[test]
    fn panics() {
        assert_eq!(count(panics_are_justified, "a.unwrap();"), 1);
        assert_eq!(count(panics_are_justified, "a\n    .b()\n    .expect(\"c\");"), 1);
        assert_eq!(count(panics_are_justified, "a.unwrap(); // invariant: a is set above"), 0);
        assert_eq!(count(panics_are_justified, "a.expect(\"a is set above\");"), 0);
        assert_eq!(count(panics_are_justified, "a.expect(\n    \"a is set above\",\n);"), 0);
        assert_eq!(count(panics_are_justified, "a.expect(\"no a\");"), 1);
        assert_eq!(count(panics_are_justified, "a.expect(\"a is set\").b.expect(\"no\");"), 1);
        assert_eq!(
            count(panics_are_justified, "// invariant: set\na\n  .b()\n  .expect(\"\");"),
            0
        );
        assert_eq!(count(panics_are_justified, "// invariant: set\nlet c = 1;\na.unwrap();"), 1);
        assert_eq!(count(panics_are_justified, "a.unwrap_or(1); // .unwrap()\n\".unwrap()\";"), 0);
        assert_eq!(count(panics_are_justified, "#[test]\nfn b() { a.unwrap(); }"), 0);
    }

    #[test]
    fn notes() {
        assert_eq!(count(notes_have_reasons, "// TODO later"), 1);
        assert_eq!(count(notes_have_reasons, "/// FIXME(): later"), 1);
        assert_eq!(count(notes_have_reasons, "// TODO(when axum 0.9 is out): use it"), 0);
        assert_eq!(count(notes_have_reasons, "let todo = \"TODO\";"), 0);
    }

    #[test]
    fn choices() {
        assert_eq!(count(choices_are_ifs, "match a { true => b, false => c }"), 1);
        assert_eq!(count(choices_are_ifs, "match a {\n    false if b => c,\n    _ => d,\n}"), 1);
        assert_eq!(count(choices_are_ifs, "match (a, b) { (true, _) => c, (false, d) => d }"), 0);
        assert_eq!(count(choices_are_ifs, "match a { Some(true) => b, None => false }"), 0);
        assert_eq!(count(choices_are_ifs, "if a { true } else { false }"), 0);
    }

    #[test]
    fn prints() {
        assert_eq!(count(only_commands_print, "println!(\"a\");"), 1);
        assert_eq!(count(only_commands_print, "dbg!(a);"), 1);
        assert_eq!(count(only_commands_print, "#[test]\nfn a() { println!(); }"), 0);
        let cli = Source::new("src/cli/serve.rs", "println!();");
        assert!(only_commands_print(&cli).is_empty());
    }
}
