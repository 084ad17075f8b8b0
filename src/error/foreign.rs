//! What other programs say when something fails, as text for logs and operators.
//!
//! Called by whatever speaks to other servers: `mail/smtp`, `outside`, `push`.

use std::error::Error;

/// An error with its causes, each said once.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// A text on one line, of at most so many characters: nobody else writes a second line into a log.
pub fn one_line(text: &str, most_chars: usize) -> String {
    text.chars().take(most_chars).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn causes_are_said_once() {
        let inner = io::Error::other("no route");
        let error = crate::error::Error::unavailable(io::Error::other(inner));
        let text = chain(&error);
        assert_eq!(text.matches("no route").count(), 1, "{text}");
        assert!(text.contains(": no route"), "{text}");
    }

    #[test]
    fn a_text_is_one_line_and_short() {
        assert_eq!(one_line("a\r\nb\u{1b}ñ", 5), "a  b ");
    }
}
