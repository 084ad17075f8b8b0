//! One Rust file as the checks see it: which characters are code, which are comment, which lines
//! belong to tests. No parser: a lexer that knows strings and comments is enough for every rule,
//! and it keeps working on code that does not compile yet.

/// A file with everything that the rules ask about it.
pub struct Source {
    pub path: String,
    pub lines: Vec<Line>,
    pub tokens: Vec<Token>,
}

pub struct Line {
    pub text: String,
    /// The line with comments and the insides of strings blanked.
    pub code: String,
    /// The line with everything but comments blanked.
    pub comment: String,
    /// The line begins inside a string literal that an earlier line opened.
    pub inside_string: bool,
    /// The line belongs to an item that exists only in tests.
    pub test: bool,
}

/// A word, `::`, or one other character of code.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub text: String,
    /// Counted from zero.
    pub line: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Text,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let mut lines = split(text);
        let tokens = tokens(&lines);
        for (first, last) in test_items(&tokens) {
            lines[first..=last].iter_mut().for_each(|line| line.test = true);
        }
        Source { path: path.to_owned(), lines, tokens }
    }

    /// The comments that a reader takes as said of this line: those on it, those along the chain
    /// of calls that it continues, and those right above, attributes in between.
    pub fn remark(&self, line: usize) -> String {
        let is_note = |at: usize| self.lines[at].code.trim().is_empty() && self.has_comment(at);
        let is_attribute = |at: usize| self.lines[at].code.trim_start().starts_with("#[");
        let is_chain = |at: usize| self.lines[at].code.trim_start().starts_with('.');
        let mut first = line;
        while first > 0 && (is_chain(first) || first < line && is_note(first)) {
            first -= 1;
        }
        while first > 0 && (is_note(first - 1) || is_attribute(first - 1)) {
            first -= 1;
        }
        let comments = self.lines[first..=line].iter().map(|line| line.comment.trim());
        comments.collect::<Vec<_>>().join(" ")
    }

    fn has_comment(&self, line: usize) -> bool {
        !self.lines[line].comment.trim().is_empty()
    }
}

fn split(text: &str) -> Vec<Line> {
    let (mut code, mut comment) = (String::new(), String::new());
    let mut open_at_line = vec![false];
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let (kind, length) = piece(&chars[at..]);
        for (offset, &c) in chars[at..at + length].iter().enumerate() {
            let edge = offset == 0 || offset + 1 == length;
            if c == '\n' {
                open_at_line.push(kind == Kind::Text);
            }
            let blank = if c == '\n' { c } else { ' ' };
            code.push(if kind == Kind::Code || kind == Kind::Text && edge { c } else { blank });
            comment.push(if kind == Kind::Comment { c } else { blank });
        }
        at += length;
    }
    let parts = text.lines().zip(code.lines()).zip(comment.lines()).zip(open_at_line);
    parts
        .map(|(((text, code), comment), inside_string)| Line {
            text: text.to_owned(),
            code: code.to_owned(),
            comment: comment.to_owned(),
            inside_string,
            test: false,
        })
        .collect()
}

/// The kind and the length of the piece that `rest` begins with.
fn piece(rest: &[char]) -> (Kind, usize) {
    match rest {
        ['/', '/', ..] => (Kind::Comment, up_to(rest, |at| rest[at] == '\n', 0)),
        ['/', '*', ..] => (Kind::Comment, block_comment(rest)),
        ['"', ..] => (Kind::Text, quoted(rest, '"')),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (Kind::Text, quoted(rest, '\'')),
        [first, ..] if is_word(*first) => {
            let word = up_to(rest, |at| !is_word(rest[at]), 0);
            let name: String = rest[..word].iter().collect();
            match raw_string(&rest[word..]) {
                Some(length) if ["r", "br", "cr"].contains(&&*name) => (Kind::Text, word + length),
                _ => (Kind::Code, word),
            }
        }
        _ => (Kind::Code, 1),
    }
}

