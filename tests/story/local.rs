//! HTTPS on a network without a name: the server's own authority, the page from which devices
//! install it, and what is believed then.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use loadgen::client::http::Http;
use loadgen::client::stream::{Trust, open};
use loadgen::ports;
use loadgen::server::{Home, Plan, Server};
use ring::digest::{SHA256, digest};

use crate::harness::{World, mongo, program};

/// A server with an authority of its own, and where it speaks HTTPS.
struct Alone {
    server: Server,
    https: SocketAddr,
}

impl Alone {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let https = ports::free().expect("a free port");
        let mut plan = Plan::unlimited(program());
        plan.settings.extend(mongo::settings(&mongo::Server::database()));
        let port = https.port().to_string();
        for (key, value) in [("TLS", "local"), ("PORT_TLS", &*port)].iter().chain(settings) {
            plan.settings.push(((*key).to_owned(), (*value).to_owned()));
        }
        let server = Home::new(plan, None).expect("a folder").start().await.expect("a server");
        Self { server, https }
    }

    /// What the page hands over to a device, in the clear.
    async fn authority(&self) -> Vec<u8> {
        let clear = Http::new(self.server.addr());
        let answer = clear.call(Method::GET, "/install.crt", None, None).await.expect("an answer");
        assert_eq!(answer.headers["content-type"], "application/x-x509-ca-cert");
        answer.body.to_vec()
    }
}

/// Who believes an authority, of a host.
fn trust(host: &str, authority: &[u8]) -> Trust {
    let text = STANDARD.encode(authority);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    Trust::new(host, pem.as_bytes()).expect("a certificate")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_has_installed_the_authority_believes_the_server_also_after_a_restart() {
    let mut alone = Alone::with(&[("PUBLIC_URL", "https://chat.lan")]).await;
    let authority = alone.authority().await;
    for host in ["127.0.0.1", "localhost", "chat.lan"] {
        let secure = Http::secure(alone.https, trust(host, &authority));
        let answer = secure.call(Method::GET, "/api/v1/server", None, None).await;
        let answer = answer.unwrap_or_else(|error| panic!("{host} is not believed: {error}"));
        assert_eq!(answer.status.as_u16(), 200);
        assert!(!answer.headers.contains_key("strict-transport-security"));
    }
    let other = trust("chat.example.org", &authority);
    assert!(open(alone.https, None, None, Some(&other)).await.is_err(), "another name");
    assert!(alone.server.end().expect("ended"));
    alone.server.restart().await.expect("started again");
    assert_eq!(alone.authority().await, authority, "nobody installs it twice");
    open(alone.https, None, None, Some(&trust("127.0.0.1", &authority))).await.expect("believed");
    let elsewhere = Alone::with(&[]).await.authority().await;
    assert_ne!(elsewhere, authority, "each server has its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_to_install_it_by_comes_in_the_clear_and_nothing_else() {
    let alone = Alone::with(&[("LOG", "info")]).await;
    let clear = Http::new(alone.server.addr());
    let get = async |path| clear.call(Method::GET, path, None, None).await.expect("an answer");
    let page = get("/install").await;
    let text = String::from_utf8_lossy(&page.body).into_owned();
    let print = digest(&SHA256, &alone.authority().await);
    let print: Vec<String> = print.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(text.contains(&print.join(" ")), "the fingerprint in\n{text}");
    assert!(text.contains(&format!("href=\"https://{}/\"", alone.https)), "the way on in\n{text}");
    for (path, kind) in [("/install.js", "text/javascript"), ("/install.svg", "image/svg+xml")] {
        let answer = get(path).await;
        assert!(answer.headers["content-type"].to_str().expect("text").starts_with(kind));
    }
    let first = get("/").await;
    assert_eq!(
        (first.status.as_u16(), first.headers["location"].as_bytes()),
        (307, &b"/install"[..])
    );
    for path in ["/docs", "/api/v1/server", "/install/x"] {
        assert_eq!(get(path).await.status.as_u16(), 308, "{path}");
    }
    let (log, page) = (alone.server.log(), format!(":{}/install\"", alone.server.addr().port()));
    assert!(log.contains(&page), "where the page is, for the operator:\n{log}");
    let world = World::new().await;
    let usual = Http::new(world.server.addr());
    let answer = usual.call(Method::GET, "/install.crt", None, None).await.expect("an answer");
    assert_eq!(answer.status.as_u16(), 404, "only with TLS=local");
}
