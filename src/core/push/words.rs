//! What a push says: which words, in whose language, cut and stripped.
//!
//! Whoever carries a push may read it, unless it is encrypted for the device, as Web Push is. So an
//! operator says how much is told (`Shown`); a wake-up alone says nothing of anybody. Called by
//! `core::push`.

use crate::error::{Language, Text};
use crate::model::alerts::Shown;
use crate::model::calls::{CallKind, EndReason};
use crate::model::chats::{Chat, ChatKind};
use crate::model::files::FileKind;
use crate::model::messages::{CallContent, Content, Message, TextContent};
use crate::model::push::Kind;
use crate::model::text::Title;
use crate::model::visible::tidy_line;
use crate::push::Words;

/// A text has at most this many characters; of a longer one the beginning is told.
pub const BODY_CHARS: usize = 200;

const PHOTO: Text = Text { en: "Photo", es: "Foto" };
const VIDEO: Text = Text { en: "Video", es: "Vídeo" };
const VOICE: Text = Text { en: "Voice message", es: "Mensaje de voz" };
const AUDIO: Text = Text { en: "Audio", es: "Audio" };
const DOCUMENT: Text = Text { en: "File", es: "Archivo" };
const MISSED_VOICE: Text = Text { en: "Missed voice call", es: "Llamada de voz perdida" };
const MISSED_VIDEO: Text = Text { en: "Missed video call", es: "Videollamada perdida" };
const VOICE_CALL: Text = Text { en: "Voice call", es: "Llamada de voz" };
const VIDEO_CALL: Text = Text { en: "Video call", es: "Videollamada" };

/// What is told by a kind, if the operator says nothing: names where the push is encrypted for the
/// device, and nothing where the service reads along.
pub const fn by_default(kind: Kind) -> Shown {
    match kind {
        Kind::Web => Shown::Names,
        Kind::Fcm | Kind::Apns | Kind::Voip => Shown::Wake,
    }
}

/// The words of a message for a reader. `from` is its author's name.
pub(crate) fn of_message(
    shown: Shown,
    chat: &Chat,
    message: &Message,
    from: &str,
    language: Language,
) -> Words {
    if shown == Shown::Wake {
        return Words::default();
    }
    let is_group = chat.kind == ChatKind::Group;
    let title = if is_group { chat.title.as_ref().map_or("", Title::as_str) } else { from };
    Words {
        title: Some(title.to_owned()),
        from: is_group.then(|| from.to_owned()),
        body: (shown == Shown::Text).then(|| body(&message.content, language)),
    }
}

fn body(content: &Content, language: Language) -> String {
    match content {
        Content::Text(text) => line(text, language),
        Content::Call(call) => of_call(call).of(language).to_owned(),
        Content::System(_) | Content::Deleted => String::new(),
    }
}

fn line(text: &TextContent, language: Language) -> String {
    let told = cut(text.body.as_str());
    match text.attachments.first() {
        Some(file) if told.is_empty() => of_file(file.facts.kind).of(language).to_owned(),
        _ => told,
    }
}

/// One line of a text, without what nobody sees.
fn cut(text: &str) -> String {
    let longest = BODY_CHARS * 4;
    let spaced = text.chars().take(longest).map(|c| if c.is_whitespace() { ' ' } else { c });
    let spaced: String = spaced.collect();
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    let line = tidy_line(&words.join(" "), BODY_CHARS + 1);
    let is_whole = line.chars().count() <= BODY_CHARS && text.chars().nth(longest).is_none();
    if is_whole {
        return line;
    }
    let kept: String = line.chars().take(BODY_CHARS - 1).collect();
    format!("{}…", kept.trim_end())
}

const fn of_file(kind: FileKind) -> Text {
    match kind {
        FileKind::Image => PHOTO,
        FileKind::Video => VIDEO,
        FileKind::Audio => AUDIO,
        FileKind::Voice => VOICE,
        FileKind::Document => DOCUMENT,
    }
}

