//! What a push costs this server: CPU, pushes a minute through a service that answers in 200 ms,
//! and memory when the queue is full of the longest. The service is a process of its own, so that
//! its work does not count. `cargo bench --bench push`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use ring::agreement::{ECDH_P256, EphemeralPrivateKey};
use ring::rand::SystemRandom;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use wechat::clock::SystemClock;
use wechat::config::secrets::new_vapid_pem;
use wechat::error::Language;
use wechat::id::{ChatId, ObjectId, OsEntropy, SessionId, UserId};
use wechat::model::push::{Endpoint, Subscription, Target};
use wechat::outside::{Allowed, Bounds, Client, SystemLookup, tls};
use wechat::push::services::{Services, Setup, WAITING};
use wechat::push::{Notice, Pusher, Said, Urgency, Words};

/// Names the folder in which the service leaves its certificate.
const SERVE: &str = "WECHAT_BENCH_SERVE";
const ANSWER_AFTER: Duration = Duration::from_millis(200);
const PUSHES: usize = 9000;

#[tokio::main]
async fn main() {
    match std::env::var_os(SERVE) {
        Some(folder) => serve(Path::new(&folder)).await,
        None => measure().await,
    }
}

/// Takes every push after a while, until its parent is gone.
async fn serve(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
    std::fs::write(folder.join("ca.pem"), made.cert.pem()).expect("written");
    let key = made.signing_key.serialize_der().try_into().expect("a key");
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("they fit");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tls = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("bound"));
    std::io::stdout().flush().expect("told");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let tls = tls.clone();
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let answer = |_: Request<hyper::body::Incoming>| async {
                tokio::time::sleep(ANSWER_AFTER).await;
                Response::builder().status(201).body(Full::<Bytes>::default())
            };
            let service = hyper::service::service_fn(answer);
            let server = auto::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The service, until it is dropped.
struct Service(Child, String);

impl Service {
    fn start(folder: &Path) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program);
        let child = child.env(SERVE, folder).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("started");
        let mut addr = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut addr).expect("it says where it is");
        Self(child, format!("https://{}", addr.trim()))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = Service::start(folder.path());
    let allowed = Allowed::new(Vec::new(), vec!["127.0.0.1".parse().expect("an address")]);
    let tls = tls::trusting(Some(&folder.path().join("ca.pem"))).expect("its file");
    let lookup = Arc::new(SystemLookup::default());
    let client = Client::new(Bounds::default(), allowed.clone(), tls, lookup);
    let (vapid_pem, contact) = (new_vapid_pem().expect("a key"), "mailto:a@example.org".into());
    let setup = Setup { vapid_pem, contact, allowed, fcm: None, apns: None };
    let sender = Services::start(setup, client, Arc::new(SystemClock), Arc::new(OsEntropy));
    let sender = sender.expect("started");
    let devices: Vec<_> = (0..PUSHES).map(|number| device(number, &service.1)).collect();
    // One that answers is given many at once.
    sender.push(devices[0].clone(), notice("hola"));
    sender.drain().await;
    let (begun, cpu) = (Instant::now(), cpu());
    devices
        .iter()
        .for_each(|device| sender.push(device.clone(), notice("Are you coming tonight?")));
    sender.drain().await;
    let (took, cpu) = (begun.elapsed(), self::cpu() - cpu);
    assert_eq!(sender.tally().told, PUSHES as u64 + 1);
    println!("CPU a push             {:>8.0} µs", cpu.as_secs_f64() * 1e6 / PUSHES as f64);
    println!("pushes a minute        {:>8.0}", PUSHES as f64 * 60.0 / took.as_secs_f64());
    let before = resident();
    let long = "a".repeat(2800);
    for number in 0..WAITING {
        sender.push(device(number, &service.1), notice(&long));
    }
    let waiting = sender.tally().waiting;
    println!("memory of {waiting:>6} waiting {:>6.1} MiB", (resident() - before) / 1048576.0);
}

fn device(number: usize, service: &str) -> Arc<Subscription> {
    let key = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).expect("a key");
    let p256dh = key.compute_public_key().expect("a point").as_ref().try_into().expect("65 bytes");
    let endpoint = Endpoint::parse("endpoint", &format!("{service}/{number}")).expect("fits");
    let target = Target::Web { endpoint, p256dh, auth: [7; 16] };
    let id = ObjectId::of(&number.to_be_bytes());
    Arc::new(Subscription { session: SessionId(id), user: UserId(id), target })
}

fn notice(body: &str) -> Notice {
    let words = Words { title: Some("Ana".into()), from: None, body: Some(body.into()) };
    Notice {
        urgency: Urgency::Normal,
        ttl: Duration::from_secs(3600),
        topic: None,
        language: Language::English,
        said: Said::Message { chat: ChatId(ObjectId([1; 12])), seq: 1, words, badge: 1 },
    }
}

/// The fields of this process after its name, as the system counts (Linux; see proc(5)).
fn stat(field: usize) -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let rest = text.rsplit_once(')').expect("a name").1;
    rest.split_whitespace().nth(field - 3).and_then(|text| text.parse().ok()).expect("a number")
}

fn cpu() -> Duration {
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    Duration::from_secs_f64((stat(14) + stat(15)) / ticks)
}

fn resident() -> f64 {
    stat(24) * rustix::param::page_size() as f64
}
