//! A certificate authority that speaks ACME (RFC 8555) and checks names by TLS-ALPN-01 (RFC 8737),
//! for tests: it shares no code with the server, verifies every signature, nonce and URL, and can
//! be in a bad mood. It refuses the first nonce of everybody, as an authority may at any time.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use loadgen::client::stream::Trust;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair,
    SanType, date_time_ymd,
};
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What an authority does with the next orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It gives certificates.
    Fine,
    /// It says that there were too many.
    Tired,
    /// It gives none for this name.
    Strict,
}

struct Order {
    name: String,
    account: usize,
    token: String,
    status: &'static str,
    problem: Option<Value>,
    certificate: Option<String>,
}

struct State {
    mood: Mood,
    /// Where every name leads; `None`: nowhere.
    leads_to: Option<SocketAddr>,
    /// How long ago the next certificates begin, and how long they last.
    validity: (Duration, Duration),
    nonces: HashSet<String>,
    issued_nonces: usize,
    /// Public keys, as x and y, in the order of the accounts.
    accounts: Vec<Value>,
    orders: Vec<Order>,
}

struct Inner {
    addr: SocketAddr,
    issuer: Issuer<'static, KeyPair>,
    ca: CertificateDer<'static>,
    ca_pem: String,
    state: Mutex<State>,
}

/// An authority that runs until the test ends.
pub struct Authority {
    inner: Arc<Inner>,
    folder: tempfile::TempDir,
}

fn authority() -> (Issuer<'static, KeyPair>, CertificateDer<'static>, String) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let own = params.self_signed(&key).expect("a certificate");
    (Issuer::new(params, key), own.der().clone(), own.pem())
}

impl Authority {
    /// Starts one.
    pub async fn start() -> Self {
        Self::with(CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name")).await
    }

    /// Starts one whose own certificate has ended, as it looks to a machine whose clock is ahead.
    pub async fn ended() -> Self {
        let mut own = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        own.not_after = date_time_ymd(2001, 1, 1);
        Self::with(own).await
    }

    async fn with(own: CertificateParams) -> Self {
        let (issuer, ca, ca_pem) = authority();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), &ca_pem).expect("written");
        let state = Mutex::new(State {
            mood: Mood::Fine,
            leads_to: None,
            validity: (Duration::ZERO, Duration::from_secs(90 * 24 * 60 * 60)),
            nonces: HashSet::new(),
            issued_nonces: 0,
            accounts: Vec::new(),
            orders: Vec::new(),
        });
        let inner = Arc::new(Inner { addr, issuer, ca, ca_pem, state });
        tokio::spawn(serve(listener, own, inner.clone()));
        Self { inner, folder }
    }

    /// What ACME_DIRECTORY says.
    pub fn directory(&self) -> String {
        let ca: PathBuf = self.folder.path().join("ca.pem");
        format!("https://{}/directory?ca={}", self.inner.addr, ca.display())
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.inner.addr
    }

    /// Where every name leads from now on.
    pub fn leads_to(&self, addr: Option<SocketAddr>) {
        self.inner.state().leads_to = addr;
    }

    /// How it treats the next orders.
    pub fn is(&self, mood: Mood) {
        self.inner.state().mood = mood;
    }

    /// The next certificates begin so long ago and last so long.
    pub fn gives(&self, ago: Duration, lifetime: Duration) {
        self.inner.state().validity = (ago, lifetime);
    }

    /// Forgets everybody who has an account.
    pub fn forgets(&self) {
        self.inner.state().accounts.iter_mut().for_each(|account| *account = Value::Null);
    }

    /// How many accounts it has, how many orders there were, how many certificates it gave.
    pub fn counts(&self) -> (usize, usize, usize) {
        let state = self.inner.state();
        let given = state.orders.iter().filter(|order| order.certificate.is_some()).count();
        (state.accounts.len(), state.orders.len(), given)
    }

    /// The authority's own certificate, which browsers install (PEM).
    pub fn certificate(&self) -> &str {
        &self.inner.ca_pem
    }

    /// Whom a client believes that trusts this authority.
    pub fn trust(&self, name: &str) -> Trust {
        Trust::new(name, self.inner.ca_pem.as_bytes()).expect("a certificate")
    }
}

