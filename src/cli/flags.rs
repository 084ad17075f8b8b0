//! The command line: the commands, and a flag for every setting that is not secret.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use super::operator_flags::{self as operator, json};
use crate::config::settings::{SETTINGS, Setting};

/// The command line of `wechat`.
pub fn command() -> Command {
    let check = Command::new("check")
        .about("Show the settings as the server sees them, and where each came from")
        .long_about(
            "Show the settings as the server sees them, and where each came from, without \
             secrets. Tells all that is wrong with them.",
        );
    let config = Command::new("config")
        .about("Look at the settings")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(check);
    Command::new("wechat")
        .about("Self-hosted chat and calling backend")
        .long_about(LONG_ABOUT)
        .after_help("'wechat --help' says more, also about the settings.")
        .after_long_help(AFTER_HELP)
        .term_width(96)
        .disable_version_flag(true)
        .subcommand(Command::new("serve").about("Run the server (as 'wechat' alone does)"))
        .subcommand(config)
        .subcommand(doctor())
        .subcommand(health())
        .subcommand(nodes())
        .subcommand(users())
        .subcommand(operator::people())
        .subcommand(operator::groups())
        .subcommand(operator::invite())
        .subcommand(operator::audit())
        .subcommand(operator::reports())
        .subcommand(operator::figures())
        .subcommand(store())
        .subcommand(objects())
        .subcommand(push())
        .subcommand(backup())
        .subcommand(restore())
        .subcommand(completions())
        .subcommand(man())
        .subcommand(Command::new("version").about("Print the version"))
        .args(SETTINGS.iter().filter_map(arg))
}

fn doctor() -> Command {
    Command::new("doctor")
        .about("Examine settings, ports, disk, certificate, mail and more, and name each cure")
        .long_about(
            "Examine what the server needs, and name the cure of whatever is not well: settings, \
             data folder, disk and the speed of its syncs, clock, ports, certificates, MongoDB, \
             the bucket, the mail server, PUBLIC_URL, the relay for calls. Run it as the server's \
             user with the server's settings, before the first start or beside the running server, \
             where it sees more. It changes nothing. The exit code is 0 where nothing is bad, 1 \
             where something is, 2 where the settings are wrong.",
        )
        .arg(
            Arg::new("mail")
                .long("mail")
                .value_name("ADDRESS")
                .help("Also send a test mail to this address"),
        )
        .arg(json())
}

fn health() -> Command {
    Command::new("health").about("Ask the running server whether it can serve").long_about(
        "Ask the running server whether it can serve, as /readyz does; for supervisors. The \
             exit code is 0 if it can, 1 if not. It needs the server's HOST and PORT.",
    )
}

fn nodes() -> Command {
    Command::new("nodes").about("List the servers that work on this database").long_about(
        "List the servers that work on the MongoDB of DB_URI: the machine's name, the version, \
             whether it serves or is draining, and the id that goes with its DATA_DIR. One that \
             was killed is listed for ten more seconds.",
    )
}

fn users() -> Command {
    let import = Command::new("import")
        .about("Create accounts from a list, while the server is stopped")
        .long_about(
            "Create accounts from a list, while the server is stopped. You vouch for the \
             addresses: no code is mailed now, and the people log in by code. Whoever has an \
             account keeps it as it is.",
        )
        .arg(
            Arg::new("FILE")
                .required(true)
                .help("A text file with one ADDRESS,NAME a line; - reads standard input"),
        )
        .arg(
            Arg::new("tokens")
                .long("tokens")
                .action(ArgAction::SetTrue)
                .help("Also open a session for each new account and print it, one JSON a line"),
        )
        .arg(json());
    Command::new("users")
        .about("Manage accounts")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(import)
}

