//! The documents that come from the table of settings.

use std::process::Command;

use wechat::config::documents;
use wechat::config::settings::File;

use crate::golden;
use crate::languages::{English, Language, Spanish};

#[test]
fn the_examples_of_the_environment_files_are_those_of_the_code() {
    golden(".env.example", &documents::example(File::Env));
    golden(".env_db.example", &documents::example(File::EnvDb));
}

#[test]
fn the_page_of_settings_is_that_of_the_code() {
    golden("docs/settings.md", &documents::page(&|english| English.say(english)));
}

#[test]
fn the_spanish_page_of_settings_says_all_of_it() {
    let spanish = Spanish::read("settings.es.txt");
    let page = documents::page(&|english| spanish.say(english));
    spanish.check();
    golden("docs/es/settings.md", &page);
}

#[test]
fn the_help_is_that_of_the_code() {
    for (flag, file) in [("--help", "tests/golden/help.txt"), ("-h", "tests/golden/help-short.txt")]
    {
        let help = Command::new(env!("CARGO_BIN_EXE_wechat")).arg(flag).output().expect("it runs");
        assert!(help.status.success() && help.stderr.is_empty());
        golden(file, &String::from_utf8(help.stdout).expect("UTF-8"));
    }
}
