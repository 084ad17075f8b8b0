//! What says or shows what a server is called and looks like: the page's head, the manifest that
//! installs it, its icons, its colour, and the titles of the API's description. A server whose
//! operator chose nothing keeps the files as the build packed them.
//!
//! Invariant: once a server has a name, nothing here says another one. Called by `web`, `docs` and
//! `server`.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::palette;
use crate::config::brand::{Brand, Logo, ServerName};

/// The page's name among the files.
pub(super) const INDEX: &str = "index.html";
/// Where the picture of a server is that has one.
pub(super) const LOGO: &str = "/assets/icon-192.png";
/// The files that show the program's own picture, which a server's takes the places of.
const ICONS: [&str; 3] = ["icon-192.png", "icon-512.png", "icon-maskable.png"];
/// The same picture as a drawing, and its colour there.
const DRAWING: &str = "icon.svg";
const GREEN: &str = "#0d7a5f";
const MANIFEST: &str = "manifest.webmanifest";
const STYLE: &str = "accent.css";

/// What the page's head has, and a server's own may not.
const TITLE: [&str; 2] = ["<title>", "</title>"];
const APP: [&str; 2] = ["<meta name=\"application-name\" content=\"", "\">"];
const UNNAMED: &str = " data-name=\"default\"";
const ICON: &str = "<link rel=\"icon\" href=\"/assets/icon.svg\" type=\"image/svg+xml\">";

/// The files of a server that differ from the packed ones, each by its path among them; `packed`
/// answers the text of one.
pub(super) fn made(brand: &Brand, packed: impl Fn(&str) -> String) -> Vec<(&'static str, Bytes)> {
    let mut files = Vec::new();
    let mut put = |path, content: String| files.push((path, Bytes::from(content)));
    if !brand.name.is_default() || brand.logo.is_some() {
        put(INDEX, page(brand, &packed(INDEX)));
    }
    if *brand != Brand::default() {
        put(MANIFEST, manifest(brand, &packed(MANIFEST)));
    }
    if let Some(color) = brand.accent {
        put(STYLE, palette::style(color));
        put(DRAWING, packed(DRAWING).replace(GREEN, &palette::fill(color).to_string()));
    }
    if let Some(Logo { png, .. }) = &brand.logo {
        files.extend(ICONS.map(|path| (path, Bytes::from_owner(png.clone()))));
    }
    files
}

fn page(brand: &Brand, packed: &str) -> String {
    let mut page = packed.to_owned();
    if !brand.name.is_default() {
        let name = escaped(brand.name.as_str());
        for [before, after] in [TITLE, APP] {
            let own = |name: &str| format!("{before}{name}{after}");
            page = page.replace(&own(ServerName::DEFAULT), &own(&name));
        }
        page = page.replace(UNNAMED, "");
    }
    if brand.logo.is_some() {
        let own = format!(
            "<link rel=\"icon\" href=\"{LOGO}\" type=\"image/png\">\n\
             <meta name=\"logo\" content=\"{LOGO}\">"
        );
        page = page.replace(ICON, &own);
    }
    page
}

/// A name inside markup.
pub(super) fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            c => text.push(c),
        }
    }
    text
}

fn manifest(brand: &Brand, packed: &str) -> String {
    let mut manifest: Value = serde_json::from_str(packed).unwrap_or_default();
    manifest["name"] = json!(brand.name.as_str());
    manifest["short_name"] = json!(brand.name.as_str());
    if let Some(color) = brand.accent {
        manifest["theme_color"] = json!(palette::fill(color).to_string());
    }
    if let Some(Logo { side, .. }) = brand.logo {
        let sizes = format!("{side}x{side}");
        manifest["icons"] = json!([{ "src": LOGO, "sizes": sizes, "type": "image/png" }]);
    }
    manifest.to_string()
}

/// What the description of a server's API is called.
pub(super) fn title(brand: &Brand) -> String {
    format!("{} backend", brand.name.as_str())
}

/// A page about the API, with its title.
pub(super) fn titled(brand: &Brand, html: &str) -> String {
    let own = |title: &str| format!("<title>{title}:");
    html.replace(&own(&title(&Brand::default())), &own(&escaped(&title(brand))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const NAMED: &[(&str, &str)] = &[("NAME", "Ana & \"Co\" <3"), ("ACCENT", "#ffdd00")];

    fn brand(settings: &[(&str, &str)]) -> Brand {
        Config::of(settings).expect("fine").brand().expect("fine")
    }

    fn packed(path: &str) -> String {
        std::fs::read_to_string(format!("{}/web/dist/{path}", env!("CARGO_MANIFEST_DIR")))
            .expect("a file of the client")
    }

    fn file(files: &[(&'static str, Bytes)], path: &str) -> String {
        let (_, content) = files.iter().find(|file| file.0 == path).expect(path);
        String::from_utf8(content.to_vec()).expect("UTF-8")
    }

    #[test]
    fn a_server_without_a_choice_keeps_every_file() {
        assert!(made(&brand(&[]), packed).is_empty());
    }

    #[test]
    fn a_name_replaces_the_other_everywhere_and_is_no_markup() {
        let files = made(&brand(NAMED), packed);
        let page = file(&files, INDEX);
        assert!(!page.contains(ServerName::DEFAULT) && !page.contains("data-name"), "{page}");
        assert_eq!(page.matches("Ana &amp; &quot;Co&quot; &lt;3").count(), 2, "{page}");
        let manifest = file(&files, MANIFEST);
        assert!(!manifest.contains(ServerName::DEFAULT), "{manifest}");
        let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
        assert_eq!(manifest["short_name"], "Ana & \"Co\" <3");
        assert_eq!(manifest["start_url"], "/", "the rest stays");
        let docs = titled(&brand(NAMED), "<title>WeChat backend: API</title>");
        assert_eq!(docs, "<title>Ana &amp; &quot;Co&quot; &lt;3 backend: API</title>");
    }

    #[test]
    fn a_colour_is_in_the_style_the_drawing_and_the_manifest() {
        let files = made(&brand(NAMED), packed);
        let yellow = palette::fill(brand(NAMED).accent.expect("a colour")).to_string();
        assert!(file(&files, STYLE).contains(&format!("--fill: light-dark({yellow},")));
        let drawing = file(&files, DRAWING);
        assert!(drawing.contains(&yellow) && !drawing.contains(GREEN), "{drawing}");
        assert!(file(&files, MANIFEST).contains(&yellow));
    }

    #[test]
    fn a_picture_takes_the_places_of_all_icons() {
        let logo = Logo { png: vec![1, 2, 3].into(), side: 300 };
        let files = made(&Brand { logo: Some(logo), ..Brand::default() }, packed);
        for path in ICONS {
            let (_, content) = files.iter().find(|file| file.0 == path).expect(path);
            assert_eq!(&content[..], [1, 2, 3]);
        }
        let page = file(&files, INDEX);
        assert!(page.contains(&format!("name=\"logo\" content=\"{LOGO}\"")), "{page}");
        assert!(!page.contains(DRAWING) && page.contains(ServerName::DEFAULT), "{page}");
        let manifest = file(&files, MANIFEST);
        assert!(manifest.contains("300x300") && !manifest.contains(DRAWING), "{manifest}");
    }
}
