//! A certificate from an authority, by ACME: the first, the next before it ends, what a restart
//! finds again, and what the operator is told when there is none.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;
use loadgen::client::http::Http;
use loadgen::client::stream::{Either, Trust, open};
use loadgen::ports;
use loadgen::scratch::Scratch;
use loadgen::server::{Home, Plan, Server};
use tokio::time::sleep;
use wechat::app::{self, Outside};
use wechat::clock::{Clock, ManualClock, SystemClock};
use wechat::config::Config;

use crate::acme_authority::{Authority, Mood};
use crate::harness::{PATIENCE, mongo, program};

const NAME: &str = "chat.example.org";
/// How often a question is asked again.
const POLL: Duration = Duration::from_millis(20);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server that gets its certificate from an authority, and where it speaks HTTPS.
struct Named {
    server: Server,
    https: SocketAddr,
}

/// The certificate that is shown there, if it is believed.
async fn shown(addr: SocketAddr, trust: &Trust) -> Option<Vec<u8>> {
    let Ok(Either::Right(stream)) = open(addr, None, None, Some(trust)).await else { return None };
    stream.get_ref().1.peer_certificates()?.first().map(|own| own.to_vec())
}

impl Named {
    /// One whose name leads to it.
    async fn by(authority: &Authority, settings: &[(&str, &str)]) -> Self {
        let https = ports::free().expect("a port");
        authority.leads_to(Some(https));
        Self::at(https, authority, settings).await
    }

    /// One that speaks HTTPS there, wherever its name leads.
    async fn at(https: SocketAddr, authority: &Authority, settings: &[(&str, &str)]) -> Self {
        let mut plan = Plan::unlimited(program());
        plan.settings.extend(mongo::settings(&mongo::Server::database()));
        let own = [
            ("TLS", "auto".to_owned()),
            ("PORT_TLS", https.port().to_string()),
            ("PUBLIC_URL", format!("https://{NAME}")),
            ("ACME_DIRECTORY", authority.directory()),
        ];
        let settings = settings.iter().map(|(key, value)| (*key, (*value).to_owned()));
        for (key, value) in own.into_iter().chain(settings) {
            plan.settings.push((key.to_owned(), value));
        }
        let server = Home::new(plan, None).expect("a folder").start().await.expect("a server");
        Self { server, https }
    }

    async fn until_believed(&self, trust: &Trust) {
        let deadline = Instant::now() + PATIENCE;
        while shown(self.https, trust).await.is_none() {
            assert!(Instant::now() < deadline, "no certificate:\n{}", self.server.log());
            sleep(POLL).await;
        }
    }

