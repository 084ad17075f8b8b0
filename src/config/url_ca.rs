//! `?ca=FILE` at the end of a URL: whom to trust where it leads. Called by the settings that are
//! such URLs.

use std::path::PathBuf;

use url::Url;

/// The URL without its options and fragment, and the file. An error names the cure.
pub(super) fn split(mut url: Url) -> Result<(Url, Option<PathBuf>), String> {
    let mut ca = None;
    for (key, value) in url.query_pairs() {
        match (&*key, &*value) {
            ("ca", path) if !path.is_empty() => ca = Some(path.into()),
            _ => return Err("a URL with an unknown option. There is ca=FILE.".into()),
        }
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok((url, ca))
}
