//! REST: thin adapters from HTTP to the use-cases of `core`, with no rule of their own.
//!
//! Reading order: `pipeline` wraps every request (id, limits, panics, headers, log), `router` maps
//! paths to handlers, `extract` reads requests, `answer` writes errors in the shape that the path
//! promises. One file a resource; `original` holds the endpoints that the mobile apps have always
//! spoken. Wired by `app`.

pub mod pipeline;
pub mod router;

pub mod answer;
mod brand;
pub mod claims;
mod contacts;
mod context;
pub mod extract;
mod kind;
mod palette;

mod address;
mod auth;
mod call_check;
mod calls;
mod changes;
mod chats;
mod disposition;
pub mod docs;
mod export;
mod files;
mod groups;
mod health;
pub mod install;
mod invites;
pub mod local;
mod mailbox;
mod mailed;
mod me;
mod members;
mod messages;
mod metrics;
mod missed;
mod multipart;
mod operator;
mod operator_reports;
mod original;
mod original_send;
mod params;
mod pictures;
mod presence;
mod push;
mod ranges;
mod receipts;
mod recovery;
mod reports;
mod search;
mod secure;
pub mod server;
mod sync;
mod upload_seats;
mod uploads;
mod users;
mod web;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::claims::OwnPages;
pub use self::files::POSTER_BYTES;
use self::install::Install;
pub use self::multipart::{FORM_PARTS, PART_HEAD_BYTES};
pub use self::operator::at_socket;
pub use self::original::PAGE as ORIGINAL_PAGE;
use self::secure::Https;
use self::server::Welcome;
pub use self::upload_seats::UPLOADS_AT_ONCE;
use self::upload_seats::UploadSeats;
use self::web::Site;
use crate::config::brand::Brand;
use crate::config::values::{Networks, PublicUrl};
use crate::config::{Config, Given};
use crate::core::Core;
use crate::edge::address::TrustedProxies;
use crate::edge::counters::Counters;
use crate::edge::limits::Limiter;
use crate::id::IdSource;

/// What handlers share.
pub struct Http {
    core: Core,
    limiter: Arc<Limiter>,
    uploads: UploadSeats,
    trusted: Arc<TrustedProxies>,
    own_pages: OwnPages,
    https: Https,
    install: Option<Install>,
    welcome: Welcome,
    site: Site,
    counters: Arc<Counters>,
    metrics_from: Networks,
    /// The operator has named a public address: a caller on this machine may be a proxy.
    public: bool,
    /// Where people reach the server: what links begin with.
    address: String,
    ids: IdSource,
    /// What the server runs with, for operators.
    settings: Vec<Given>,
}

impl Http {
    /// What handlers share: the use-cases, the limits on requests, the proxies to believe, and a
    /// source of names for requests.
    pub fn new(core: Core, config: &Config, limiter: Arc<Limiter>, ids: IdSource) -> Self {
        Self {
            core,
            limiter,
            uploads: UploadSeats::default(),
            trusted: Arc::new(TrustedProxies::new(config.trusted_proxies.clone())),
            welcome: Welcome { smtp: config.smtp_url.is_some(), ..Welcome::default() },
            site: Site::of(&Brand::default()),
            counters: Arc::new(Counters::new(Box::new(Vec::new))),
            metrics_from: config.metrics_from.clone(),
            public: config.is_public(),
            address: config.public_url(config.tls_port().unwrap_or(config.port)),
            own_pages: OwnPages {
                public: config.public_url.as_ref().map(PublicUrl::origin),
                allowed: config.cors_origins.clone(),
            },
            https: Https::by_proxy(config.public_url.clone()),
            install: None,
            ids,
            settings: config.given.clone(),
        }
    }

    /// The same with how the server is called and looks, and what there is for the person at its
    /// machine.
    #[must_use]
    pub fn with_welcome(self, welcome: Welcome) -> Self {
        Self { site: Site::of(&welcome.brand), welcome, ..self }
    }

    /// The same of a server that people reach at this address.
    #[must_use]
    pub fn with_address(self, address: String) -> Self {
        Self { address, ..self }
    }

    /// The same of a server that speaks HTTPS itself on this port.
    #[must_use]
    pub fn with_https(self, port: u16) -> Self {
        Self { https: self.https.on(port), ..self }
    }

    /// The same of one whose devices have to install the certificate of its authority.
    #[must_use]
    pub fn with_install(self, install: Install) -> Self {
        Self { https: self.https.needing_install(), install: Some(install), ..self }
    }

    /// The same, counting there.
    #[must_use]
    pub fn with_counters(self, counters: Arc<Counters>) -> Self {
        Self { counters, ..self }
    }
}
