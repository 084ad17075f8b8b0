//! The documents that come from the table of settings.

use std::process::Command;

use wechat::config::documents;
use wechat::config::settings::File;

use crate::golden;

#[test]
fn the_examples_of_the_environment_files_are_those_of_the_code() {
    golden(".env.example", &documents::example(File::Env));
    golden(".env_db.example", &documents::example(File::EnvDb));
}

#[test]
fn the_page_of_settings_is_that_of_the_code() {
    golden("docs/settings.md", &documents::page());
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
