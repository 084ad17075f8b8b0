//! The command line of operators' commands; `operator` carries them out. Called by `flags`.

use clap::{Arg, ArgAction, Command, value_parser};

use crate::config::values::span;
use crate::core::operator::TRENDS;
use crate::model::door::INVITATION_USES;

/// The flag of commands that also speak to programs.
pub(super) fn json() -> Arg {
    Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Speak to programs: one JSON a line on standard output")
}

fn required(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).required(true).help(help)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn group(name: &'static str, about: &'static str, verbs: Vec<Command>) -> Command {
    Command::new(name)
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(verbs.into_iter().map(|verb| verb.arg(json())))
}

pub(super) fn people() -> Command {
    let person = || required("PERSON", "Their id, or the address of their account");
    let of_person = |name, about| Command::new(name).about(about).arg(person());
    let suspend = of_person("suspend", "Shut a person out: log them out, and let them not log in")
        .arg(Arg::new("why").long("why").required(true).help("Why; they and operators read it"))
        .arg(
            Arg::new("for")
                .long("for")
                .value_parser(span)
                .help("How long, as count s, min, h or d [default: until they are restored]"),
        );
    group(
        "people",
        "Look at people's accounts, and act on them, while the server runs or not",
        vec![
            Command::new("list")
                .about("List accounts")
                .arg(switch("suspended", "Only people who are suspended"))
                .arg(switch("operators", "Only operators")),
            Command::new("find")
                .about("Find people by words of their name, or by their address")
                .arg(required("WORDS", "The words, or the address")),
            of_person("show", "Show a person's account and devices"),
            suspend,
            of_person("restore", "Let a suspended person log in again"),
            of_person("delete", "Delete a person's account; their messages stay"),
            of_person("log-out", "Log a person out on all devices"),
            of_person("operator", "Make a person an operator")
                .arg(switch("off", "Take the role from them")),
            of_person("move-address", "Give an account another address, as for a lost mailbox")
                .arg(required("ADDRESS", "Where their login codes go from now on")),
        ],
    )
}

pub(super) fn groups() -> Command {
    let one = || required("GROUP", "The group's id");
    group(
        "groups",
        "Look at groups, and delete them, while the server runs or not",
        vec![
            Command::new("list").about("List groups"),
            Command::new("show").about("Show a group and its members").arg(one()),
            Command::new("delete").about("Delete a group: nobody can read it any more").arg(one()),
        ],
    )
}

pub(super) fn reports() -> Command {
    let one = || required("REPORT", "The report's id");
    group(
        "reports",
        "Look into what people report, and answer it, while the server runs or not",
        vec![
            Command::new("list")
                .about("List reports that nobody has looked into yet, oldest first")
                .arg(switch("all", "Also those that are taken or answered")),
            Command::new("show").about("Show a report, with what it is about").arg(one()),
            Command::new("take")
                .about("Take a report, so that other operators know that you look into it")
                .arg(one()),
            Command::new("answer")
                .about("Answer a report; whoever made it reads the answer")
                .arg(one())
                .arg(switch("dismissed", "It was not right; else it was, and something was done"))
                .arg(
                    Arg::new("word").long("word").help("What whoever made it is told besides that"),
                ),
        ],
    )
}

pub(super) fn invite() -> Command {
    Command::new("invite")
        .about("Make an invitation to the server, while it runs or not")
        .long_about(
            "Make an invitation to the server: a link by which people create an account also where \
             SIGN_UP=invited. In a terminal, its QR code is drawn too.",
        )
        .arg(
            Arg::new("uses")
                .long("uses")
                .value_parser(value_parser!(u32).range(1..=i64::from(INVITATION_USES)))
                .help("How many people it lets in [default: 1]"),
        )
        .arg(
            Arg::new("expires")
                .long("expires")
                .value_parser(span)
                .help("How long it works, as count s, min, h or d [default: 7d]"),
        )
        .arg(
            Arg::new("group")
                .long("group")
                .value_name("LINK")
                .help("An invitation link of a group, which whoever comes in joins"),
        )
        .arg(switch("list", "List the invitations that there are").exclusive(false))
        .arg(Arg::new("end").long("end").value_name("ID").help("End this invitation"))
        .arg(json())
}

pub(super) fn audit() -> Command {
    Command::new("audit")
        .about("Show what operators did, latest first")
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_parser(value_parser!(u32).range(1..=200))
                .help("At most so many rows [default: 50]"),
        )
        .arg(json())
}

fn last(name: &'static str, help: &'static str) -> Arg {
    let count = value_parser!(u32).range(1..=i64::from(TRENDS));
    Arg::new(name).long(name).value_name("COUNT").value_parser(count).help(help)
}

pub(super) fn figures() -> Command {
    Command::new("figures")
        .about("Show how many people, groups, messages and bytes of files there are")
        .arg(last("hours", "How they went: the latest hours, one a row"))
        .arg(last("days", "How they went: the latest days, one a row").conflicts_with("hours"))
        .arg(json())
}
