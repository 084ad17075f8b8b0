//! `export`: what a copy of somebody's own data costs those who write meanwhile.
//!
//! One person has very many messages and files. One-to-one messages of other people are sent at an
//! even rate, first alone, then while the server makes that copy; its memory is read all the while,
//! and at the end every part of the copy is fetched. A person may have one copy a day, so that this
//! is measured once a server.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RANGE};
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::direct::{self, Direct};
use super::history::fill;
use super::messages::body;
use super::{Bare, Pace, Prepared, Workload};
use crate::client::Wire;
use crate::client::api::{Api, Session};
use crate::client::error::{Error, Result};
use crate::client::http::Http;
use crate::measure::meter::Meter;
use crate::measure::report::Phase;
use crate::server::Target;

/// How often the server's memory is read, and how often the copy is asked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Bytes that are sent and fetched at once.
const PIECE: usize = 16 << 20;
/// How long a copy may take.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// A copy of one person's data, beside messages.
#[derive(Debug, Clone)]
pub struct Export {
    /// The people who write meanwhile.
    pub beside: Direct,
    /// Their messages a second.
    pub rate: f64,
    /// Messages that the copy holds.
    pub messages: u64,
    /// Files that it holds.
    pub files: usize,
    /// Bytes of each.
    pub file_size: usize,
    /// Where to keep the copy's parts.
    pub keep: Option<PathBuf>,
}

#[async_trait]
impl Workload for Export {
    fn name(&self) -> &'static str {
        "export"
    }

    fn sessions(&self) -> usize {
        self.beside.sessions() + 2
    }

    fn bare(&self) -> Option<Bare> {
        None
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let people = target.first(self.sessions())?;
        let [.., owner, other] = people else { return Err(Error::protocol("too few people")) };
        let wire = Wire::open(owner.dial(target.addr)).await?.live().await?;
        fill(wire, |_| other.user.as_str(), self.messages, &body(100)).await?;
        for file in 0..self.files {
            let id = upload(target, owner, self.file_size).await?;
            let message = json!({ "client_msg_id": format!("file-{file}"), "attachments": [id] });
            let path = format!("/api/v1/chats/{}/messages", other.user);
            Api::with(target.addr, owner.clone()).post(&path, &message).await?;
        }
        let messages = self.beside.ready(target)?;
        Ok(Box::new(Ready { load: self.clone(), target, owner: owner.clone(), messages }))
    }
}

/// Uploads random bytes in pieces (tus 1.0); the file's id.
async fn upload(target: &Target, owner: &Session, size: usize) -> Result<Value> {
    let http = Http::new(target.addr);
    let request = |method, path: &str| {
        let token = format!("Bearer {}", owner.token);
        Request::builder().method(method).uri(path).header(AUTHORIZATION, token)
    };
    let asked = request(Method::POST, "/api/v1/uploads").header("Upload-Length", size);
    let made = http.send(built(asked, Bytes::new())?).await?;
    let location = made.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| Error::protocol("an upload has no place"))?;
    let mut random = fastrand::Rng::new();
    for offset in (0..size).step_by(PIECE) {
        let mut piece = vec![0; PIECE.min(size - offset)];
        random.fill(&mut piece);
        let sent = request(Method::PATCH, location)
            .header(CONTENT_TYPE, "application/offset+octet-stream")
            .header("Upload-Offset", offset);
        let answer = http.send(built(sent, piece.into())?).await?;
        if answer.status != StatusCode::NO_CONTENT {
            return Err(Error::protocol(format!("a piece of an upload: {}", answer.status)));
        }
    }
    let api = Api::with(target.addr, owner.clone());
    Ok(api.get(location).await?["file"]["id"].clone())
}

fn built(request: hyper::http::request::Builder, body: Bytes) -> Result<Request<Full<Bytes>>> {
    request.body(Full::new(body)).map_err(|error| Error::protocol(error.to_string()))
}

struct Ready<'t> {
    load: Export,
    target: &'t Target,
    owner: Session,
    messages: direct::Ready<'t>,
}