fn store() -> Command {
    let place = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).required(true).value_parser(["embedded", "mongodb"]).help(help)
    };
    let digests = Arg::new("digests")
        .long("digests")
        .action(ArgAction::SetTrue)
        .help("Print the count and the digest of every chat and every other part");
    let copy = Command::new("copy")
        .about("Copy everything from one store into another, while the server is stopped")
        .long_about(
            "Copy everything between the embedded store in DATA_DIR and the MongoDB that DB_URI \
             names, while no server runs on either. The target is empty to begin with. A copy that \
             is cut off goes on when the same command is run again, and no server starts on these \
             data before it is finished. At the end both stores are read and compared, chat by \
             chat. What is known of files is copied; their bytes stay where OBJECTS keeps them, in \
             DATA_DIR/objects or in the bucket, and serve either store from there.",
        )
        .arg(place("from", "The store that is read"))
        .arg(place("to", "The store that is written"))
        .arg(digests)
        .arg(json());
    let renew = Command::new("renew")
        .about("Let every client begin anew, after the store was put back from elsewhere")
        .long_about(
            "Give the store a new incarnation, while no server runs on it: every client then \
             forgets what it had from the store before, and gets what is here. Run this after you \
             put an older state back with other tools than 'wechat backup': mongorestore, a \
             snapshot of the disk or of the machine. A backup of 'wechat backup' and the target of \
             'store copy' get a new one by themselves.",
        );
    Command::new("store")
        .about("Manage the store")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(copy)
        .subcommand(renew)
}

fn objects() -> Command {
    let place = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).required(true).value_parser(["local", "s3"]).help(help)
    };
    let copy = Command::new("copy")
        .about("Copy the contents of files between DATA_DIR and a bucket, while the server runs")
        .long_about(
            "Copy the contents of files between the folder objects of DATA_DIR and the bucket that \
             the settings name with OBJECTS=s3, while a server runs or not: it goes on with the \
             settings of its start. The source stays as it is. Each content is compared with its \
             SHA-256 on the way. What is there already is not copied again, so that a copy that is \
             cut off goes on when the same command is run again. It ends when a look at both found \
             nothing more to copy. Then stop the server, run it once more for what came meanwhile, \
             and start it with OBJECTS as it is to be.",
        )
        .arg(place("from", "Where contents are read"))
        .arg(place("to", "Where they are written"))
        .arg(json());
    Command::new("objects")
        .about("Manage the contents of files")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(copy)
}

fn push() -> Command {
    let check = Command::new("check")
        .about("Try whether the push services that are set know this server")
        .long_about(
            "Try whether devices that sleep can be told, also while the server runs: reads the \
             keys, and asks Google's and Apple's services, where FCM_ACCOUNT and APNS_KEY are set, \
             with a push to a device that does not exist. Nobody is told anything.",
        );
    Command::new("push")
        .about("Look at how devices that sleep are told")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(check)
}

fn backup() -> Command {
    Command::new("backup")
        .about("Copy all that the server keeps into a folder or a bucket, while it runs")
        .long_about(
            "Copy all that the server keeps into a folder, while it runs or not: the embedded \
             store as of one moment, the secrets, and the files that people sent. The folder is a \
             data folder like DATA_DIR. An earlier backup is brought up to date: only what is new \
             is copied of the files, and until all is there it stays what it was. Unfinished \
             uploads and MAIL_DIR are left out, and so is what MongoDB or a bucket keeps. Into \
             s3://BUCKET/PREFIX, as BACKUP_TO names it, goes one more backup beside those that are \
             there, of which only the store and what is new is sent; none is removed.",
        )
        .arg(
            Arg::new("PLACE")
                .required(true)
                .help("A new folder, an empty one, or an earlier backup; or s3://BUCKET/PREFIX"),
        )
        .arg(json())
}

fn restore() -> Command {
    Command::new("restore")
        .about("Put a backup into DATA_DIR, where no data are, while the server is stopped")
        .long_about(
            "Put a backup into DATA_DIR, which is empty or not there: move what is there away \
             first. The backup stays as it is. One that was cut off, or that is in use, is \
             refused, and so is a folder that is no backup. As root, what is restored is given to \
             the owner of DATA_DIR. If this is cut off, run it again; no server starts before. One \
             in a bucket is called s3://BUCKET/PREFIX/MOMENT; each of its contents is compared \
             with its SHA-256.",
        )
        .arg(
            Arg::new("BACKUP")
                .required_unless_present("list")
                .help("A folder that 'wechat backup' made, or s3://BUCKET/PREFIX/MOMENT"),
        )
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .help("Name the backups that are in BACKUP (by itself: BACKUP_TO), oldest first"),
        )
        .arg(json())
}

