//! An e-mail address as people write and paste it, in the one form in which it is kept: ASCII, in
//! lower case, the domain in its Punycode (RFC 5890). `text::Email`, which calls this, decides
//! whether it is valid.

use unicode_normalization::UnicodeNormalization;

/// Anything longer is not an address.
const LONGEST: usize = 1024;

/// The plain form; `None` when there is none.
pub(super) fn plain(text: &str) -> Option<String> {
    // Blanks and marks that nobody sees come along with what is copied.
    let around = |c: char| c.is_whitespace() || !(c.is_ascii() || c.is_alphanumeric());
    let text = text.trim_matches(around);
    if text.is_ascii() {
        return Some(text.to_ascii_lowercase());
    }
    if text.len() > LONGEST {
        return None;
    }
    let text: String = text.nfkc().collect();
    let (local, domain) = text.rsplit_once('@')?;
    match url::Host::parse(domain).ok()? {
        url::Host::Domain(domain) => Some(format!("{local}@{domain}").to_ascii_lowercase()),
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (text, expected) in [
            ("ana@example.org", "ana@example.org"),
            (" Ana@Example.ORG\n", "ana@example.org"),
            ("ana@example.org\u{200b}", "ana@example.org"),
            ("\u{202a}ana@example.org\u{202c}", "ana@example.org"),
            ("\u{feff}ana@example.org\u{a0}", "ana@example.org"),
            ("ana@münchen.de", "ana@xn--mnchen-3ya.de"),
            ("ana＠example.org", "ana@example.org"),
            ("ana@MÜNCHEN.de", "ana@xn--mnchen-3ya.de"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(expected), "{text:?}");
        }
        assert_eq!(plain("münchen"), None);
        assert_eq!(plain(&format!("ñ{}@example.org", "a".repeat(2000))), None);
    }
}