    async fn until_logged(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.server.log().contains(words) {
            assert!(Instant::now() < deadline, "not in the log: {words}\n{}", self.server.log());
            sleep(POLL).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_certificate_serves_https_and_the_relay_and_a_restart_finds_it_again() {
    let authority = Authority::start().await;
    let relay = ports::free().expect("a port");
    let turn_tls_port = relay.port().to_string();
    let relays = [("TURN", "embedded"), ("TURN_PORT", "0"), ("TURN_TLS_PORT", &*turn_tls_port)];
    let mut named = Named::by(&authority, &relays).await;
    let trust = authority.trust(NAME);
    named.until_believed(&trust).await;
    let secure = Http::secure(named.https, trust.clone());
    let answer = secure.call(Method::GET, "/livez", None, None).await.expect("an answer");
    assert!(answer.status.is_success());
    assert_eq!(shown(relay, &trust).await, shown(named.https, &trust).await, "the relay too");
    let files = named.server.data().join("acme");
    let mut kept = Vec::new();
    for folder in std::fs::read_dir(&files).expect("kept") {
        for file in std::fs::read_dir(folder.expect("a folder").path()).expect("files") {
            let file = file.expect("a file");
            assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
            kept.push(file.file_name().into_string().expect("UTF-8"));
        }
    }
    kept.sort();
    assert_eq!(kept, ["account.json", "chat.example.org.pem"]);

    let before = authority.counts();
    assert!(named.server.end().expect("ended"));
    // Whoever asks again now finds no name.
    authority.leads_to(None);
    named.server.restart().await.expect("started again");
    named.until_believed(&trust).await;
    assert_eq!(authority.counts(), before, "nothing was asked again");
    assert_eq!((before.0, before.2), (1, 1), "one account, one certificate");
}

/// The server runs in this process, so that its clock is in the test's hands.
/// What Chromium shows at an address, in a home of its own where these certificates are installed.
fn seen(https: SocketAddr, authority: Option<&Authority>) -> String {
    let home = Scratch::new(None).expect("a folder");
    let store = home.path().join(".pki/nssdb");
    std::fs::create_dir_all(&store).expect("a folder");
    let store = format!("sql:{}", store.display());
    let run = |program: &str, args: &[&str]| {
        let run = Command::new(program).env("HOME", home.path()).args(args).output();
        run.unwrap_or_else(|error| panic!("{program}: {error}")).stdout
    };
    run("certutil", &["-N", "-d", &store, "--empty-password"]);
    if let Some(authority) = authority {
        let file = home.path().join("authority.pem").display().to_string();
        std::fs::write(&file, authority.certificate()).expect("written");
        run("certutil", &["-A", "-d", &store, "-n", "it", "-t", "C,,", "-i", &file]);
    }
    let leads = format!("--host-resolver-rules=MAP {NAME} 127.0.0.1");
    let page = format!("https://{NAME}:{}/", https.port());
    let flags = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"];
    let shown = run("chromium", &[&flags[..], &[&leads, &page]].concat());
    String::from_utf8_lossy(&shown).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium and certutil: scripts/test web runs it"]
async fn a_browser_believes_the_certificate_once_its_authority_is_installed() {
    const SIGN: &str = "manifest.webmanifest";
    let authority = Authority::start().await;
    let named = Named::by(&authority, &[]).await;
    named.until_believed(&authority.trust(NAME)).await;
    let (installed, not) = tokio::task::block_in_place(|| {
        (seen(named.https, Some(&authority)), seen(named.https, None))
    });
    assert!(installed.contains(SIGN), "the page is not there: {installed}");
    assert!(!not.contains(SIGN), "the page is there without the authority");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_renewed_before_it_ends_and_the_relay_follows() {
    let authority = Authority::start().await;
    let [https, relay] = [(); 2].map(|()| ports::free().expect("a port"));
    authority.leads_to(Some(https));
    let folder = tempfile::tempdir().expect("a folder");
    let (port_tls, turn_tls_port) = (https.port().to_string(), relay.port().to_string());
    let (public_url, directory) = (format!("https://{NAME}"), authority.directory());
    let config = Config::of(&[
        ("DATA_DIR", folder.path().to_str().expect("UTF-8")),
        ("HOST", "127.0.0.1"),
        ("PORT", "0"),
        ("TLS", "auto"),
        ("PORT_TLS", &port_tls),
        ("PUBLIC_URL", &public_url),
        ("ACME_DIRECTORY", &directory),
        ("TURN_PORT", "0"),
        ("TURN_TLS_PORT", &turn_tls_port),
    ]);
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let outside = Outside { clock: clock.clone(), ..Outside::default() };
    let running = app::start(&config.expect("valid"), outside).await.expect("a server");
    let trust = authority.trust(NAME);
    let until_another = async |before: Option<&Vec<u8>>| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = shown(https, &trust).await;
            if let Some(now) = now.filter(|now| Some(now) != before) {
                return now;
            }
            assert!(Instant::now() < deadline, "no other certificate");
            sleep(POLL).await;
        }
    };
    let first = until_another(None).await;
    assert_eq!(shown(relay, &trust).await.as_ref(), Some(&first));
    authority.gives(Duration::ZERO, DAY * 365);
    clock.advance(DAY * 61);
    let second = until_another(Some(&first)).await;
    assert_eq!(shown(relay, &trust).await, Some(second), "the relay follows");
    assert_eq!(authority.counts(), (1, 2, 2), "one account, asked once each time");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_the_authority_has_lost_is_made_again() {
    let authority = Authority::start().await;
    let mut named = Named::by(&authority, &[]).await;
    named.until_believed(&authority.trust(NAME)).await;
    assert!(named.server.end().expect("ended"));
    let kept = std::fs::read_dir(named.server.data().join("acme")).expect("kept").next();
    let certificate = kept.expect("a folder").expect("one").path().join(format!("{NAME}.pem"));
    std::fs::write(certificate, "rubbish").expect("written");
    authority.forgets();
    named.server.restart().await.expect("started again");
    named.until_believed(&authority.trust(NAME)).await;
    named.until_logged("cannot be used").await;
    assert_eq!(authority.counts(), (2, 2, 2));
}

/// A certificate that has just been made and looks old, or an authority whose own has ended: it is
/// the clock that is wrong. Neither is a reason to ask again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_wrong_is_told() {
    let authority = Authority::start().await;
    authority.gives(DAY * 80, DAY * 90);
    let mut named = Named::by(&authority, &[]).await;
    named.until_logged("this machine's clock says").await;
    let trust = authority.trust(NAME);
    let first = shown(named.https, &trust).await.expect("it serves all the same");
    authority.gives(Duration::ZERO, DAY * 90);
    assert!(named.server.end().expect("ended"));
    assert_eq!(authority.counts(), (1, 1, 1), "asked once");
    named.server.restart().await.expect("started again");
    let deadline = Instant::now() + PATIENCE;
    while shown(named.https, &trust).await.is_none_or(|now| now == first) {
        assert!(Instant::now() < deadline, "what is old is renewed:\n{}", named.server.log());
        sleep(POLL).await;
    }
    assert_eq!(authority.counts(), (1, 2, 2));

    let ended = Authority::ended().await;
    let named = Named::by(&ended, &[]).await;
    named.until_logged("Set the clock").await;
    assert_eq!(ended.counts(), (0, 0, 0));
}

/// What the authority says, where the name leads, and what the operator is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_there_is_no_certificate_the_operator_is_told_why_and_what_to_do() {
    let authority = Authority::start().await;
    // Another server that speaks TLS, and knows nothing of this.
    let elsewhere = authority.addr();
    let https = ports::free().expect("a port");
    for (mood, leads_to, cause, cure) in [
        (Mood::Tired, Some(https), "too many certificates", "ACME_DIRECTORY=staging"),
        (Mood::Strict, Some(https), "forbidden by policy", "Set PUBLIC_URL to a name of your own"),
        (Mood::Fine, None, "no valid A records", "Make an A or AAAA record of chat.example.org"),
        (Mood::Fine, Some(ports::free().expect("a port")), "Connection refused", "Open TCP 443"),
        (Mood::Fine, Some(elsewhere), "somebody else answers", "lead to this machine"),
    ] {
        authority.is(mood);
        authority.leads_to(leads_to);
        let orders = authority.counts().1;
        let named = Named::at(https, &authority, &[]).await;
        named.until_logged(cure).await;
        let log = named.server.log();
        assert!(log.contains(cause) && log.contains("again_at"), "{cause} in\n{log}");
        assert_eq!(authority.counts().1, orders + 1, "it is not asked again at once");
        let answer = Http::new(named.server.addr()).call(Method::GET, "/readyz", None, None).await;
        assert!(answer.expect("an answer").status.is_success(), "the server runs on");
    }
    assert_eq!(authority.counts().2, 0);
    authority.is(Mood::Fine);
    authority.leads_to(Some(https));
    let named = Named::at(https, &authority, &[]).await;
    named.until_believed(&authority.trust(NAME)).await;
}
