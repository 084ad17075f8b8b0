//! `wechat serve`: runs the server until a signal.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{FAILED, log};
use crate::app::{self, Outside, Running, StartError};
use crate::config::Config;
use crate::edge::huge_pages;

/// Starts the server, says what of its settings is left aside, runs it until SIGTERM or SIGINT,
/// stops it in good order.
pub(super) fn serve(config: &Config, warnings: &[String]) -> ExitCode {
    huge_pages::spare();
    log::start(config);
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    if let Some(warning) = app::raise_open_files(config.max_connections) {
        tracing::warn!("{warning}");
    }
    let served = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let served = runtime.block_on(until_a_signal(config));
            // Whatever still runs was given its time.
            runtime.shutdown_background();
            served
        }
        Err(error) => Err(format!("The server cannot start threads: {error}.").into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            FAILED.into()
        }
    }
}

async fn until_a_signal(config: &Config) -> Result<(), StartError> {
    let mut signals = Signals::new().map_err(|error| format!("No signals: {error}."))?;
    let running = tokio::select! {
        biased;
        () = signals.next() => return Ok(()),
        running = app::start(config, Outside::default()) => running?,
    };
    tell(config, &running);
    signals.next().await;
    tracing::info!("stopping");
    tokio::select! {
        () = running.stop() => tracing::info!("stopped"),
        () = signals.next() => return Err("Stopped at once by a second signal.".to_owned().into()),
    }
    Ok(())
}

/// The signals that end a server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Says that the server is there: to people on standard output, to programs in the log. The key of
/// the person at the machine is for a terminal only: a log is kept, and read by others.
fn tell(config: &Config, running: &Running) {
    let addr = running.addr();
    let pages = running.tls_port().unwrap_or(addr.port());
    let url = config.public_url(pages);
    let data = config.data_dir.display();
    let mails = match &config.smtp_url {
        Some(smtp) => format!("sent by {smtp}"),
        None => format!("written into {} (SMTP_URL is not set)", config.mail_dir().display()),
    };
    let file = config.data_dir.join("secrets/machine_key");
    let (key, mails) = match running.machine_key() {
        Some(key) if io::stdout().is_terminal() => (format!("/#key={}", key.reveal()), mails),
        Some(_) => (String::new(), format!("{mails}; key to the mailbox in {}", file.display())),
        None => (String::new(), mails),
    };
    for told in [config.open_door(), config.asking_strangers()].into_iter().flatten() {
        tracing::info!("{told}");
    }
    if !log::is_pretty(config) {
        let tls_port = running.tls_port();
        return tracing::info!(%addr, tls_port, url, %data, mails, version = VERSION, "listening");
    }
    let hosts = match (addr.ip().is_unspecified(), addr.ip().is_loopback()) {
        (true, _) => "every address of this machine",
        (_, true) => "this machine alone",
        _ => "one address of this machine",
    };
    let port = match running.tls_port() {
        Some(tls) => format!("{tls} (HTTPS) and {} (leads there)", addr.port()),
        None => addr.port().to_string(),
    };
    let people = if config.dev { "demo   people to try out as, with one click\n  " } else { "" };
    // The same for the key that makes somebody the operator.
    let role = match running.operator_key() {
        Some(key) if io::stdout().is_terminal() => {
            format!("role   {} makes the first to send it the operator\n  ", key.reveal())
        }
        _ => String::new(),
    };
    let store = match &config.db_uri {
        Some(_) => format!("MongoDB, database {} (secrets in {data})", config.db_database),
        None => format!("embedded, in {data}"),
    };
    println!(
        "WeChat backend {VERSION}\n\n  \
         open   {url}{key}\n  \
         {role}\
         port   {port} on {hosts} ({})\n  \
         store  {store}\n  \
         mails  {mails}\n  \
         {people}stop   Ctrl-C\n",
        addr.ip()
    );
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
