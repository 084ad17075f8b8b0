//! The web client, embedded: `web/dist` as the build packed it (`build.rs`), each file with its
//! compressed forms. Nothing is read from disk, nothing is compressed while the server runs. The
//! few files that say or show what the server is called and looks like are made once, as it starts
//! (`brand`), and take the places of the packed ones.
//!
//! `/` is the page (for clients that accept HTML: `original::health` decides), `/sw.js` and
//! `/manifest.webmanifest` are at the root because browsers take their scope from their path,
//! everything else is under `/assets/`. File names carry no hash, so clients revalidate every file
//! by its ETag; an unchanged one costs a 304.
//!
//! Invariant: the page runs only scripts of this server: its policy allows no inline script but the
//! one import map, by its hash. Called by `router` and `original`.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::brand::{INDEX, made};
use super::kind::Routes;
use super::{Http, answer};
use crate::config::brand::Brand;

/// A file of the client; a compressed form is empty if it is not worth while.
struct Packed {
    path: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

const PACKED: &[Packed] = include!(concat!(env!("OUT_DIR"), "/web.rs"));

/// Files that are served at the root.
const AT_ROOT: [&str; 2] = ["sw.js", "manifest.webmanifest"];
const IMPORT_MAP: &str = "<script type=\"importmap\">";

/// What the page may load, after the scripts. Media and images come as blobs from the API, which
/// wants a token; styles and scripts are only files.
const POLICY: &str = "style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; \
                      font-src 'self'; connect-src 'self'; worker-src 'self'; \
                      manifest-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The files as the build packed them, by name.
static FILES: LazyLock<HashMap<&'static str, File>> = LazyLock::new(|| {
    let file = |packed: &Packed| {
        let [plain, brotli, gzip] = [packed.plain, packed.brotli, packed.gzip];
        (packed.path, File::new(packed.path, [plain, brotli, gzip].map(Bytes::from_static)))
    };
    PACKED.iter().map(file).collect()
});

/// The web client of one server.
pub(super) struct Site {
    /// What takes the places of packed files.
    made: HashMap<&'static str, File>,
    policy: HeaderValue,
}

/// A file with what is told about it; a compressed form is empty if it is not worth while.
struct File {
    plain: Bytes,
    brotli: Bytes,
    gzip: Bytes,
    kind: HeaderValue,
    /// The first part of its ETags; each form has its own.
    hash: String,
}

impl File {
    fn new(path: &str, [plain, brotli, gzip]: [Bytes; 3]) -> Self {
        let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(&plain)[..15]);
        Self { plain, brotli, gzip, kind: HeaderValue::from_static(kind_of(path)), hash }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.plain).into_owned()
    }
}

impl Site {
    /// The client of a server that is called and looks like this.
    pub(super) fn of(brand: &Brand) -> Self {
        let text = |path: &str| FILES.get(path).map(File::text).unwrap_or_default();
        let file = |(path, content): (&'static str, Bytes)| {
            let gzip = gzipped(path, &content);
            (path, File::new(path, [content, Bytes::new(), gzip]))
        };
        let made: HashMap<_, _> = made(brand, text).into_iter().map(file).collect();
        let page = made.get(INDEX).or_else(|| FILES.get(INDEX)).map(File::text);
        Self { policy: policy(&page.unwrap_or_default()), made }
    }

    fn file(&self, path: &str) -> Option<&File> {
        self.made.get(path).or_else(|| FILES.get(path))
    }
}

/// A text that was made as the server started, compressed once; nothing for a picture.
fn gzipped(path: &str, content: &[u8]) -> Bytes {
    if path.ends_with(".png") {
        return Bytes::new();
    }
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory cannot fail; if it did, the plain form would do.
    let whole = out.write_all(content).and_then(|()| out.finish());
    whole.map(Bytes::from).unwrap_or_default()
}

/// The policy of the page: scripts of this server, and its import map by its hash.
fn policy(page: &str) -> HeaderValue {
    let map = page.split_once(IMPORT_MAP).and_then(|(_, rest)| rest.split_once("</script>"));
    let hash = map.map_or_else(String::new, |(map, _)| {
        format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(map)))
    });
    let policy = format!("default-src 'none'; script-src 'self'{hash}; {POLICY}");
    // invariant: base64 and the policy are visible ASCII.
    HeaderValue::try_from(policy).expect("visible ASCII")
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "webmanifest" => "application/manifest+json",
        "json" => "application/json",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

pub(super) fn routes() -> Routes {
    let mut at_root = Routes::with_envelopes();
    for name in AT_ROOT {
        let file = move |State(http): State<Arc<Http>>, headers: HeaderMap| async move {
            let mut response = http.site.answer(name, &headers);
            // A worker lives under the policy of its own file.
            let policy = http.site.policy.clone();
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            response
        };
        at_root = at_root.route(&format!("/{name}"), get(file));
    }
    Routes::with_problems()
        .route("/assets/{*path}", get(asset))
        // For people who type it; the place is the page's own.
        .route("/admin", get(|| async { Redirect::temporary("/#/admin") }))
        .merge(at_root)
}

async fn asset(
    State(http): State<Arc<Http>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    http.site.answer(&path, &headers)
}

