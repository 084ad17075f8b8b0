//! One finding: what it is about, how bad, what is so, and the cure.

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is as it should be.
    Good,
    /// A server runs, and something will be missed or will go wrong later.
    Warning,
    /// A server does not start, or people cannot use it.
    Bad,
}

impl Verdict {
    /// As programs read it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The thing: `settings`, `disk`, `ports` …
    pub about: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What is so; it tells no secret.
    pub told: String,
    /// What to do; empty where nothing is to be done.
    pub cure: String,
}

impl Finding {
    /// Words whose first sentence says what is so, and the rest what to do.
    pub(super) fn of_words(verdict: Verdict, about: &'static str, words: &str) -> Self {
        let mut ends = words.match_indices(". ").map(|(at, _)| at + 1);
        let begins = |at: &usize| words[at + 1..].starts_with(char::is_uppercase);
        let (told, cure) = words.split_at(ends.find(begins).unwrap_or(words.len()));
        Self { about, verdict, told: told.to_owned(), cure: cure.trim().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_is_what_is_so() {
        for (words, told, cure) in [
            ("Port 1 is taken. Stop that one.", "Port 1 is taken.", "Stop that one."),
            ("At 127.0.0.1. there is none", "At 127.0.0.1. there is none", ""),
            (".env, line 1: no. Use a. B.", ".env, line 1: no.", "Use a. B."),
            ("", "", ""),
        ] {
            let finding = Finding::of_words(Verdict::Bad, "x", words);
            assert_eq!((finding.told.as_str(), finding.cure.as_str()), (told, cure));
        }
    }
}
