//! Parts of a file and conditions on it (RFC 9110, sections 13 and 14): which bytes a fetch wants,
//! if any. Called by `files`.

use std::ops::Range;

use axum::http::{HeaderMap, HeaderName, header};

/// What a fetch wants of something that has `size` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: the caller has it.
    Unchanged,
    /// All of it.
    Whole,
    /// These bytes of it; not empty, and within it.
    Part(Range<u64>),
    /// Bytes that it has not.
    Nowhere,
}

impl Wanted {
    /// What the headers of a request say. `etag` is the strong validator, with its quotes. Several
    /// ranges at once are answered with all of it, as is a range that cannot be read.
    pub fn of(headers: &HeaderMap, etag: &str, size: u64) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        if text(header::IF_NONE_MATCH).is_some_and(|known| names(known, etag)) {
            return Self::Unchanged;
        }
        let Some(range) = text(header::RANGE) else { return Self::Whole };
        // A date is not a strong validator here: a client that sends one gets all of it.
        if text(header::IF_RANGE).is_some_and(|known| known.trim() != etag) {
            return Self::Whole;
        }
        part(range, size)
    }
}

/// Whether a list of validators names this one; weak ones are as good.
fn names(list: &str, etag: &str) -> bool {
    let bare = |known: &str| known.trim().trim_start_matches("W/") == etag;
    list.trim() == "*" || list.split(',').any(bare)
}

fn part(range: &str, size: u64) -> Wanted {
    let Some(range) = range.trim().strip_prefix("bytes=") else { return Wanted::Whole };
    let Some((first, last)) = range.split_once('-') else { return Wanted::Whole };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(last)) => {
            let end = last.map_or(size, |last| last.saturating_add(1).min(size));
            if last.is_some_and(|last| last < first) {
                Wanted::Whole
            } else if first >= size {
                Wanted::Nowhere
            } else {
                Wanted::Part(first..end)
            }
        }
        (Some(None), Some(Some(count))) if count == 0 || size == 0 => Wanted::Nowhere,
        (Some(None), Some(Some(count))) => Wanted::Part(size.saturating_sub(count)..size),
        _ => Wanted::Whole,
    }
}

/// A whole number, or nothing; `None` for what is neither.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(pairs: &[(HeaderName, &str)], size: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(name, value.parse().expect("a value"));
        }
        Wanted::of(&headers, "\"abc\"", size)
    }

    #[test]
    fn a_range_is_cut_to_what_there_is() {
        for (range, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=5-99999999999999999999999", Wanted::Part(5..10)),
            ("bytes=10-", Wanted::Nowhere),
            ("bytes=99999999999999999999999-", Wanted::Nowhere),
            ("bytes=-0", Wanted::Nowhere),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=0-1,4-5", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
        ] {
            assert_eq!(wanted(&[(header::RANGE, range)], 10), expected, "{range}");
        }
        assert_eq!(wanted(&[(header::RANGE, "bytes=0-")], 0), Wanted::Nowhere);
    }

    #[test]
    fn who_has_it_gets_nothing_and_who_has_another_gets_all() {
        let none = header::IF_NONE_MATCH;
        for known in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert_eq!(wanted(&[(none.clone(), known)], 10), Wanted::Unchanged, "{known}");
        }
        assert_eq!(wanted(&[(none, "\"abcd\"")], 10), Wanted::Whole);
        let ranged = |known| wanted(&[(header::RANGE, "bytes=1-2"), (header::IF_RANGE, known)], 10);
        assert_eq!(ranged("\"abc\""), Wanted::Part(1..3));
        for other in ["\"x\"", "W/\"abc\"", "Sun, 29 Nov 2026 10:00:00 GMT"] {
            assert_eq!(ranged(other), Wanted::Whole, "{other}");
        }
    }
}