async fn serve(listener: TcpListener, own: CertificateParams, inner: Arc<Inner>) {
    let key = KeyPair::generate().expect("a key");
    let own = own.signed_by(&key, &inner.issuer).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone(), inner.ca.clone()], key)
        .expect("they fit");
    let tls = TlsAcceptor::from(Arc::new(config));
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, inner) = (tls.clone(), inner.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(|request| {
                let inner = inner.clone();
                async move { Ok::<_, std::convert::Infallible>(inner.answer(request).await) }
            });
            // A client that leaves needs no answer.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// A refusal: status and problem.
type Refusal = (u16, Value);

fn refusal(status: u16, kind: &str, detail: &str) -> Refusal {
    (status, json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail }))
}

/// Status, `Location`, body.
type Answer = (u16, Option<String>, Value);

/// A request whose signature was right.
struct Signed {
    account: Option<usize>,
    key: Value,
    payload: Value,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.addr)
    }

    fn nonce(&self) -> String {
        let mut state = self.state();
        state.issued_nonces += 1;
        let nonce = URL_SAFE_NO_PAD.encode(format!("nonce {}", state.issued_nonces));
        // The first is not kept, so it will be refused.
        if state.issued_nonces > 1 {
            state.nonces.insert(nonce.clone());
        }
        nonce
    }

    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let path = head.uri.path().to_owned();
        let mut answer = Response::builder().header("replay-nonce", self.nonce());
        let outcome = match (&head.method, path.as_str()) {
            (&Method::GET, "/directory") => Ok((200, None, self.directory())),
            (&Method::HEAD, "/nonce") => Ok((200, None, Value::Null)),
            (&Method::POST, _) => {
                let signed = self.verified(&path, &body);
                signed.and_then(|signed| self.serve_signed(&path, &signed))
            }
            _ => Err(refusal(404, "malformed", "no such thing")),
        };
        let (status, body) = match outcome {
            Ok((status, location, body)) => {
                if let Some(location) = location {
                    answer = answer.header("location", location);
                }
                (status, body)
            }
            Err((status, problem)) => (status, problem),
        };
        if status == 429 {
            answer = answer.header("retry-after", "86400");
        }
        let text = match &body {
            Value::Null => String::new(),
            Value::String(pem) => pem.clone(),
            json => json.to_string(),
        };
        let status = StatusCode::from_u16(status).expect("a status");
        answer.status(status).body(Full::from(text)).expect("an answer")
    }

    fn directory(&self) -> Value {
        json!({
            "newNonce": self.url("/nonce"),
            "newAccount": self.url("/account"),
            "newOrder": self.url("/order"),
        })
    }

    /// What a signed request says, once everything about its signature is right.
    fn verified(&self, path: &str, body: &[u8]) -> Result<Signed, Refusal> {
        let malformed = |detail: &str| refusal(400, "malformed", detail);
        let jws: Value = serde_json::from_slice(body).map_err(|_| malformed("not JSON"))?;
        let part = |name: &str| jws[name].as_str().ok_or_else(|| malformed(name));
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed("base64"));
        let protected: Value = serde_json::from_slice(&decoded(part("protected")?)?)
            .map_err(|_| malformed("protected"))?;
        if protected["alg"] != "ES256" || protected["url"] != self.url(path) {
            return Err(malformed("algorithm or URL"));
        }
        let nonce = protected["nonce"].as_str().unwrap_or_default();
        if !self.state().nonces.remove(nonce) {
            return Err(refusal(400, "badNonce", "a nonce that is not known"));
        }
        let (account, key) = self.asker(&protected, path)?;
        let mut point = vec![4];
        for side in ["x", "y"] {
            point.extend(decoded(key[side].as_str().ok_or_else(|| malformed("key"))?)?);
        }
        let signed = format!("{}.{}", part("protected")?, part("payload")?);
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &decoded(part("signature")?)?)
            .map_err(|_| refusal(403, "unauthorized", "the signature is wrong"))?;
        let payload = decoded(part("payload")?)?;
        let payload =
            if payload.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&payload) };
        Ok(Signed { account, key, payload: payload.map_err(|_| malformed("payload"))? })
    }

    /// Whose key has signed: a new one for an account, an account's for everything else.
    fn asker(&self, protected: &Value, path: &str) -> Result<(Option<usize>, Value), Refusal> {
        if path == "/account" {
            return Ok((None, protected["jwk"].clone()));
        }
        let kid = protected["kid"].as_str().unwrap_or_default();
        let number = kid.rsplit('/').next().and_then(|number| number.parse::<usize>().ok());
        let state = self.state();
        let known = number.and_then(|number| Some((number, state.accounts.get(number)?.clone())));
        let (number, key) = known
            .filter(|(number, key)| {
                kid == self.url(&format!("/account/{number}")) && !key.is_null()
            })
            .ok_or_else(|| refusal(400, "accountDoesNotExist", "no such account"))?;
        Ok((Some(number), key))
    }

    fn serve_signed(self: &Arc<Self>, path: &str, signed: &Signed) -> Result<Answer, Refusal> {
        let mut parts = path.trim_start_matches('/').split('/');
        let (what, number) = (parts.next().unwrap_or_default(), parts.next());
        let Some(number) = number.map(|number| number.parse::<usize>().unwrap_or(usize::MAX))
        else {
            return match what {
                "account" => Ok(self.new_account(signed)),
                "order" => self.new_order(signed),
                _ => Err(refusal(404, "malformed", "no such thing")),
            };
        };
        let owner = self.state().orders.get(number).map(|order| order.account);
        if owner.is_none() || owner != signed.account {
            return Err(refusal(403, "unauthorized", "somebody else's"));
        }
        match what {
            "order" => Ok((200, None, self.order(number))),
            "authorization" => Ok((200, None, self.authorization(number))),
            "challenge" => {
                self.state().orders[number].status = "processing";
                tokio::spawn(self.clone().check(number));
                Ok((200, None, self.challenge(number)))
            }
            "finalize" => self.finalize(number, &signed.payload),
            "certificate" => {
                let pem = self.state().orders[number].certificate.clone();
                Ok((200, None, json!(pem.ok_or_else(|| refusal(404, "malformed", "not yet"))?)))
            }
            _ => Err(refusal(404, "malformed", "no such thing")),
        }
    }

    fn new_account(&self, signed: &Signed) -> Answer {
        assert_eq!(signed.payload["termsOfServiceAgreed"], true);
        let mut state = self.state();
        state.accounts.push(signed.key.clone());
        let number = state.accounts.len() - 1;
        let location = self.url(&format!("/account/{number}"));
        (201, Some(location), json!({ "status": "valid" }))
    }

    fn new_order(&self, signed: &Signed) -> Result<Answer, Refusal> {
        let names = signed.payload["identifiers"].as_array().cloned().unwrap_or_default();
        let [name] = &names[..] else { return Err(refusal(400, "malformed", "one name, please")) };
        let name = name["value"].as_str().unwrap_or_default().to_owned();
        let number = {
            let mut state = self.state();
            let number = state.orders.len();
            let token = URL_SAFE_NO_PAD.encode(format!("the token of order {number:04}"));
            state.orders.push(Order {
                name: name.clone(),
                account: signed.account.expect("an account"),
                token,
                status: "pending",
                problem: None,
                certificate: None,
            });
            match state.mood {
                Mood::Fine => number,
                Mood::Tired => {
                    let detail = format!("too many certificates already issued for {name:?}");
                    return Err(refusal(429, "rateLimited", &detail));
                }
                Mood::Strict => {
                    let detail = format!("{name:?} is forbidden by policy");
                    return Err(refusal(400, "rejectedIdentifier", &detail));
                }
            }
        };
        let location = self.url(&format!("/order/{number}"));
        Ok((201, Some(location), self.order(number)))
    }

    fn order(&self, number: usize) -> Value {
        let state = self.state();
        let order = &state.orders[number];
        let status = if order.status == "processing" { "pending" } else { order.status };
        let mut told = json!({
            "status": status,
            "identifiers": [{ "type": "dns", "value": order.name }],
            "authorizations": [self.url(&format!("/authorization/{number}"))],
            "finalize": self.url(&format!("/finalize/{number}")),
        });
        if order.certificate.is_some() {
            told["certificate"] = json!(self.url(&format!("/certificate/{number}")));
        }
        told
    }

    fn challenge(&self, number: usize) -> Value {
        let state = self.state();
        let order = &state.orders[number];
        let status = match order.status {
            "ready" => "valid",
            other => other,
        };
        json!({
            "type": "tls-alpn-01",
            "url": self.url(&format!("/challenge/{number}")),
            "token": order.token,
            "status": status,
            "error": if order.status == "invalid" { order.problem.clone() } else { None },
        })
    }

    fn authorization(&self, number: usize) -> Value {
        let challenge = self.challenge(number);
        let state = self.state();
        let order = &state.orders[number];
        let status = match order.status {
            "processing" => "pending",
            "ready" => "valid",
            other => other,
        };
        let other = json!({
            "type": "http-01", "url": self.url("/nothing"), "token": "x", "status": "pending",
        });
        json!({
            "status": status,
            "identifier": { "type": "dns", "value": order.name },
            "challenges": [other, challenge],
        })
    }

    /// Goes to where the name leads and looks at what is shown there.
    async fn check(self: Arc<Self>, number: usize) {
        let (name, leads_to, expected) = {
            let state = self.state();
            let order = &state.orders[number];
            let key = &state.accounts[order.account];
            let thumb = json!({
                "crv": key["crv"], "kty": key["kty"], "x": key["x"], "y": key["y"],
            });
            let thumb = URL_SAFE_NO_PAD.encode(digest(&SHA256, thumb.to_string().as_bytes()));
            let proof = format!("{}.{thumb}", order.token);
            let expected = digest(&SHA256, proof.as_bytes()).as_ref().to_vec();
            (order.name.clone(), state.leads_to, expected)
        };
        let outcome = match leads_to {
            None => Err(refusal(400, "dns", &format!("no valid A records found for {name}"))),
            Some(addr) => proven(addr, &name, &expected).await,
        };
        let order = &mut self.state().orders[number];
        match outcome {
            Ok(()) => order.status = "ready",
            Err((_, problem)) => (order.status, order.problem) = ("invalid", Some(problem)),
        }
    }

    fn finalize(&self, number: usize, payload: &Value) -> Result<Answer, Refusal> {
        let csr = payload["csr"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let csr = CertificateSigningRequestDer::from(csr.unwrap_or_default());
        let bad = |detail: &str| refusal(400, "badCSR", detail);
        let mut csr = CertificateSigningRequestParams::from_der(&csr).map_err(|_| bad("no CSR"))?;
        let mut state = self.state();
        let (ago, lifetime) = state.validity;
        let order = &mut state.orders[number];
        if order.status != "ready" {
            return Err(refusal(403, "orderNotReady", "the name is not proven"));
        }
        let name = SanType::DnsName(order.name.as_str().try_into().expect("a name"));
        if csr.params.subject_alt_names != [name] {
            return Err(bad("other names than those of the order"));
        }
        let since_1970 = UNIX_EPOCH.elapsed().expect("a clock");
        csr.params.not_before = date_time_ymd(1970, 1, 1) + since_1970 - ago;
        csr.params.not_after = csr.params.not_before + lifetime;
        let own = csr.signed_by(&self.issuer).map_err(|_| bad("it cannot be signed"))?;
        order.certificate = Some(format!("{}{}", own.pem(), self.ca_pem));
        order.status = "valid";
        drop(state);
        Ok((200, None, self.order(number)))
    }
}

