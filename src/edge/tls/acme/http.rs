//! Requests to a certificate authority: HTTPS/1.1, one connection each, as there are a dozen every
//! two months. Everything is bounded: the time of a request, the bytes of an answer. Called by
//! `order`.

use std::error::Error as Cause;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use jiff::Timestamp;
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::outside::tls;

/// How long a request may take.
const WITHIN: Duration = Duration::from_secs(30);
/// How long an address may take to answer before the next is tried: with an IPv6 that is broken, as
/// is not rare, the first swallows everything.
const ADDRESS_WITHIN: Duration = Duration::from_secs(8);
/// At most so many bytes of an answer.
const ANSWER_BYTES: usize = 1 << 20;

type Failure = Box<dyn Cause + Send + Sync>;

/// Speaks to authorities.
#[derive(Clone)]
pub(super) struct Client {
    tls: TlsConnector,
    /// What the latest answer said about waiting.
    retry_after: Arc<Mutex<Option<Duration>>>,
}

impl Client {
    /// One that trusts the public authorities, or only those in a PEM file. An error names the
    /// setting and the cure.
    pub(super) fn trusting(ca: Option<&Path>) -> Result<Self, String> {
        let config = match ca {
            None => tls::trusting(None),
            Some(path) => tls::trusting_only(path),
        };
        let config = config.map_err(|why| format!("ACME_DIRECTORY: ca={why}"))?;
        Ok(Self { tls: Arc::new(config).into(), retry_after: Arc::default() })
    }

    /// What the latest answer said about waiting.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange(
        self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, Failure> {
        let (host, port) = target(request.uri())?;
        let stream = reach(&host, port).await?;
        let stream = self.tls.connect(ServerName::try_from(host)?, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the sender; what fails is heard of there.
        tokio::spawn(connection);
        let answer = sender.send_request(at_its_server(request)?).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await?.to_bytes();
        let mut said = self.retry_after.lock().unwrap_or_else(PoisonError::into_inner);
        *said = retry_after(&head.headers, Timestamp::now());
        Ok(Response::from_parts(head, Full::new(body)))
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let exchange = self.clone().exchange(request);
        Box::pin(async {
            let late = |_| Error::Other("no answer in 30 seconds".into());
            let answer = timeout(WITHIN, exchange).await.map_err(late)?;
            answer.map(BytesResponse::from).map_err(Error::Other)
        })
    }
}

/// Connects to a host at the first of its addresses that answers.
async fn reach(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut failed = io::Error::other("it has no address");
    for address in lookup_host((host, port)).await? {
        match timeout(ADDRESS_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = error,
            Err(_) => failed = io::Error::other(format!("{address} does not answer")),
        }
    }
    Err(failed)
}

/// Host and port of an address, which may name no other scheme.
fn target(uri: &Uri) -> Result<(String, u16), Failure> {
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https"));
    let host =
        host.ok_or_else(|| format!("the authority names an address without HTTPS: {uri}"))?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    Ok((bare.to_owned(), uri.port_u16().unwrap_or(443)))
}

/// The request as the server of its address gets it.
fn at_its_server<B>(mut request: Request<B>) -> Result<Request<B>, Failure> {
    let uri = request.uri();
    let host = uri.authority().map(|authority| HeaderValue::from_str(authority.as_str()));
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    if let Some(host) = host.transpose()? {
        request.headers_mut().insert(HOST, host);
    }
    *request.uri_mut() = path;
    Ok(request)
}

/// How long an answer says to wait: in seconds, or until a moment (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let seconds = until.as_second().saturating_sub(now.as_second());
    Some(Duration::from_secs(seconds.try_into().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_long_to_wait() {
        let now = Timestamp::from_second(1_700_000_000).expect("a moment");
        let of = |text: &str| {
            let value = HeaderValue::from_str(text).expect("a value");
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now)
        };
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        assert_eq!(of("Tue, 14 Nov 2023 22:14:20 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(of("Tue, 14 Nov 2000 22:14:20 GMT"), Some(Duration::ZERO));
        assert_eq!((of("soon"), of("-1"), of("")), (None, None, None));
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn only_https_is_spoken() {
        let target = |uri: &str| target(&uri.parse().expect("a URI")).ok();
        assert_eq!(target("https://a.example/x"), Some(("a.example".to_owned(), 443)));
        assert_eq!(target("https://[::1]:14000/x"), Some(("::1".to_owned(), 14_000)));
        assert_eq!((target("http://a.example/"), target("/x")), (None, None));
    }
}