/// The first place where `stop` holds, plus `extra`; the whole rest when there is none.
fn up_to(rest: &[char], stop: impl Fn(usize) -> bool, extra: usize) -> usize {
    (0..rest.len()).find(|&at| stop(at)).map_or(rest.len(), |at| at + extra)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at + 1 < rest.len() {
        match (rest[at], rest[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    rest.len().min(at + 1)
}

fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().take_while(|&&c| c == '#').count();
    if rest.get(hashes) != Some(&'"') {
        return None;
    }
    let closes = |at: usize| {
        at > hashes
            && rest[at] == '"'
            && rest[at + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
    };
    Some(up_to(rest, closes, hashes + 1))
}

fn tokens(lines: &[Line]) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (line, content) in lines.iter().enumerate() {
        let chars: Vec<char> = content.code.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            let length = match chars[at..] {
                [first, ..] if is_word(first) => {
                    up_to(&chars[at..], |next| !is_word(chars[at + next]), 0)
                }
                [':', ':', ..] => 2,
                _ => 1,
            };
            if !chars[at].is_whitespace() {
                tokens.push(Token { text: chars[at..at + length].iter().collect(), line });
            }
            at += length;
        }
    }
    tokens
}

/// The token that closes the bracket opened at `open`; the last one when nothing does.
pub fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len() - 1
}

/// The token with which the item that begins at `start` ends: `;` or the `}` of its body.
pub fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut at = start;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at),
            _ => {}
        }
        at += 1;
    }
    tokens.len() - 1
}

/// First and last line of each item under `#[cfg(test)]` or `#[test]`.
fn test_items(tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        if pair[0].text != "#" || pair[1].text != "[" {
            continue;
        }
        let end = closing(tokens, at + 1);
        if is_test_attribute(&tokens[at + 2..end]) {
            items.push((tokens[at].line, tokens[item_end(tokens, end + 1)].line));
        }
    }
    items
}

fn is_test_attribute(attribute: &[Token]) -> bool {
    let words: Vec<&str> = attribute.iter().map(|token| token.text.as_str()).collect();
    matches!(
        words.as_slice(),
        ["cfg", "(", "test", ")"]
            | ["cfg", "(", "all", "(", "test", ..]
            | ["test"]
            | [_, "::", "test", ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::new("a.rs", text).lines.iter().map(|line| line.code.trim().to_owned()).collect()
    }

    #[test]
    fn strings_and_comments_are_not_code() {
        assert_eq!(code("a(\"x // y\"); // z"), "a(\"      \");");
        assert_eq!(code("a(r#\"x \"y\" \"#, 'b')"), "a(r         #, ' ')");
        assert_eq!(code("fn f<'a>(x: &'a str) { '\\'' }"), "fn f<'a>(x: &'a str) { '  ' }");
        assert_eq!(code("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(code("let r#type = \"\\\"x\";"), "let r#type = \"   \";");
    }

    #[test]
    fn a_string_over_two_lines_is_known_on_the_second() {
        let source = Source::new("a.rs", "let a = \"x\ny\";\nb();");
        let inside: Vec<bool> = source.lines.iter().map(|line| line.inside_string).collect();
        assert_eq!(inside, [false, true, false]);
    }

    #[test]
    fn test_items_are_found() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}\n#[test]\nfn d() {}";
        let source = Source::new("a.rs", text);
        let test: Vec<bool> = source.lines.iter().map(|line| line.test).collect();
        assert_eq!(test, [false, true, true, true, true, false, true, true]);
        assert!(!Source::new("a.rs", "#[cfg(not(test))]\nmod a;").lines[1].test);
    }

    #[test]
    fn a_remark_reaches_past_attributes_and_chains() {
        let source = Source::new("a.rs", "// why\n#[a]\nlet x = y\n    .z()\n    .w();\nb();");
        assert!(source.remark(2).contains("why"));
        assert!(source.remark(4).contains("why"));
        assert_eq!(source.remark(5), "");
    }
}
