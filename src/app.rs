//! The only place where adapters are chosen and wired; starting and stopping the server.
//!
//! Order of starting: the data folder is locked first, so that nothing after it ever meets a second
//! server. Order of stopping: no new connections, then what is under way, then mails, then the
//! store, and the lock last. Called by `cli`, and by programs and tests that run a server inside.

mod listen;
pub mod offline;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, DataDir, Secrets};
use crate::id::{Entropy, OsEntropy};
use crate::mail::Mailer;
use crate::mail::folder::FolderMailer;
use crate::mail::letters::Letters;
use crate::mail::smtp::{Patience, SmtpMailer};
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;

pub use listen::raise_open_files;

/// How long mails that are under way may hold up the end.
const MAILS_WITHIN: Duration = Duration::from_secs(2);

/// Why a server cannot start: cause and cure, for its operator. Tells no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl From<String> for StartError {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What comes from outside the program, so that tests can bring their own.
#[derive(Clone)]
pub struct Outside {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
    /// Sends mails; `None` is the one that the settings say.
    pub mailer: Option<Arc<dyn Mailer>>,
}

impl Default for Outside {
    /// The machine's clock and random source, and mails as the settings say.
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), entropy: Arc::new(OsEntropy), mailer: None }
    }
}

/// A server that runs. Dropping it without `stop` cuts off what is under way.
pub struct Running {
    addr: SocketAddr,
    mailer: Arc<dyn Mailer>,
    _store: Arc<dyn Store>,
    _listener: TcpListener,
    _data: DataDir,
}

/// Starts a server on the runtime that this is called on; it takes connections when this answers.
pub async fn start(config: &Config, outside: Outside) -> Result<Running, StartError> {
    let data = DataDir::open(&config.data_dir)?;
    let _secrets = Secrets::open(&data, &*outside.entropy)?;
    let listener = listen::on(config)?;
    let addr = listener.local_addr().map_err(|error| error.to_string())?;
    let store: Arc<dyn Store> = Arc::new(open_store(&data).await?);
    let mailer = match &outside.mailer {
        Some(mailer) => mailer.clone(),
        None => mailer(config, addr.port(), &outside)?,
    };
    Ok(Running { addr, mailer, _store: store, _listener: listener, _data: data })
}

impl Running {
    /// Where it listens, with the port that was taken.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops in good order, within ten seconds.
    pub async fn stop(self) {
        if timeout(MAILS_WITHIN, self.mailer.drain()).await.is_err() {
            tracing::warn!("mails were still waiting and are lost: their codes can be asked again");
        }
    }
}

async fn open_store(data: &DataDir) -> Result<EmbeddedStore, StartError> {
    let folder = data.path().to_owned();
    let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(&folder)).await;
    let why = match opened {
        Ok(Ok(store)) => return Ok(store),
        Ok(Err(error)) => error.cause().map_or_else(|| error.to_string(), ToString::to_string),
        Err(error) => error.to_string(),
    };
    let folder = data.path().display();
    Err(StartError(format!("The store in DATA_DIR {folder} cannot be opened: {why}.")))
}

/// The mailer that the settings say.
fn mailer(config: &Config, port: u16, outside: &Outside) -> Result<Arc<dyn Mailer>, StartError> {
    let Outside { clock, entropy, .. } = outside.clone();
    let from = config.mail_from().0;
    let letters = Letters::new(from, config.public_url(port), clock.clone(), entropy.clone());
    if let Some(url) = &config.smtp_url {
        let mailer = SmtpMailer::new(url.clone(), letters, entropy, Patience::default())?;
        return Ok(Arc::new(mailer));
    }
    let folder = config.mail_dir();
    let mailer = FolderMailer::open(folder.clone(), letters, clock).map_err(|error| {
        format!(
            "MAIL_DIR {} cannot be used: {error}. Give this user a folder that it may write to, or \
             set another MAIL_DIR.",
            folder.display()
        )
    })?;
    Ok(Arc::new(mailer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &std::path::Path, port: &str) -> Config {
        let data = folder.to_str().expect("UTF-8");
        Config::of(&[("DATA_DIR", data), ("HOST", "127.0.0.1"), ("PORT", port)]).expect("valid")
    }

    #[tokio::test]
    async fn a_server_starts_on_a_free_port_and_leaves_its_folder_free() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path(), "0");
        let running = start(&config, Outside::default()).await.expect("started");
        assert_ne!(running.addr().port(), 0);
        let second = start(&config, Outside::default()).await.err().expect("refused");
        assert!(second.to_string().contains("in use by another server"), "{second}");
        running.stop().await;
        start(&config, Outside::default()).await.expect("started again").stop().await;
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_told_with_a_cure() {
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let first = start(&config(folders[0].path(), "0"), Outside::default()).await;
        let port = first.as_ref().expect("started").addr().port().to_string();
        let second = start(&config(folders[1].path(), &port), Outside::default()).await;
        let text = second.err().expect("refused").to_string();
        assert!(text.contains(&format!("Port {port}")) && text.contains("--port"), "{text}");
    }
}
