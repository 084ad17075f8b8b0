//! What a copy looks like to a person who opens it: pages without scripts, in their language, which
//! lead to each other and to the files.
//!
//! Invariant: whatever somebody wrote is escaped: the templates do that themselves. Called by
//! `walk`.

use std::collections::BTreeSet;

use askama::Template;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{Error, Language, Result, Text};
use crate::id::{ChatId, FileId, UserId};
use crate::model::excerpt::{Excerpt, Line};
use crate::model::exports::Export;
use crate::model::messages::{Content, Message};
use crate::model::users::User;
use crate::protocol::pages::WrittenPage;
use crate::protocol::rows;

/// What the names of parts begin with.
const STEM: &str = "my-data";
/// What is there besides the chats and their files.
const TOP: [&str; 6] = [
    "account.json",
    "contacts.json",
    "devices.json",
    "alerts.json",
    "blocked.json",
    "reports.json",
];
/// What stands in the address of a page as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'/');

const TITLE: Text = Text { en: "A copy of your data", es: "Una copia de tus datos" };
const ABOUT: Text = Text {
    en: "What this server has of you and of the chats that you are in, as you could see it at {}. \
         Beside each page there is a file with the same as JSON, for programs. If there are \
         several parts, unpack all of them into one folder.",
    es: "Lo que este servidor tiene de ti y de los chats en los que estás, como podías verlo el \
         {}. Junto a cada página hay un archivo con lo mismo en JSON, para programas. Si hay \
         varias partes, descomprímelas todas en una misma carpeta.",
};
const ACCOUNT: Text = Text { en: "Your account", es: "Tu cuenta" };
const CHATS: Text = Text { en: "Chats", es: "Chats" };
const OTHERS: Text = Text { en: "More", es: "Más" };
const EARLIER: Text = Text { en: "Earlier", es: "Anteriores" };
const LATER: Text = Text { en: "Later", es: "Posteriores" };
const DELETED: Text = Text { en: "(deleted)", es: "(eliminado)" };
const EDITED: Text = Text { en: "(edited)", es: "(editado)" };
const NOBODY: Text = Text { en: "(deleted account)", es: "(cuenta eliminada)" };
const NAMELESS: Text = Text { en: "(no name)", es: "(sin nombre)" };

/// A chat of the person.
pub(super) struct Chat {
    pub(super) id: ChatId,
    /// A group's title, or the other person's name.
    pub(super) name: String,
    /// There is something to read in it.
    pub(super) is_written: bool,
}

/// The page that leads to all others.
#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<!doctype html>
<html lang="{{ lang }}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
{{ style|safe }}
<h1>{{ title }}</h1>
<p>{{ about }}</p>
<h2>{{ account }}</h2>
<p><b>{{ me.name.as_str() }}</b><br>{{ me.email.as_str() }}<br>{{ me.about.as_str() }}</p>
<h2>{{ chats_title }}</h2>
<ul>
{% for chat in chats %}<li>
{% if let Some(page) = chat.page %}<a href="{{ page }}">{{ chat.name }}</a>
{% else %}{{ chat.name }}{% endif %}</li>
{% endfor %}</ul>
<h2>{{ others }}</h2>
<ul>
{% for name in files %}<li><a href="{{ name }}">{{ name }}</a></li>
{% endfor %}</ul>
</html>
"##
)]
struct IndexPage<'a> {
    lang: &'static str,
    style: &'static str,
    title: &'static str,
    about: String,
    account: &'static str,
    me: &'a User,
    chats_title: &'static str,
    chats: Vec<ChatLink<'a>>,
    others: &'static str,
    files: [&'static str; 6],
}

struct ChatLink<'a> {
    name: &'a str,
    page: Option<String>,
}

/// A page of a chat.
#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<!doctype html>
<html lang="{{ lang }}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ chat }}</title>
{{ style|safe }}
<p><a href="../../index.html">{{ title }}</a></p>
<h1>{{ chat }}</h1>
{% for row in rows %}<article>
<p class="head"><b>{{ row.from }}</b> <time>{{ row.at }}</time> {{ row.mark }}</p>
{% if !row.body.is_empty() %}<p class="body">{{ row.body }}</p>
{% endif %}{% for file in row.files %}<p><a href="../../{{ file.path }}">{{ file.name }}</a></p>
{% endfor %}</article>
{% endfor %}<p>
{% if let Some(page) = earlier %}<a href="{{ page }}">{{ earlier_title }}</a>{% endif %}
{% if let Some(page) = later %}<a href="{{ page }}">{{ later_title }}</a>{% endif %}</p>
</html>
"##
)]
struct ChatPage<'a> {
    lang: &'static str,
    style: &'static str,
    title: &'static str,
    chat: &'a str,
    rows: Vec<Row>,
    earlier: Option<String>,
    earlier_title: &'static str,
    later: Option<String>,
    later_title: &'static str,
}

struct Row {
    from: String,
    at: String,
    mark: &'static str,
    body: String,
    files: Vec<FileLink>,
}