fn completions() -> Command {
    Command::new("completions")
        .about("Print what completes this command line in a shell")
        .long_about(
            "Print what completes this command line in a shell. For bash: wechat completions bash \
             > /etc/bash_completion.d/wechat",
        )
        .arg(Arg::new("SHELL").required(true).value_parser(value_parser!(Shell)))
}

fn man() -> Command {
    Command::new("man").about("Write the manual pages into a folder").arg(
        Arg::new("FOLDER")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help("A folder that is there, such as /usr/local/share/man/man1"),
    )
}

const LONG_ABOUT: &str = "\
Self-hosted chat and calling backend.

'wechat' alone runs the server until it is stopped by Ctrl-C or SIGTERM: it then lets requests \
end, tells its clients to come back, and leaves within ten seconds; a second signal ends it at \
once. With no settings at all it listens on port 2565 and keeps everything in ./data.";

const AFTER_HELP: &str = "\
Settings come from, in the order of growing weight: the files .env (the server) and .env_db (the \
database) in the working directory, the environment, flags. Some hold passwords and so have no \
flag: SMTP_URL, the mail server that sends login codes (without it, mails are written into \
MAIL_DIR), DB_URI, TURN_SECRET and S3_SECRET_ACCESS_KEY. The files .env.example and \
.env_db.example list all settings with their meaning.

Exit codes: 0 it went well, 1 the server could not start or failed, 2 the settings or the command \
line are wrong.";

fn arg(setting: &'static Setting) -> Option<Arg> {
    let flag = setting.flag()?;
    let unset = |setting: &Setting| format!("({})", setting.unset);
    let default =
        if setting.default.is_empty() { unset(setting) } else { setting.default.to_owned() };
    let text = setting.text();
    let short = text.split_once(". ").map_or(text.as_str(), |(first, _)| first);
    let arg = Arg::new(setting.key)
        .long(flag)
        .help(short.trim_end_matches('.').to_owned())
        .long_help(format!("{text}\n[default: {default}]"))
        .help_heading(setting.group)
        .global(true);
    Some(if setting.is_switch() {
        arg.value_name("on|off").num_args(0..=1).require_equals(true).default_missing_value("on")
    } else {
        arg.value_name(setting.key).allow_hyphen_values(true)
    })
}

/// The names of the command and its subcommands.
pub(super) fn path(matches: &ArgMatches) -> Vec<&str> {
    let mut names = Vec::new();
    let mut at = matches;
    while let Some((name, inner)) = at.subcommand() {
        names.push(name);
        at = inner;
    }
    names
}

/// The arguments of the innermost subcommand.
pub(super) fn innermost(matches: &ArgMatches) -> &ArgMatches {
    let mut at = matches;
    while let Some((_, inner)) = at.subcommand() {
        at = inner;
    }
    at
}

/// The flags that were given, by their settings' keys.
pub(super) fn given(matches: &ArgMatches) -> Vec<(String, String)> {
    let is_given = |setting: &&Setting| {
        setting.flag().is_some()
            && matches.value_source(setting.key) == Some(ValueSource::CommandLine)
    };
    let value = |setting: &Setting| {
        let text: &String = matches.get_one(setting.key)?;
        Some((setting.key.to_owned(), text.clone()))
    };
    SETTINGS.iter().filter(is_given).filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn flags_stand_before_or_behind_the_command() {
        for line in ["wechat --port 1", "wechat serve --port=1", "wechat --port 1 config check"] {
            let matches = command().try_get_matches_from(line.split(' ')).expect(line);
            assert_eq!(given(&matches), [("PORT".to_owned(), "1".to_owned())], "{line}");
        }
    }

    #[test]
    fn a_switch_alone_means_on() {
        for (line, value) in [("wechat --dev", "on"), ("wechat --dev=off serve", "off")] {
            let matches = command().try_get_matches_from(line.split(' ')).expect(line);
            assert_eq!(given(&matches), [("DEV".to_owned(), value.to_owned())], "{line}");
        }
        let matches = command().try_get_matches_from(["wechat", "--dev", "serve"]).expect("fine");
        assert_eq!(path(&matches), ["serve"]);
    }

    #[test]
    fn there_is_no_flag_for_a_secret() {
        let refused = command().try_get_matches_from(["wechat", "--smtp-url", "smtps://a"]);
        assert!(refused.is_err());
    }
}