fn of_call(call: &CallContent) -> Text {
    let missed = call.talked.is_none() && call.reason != EndReason::Rejected;
    match (call.kind, missed) {
        (CallKind::Voice, true) => MISSED_VOICE,
        (CallKind::Video, true) => MISSED_VIDEO,
        (CallKind::Voice, false) => VOICE_CALL,
        (CallKind::Video, false) => VIDEO_CALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::id::{CallId, ChatId, MessageId, ObjectId, UserId};
    use crate::model::chats::Place;
    use crate::model::text::Body;

    const ID: ObjectId = ObjectId([1; 12]);

    fn message(content: Content) -> Message {
        let place = Place { seq: 1, rev: 1 };
        Message::new(MessageId(ID), ChatId(ID), place, UserId(ID), content, Time(0))
    }

    fn text(body: &str) -> Message {
        message(Content::Text(TextContent::of(Body::stored(body.into()))))
    }

    fn direct() -> Chat {
        Chat::direct((UserId(ID), UserId(ObjectId([2; 12]))), Time(0))
    }

    fn words(shown: Shown, chat: &Chat, message: &Message) -> (String, String, String) {
        let words = of_message(shown, chat, message, "Ana", Language::Spanish);
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        (text(words.title), text(words.from), text(words.body))
    }

    #[test]
    fn as_much_is_said_as_may_be_read() {
        let of = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        let hello = text("hola");
        assert_eq!(words(Shown::Wake, &direct(), &hello), of("-", "-", "-"));
        assert_eq!(words(Shown::Names, &direct(), &hello), of("Ana", "-", "-"));
        assert_eq!(words(Shown::Text, &direct(), &hello), of("Ana", "-", "hola"));
        let title = Some(Title::stored("Peña".into()));
        let group = Chat { kind: ChatKind::Group, peers: None, title, ..direct() };
        assert_eq!(words(Shown::Names, &group, &hello), of("Peña", "Ana", "-"));
        assert_eq!(words(Shown::Text, &group, &hello), of("Peña", "Ana", "hola"));
        assert_eq!(by_default(Kind::Web), Shown::Names);
        assert!([Kind::Fcm, Kind::Apns, Kind::Voip].map(by_default) == [Shown::Wake; 3]);
    }

    #[test]
    fn a_text_is_one_line_without_what_hides_and_not_too_long() {
        for (written, told) in [
            (" hola\n\n  Beto ", "hola Beto"),
            ("a\u{202e}b\u{200b}c\0", "abc"),
            ("👩\u{200d}💻", "👩\u{200d}💻"),
            ("\u{200b}\u{2800}", ""),
        ] {
            assert_eq!(cut(written), told, "{written:?}");
        }
        let whole = "ñ".repeat(BODY_CHARS);
        assert_eq!(cut(&whole), whole);
        let long = cut(&"ñ".repeat(BODY_CHARS + 1));
        assert_eq!((long.chars().count(), long.ends_with('…')), (BODY_CHARS, true));
        let spaced = format!("hola{}", " ".repeat(16_000));
        assert_eq!(cut(&spaced), "hola…", "what is beyond is not looked at");
    }

    #[test]
    fn a_call_and_a_file_are_called_what_they_are() {
        let call = |kind, reason, talked| {
            let content = CallContent { call: CallId(ID), kind, reason, talked };
            words(Shown::Text, &direct(), &message(Content::Call(content))).2
        };
        assert_eq!(call(CallKind::Voice, EndReason::Missed, None), "Llamada de voz perdida");
        assert_eq!(call(CallKind::Video, EndReason::Busy, None), "Videollamada perdida");
        assert_eq!(call(CallKind::Video, EndReason::Rejected, None), "Videollamada");
        let talked = Some(std::time::Duration::from_secs(5));
        assert_eq!(call(CallKind::Voice, EndReason::Hangup, talked), "Llamada de voz");
        assert_eq!(of_file(FileKind::Voice).of(Language::English), "Voice message");
    }
}
