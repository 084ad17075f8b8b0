//! How devices that sleep are told, as the settings say. Called by `start`, and by the command
//! line, which tries it.

use std::path::Path;
use std::sync::Arc;

use super::{Outside, StartError};
use crate::config::values::{PushContent, PushMode};
use crate::config::{Config, Secrets, secrets};
use crate::core::presence::AWAY_AFTER;
use crate::core::push::{Outlet, SETTLE};
use crate::hub::Hub;
use crate::model::alerts::Shown;
use crate::model::push::Kind;
use crate::outside::{Allowed, Bounds, Client, SystemLookup, tls};
use crate::push::Pusher;
use crate::push::folder::FolderPusher;
use crate::push::nobody::Nobody;
use crate::push::services::{ApnsSetup, FcmSetup, Services, Setup, Tally};

/// What tells devices, and what reads its numbers where it has some.
pub(super) struct Push {
    /// What the rules hand notices to.
    pub(super) pusher: Arc<dyn Pusher>,
    services: Option<Arc<Services>>,
}

impl Push {
    fn of(pusher: Arc<dyn Pusher>) -> Self {
        Self { pusher, services: None }
    }

    /// The one that somebody brings, or that the settings say, on the runtime that this is called
    /// on.
    pub(super) fn open(
        config: &Config,
        secrets: &Secrets,
        outside: &Outside,
    ) -> Result<Self, StartError> {
        if let Some(pusher) = &outside.pusher {
            return Ok(Self::of(pusher.clone()));
        }
        if config.push == PushMode::Off {
            return Ok(Self::of(Arc::new(Nobody::default())));
        }
        let services = services(config, secrets.vapid_pem.reveal(), outside)?;
        if config.push == PushMode::On {
            let services = Arc::new(services);
            return Ok(Self { pusher: services.clone(), services: Some(services) });
        }
        let key = services.vapid_key().unwrap_or_default().to_owned();
        let folder = config.push_dir();
        let opened = FolderPusher::open(folder.clone(), key, outside.clock.clone());
        let pusher = opened.map_err(|error| {
            format!(
                "PUSH_DIR {} cannot be used: {error}. Give this user a folder that it may write \
                 to, or set another PUSH_DIR.",
                folder.display()
            )
        })?;
        Ok(Self::of(Arc::new(pusher)))
    }

    /// How the rules tell devices: whoever is connected to this node need not be told.
    pub(super) fn outlet(&self, config: &Config, hub: &Arc<Hub>) -> Outlet {
        let hub = hub.clone();
        let shown = config.push_content.map(|content| match content {
            PushContent::Wake => Shown::Wake,
            PushContent::Names => Shown::Names,
            PushContent::Text => Shown::Text,
        });
        Outlet {
            pusher: self.pusher.clone(),
            here: Arc::new(move |user, chat| hub.sessions_of(user, chat)),
            shown,
            settle: SETTLE,
            away: AWAY_AFTER,
        }
    }

    /// Reads the numbers of a moment; `None` where nothing is sent.
    pub(super) fn reader(&self) -> Option<impl Fn() -> Tally + Send + Sync + 'static> {
        let services = self.services.clone()?;
        Some(move || services.tally())
    }
}

/// What sends through push services, as the settings say. An error names the setting and the cure.
pub fn services(
    config: &Config,
    vapid_pem: &str,
    outside: &Outside,
) -> Result<Services, StartError> {
    let hosts = config.push_allowed_hosts.clone();
    let allowed = Allowed::new(hosts.names, hosts.networks);
    let tls = tls::trusting(config.push_ca.as_deref()).map_err(|why| format!("PUSH_CA: {why}"))?;
    let lookup = Arc::new(SystemLookup::default());
    let client = Client::new(Bounds::default(), allowed.clone(), tls, lookup);
    let setup = Setup {
        vapid_pem: vapid_pem.to_owned(),
        contact: contact(config),
        allowed,
        fcm: fcm(config)?,
        apns: apns(config)?,
    };
    let Outside { clock, entropy, .. } = outside.clone();
    Ok(Services::start(setup, client, clock, entropy)?)
}

/// What trying a service found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is called in the API.
    pub service: &'static str,
    /// Whether it is as it should be.
    pub well: bool,
    /// What is so, or what is wrong and what to do, for the operator.
    pub says: String,
}

/// Tries what the settings say. Nobody is told anything. An error is a setting that is wrong.
pub async fn check(config: &Config) -> Result<Vec<Found>, StartError> {
    let found = |service, well, says: &str| Found { service, well, says: says.to_owned() };
    match config.push {
        PushMode::Off => return Ok(vec![found("web", true, "PUSH is off: nobody is told.")]),
        PushMode::Folder => {
            let says = format!("PUSH is folder: all goes into {}.", config.push_dir().display());
            return Ok(vec![found("web", true, &says)]);
        }
        PushMode::On => {}
    }
    let (pem, made) = match secrets::vapid_pem_in(&config.data_dir)? {
        Some(pem) => (pem.reveal().to_owned(), "Its key is there"),
        None => (secrets::new_vapid_pem()?, "Its key is made at the first start"),
    };
    let services = services(config, &pem, &Outside::default())?;
    let says = format!("{made}; push services reach you at {}.", contact(config));
    let mut all = vec![found("web", true, &says)];
    for (kind, outcome) in services.try_accounts().await {
        let (setting, whose) =
            if kind == Kind::Fcm { ("FCM_ACCOUNT", "Google") } else { ("APNS_KEY", "Apple") };
        let says = match &outcome {
            None => format!("{setting} is not set: apps that only {whose} reaches are not told."),
            Some(Ok(())) => format!("{whose}'s service knows this server."),
            Some(Err(why)) => format!(
                "{whose}'s service does not take pushes: {why}. Check {setting} and what the \
                 service's console says of it."
            ),
        };
        all.push(found(kind.name(), !matches!(outcome, Some(Err(_))), &says));
    }
    Ok(all)
}

/// How a push service reaches who runs this server (RFC 8292, section 2.1).
fn contact(config: &Config) -> String {
    match &config.public_url {
        Some(url) if url.is_https() => url.to_string(),
        _ => format!("mailto:{}", config.mail_from().0.email),
    }
}

fn fcm(config: &Config) -> Result<Option<FcmSetup>, StartError> {
    let account = config.fcm_account.as_deref().map(|path| read("FCM_ACCOUNT", path));
    Ok(account.transpose()?.map(FcmSetup::of_google))
}

fn apns(config: &Config) -> Result<Option<ApnsSetup>, StartError> {
    let key = config.apns_key.as_deref().map(|path| read("APNS_KEY", path)).transpose()?;
    // All of it is there or nothing: a `Config` that exists is valid.
    let parts = key.zip(config.apns_key_id.clone()).zip(config.apns_team_id.clone());
    Ok(parts.map(|((key, key_id), team_id)| ApnsSetup::of_apple(key, key_id, team_id)))
}

fn read(setting: &str, path: &Path) -> Result<String, StartError> {
    let text = std::fs::read_to_string(path);
    text.map_err(|error| {
        let path = path.display();
        format!("{setting}: {path} cannot be read: {error}. Let this server's user read it.").into()
    })
}
