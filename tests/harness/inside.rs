//! A core inside the test's own process: this run's store with data of its own, a clock that stands
//! still, mails kept in memory.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use wechat::bus::local::LocalBus;
use wechat::bus::{Bus, Listener};
use wechat::clock::{Clock, ManualClock, Time};
use wechat::core::auth::{Asker, SignUp, SignedIn};
use wechat::core::{Core, Ports, Rules};
use wechat::error::Language;
use wechat::id::{IdSource, OsEntropy};
use wechat::mail::Mailer;
use wechat::mail::memory::MemoryMailer;
use wechat::model::auth::Caller;
use wechat::model::text::{Email, Name};
use wechat::objects::memory::MemoryObjects;
use wechat::objects::staging::Staging;
use wechat::store::Store;
use wechat::store::embedded::EmbeddedStore;
use wechat::store::mongo::{MongoStore, Names};

use super::mongo;

/// The rules on a store of their own, with everything in the test's hands.
pub struct Inside {
    pub core: Core,
    pub clock: Arc<ManualClock>,
    pub mails: Arc<MemoryMailer>,
    pub store: Arc<dyn Store>,
    pub folder: TempDir,
    _listening: Arc<Core>,
    _bus: Arc<dyn Bus>,
}

/// An address from which people log in.
pub const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

impl Inside {
    /// A new one, at half past nine.
    pub async fn new(rules: Rules) -> Self {
        Self::listened_to(rules, |_| Vec::new()).await
    }

    /// A new one whose events others hear too: what `more` makes of the core.
    pub async fn listened_to(
        rules: Rules,
        more: impl FnOnce(&Core) -> Vec<std::sync::Weak<dyn Listener>>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = new_store(folder.path()).await;
        Self::on((store, folder), rules, more)
    }

    /// The same on a store that is there, with its folder.
    pub fn on(
        stored: (Arc<dyn Store>, TempDir),
        rules: Rules,
        more: impl FnOnce(&Core) -> Vec<std::sync::Weak<dyn Listener>>,
    ) -> Self {
        let bus = Arc::new(LocalBus::default());
        let carried: Arc<dyn Bus> = bus.clone();
        let listen = |listeners| bus.listen(listeners);
        Self::told_by(stored, rules, (carried, listen), more)
    }

    /// The same on a bus, which is told who listens.
    pub fn told_by(
        (store, folder): (Arc<dyn Store>, TempDir),
        rules: Rules,
        (bus, listen): (Arc<dyn Bus>, impl FnOnce(Vec<std::sync::Weak<dyn Listener>>)),
        more: impl FnOnce(&Core) -> Vec<std::sync::Weak<dyn Listener>>,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(Time(1_795_340_000_000)));
        let mails = Arc::new(MemoryMailer::default());
        let ports = Ports {
            store: store.clone(),
            bus: bus.clone(),
            mailer: mails.clone() as Arc<dyn Mailer>,
            objects: Arc::new(MemoryObjects::default()),
            staging: Staging::open(folder.path().join("uploads")).expect("a folder"),
            clock: clock.clone() as Arc<dyn Clock>,
            entropy: Arc::new(OsEntropy),
            ids: IdSource::new(clock.clone(), &OsEntropy),
        };
        let core = Core::new(ports, [7; 32], rules);
        let listening = Arc::new(core.clone());
        let heard: Arc<dyn Listener> = listening.clone();
        let mut listeners = vec![Arc::downgrade(&heard)];
        listeners.extend(more(&core));
        listen(listeners);
        Self { core, clock, mails, store, folder, _listening: listening, _bus: bus }
    }

    /// Signs somebody up and logs in.
    pub async fn person(&self, name: &str) -> Caller {
        let email = address(name);
        let request = SignUp {
            name: Name::parse("name", name).expect("a name"),
            email: email.clone(),
            push_token: None,
            language: Language::English,
            invitation: None,
            asker: HOME.into(),
        };
        self.core.auth.sign_up(request).await.expect("signed up");
        let signed_in = self.log_in_with(&email, &self.code(&email)).await.expect("logged in");
        Caller { user: signed_in.user.id, session: signed_in.session.id, instance: None }
    }

    /// Asks for a code; the ticket that came with it.
    pub async fn asks(&self, email: &Email, asker: Asker) -> wechat::error::Result<String> {
        let asked = self.core.auth.request_code(email.clone(), Language::English, asker).await;
        asked.map(|asked| asked.ticket)
    }

    /// The last code that was mailed.
    pub fn code(&self, email: &Email) -> String {
        self.mails.last_code(email).expect("a mail")
    }

    /// Tries a code.
    pub async fn log_in_with(&self, email: &Email, code: &str) -> wechat::error::Result<SignedIn> {
        self.core.auth.verify(email, code, "test", HOME).await
    }
}

/// An empty store, of the kind of this run.
pub async fn new_store(folder: &Path) -> Arc<dyn Store> {
    let Some(server) = mongo::chosen() else {
        return Arc::new(EmbeddedStore::open(folder).expect("a store"));
    };
    let database = mongo::Server::database();
    let store = MongoStore::open(&server.uri(), &database, Names::default()).await;
    Arc::new(store.expect("a store"))
}

/// The address of somebody.
pub fn address(name: &str) -> Email {
    let text = super::email(name);
    Email::parse("email", &text).expect("an address")
}