impl Site {
    /// The page, for a browser that asks for `/`.
    pub(super) fn page(&self, headers: &HeaderMap) -> Response {
        let mut response = self.answer(INDEX, headers);
        let out = response.headers_mut();
        out.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        out.append(header::VARY, HeaderValue::from_static("accept"));
        response
    }

    /// A file in the best form that the caller takes; nothing but 304 when it has it.
    fn answer(&self, path: &str, asked: &HeaderMap) -> Response {
        let Some(file) = self.file(path) else { return no_file() };
        let (coding, bytes) = best_form(file, asked);
        let etag = format!("\"{}-{}\"", file.hash, coding.unwrap_or("id"));
        let mut headers = HeaderMap::new();
        let mut put = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
        put(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        put(header::VARY, HeaderValue::from_static("accept-encoding"));
        let known = knows(asked, &etag);
        if let Ok(etag) = HeaderValue::try_from(etag) {
            put(header::ETAG, etag);
        }
        if known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        put(header::CONTENT_TYPE, file.kind.clone());
        if let Some(coding) = coding {
            put(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        (headers, bytes.clone()).into_response()
    }
}

fn no_file() -> Response {
    crate::error::Error::not_found(answer::NO_ROUTE).into_response()
}

/// The smallest form that `Accept-Encoding` allows (RFC 9110, section 12.5.3).
fn best_form<'a>(file: &'a File, asked: &HeaderMap) -> (Option<&'static str>, &'a Bytes) {
    let takes = |coding: &str| {
        let lists = asked.get_all(header::ACCEPT_ENCODING).iter();
        let mut items = lists.filter_map(|list| list.to_str().ok()).flat_map(|l| l.split(','));
        items.any(|item| {
            let (name, weight) = item.split_once(';').unwrap_or((item, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
            name.trim().eq_ignore_ascii_case(coding) && !refused
        })
    };
    for (coding, bytes) in [("br", &file.brotli), ("gzip", &file.gzip)] {
        if !bytes.is_empty() && takes(coding) {
            return (Some(coding), bytes);
        }
    }
    (None, &file.plain)
}

/// Whether the caller has this form already (RFC 9110, section 13.1.2).
fn knows(asked: &HeaderMap, etag: &str) -> bool {
    let lists = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn every_file_has_a_type_and_the_page_is_there() {
        assert!(FILES.contains_key(INDEX));
        for packed in PACKED {
            assert_ne!(kind_of(packed.path), "application/octet-stream", "{}", packed.path);
            assert!(!packed.plain.is_empty(), "{}", packed.path);
        }
    }

    #[test]
    fn a_caller_gets_the_best_form_that_it_takes() {
        let file = |forms: [&'static [u8]; 3]| File::new("a.js", forms.map(Bytes::from_static));
        let script = file([b"plain", b"br", b"gz"]);
        let form = |list: &str| best_form(&script, &asked(&[("accept-encoding", list)])).0;
        assert_eq!(form("gzip, deflate, br, zstd"), Some("br"));
        assert_eq!(form("gzip;q=0.5"), Some("gzip"));
        assert_eq!(form("br;q=0, GZIP"), Some("gzip"));
        assert_eq!(form("br;q=0.0"), None);
        assert_eq!(form("brotli"), None);
        assert_eq!(best_form(&script, &HeaderMap::new()), (None, &Bytes::from_static(b"plain")));
        let picture = file([b"plain", b"", b""]);
        assert_eq!(best_form(&picture, &asked(&[("accept-encoding", "br")])).0, None);
    }

    #[test]
    fn a_file_that_is_known_is_not_sent_again() {
        let site = Site::of(&Brand::default());
        let first = site.page(&asked(&[("accept-encoding", "gzip")]));
        let etag = first.headers()[header::ETAG].to_str().expect("text").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
        for tags in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
            let again = site.page(&asked(&[("accept-encoding", "gzip"), ("if-none-match", &tags)]));
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{tags}");
            assert_eq!(again.headers()[header::ETAG], etag.as_str());
        }
        let other_form = site.page(&asked(&[("if-none-match", &etag)]));
        assert_eq!(other_form.status(), StatusCode::OK);
        assert_eq!(site.answer("no/such.js", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn the_policy_names_the_import_map_by_its_hash_and_allows_nothing_inline() {
        let page = format!("<head>{IMPORT_MAP}{{}}</script></head>");
        let policy_of = |page: &str| policy(page).to_str().expect("text").to_owned();
        // SHA-256 of "{}".
        let hash = "'sha256-RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o='";
        assert!(policy_of(&page).contains(&format!("script-src 'self' {hash};")));
        assert!(policy_of("<p>").contains("script-src 'self'; "));
        assert!(!policy_of(&page).contains("unsafe"));
    }

    /// The page as a browser would refuse it under the policy.
    #[test]
    fn the_page_keeps_to_its_policy() {
        let page = FILES[INDEX].text().replace(IMPORT_MAP, "");
        let inline = page.split("<script").skip(1).filter(|tag| !tag.contains(" src=\""));
        assert_eq!(inline.count(), 0, "an inline script besides the import map");
        for word in ["<style", " style=", " onload=", " onclick=", "javascript:", "http://"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
