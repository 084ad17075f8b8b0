//! What a part of a form calls its file (`Content-Disposition`), as programs write it: browsers in
//! UTF-8, older ones in Latin-1, .NET and Apache's clients with `filename*` (RFC 8187), mail
//! libraries in encoded words (RFC 2047).
//!
//! It returns a name or none and refuses nothing: `FileName` turns any text into a good one. Called
//! by `multipart`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode;

/// The name of the file, if the part is one; empty when it has none.
pub(super) fn file_name(disposition: &[u8]) -> Option<String> {
    let (mut plain, mut extended) = (None, None);
    for (name, value) in parameters(disposition) {
        if name.eq_ignore_ascii_case(b"filename*") {
            extended = extended.or_else(|| extended_value(&value));
        } else if name.eq_ignore_ascii_case(b"filename") {
            plain.get_or_insert(value);
        }
    }
    extended.or_else(|| plain.map(|value| decoded_words(&text(&value))))
}

/// The parameters behind the first `;`, their values without quotes.
fn parameters(disposition: &[u8]) -> Vec<(&[u8], Vec<u8>)> {
    let mut found = Vec::new();
    let start = disposition.iter().position(|byte| *byte == b';').unwrap_or(disposition.len());
    let mut rest = &disposition[start..];
    while let Some(after) = rest.strip_prefix(b";") {
        let Some(equals) = after.iter().position(|byte| *byte == b'=') else { break };
        let name = after[..equals].trim_ascii();
        let (value, next) = value(after[equals + 1..].trim_ascii_start());
        found.push((name, value));
        rest = next;
    }
    found
}

/// A value, quoted or not, and what follows it from the next `;` on. Within quotes `\"` is a quote;
/// any other `\` stays, as names from Windows may hold a path.
fn value(from: &[u8]) -> (Vec<u8>, &[u8]) {
    let end = |rest: &[u8]| rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
    let Some(quoted) = from.strip_prefix(b"\"") else {
        let (value, rest) = from.split_at(end(from));
        return (value.trim_ascii_end().to_vec(), rest);
    };
    let (mut value, mut at) = (Vec::new(), 0);
    while let Some(byte) = quoted.get(at) {
        at += 1;
        match byte {
            b'"' => break,
            b'\\' if quoted.get(at) == Some(&b'"') => {
                value.push(b'"');
                at += 1;
            }
            other => value.push(*other),
        }
    }
    let rest = &quoted[at..];
    (value, &rest[end(rest)..])
}

/// UTF-8, or Latin-1 where it is none.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => latin1(bytes),
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Bytes in a named set of characters.
fn in_charset(charset: &str, bytes: &[u8]) -> Option<String> {
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "us-ascii" => String::from_utf8(bytes.to_vec()).ok(),
        "iso-8859-1" | "latin1" | "windows-1252" => Some(latin1(bytes)),
        _ => None,
    }
}

/// `UTF-8'es'na%C3%AFve.txt` (RFC 8187, section 3.2).
fn extended_value(value: &[u8]) -> Option<String> {
    let mut parts = std::str::from_utf8(value).ok()?.splitn(3, '\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    in_charset(charset, &percent_decode(encoded.as_bytes()).collect::<Vec<_>>())
}

/// A text that is made of encoded words, `=?utf-8?B?w7EudHh0?=` (RFC 2047), as it reads; any other
/// as it is.
fn decoded_words(text: &str) -> String {
    let words: Option<String> = text.split_ascii_whitespace().map(decoded_word).collect();
    words.filter(|_| text.contains("=?")).unwrap_or_else(|| text.to_owned())
}

fn decoded_word(word: &str) -> Option<String> {
    let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
    let mut parts = inner.splitn(3, '?');
    let (charset, encoding, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(encoded).ok()?,
        "Q" | "q" => {
            let percents = encoded.replace('%', "%25").replace('_', " ").replace('=', "%");
            percent_decode(percents.as_bytes()).collect()
        }
        _ => return None,
    };
    in_charset(charset, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(disposition: impl AsRef<[u8]>) -> Option<String> {
        file_name(disposition.as_ref())
    }

    #[test]
    fn a_name_is_read_as_browsers_and_libraries_write_it() {
        let names = [
            (r#"form-data; name="f"; filename="a b.txt""#, "a b.txt"),
            ("form-data; name=f; filename=a.txt", "a.txt"),
            (r#"form-data; filename="a;b=c.txt"; name="f""#, "a;b=c.txt"),
            (r#"form-data; FileName = "a.txt" ; name="f""#, "a.txt"),
            (r#"form-data; filename="C:\docs\a.txt""#, r"C:\docs\a.txt"),
            (r#"form-data; filename="a \"b\".txt""#, r#"a "b".txt"#),
            (r#"form-data; filename="你好.txt""#, "你好.txt"),
            ("form-data; filename*=UTF-8''na%C3%AFve.txt", "naïve.txt"),
            ("form-data; filename*=iso-8859-1'es'%F1.txt", "ñ.txt"),
            (r#"form-data; filename="x.txt"; filename*=utf-8''%C3%B1.txt"#, "ñ.txt"),
            (r#"form-data; filename*=utf-8''%C3%B1.txt; filename="x.txt""#, "ñ.txt"),
            (r#"form-data; filename="=?utf-8?B?w7EudHh0?=""#, "ñ.txt"),
            (r#"form-data; filename="=?UTF-8?Q?na=C3=AFve_1.txt?=""#, "naïve 1.txt"),
            (r#"form-data; filename="=?utf-8?B?w7E=?= =?utf-8?B?LnR4dA==?=""#, "ñ.txt"),
            (r#"form-data; filename="=?utf-8?B?w7EudHh0?="; filename*=utf-8''n.txt"#, "n.txt"),
            // What only looks like one of these is a name as it is.
            (r#"form-data; filename="=?x?=""#, "=?x?="),
            (r#"form-data; filename="a.txt"; filename*=utf-9''x"#, "a.txt"),
            (r#"form-data; filename="a.txt"; filename*=utf-8''%FF"#, "a.txt"),
            (r#"form-data; filename="""#, ""),
            (r#"form-data; filename="a.txt"#, "a.txt"),
        ];
        for (disposition, name) in names {
            assert_eq!(named(disposition).as_deref(), Some(name), "{disposition}");
        }
        assert_eq!(named(b"form-data; filename=\"\xf1.txt\"").as_deref(), Some("ñ.txt"));
        for none in ["form-data", "form-data; name=\"filename\"", "form-data; x=\"; filename=a\""] {
            assert_eq!(named(none), None, "{none}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        ) {
            file_name(&bytes);
            let (word, extended) = (b"x;filename=\"=?utf-8?q?", b"?=\";filename*=utf-8''");
            file_name(&[&word[..], &bytes, extended, &bytes].concat());
        }
    }
}