struct FileLink {
    path: String,
    name: String,
}

const STYLE: &str = "<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
article { border-top: 1px solid #8884; padding: .25rem 0 }
article p { margin: .25rem 0 }
.head { opacity: .8 }
.body { white-space: pre-wrap }
</style>";

/// Where a chat begins, from the top, if there is something to read in it.
fn first_page(chat: &Chat) -> Option<String> {
    chat.is_written.then(|| format!("chats/{}/{}", chat.id, beside(1)))
}

/// Where a page of a chat is, from another one.
fn beside(number: u32) -> String {
    format!("messages-{number:05}.html")
}

fn named(chat: &Chat, language: Language) -> &str {
    if chat.name.is_empty() { NAMELESS.of(language) } else { &chat.name }
}

/// The page that leads to all others.
pub(super) fn index(
    language: Language,
    me: &User,
    export: &Export,
    chats: &[Chat],
) -> Result<String> {
    let link = |chat| ChatLink { name: named(chat, language), page: first_page(chat) };
    let page = IndexPage {
        lang: language.tag(),
        style: STYLE,
        title: TITLE.of(language),
        about: ABOUT.of(language).replace("{}", &export.asked.to_string()),
        account: ACCOUNT.of(language),
        me,
        chats_title: CHATS.of(language),
        chats: chats.iter().map(link).collect(),
        others: OTHERS.of(language),
        files: TOP,
    };
    page.render().map_err(Error::internal)
}

/// A page of a chat; `more`: another one follows.
pub(super) fn messages(
    language: Language,
    chat: &Chat,
    number: u32,
    more: bool,
    written: &WrittenPage,
) -> Result<String> {
    let name = |user: UserId| {
        let place = written.users.binary_search_by_key(&user.into(), |user| user.id);
        place.map_or_else(|_| NOBODY.of(language).to_owned(), |at| written.users[at].name.clone())
    };
    let page = ChatPage {
        lang: language.tag(),
        style: STYLE,
        title: TITLE.of(language),
        chat: named(chat, language),
        rows: written.excerpt.lines().map(|line| row(&line, name(line.from()), language)).collect(),
        earlier: (number > 1).then(|| beside(number - 1)),
        earlier_title: EARLIER.of(language),
        later: more.then(|| beside(number + 1)),
        later_title: LATER.of(language),
    };
    page.render().map_err(Error::internal)
}

fn row(line: &Line<'_>, from: String, language: Language) -> Row {
    match line {
        Line::Plain(text) => Row {
            from,
            at: text.sent.to_string(),
            mark: "",
            body: text.body.to_owned(),
            files: Vec::new(),
        },
        Line::Full(message) => Row {
            from,
            at: message.sent.to_string(),
            mark: mark(message, language),
            body: said(message),
            files: links(message),
        },
    }
}

fn mark(message: &Message, language: Language) -> &'static str {
    match (&message.content, message.edited) {
        (Content::Deleted, _) => DELETED.of(language),
        (_, Some(_)) => EDITED.of(language),
        (_, None) => "",
    }
}

/// What a message says; of what the server tells, as programs read it.
fn said(message: &Message) -> String {
    let told = |message: &Message| {
        let row = rows::Message::of(message.clone(), "".into());
        let event = row.event.map(|event| serde_json::to_string(&event));
        let call = row.call.map(|call| serde_json::to_string(&call));
        event.or(call).and_then(std::result::Result::ok).unwrap_or_default()
    };
    match &message.content {
        Content::Text(text) => text.body.as_str().to_owned(),
        Content::Deleted => String::new(),
        Content::System(_) | Content::Call(_) => told(message),
    }
}

fn links(message: &Message) -> Vec<FileLink> {
    let Content::Text(text) = &message.content else { return Vec::new() };
    let link = |file: FileId, name: &str| {
        let path = utf8_percent_encode(&path_of(file, name), PLAIN).to_string();
        FileLink { path, name: name.to_owned() }
    };
    text.attachments.iter().map(|it| link(it.file, it.facts.name.as_str())).collect()
}

/// Where a file is in a copy. Its name is one without a path.
pub(super) fn path_of(file: FileId, name: &str) -> String {
    format!("files/{file}/{name}")
}

/// How a part is called.
pub(super) fn part_name(export: &Export, parts: usize) -> String {
    let date = export.asked.to_string();
    let date = date.get(..10).unwrap_or_default().to_owned();
    format!("{STEM}-{date}-{}.zip", parts + 1)
}

/// The people in an excerpt, in the order of their ids.
pub(super) fn people_in(excerpt: &Excerpt) -> Vec<UserId> {
    let mut people = BTreeSet::new();
    for line in excerpt.lines() {
        people.insert(line.from());
        people.extend(line.mentions());
    }
    people.into_iter().collect()
}

/// Where a message is in its chat.
pub(super) const fn seq_of(line: &Line<'_>) -> u64 {
    match line {
        Line::Plain(text) => text.place.seq,
        Line::Full(message) => message.seq,
    }
}
