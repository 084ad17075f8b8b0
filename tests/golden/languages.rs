//! The languages of the pages that are made from the code. Spanish has a file for each page, with
//! every text under its English one, as in `src/error/zh.txt`; whoever adds or changes an English
//! text is told to do the same there. Nothing of this is in the program. Called by `settings` and
//! `limits`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::Path;

/// A language of a page.
pub trait Language {
    /// What an English text is in it.
    fn say(&self, english: &str) -> String;
    /// A number, its thousands apart.
    fn number(&self, number: u64) -> String;
}

/// The language that the code has.
pub struct English;

impl Language for English {
    fn say(&self, english: &str) -> String {
        english.to_owned()
    }

    fn number(&self, number: u64) -> String {
        grouped(number, ",")
    }
}

/// A number with a sign between its thousands.
fn grouped(number: u64, sign: &str) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{}{sign}{:03}", grouped(number / 1_000, sign), number % 1_000),
    }
}

/// The Spanish of one page.
pub struct Spanish {
    file: &'static str,
    texts: BTreeMap<String, String>,
    used: RefCell<BTreeSet<String>>,
    missing: RefCell<BTreeSet<String>>,
}

impl Spanish {
    /// Reads a file beside this one: an English text at the beginning of a line, the Spanish one
    /// below, indented. Lines that begin with `# ` are for those who write the file.
    pub fn read(file: &'static str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
        Self::of(file, &std::fs::read_to_string(path).expect("the file is there"))
    }

    fn of(file: &'static str, text: &str) -> Self {
        let (mut texts, mut english) = (BTreeMap::new(), "");
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
            match line.strip_prefix("  ") {
                Some(text) => {
                    let double = texts.insert(english.to_owned(), text.to_owned());
                    assert_eq!(double, None, "tests/golden/{file} has this twice: {english}");
                }
                None => english = line,
            }
        }
        Self { file, texts, used: RefCell::default(), missing: RefCell::default() }
    }

    /// Fails where something was said that the file lacks, or where it has what nobody said.
    pub fn check(&self) {
        let list = |texts: Vec<&String>| format!("{texts:#?}");
        let missing: Vec<_> = self.missing.borrow().iter().cloned().collect();
        let used = self.used.borrow();
        let unused: Vec<_> = self.texts.keys().filter(|key| !used.contains(*key)).collect();
        assert!(
            missing.is_empty() && unused.is_empty(),
            "tests/golden/{} lacks the Spanish of {}\nand has what is not said any more: {}",
            self.file,
            list(missing.iter().collect()),
            list(unused),
        );
    }
}

impl Language for Spanish {
    /// The file has a text as it is, or with `{}` in place of what stands in code. What holds no
    /// word is the same in both languages.
    fn say(&self, english: &str) -> String {
        let pieces: Vec<&str> = english.split('`').collect();
        let (words, codes) = (pieces.iter().step_by(2), pieces.iter().skip(1).step_by(2));
        if !words.clone().any(|words| words.contains(char::is_alphabetic)) {
            return english.to_owned();
        }
        let pattern = words.copied().collect::<Vec<_>>().join("{}");
        for key in [english, &pattern] {
            if let Some(spanish) = self.texts.get(key) {
                self.used.borrow_mut().insert(key.to_owned());
                let fill = |text: String, code| text.replacen("{}", &format!("`{code}`"), 1);
                return codes.fold(spanish.clone(), fill);
            }
        }
        self.missing.borrow_mut().insert(english.to_owned());
        english.to_owned()
    }

    /// Numbers of four digits stay together.
    fn number(&self, number: u64) -> String {
        grouped(number, if number < 10_000 { "" } else { " " })
    }
}

#[test]
fn a_text_has_its_spanish_or_is_named() {
    let of =
        || Spanish::of("a file", "# words\n\nnone\n  ninguno\n400, field {}\n  400, campo {}\n");
    let spanish = of();
    assert_eq!(spanish.say("none"), "ninguno");
    assert_eq!(spanish.say("400, field `body`"), "400, campo `body`");
    assert_eq!(spanish.say("409"), "409");
    assert_eq!([1_098, 20_000].map(|number| spanish.number(number)), ["1098", "20 000"]);
    spanish.check();
    let named = |spanish: &Spanish| std::panic::catch_unwind(AssertUnwindSafe(|| spanish.check()));
    assert!(named(&of()).is_err(), "what nobody says is named");
    spanish.say("some");
    assert!(named(&spanish).is_err(), "what is missing is named");
}
