//! What is known about a request besides its path and body: determined once, as it comes in.
//!
//! Made by `pipeline`; read by `extract` and handlers, and by `answer` when an error is written.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};

use super::Http;
use super::kind::Kind;
use crate::edge::address::{Client, Peer};
use crate::error::Language;
use crate::id::UserId;

/// Names a request in the log and in errors.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known about a request besides its path and body.
#[derive(Debug)]
pub struct Context {
    /// Names the request in the log and in errors: the caller's own name for it, or ours.
    pub request_id: String,
    /// The language of texts for people.
    pub language: Language,
    /// Where it comes from.
    pub ip: IpAddr,
    /// Somebody passed it on, and said so.
    pub forwarded: bool,
    /// What its route is like.
    pub kind: Kind,
    /// It brings a file, which may take as long as it likes while bytes keep coming.
    pub upload: bool,
    /// Who asks, once that is known.
    pub user: OnceLock<UserId>,
}

impl Context {
    pub(super) fn of(http: &Http, kind: Kind, request: &Request) -> Self {
        let headers = request.headers();
        let peer = request.extensions().get::<Peer>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
        let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let Client { ip, forwarded } = http.trusted.client(peer, headers);
        Self {
            request_id: sent_id(headers).unwrap_or_else(|| http.ids.next().to_string()),
            language: language.map(Language::accepted).unwrap_or_default(),
            ip,
            forwarded,
            kind,
            upload: kind.upload.is(headers),
            user: OnceLock::new(),
        }
    }
}

/// The id that the caller gave the request, if it is a harmless one.
fn sent_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    ((1..=64).contains(&id.len()) && id.bytes().all(harmless)).then(|| id.to_owned())
}
