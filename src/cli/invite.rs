//! `wechat invite`: an invitation to the server, as a link and a code for a phone's camera.
//!
//! The link goes to standard output, and with it its QR code when that is a terminal. Called by
//! `cli`.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::ArgMatches;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::json;
use tokio::runtime;

use super::FAILED;
use crate::app::{self, Outside};
use crate::config::Config;
use crate::core::auth::door::{Invited, Terms};

/// Black on white, whatever the terminal's own colours are; and back to these.
const PAPER: (&str, &str) = ("\x1b[30;107m", "\x1b[0m");

/// Makes an invitation as the arguments say and prints its link.
pub(super) fn run(config: &Config, matches: &ArgMatches) -> ExitCode {
    let made = match runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(invite(config, terms(matches))),
        Err(error) => Err(error.to_string()),
    };
    match made {
        Ok(made) => {
            tell(config, &made, matches.get_flag("json"));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("No invitation was made: {why}");
            FAILED.into()
        }
    }
}

fn terms(matches: &ArgMatches) -> Terms {
    let usual = Terms::default();
    let link = matches.get_one::<String>("group");
    Terms {
        uses: matches.get_one("uses").copied().unwrap_or(usual.uses),
        lasts: matches.get_one::<Duration>("expires").copied().unwrap_or(usual.lasts),
        // The code is the end of a group's link.
        group: link.map(|link| link.rsplit('/').next().unwrap_or_default().to_owned()),
    }
}

async fn invite(config: &Config, terms: Terms) -> Result<Invited, String> {
    let data = app::offline::open(config, Outside::default()).await;
    let data = data.map_err(|error| error.to_string())?;
    let made = data.core().auth.invite(None, terms).await;
    data.close().await;
    made.map_err(|error| error.to_string())
}

fn tell(config: &Config, made: &Invited, is_json: bool) {
    let port = config.tls_port().unwrap_or(config.port);
    let link = format!("{}/#/invitation/{}", config.public_url(port), made.code);
    let (uses, until) = (made.invitation.uses, made.invitation.expires.to_string());
    if is_json {
        let id = made.invitation.id.to_string();
        println!("{}", json!({ "link": link, "id": id, "uses": uses, "expires_at": until }));
        return;
    }
    println!("{link}");
    if io::stdout().is_terminal()
        && let Ok(code) = QrCode::new(&link)
    {
        let drawn = code.render::<Dense1x2>().build();
        drawn.lines().for_each(|line| println!("{}{line}{}", PAPER.0, PAPER.1));
    }
    let people = if uses == 1 { "one person".to_owned() } else { format!("{uses} people") };
    eprintln!("It lets {people} create an account, until {until}. It is not shown again.");
}