/// A copy that is whole.
struct Copied {
    took: Duration,
    bytes: u64,
    parts: usize,
}

impl Ready<'_> {
    fn api(&self) -> Api {
        Api::with(self.target.addr, self.owner.clone())
    }

    /// Waits until the copy is whole, and fetches it.
    async fn copied(&self, began: Instant) -> Result<Copied> {
        loop {
            let copy = self.api().get("/api/v1/me/export").await?;
            match copy["state"].as_str() {
                Some("working") if began.elapsed() < PATIENCE => sleep(LOOK_EVERY).await,
                Some("ready") => {
                    let took = began.elapsed();
                    let parts = copy["parts"].as_array().map_or(&[][..], Vec::as_slice);
                    let mut bytes = 0;
                    for (number, part) in parts.iter().enumerate() {
                        bytes += self.fetch(number, part).await?;
                    }
                    return Ok(Copied { took, bytes, parts: parts.len() });
                }
                _ => return Err(Error::protocol(format!("the copy: {copy}"))),
            }
        }
    }

    /// A part of the copy, in ranges; its bytes.
    async fn fetch(&self, number: usize, part: &Value) -> Result<u64> {
        let (Some(url), Some(size)) = (part["url"].as_str(), part["size"].as_u64()) else {
            return Err(Error::protocol(format!("a part of the copy: {part}")));
        };
        let path = self.load.keep.as_ref().map(|keep| keep.join(format!("part-{number}.zip")));
        let mut file = path.map(File::create).transpose()?;
        let (http, mut fetched) = (Http::new(self.target.addr), 0);
        while fetched < size {
            let last = (fetched + PIECE as u64).min(size) - 1;
            let asked = Request::get(url)
                .header(AUTHORIZATION, format!("Bearer {}", self.owner.token))
                .header(RANGE, format!("bytes={fetched}-{last}"));
            let answer = http.send(built(asked, Bytes::new())?).await?;
            if answer.status != StatusCode::PARTIAL_CONTENT || answer.body.is_empty() {
                return Err(Error::protocol(format!("a range of the copy: {}", answer.status)));
            }
            fetched += answer.body.len() as u64;
            if let Some(file) = &mut file {
                file.write_all(&answer.body)?;
            }
        }
        Ok(fetched)
    }
}

/// Reads the server's memory until it is dropped, and keeps the most that it was.
struct Watch {
    highest: Arc<AtomicU64>,
    reading: JoinHandle<()>,
}

impl Watch {
    fn begin(meter: Meter) -> Self {
        let highest = Arc::new(AtomicU64::new(0));
        let kept = Arc::clone(&highest);
        let reading = tokio::spawn(async move {
            while let Ok(Some(memory)) = meter.memory() {
                kept.fetch_max(memory.rss, Ordering::Relaxed);
                sleep(LOOK_EVERY).await;
            }
        });
        Self { highest, reading }
    }

    fn bytes(&self) -> u64 {
        self.highest.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let watch = Watch::begin(meter);
        let alone = self.messages.paced(meter, pace, self.load.rate).await?;
        let before = watch.bytes();
        self.api().post("/api/v1/me/export", &json!({})).await?;
        let began = Instant::now();
        let (copied, beside) =
            tokio::join!(self.copied(began), self.messages.paced(meter, pace, self.load.rate),);
        let (copied, mut beside) = (copied?, beside?);
        beside.name = format!("{} while a copy is made", beside.name);
        if let Some(times) = beside.p99_times(&alone, "due to acked") {
            beside = beside.figure("p99 to acked, times that without", times);
        }
        let more = watch.bytes().saturating_sub(before);
        let beside = beside
            .figure("MB of memory more than before, at most", more as f64 / 1e6)
            .figure("seconds that the copy took", copied.took.as_secs_f64())
            .figure("MB of the copy", copied.bytes as f64 / 1e6)
            .figure("parts of the copy", copied.parts as f64);
        Ok(vec![alone, beside])
    }
}
