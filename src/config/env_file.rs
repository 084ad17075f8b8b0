//! Reads `.env` and `.env_db`: `KEY=value`, one per line, and nothing clever.
//!
//! Comments begin with `#`; a value may be in 'single' quotes (taken as it is) or "double" quotes
//! (with `\"`, `\\`, `\n`). A `$` is a dollar: nothing is expanded, nothing is exported into the
//! process. A line that cannot be read is reported as a problem, never guessed at.

/// The most bytes that such a file may have.
const MAX_BYTES: usize = 64 * 1024;

/// A line that sets something.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Counted from 1.
    pub line: usize,
    /// Left of the `=`, as written.
    pub key: String,
    /// Right of it, without quotes.
    pub value: String,
}

/// A line that cannot be read, and why. Line 0 is the file as a whole.
pub(super) type Fault = (usize, String);

/// Reads a file's bytes.
pub(super) fn parse(bytes: &[u8]) -> (Vec<Entry>, Vec<Fault>) {
    if bytes.len() > MAX_BYTES {
        return (
            Vec::new(),
            vec![(0, format!("longer than {MAX_BYTES} bytes. Is it the right file?"))],
        );
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return (Vec::new(), vec![(0, "not UTF-8 text. Save it as UTF-8.".into())]);
    };
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    for (line, text) in (1..).zip(lines) {
        match entry(text.trim()) {
            Ok(None) => {}
            Ok(Some((key, value))) => entries.push(Entry { line, key: key.into(), value }),
            Err(why) => faults.push((line, why.into())),
        }
    }
    (entries, faults)
}

fn entry(line: &str) -> Result<Option<(&str, String)>, &'static str> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (key, value) = line.split_once('=').ok_or("no KEY=value. Comments begin with '#'.")?;
    let key = key.trim();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.is_empty() || !key.chars().all(is_word) {
        return Err("no KEY=value: a key is made of letters, digits and '_'.");
    }
    Ok(Some((key, unquoted(value.trim())?)))
}

fn unquoted(text: &str) -> Result<String, &'static str> {
    let (value, rest) = match text.chars().next() {
        Some('\'') => {
            text[1..].split_once('\'').map(|(value, rest)| (value.to_owned(), rest)).ok_or(OPEN)?
        }
        Some('"') => double_quoted(&text[1..])?,
        _ => return Ok(without_comment(text).to_owned()),
    };
    match rest.trim_start() {
        "" => Ok(value),
        rest if rest.starts_with('#') => Ok(value),
        _ => Err("text after the closing quote. Put all of the value between the quotes."),
    }
}

const OPEN: &str = "a quote that is opened and not closed in the same line.";

fn double_quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('"' | '\\' | '$'))) => value.push(c),
                _ => {
                    return Err("a '\\' in double quotes that is not \\\\, \\\", \\$ or \\n. \
                         Use 'single' quotes.");
                }
            },
            c => value.push(c),
        }
    }
    Err(OPEN)
}

/// An unquoted value ends before a `#` that follows a blank.
fn without_comment(text: &str) -> &str {
    if text.starts_with('#') {
        return "";
    }
    let comment = text.match_indices('#').find(|(at, _)| text[..*at].ends_with([' ', '\t']));
    comment.map_or(text, |(at, _)| &text[..at]).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(usize, String, String)> {
        let (entries, faults) = parse(text.as_bytes());
        assert_eq!(faults, [], "{text}");
        entries.into_iter().map(|e| (e.line, e.key, e.value)).collect()
    }

    fn one(text: &str) -> String {
        values(text).remove(0).2
    }

    #[test]
    fn keys_and_values_are_found_with_their_lines() {
        let text = "\u{feff}# a comment\r\n\r\nPORT=1\r\n  export HOST = ::1 \r\n";
        let expected = [(3, "PORT".into(), "1".into()), (4, "HOST".into(), "::1".into())];
        assert_eq!(values(text), expected);
    }

    #[test]
    fn quotes_and_comments_are_taken_off_and_nothing_is_expanded() {
        assert_eq!(one("A=b # c"), "b");
        assert_eq!(one("A=p#ss"), "p#ss");
        assert_eq!(one("A=# c"), "");
        assert_eq!(one("A="), "");
        assert_eq!(one("A='b # $HOME' # c"), "b # $HOME");
        assert_eq!(one(r#"A="b \"c\" \\ \$D" "#), r#"b "c" \ $D"#);
        assert_eq!(one("A=$HOME=x"), "$HOME=x");
    }

    #[test]
    fn what_cannot_be_read_is_told_by_line() {
        for text in ["PORT 1", "=1", "A B=1", "A='b", "A=\"b", "A=\"b\" c", "A=\"\\x\"", "ñ=1"] {
            let (entries, faults) = parse(format!("\n{text}\nOK=1").as_bytes());
            assert_eq!(faults.iter().map(|f| f.0).collect::<Vec<_>>(), [2], "{text}");
            assert_eq!(entries.len(), 1, "the other lines are read: {text}");
        }
        assert_eq!(parse(b"\xff").1[0].0, 0);
        assert_eq!(parse(&vec![b'#'; MAX_BYTES + 1]).1[0].0, 0);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        ) {
            parse(&bytes);
        }

        #[test]
        fn any_line_of_text_in_single_quotes_is_read_back(text in "[^'\r\n\u{feff}]{0,40}") {
            let (entries, faults) = parse(format!("A='{text}'").as_bytes());
            proptest::prop_assert!(faults.is_empty());
            proptest::prop_assert_eq!(&entries[0].value, &text);
        }
    }
}
