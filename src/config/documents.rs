//! The documents that come from the table of settings: the environment files' examples and the
//! page `settings.md` of each language. A golden test keeps the repository's copies equal to these.

use std::fmt::Write;

use super::settings::{File, SETTINGS, Setting};

/// The example of an environment file, every setting commented out at its default.
pub fn example(file: File) -> String {
    let mut text = String::new();
    let name = file.name();
    // invariant: writing into a String does not fail; so below.
    let _ = writeln!(
        text,
        "# Copy this file to {name}, in the folder in which the server starts, and remove the '#'\n\
         # from the lines that you change. The environment and flags override files."
    );
    let mut group = "";
    for setting in SETTINGS.iter().filter(|setting| setting.file == file) {
        if setting.group != group {
            group = setting.group;
            let _ = writeln!(text, "\n\n# ---- {group} ----");
        }
        let _ = writeln!(text);
        for line in setting.lines {
            let _ = writeln!(text, "#{line}");
        }
        let value = if setting.default.is_empty() { setting.example } else { setting.default };
        let _ = writeln!(text, "# Default: {}\n#{}={value}", default(setting), setting.key);
    }
    text
}

fn default(setting: &Setting) -> &'static str {
    if setting.default.is_empty() { setting.unset } else { setting.default }
}

/// The page of settings in a language: each English text of it, as `say` has it there.
pub fn page(say: &dyn Fn(&str) -> String) -> String {
    let mut text = format!("# {}\n", say("Settings"));
    for paragraph in PAGE_HEAD {
        let _ = writeln!(text, "\n{}", say(paragraph));
    }
    let mut group = "";
    for setting in SETTINGS {
        if setting.group != group {
            group = setting.group;
            let _ = writeln!(text, "\n## {}", say(group));
        }
        let _ = writeln!(text, "\n### `{}`\n\n{}\n", setting.key, say(&setting.text()));
        let default = match setting.default {
            "" => say(setting.unset).replace('<', "\\<"),
            value => format!("`{value}`"),
        };
        let flag = match setting.flag() {
            Some(flag) => format!("{}: `--{flag}`", say("Flag")),
            None => say("No flag, as it may hold a password"),
        };
        let _ = writeln!(
            text,
            "{}: {default}. {}: `{}`. {flag}. {}: `{}`.",
            say("Default"),
            say("Example"),
            setting.example,
            say("File"),
            setting.file.name()
        );
    }
    text
}

const PAGE_HEAD: &[&str] = &[
    "*[En español](es/settings.md)*",
    "Every setting has a default that works: with none set, the server listens on port 2565, keeps \
     its data in `./data` and writes mails into `./data/mail`.",
    "Values come from these sources, each overriding the ones before: the files `.env` (the \
     server) and `.env_db` (the database) in the folder in which the server starts, the \
     environment, flags. A line of a file is `KEY=value`; comments begin with `#`; a value may be \
     in single or double quotes; nothing is expanded. An empty value counts as none. If anything \
     in a file is unknown or wrong, the server lists all of it and does not start. `wechat config \
     check` shows the settings as the server sees them and where each came from, without secrets.",
    "The server makes its own secrets on its first start, in `DATA_DIR/secrets`, one file each \
     (mode 0600).",
];