/// Whether a server shows the proof for a name (RFC 8737, section 3).
async fn proven(addr: SocketAddr, name: &str, expected: &[u8]) -> Result<(), Refusal> {
    let refused = |detail: &str| refusal(403, "unauthorized", detail);
    let stream = TcpStream::connect(addr).await;
    let stream = stream.map_err(|_| refusal(400, "connection", "Connection refused"))?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let name_of_host = ServerName::try_from(name.to_owned()).expect("a name");
    let tls = TlsConnector::from(Arc::new(config)).connect(name_of_host, stream).await;
    let tls = tls.map_err(|error| refusal(400, "tls", &error.to_string()))?;
    let (_, session) = tls.get_ref();
    if session.alpn_protocol() != Some(b"acme-tls/1") {
        return Err(refused("Cannot negotiate ALPN protocol \"acme-tls/1\""));
    }
    let shown = session.peer_certificates().unwrap_or_default();
    let [own] = shown else { return Err(refused("one certificate was expected")) };
    let (_, own) = X509Certificate::from_der(own).map_err(|_| refused("no certificate"))?;
    let names = own.subject_alternative_name().ok().flatten();
    let names = names.map(|names| names.value.general_names.clone()).unwrap_or_default();
    if names != [GeneralName::DNSName(name)] {
        return Err(refused("a certificate for other names"));
    }
    let proof = own.extensions().iter().find(|ext| ext.oid.to_id_string() == "1.3.6.1.5.5.7.1.31");
    let digest = [&[4, 32], expected].concat();
    match proof {
        Some(proof) if proof.critical && proof.value == digest => Ok(()),
        _ => Err(refused("Incorrect validation certificate for tls-alpn-01 challenge")),
    }
}

/// Believes everybody, as the certificate itself is the proof.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
