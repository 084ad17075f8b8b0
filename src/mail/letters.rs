//! The words and looks of mails: a text part and an HTML part that say the same, in the reader's
//! language, readable without images. The subject begins with the code, where there is one, so that
//! it can be read from a notification.
//!
//! Invariant: what goes into a header is a checked address or our own text, in one line. Invariant:
//! what a stranger wrote (the name of a device) never becomes a link or markup. Called by the
//! adapters beside it.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use askama::Template;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};

use super::{Letter, Mail, MissedChat, MovedBy};
use crate::clock::{Clock, Time};
use crate::error::{Error, Language, Result, Text};
use crate::id::Entropy;
use crate::model::auth::CODE_LIFE;
use crate::model::door::Refusal;

/// Where whoever wants no more mails of what they missed says so.
pub const STOP_PATH: &str = "/mail/stop";
/// Where whoever wants their account to keep its address says so.
pub const STAY_PATH: &str = "/mail/stay";
/// So much of a name is told.
const NAME_CHARS: usize = 60;
/// So much of a text.
const TEXT_CHARS: usize = 120;

/// Writes mails.
pub struct Letters {
    from: Mailbox,
    name: String,
    server: String,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Letters {
    /// Letters from a sender, for the server that people see called `name`, at a public address.
    pub fn new(
        from: Mailbox,
        name: String,
        server: String,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { from, name, server, clock, entropy }
    }

    /// A mail as it travels (RFC 5322). Fails when its address is none.
    pub fn write(&self, mail: &Mail) -> Result<Message> {
        let to = mail.to.as_str().parse().map_err(Error::internal)?;
        let page = Page::new(mail, &self.name, &self.server);
        let body = MultiPart::alternative_plain_html(
            TextPage { page: &page }.render().map_err(Error::internal)?,
            HtmlPage { page: &page }.render().map_err(Error::internal)?,
        );
        let seconds = u64::try_from(self.clock.now().millis() / 1000).unwrap_or(0);
        let mut head = Message::builder();
        if let (Letter::Missed { .. }, Some(stop)) = (&mail.letter, &page.link) {
            head = head
                .raw_header(raw("List-Unsubscribe", format!("<{stop}>")))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()));
        }
        head.from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(page.subject.as_str())
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(self.message_id()))
            .raw_header(auto_submitted())
            .multipart(body)
            .map_err(Error::internal)
    }

    /// A mail as a person reads it: its subject and its text part.
    pub fn read(&self, mail: &Mail) -> Result<(String, String)> {
        let page = Page::new(mail, &self.name, &self.server);
        let text = TextPage { page: &page }.render().map_err(Error::internal)?;
        Ok((page.subject, text))
    }

    fn message_id(&self) -> String {
        let mut random = [0; 16];
        self.entropy.fill(&mut random);
        let name = u128::from_le_bytes(random);
        format!("<{name:032x}@{}>", self.from.email.domain())
    }
}

/// Says that nobody is there to answer, so that absence notes are not sent back (RFC 3834, section
/// 5).
fn auto_submitted() -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    HeaderValue::new(name, "auto-generated".into())
}

/// What the templates are filled with.
struct Page<'a> {
    lang: &'static str,
    subject: String,
    intro: &'static str,
    /// What stands out: a code, which device, or the chats.
    facts: Vec<String>,
    is_code: bool,
    detail: String,
    warning: &'static str,
    /// Where the warning leads: a page with one button.
    link: Option<String>,
    name: &'a str,
    server: &'a str,
}

#[derive(Template)]
#[template(
    ext = "txt",
    source = r#"{{ page.intro }}

{% for fact in page.facts %}    {{ fact }}
{% endfor %}
{{ page.detail }}

{{ page.warning }}
{% if let Some(link) = page.link %}{{ link }}
{% endif %}
—
{{ page.name }} · {{ page.server }}
"#
)]
struct TextPage<'a> {
    page: &'a Page<'a>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<!doctype html>
<html lang="{{ page.lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{{ page.subject }}</title>
</head>
<body style="margin:0;padding:24px 16px;
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
<div style="max-width:30em;margin:0 auto">
<p style="margin:0 0 16px">{{ page.intro }}</p>
<p style="margin:0 0 16px;padding:16px;border:1px solid #8884;border-radius:12px;text-align:center;
{% if page.is_code %}font:600 32px/1.2 ui-monospace,Menlo,Consolas,monospace;letter-spacing:6px
{% else %}font-weight:600{% endif %}">
{% for fact in page.facts %}{% if !loop.first %}<br>{% endif %}{{ fact }}{% endfor %}</p>
<p style="margin:0 0 16px">{{ page.detail }}</p>
<p style="margin:0 0 24px">
{% if let Some(link) = page.link %}<a href="{{ link }}">{{ page.warning }}</a>
{% else %}{{ page.warning }}{% endif %}</p>
<p style="margin:0;padding-top:12px;border-top:1px solid #8884;font-size:13px;opacity:.75">
{{ page.name }} · {{ page.server }}</p>
</div>
</body>
</html>
"##
)]
struct HtmlPage<'a> {
    page: &'a Page<'a>,
}

impl<'a> Page<'a> {
    fn new(mail: &'a Mail, name: &'a str, server: &'a str) -> Self {
        let language = mail.language;
        let (subject, intro) = words(&mail.letter);
        let (facts, detail, warning) = match &mail.letter {
            Letter::MoveCode { code } | Letter::RecoveryCode { code } => {
                (vec![code.clone()], validity(language), MOVE_WARNING.of(language))
            }
            Letter::MoveTaken => (
                vec![mail.to.as_str().to_owned()],
                TAKEN.of(language).to_owned(),
                IGNORE.of(language),
            ),
            Letter::Moving { to, .. } => {
                (vec![to.as_str().to_owned()], NOT_YET.of(language).to_owned(), KEEP.of(language))
            }
            Letter::Moved { to, by } => {
                let (detail, warning) = moved(by);
                let detail = detail.of(language).to_owned();
                (vec![to.as_str().to_owned()], detail, warning.of(language))
            }
            Letter::NewDevice { device, at } => (
                vec![plain(device, UNNAMED.of(language), NAME_CHARS)],
                LOGGED_IN.of(language).replace("{}", &format!("{} UTC", at.minute())),
                NOT_ME.of(language),
            ),
            Letter::RecoveryMade { at, .. } => (
                vec![format!("{} UTC", at.minute())],
                VOID.of(language).to_owned(),
                NOT_MINE.of(language),
            ),
            Letter::Recovered { device, at, left, .. } => (
                vec![plain(device, UNNAMED.of(language), NAME_CHARS)],
                recovered(*at, *left, language),
                NOT_MINE.of(language),
            ),
            Letter::NotLetIn { why } => (
                vec![REFUSED.of(language).to_owned()],
                whom_to_ask(*why).of(language).to_owned(),
                NO_ACCOUNT.of(language),
            ),
            Letter::Missed { total, chats, .. } => (
                missed(*total, chats, language),
                NOT_REACHED.of(language).to_owned(),
                STOP.of(language),
            ),
            Letter::SignUpCode { code }
            | Letter::LoginCode { code }
            | Letter::AlreadySignedUp { code } => {
                (vec![code.clone()], validity(language), WARNING.of(language))
            }
        };
        let code = mail.letter.code();
        let told = match &mail.letter {
            Letter::Missed { total, .. } => total.to_string(),
            _ => code.unwrap_or_default().to_owned(),
        };
        Self {
            lang: language.tag(),
            subject: subject.of(language).replace("{}", &told),
            intro: intro.of(language),
            is_code: code.is_some(),
            facts,
            detail,
            warning,
            link: link(&mail.letter, server),
            name,
            server,
        }
    }
}

/// Subject and first sentence.
const fn words(letter: &Letter) -> (Text, Text) {
    match letter {
        Letter::SignUpCode { .. } => (
            Text { en: "{} is your sign-up code", es: "{} es tu código de registro" },
            Text {
                en: "Welcome! This code confirms your address and creates your account:",
                es: "¡Hola! Este código confirma tu dirección y abre tu cuenta:",
            },
        ),
        Letter::LoginCode { .. } => (
            LOGIN_SUBJECT,
            Text { en: "This is your login code:", es: "Este es tu código de acceso:" },
        ),
        Letter::AlreadySignedUp { .. } => (
            LOGIN_SUBJECT,
            Text {
                en: "Somebody, probably you, tried to sign up with this address, but you already \
                     have an account. This code logs you in:",
                es: "Alguien, seguramente tú, quiso registrarse con esta dirección. Ya tiene una \
                     cuenta. Este código te da acceso a ella:",
            },
        ),
        Letter::NotLetIn { .. } => (
            Text { en: "No account was created", es: "No se creó ninguna cuenta" },
            Text {
                en: "Somebody, probably you, tried to create an account with this address:",
                es: "Alguien, seguramente tú, quiso crear una cuenta con esta dirección:",
            },
        ),
        Letter::NewDevice { .. } => (
            Text { en: "New login to your account", es: "Nuevo acceso a tu cuenta" },
            Text {
                en: "Somebody logged in to your account from a device and a network that were not \
                     used with it before. The device calls itself:",
                es: "Alguien entró en tu cuenta desde un dispositivo y una red con los que no se \
                     había usado antes. El dispositivo dice llamarse:",
            },
        ),
        Letter::MoveCode { .. }
        | Letter::MoveTaken
        | Letter::Moving { .. }
        | Letter::Moved { .. } => words_of_move(letter),
        Letter::RecoveryCode { .. } | Letter::RecoveryMade { .. } | Letter::Recovered { .. } => {
            words_of_recovery(letter)
        }
        Letter::Missed { .. } => (
            Text { en: "Unread messages: {}", es: "Mensajes sin leer: {}" },
            Text { en: "While you were away:", es: "Mientras no estabas:" },
        ),
    }
}

/// Subject and first sentence of a word about an account's address.
const fn words_of_move(letter: &Letter) -> (Text, Text) {
    match letter {
        Letter::MoveCode { .. } | Letter::MoveTaken => (
            if matches!(letter, Letter::MoveTaken) { NO_MOVE_SUBJECT } else { MOVE_SUBJECT },
            Text {
                en: "Somebody, probably you, wants to use this address for their account:",
                es: "Alguien, seguramente tú, quiere usar esta dirección para su cuenta:",
            },
        ),
        Letter::Moving { .. } => (
            Text {
                en: "Your account is about to get another address",
                es: "Tu cuenta está a punto de cambiar de dirección",
            },
            Text {
                en: "Somebody who is logged in to your account, probably you, wants to give it \
                     this address:",
                es: "Alguien que ha entrado en tu cuenta, seguramente tú, quiere darle esta \
                     dirección:",
            },
        ),
        _ => (
            Text {
                en: "Your account has another address now",
                es: "Tu cuenta tiene ahora otra dirección",
            },
            Text {
                en: "Your account has this address from now on, and login codes go there:",
                es: "Tu cuenta tiene desde ahora esta dirección, y allí llegan los códigos de \
                     acceso:",
            },
        ),
    }
}

/// Subject and first sentence of a word about recovery codes.
const fn words_of_recovery(letter: &Letter) -> (Text, Text) {
    match letter {
        Letter::RecoveryCode { .. } => (
            Text {
                en: "{} makes new recovery codes",
                es: "{} crea nuevos códigos de recuperación",
            },
            Text {
                en: "Somebody who is logged in to your account, probably you, wants to make \
                     recovery codes. This code allows it:",
                es: "Alguien que ha entrado en tu cuenta, seguramente tú, quiere crear códigos de \
                     recuperación. Este código lo permite:",
            },
        ),
        Letter::RecoveryMade { .. } => (
            Text {
                en: "Your account has new recovery codes",
                es: "Tu cuenta tiene nuevos códigos de recuperación",
            },
            Text {
                en: "Somebody who is logged in to your account, probably you, made recovery codes:",
                es: "Alguien que ha entrado en tu cuenta, seguramente tú, creó códigos de \
                     recuperación:",
            },
        ),
        _ => (
            Text { en: "Login with a recovery code", es: "Acceso con un código de recuperación" },
            Text {
                en: "Somebody logged in to your account with one of its recovery codes, which \
                     need no mail. The device calls itself:",
                es: "Alguien entró en tu cuenta con uno de sus códigos de recuperación, que no \
                     necesitan correo. El dispositivo dice llamarse:",
            },
        ),
    }
}

/// When a recovery code was used, and how many are left.
fn recovered(at: Time, left: Option<usize>, language: Language) -> String {
    let at = LOGGED_IN.of(language).replace("{}", &format!("{} UTC", at.minute()));
    left.map_or_else(
        || at.clone(),
        |left| format!("{at} {}", LEFT.of(language).replace("{}", &left.to_string())),
    )
}

/// What somebody wrote, short, and so that no mail program makes a link or markup of it.
fn plain(written: &str, unnamed: &str, most_chars: usize) -> String {
    let fits = |c: char| c.is_alphanumeric() || " ,'()+-_".contains(c);
    let spaced: String = written.chars().map(|c| if fits(c) { c } else { ' ' }).collect();
    let words: Vec<_> = spaced.split_whitespace().collect();
    let short: String = words.join(" ").chars().take(most_chars).collect();
    if short.is_empty() { unnamed.to_owned() } else { short }
}

/// A line for each chat, or one for all where none is named.
fn missed(total: u64, chats: &[MissedChat], language: Language) -> Vec<String> {
    if chats.is_empty() {
        return vec![NEW.of(language).replace("{}", &total.to_string())];
    }
    let line = |chat: &MissedChat| {
        let more = if chat.is_full { "+" } else { "" };
        let title = plain(&chat.title, UNNAMED.of(language), NAME_CHARS);
        let last = chat.last.as_ref().map(|last| plain(last, "…", TEXT_CHARS));
        let last = last.map_or_else(String::new, |last| format!(": {last}"));
        format!("{title} ({}{more}){last}", chat.count)
    };
    chats.iter().map(line).collect()
}

/// Where the reader of a mail says no to what it tells. Mail programs have a button of their own
/// that stops such mails at once (RFC 8058).
fn link(letter: &Letter, server: &str) -> Option<String> {
    let (path, shown) = match letter {
        Letter::Missed { stop, .. } => (STOP_PATH, stop),
        Letter::Moving { stay, .. }
        | Letter::Moved { by: MovedBy::Owner { stay }, .. }
        | Letter::RecoveryMade { stay, .. }
        | Letter::Recovered { stay, .. } => (STAY_PATH, stay),
        _ => return None,
    };
    Some(format!("{}{path}?t={shown}", server.trim_end_matches('/')))
}

fn validity(language: Language) -> String {
    let minutes = (CODE_LIFE.as_secs() / 60).to_string();
    VALIDITY.of(language).replace("{}", &minutes)
}

/// What is said of a move: what came of it, and what to do about it.
const fn moved(by: &MovedBy) -> (Text, Text) {
    match by {
        MovedBy::Owner { .. } => (
            Text {
                en: "Everywhere but where this was done, you were logged out. For a week you can \
                     take your account back by the link below.",
                es: "Se cerraron todas tus sesiones menos la que hizo el cambio. Durante una \
                     semana puedes recuperar tu cuenta con el enlace de abajo.",
            },
            KEEP,
        ),
        MovedBy::Operator => (
            Text {
                en: "The person who runs this server changed it.",
                es: "La cambió quien administra este servidor.",
            },
            ASK,
        ),
        MovedBy::Link => (
            Text {
                en: "Somebody who reads mail there took the account back by the link that was \
                     mailed to them, and logged it out everywhere.",
                es: "Alguien que lee el correo de allí recuperó la cuenta con el enlace que se \
                     le envió y cerró todas sus sesiones.",
            },
            ASK,
        ),
    }
}

/// A header of a list's mails, which has what a program does to stop them.
fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

const LOGIN_SUBJECT: Text = Text { en: "{} is your login code", es: "{} es tu código de acceso" };
const VALIDITY: Text = Text {
    en: "It works once, within the next {} minutes, on the device that you asked from.",
    es: "Sirve una sola vez, durante los próximos {} minutos, donde lo pediste.",
};
const WARNING: Text = Text {
    en: "Do not share this code: anyone who has it can log in as you, and we will never ask you \
         for it. If you did not ask for it, ignore this mail; nobody can log in without the code.",
    es: "Nadie más debe tener este código: quien lo tenga puede entrar en tu lugar, y nunca te lo \
         pediremos. Si no lo querías, ignora este correo; sin el código nadie entra.",
};

const MOVE_SUBJECT: Text =
    Text { en: "{} confirms your new address", es: "{} confirma tu nueva dirección" };
const NO_MOVE_SUBJECT: Text =
    Text { en: "This address has an account already", es: "Esta dirección ya tiene una cuenta" };
const MOVE_WARNING: Text = Text {
    en: "Do not share this code. If you did not ask for it, ignore this mail: nothing changes \
         without the code.",
    es: "Nadie más debe tener este código. Si no lo pediste, ignora este correo: sin el código \
         nada cambia.",
};
const TAKEN: Text = Text {
    en: "That is not possible, since this address has an account of its own. Delete that account \
         first, or use another address.",
    es: "No es posible, porque esta dirección ya tiene su propia cuenta. Elimina antes esa \
         cuenta o usa otra dirección.",
};
const IGNORE: Text = Text {
    en: "If it was not you, ignore this mail: nothing was changed.",
    es: "Si no fuiste tú, ignora este correo: nada ha cambiado.",
};
const NOT_YET: Text = Text {
    en: "Nothing has changed yet: that takes a code that was mailed to the other address.",
    es: "Aún no ha cambiado nada: hace falta un código que se envió a la otra dirección.",
};
const KEEP: Text = Text {
    en: "It was not me: keep this address, and log out everywhere",
    es: "No fui yo: conservar esta dirección y cerrar todas las sesiones",
};
const ASK: Text = Text {
    en: "If you do not know why, ask the person who runs this server.",
    es: "Si no sabes por qué, pregunta a quien administra este servidor.",
};

const VOID: Text = Text {
    en: "Earlier ones no longer work. Whoever has one of the new codes can log in without this \
         mailbox.",
    es: "Los anteriores ya no sirven. Quien tenga uno de los nuevos puede entrar sin este buzón.",
};
const LEFT: Text = Text { en: "Codes left: {}.", es: "Códigos que quedan: {}." };
const NOT_MINE: Text = Text {
    en: "It was not me: log out everywhere, and void the recovery codes",
    es: "No fui yo: cerrar todas las sesiones y anular los códigos de recuperación",
};

const REFUSED: Text = Text { en: "Sign-up is not open to you", es: "No puedes registrarte" };
const NO_ACCOUNT: Text = Text {
    en: "If it was not you, ignore this mail: nothing was created.",
    es: "Si no fuiste tú, ignora este correo: no se creó nada.",
};

/// Why somebody is not let in, and whom they can ask.
const fn whom_to_ask(why: Refusal) -> Text {
    match why {
        Refusal::Closed => Text {
            en: "Sign-up is closed here. Ask the person who runs this server whether they will \
                 create an account for you.",
            es: "Aquí el registro está cerrado. Pregunta a quien administra este servidor si \
                 quiere crearte una cuenta.",
        },
        Refusal::Uninvited => Text {
            en: "An account here needs an invitation, and there was none, or it was used up or \
                 has expired. Ask the person who runs this server, or who told you about it, for \
                 a new one, and open its link.",
            es: "Aquí una cuenta necesita una invitación, y no la había, o ya se usó o ha \
                 caducado. Pide una nueva a quien administra este servidor o a quien te habló de \
                 él, y abre su enlace.",
        },
        Refusal::Domain => Text {
            en: "Accounts here are for addresses of certain organisations. Use your address \
                 there, or ask the person who runs this server.",
            es: "Aquí las cuentas son para direcciones de ciertas organizaciones. Usa la tuya de \
                 allí o pregunta a quien administra este servidor.",
        },
    }
}

const NEW: Text = Text { en: "New messages: {}", es: "Mensajes nuevos: {}" };
const NOT_REACHED: Text = Text {
    en: "Nothing of yours was connected or could be told otherwise.",
    es: "Ningún dispositivo tuyo estaba conectado ni podía recibir avisos.",
};
const STOP: Text = Text { en: "Stop these mails", es: "No recibir más estos correos" };

const UNNAMED: Text = Text { en: "(no name)", es: "(sin nombre)" };
const LOGGED_IN: Text = Text { en: "It happened at {}.", es: "Fue a las {}." };
const NOT_ME: Text = Text {
    en: "If it was you, you need not do anything. If it was not, somebody can read your mail, \
         where the codes arrive: change the password of your mailbox, then log that device out \
         under Settings, Devices.",
    es: "Si fuiste tú, no tienes que hacer nada. Si no, alguien puede leer tu correo, donde llegan \
         los códigos: cambia la contraseña de tu buzón y cierra la sesión de ese dispositivo en \
         Ajustes, Dispositivos.",
};

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::id::OsEntropy;
    use crate::model::text::Email;

    pub(in crate::mail) fn letters() -> Letters {
        let from = "Plaza <no-reply@example.org>".parse().expect("a sender");
        let clock = Arc::new(ManualClock::at(Time(1_732_291_200_007)));
        let name = "Plaza".to_owned();
        Letters::new(from, name, "https://chat.example.org?a&b".into(), clock, Arc::new(OsEntropy))
    }

    pub(in crate::mail) fn mail(to: &str, language: Language, letter: Letter) -> Mail {
        Mail { to: Email::stored(to.into()), language, letter }
    }

    fn all_letters() -> [Letter; 3] {
        let code = || "123456".to_owned();
        [
            Letter::SignUpCode { code: code() },
            Letter::LoginCode { code: code() },
            Letter::AlreadySignedUp { code: code() },
        ]
    }

    #[test]
    fn a_move_is_told_to_both_addresses_and_the_old_one_can_say_no() {
        let to = || Email::stored("ana.new@example.org".into());
        let stay = || "T0ken-x_".to_owned();
        let moved = |by| Letter::Moved { to: to(), by };
        let url = "https://chat.example.org?a&b/mail/stay?t=T0ken-x_";
        for language in Language::ALL {
            let read = |letter: Letter| {
                letters().read(&mail("ana@example.org", language, letter)).expect("read")
            };
            let (subject, text) = read(Letter::MoveCode { code: "123456".into() });
            assert!(subject.starts_with("123456 ") && text.contains("    123456\n"), "{text}");
            let (_, text) = read(Letter::MoveTaken);
            assert!(text.contains("    ana@example.org\n"), "{text}");
            for (letter, can_say_no) in [
                (Letter::Moving { to: to(), stay: stay() }, true),
                (moved(MovedBy::Owner { stay: stay() }), true),
                (moved(MovedBy::Operator), false),
                (moved(MovedBy::Link), false),
            ] {
                let (_, text) = read(letter.clone());
                assert!(text.contains("    ana.new@example.org\n"), "{text}");
                assert_eq!(text.contains(&format!("\n{url}\n")), can_say_no, "{text}");
                assert!(!format!("{letter:?}").contains("T0ken"), "it is a secret");
                assert!(!written(language, letter).contains("List-Unsubscribe"), "a list's");
            }
        }
    }

    #[test]
    fn recovery_codes_are_told_with_a_way_to_void_them() {
        let (at, stay) = (Time(1_732_291_200_007), || "T0ken-x_".to_owned());
        let url = "https://chat.example.org?a&b/mail/stay?t=T0ken-x_";
        let device = "<b>https://evil.example/x".to_owned();
        for language in Language::ALL {
            let read = |letter: Letter| {
                assert!(!format!("{letter:?}").contains("T0ken"), "it is a secret");
                letters().read(&mail("ana@example.org", language, letter)).expect("read")
            };
            let (subject, text) = read(Letter::RecoveryCode { code: "123456".into() });
            assert!(subject.starts_with("123456 ") && text.contains("    123456\n"), "{text}");
            let (_, text) = read(Letter::RecoveryMade { at, stay: stay() });
            assert!(text.contains("    2024-11-22 16:00 UTC\n"), "{text}");
            assert!(text.contains(&format!("\n{url}\n")), "{text}");
            let device = device.clone();
            let (_, text) = read(Letter::Recovered { device, at, left: Some(9), stay: stay() });
            assert!(text.contains("    b https evil example x\n"), "{text}");
            assert!(text.contains('9') && text.contains(&format!("\n{url}\n")), "{text}");
        }
    }

    fn new_device(device: &str) -> Letter {
        Letter::NewDevice { device: device.into(), at: Time(1_732_291_200_007) }
    }

    #[test]
    fn a_new_device_is_told_with_what_to_do_about_it() {
        for (language, words) in [
            (Language::English, ["Subject: New login", "Settings, Devices"]),
            (Language::Spanish, ["Subject: Nuevo acceso", "Ajustes, Dispositivos"]),
            (Language::Chinese, ["Subject: 你的账号有新的登录", "“设置”的“登录设备”"]),
        ] {
            let mail = mail("ana@example.org", language, new_device("Ana's phone"));
            let (subject, text) = letters().read(&mail).expect("read");
            assert!(format!("Subject: {subject}").starts_with(words[0]), "{subject}");
            for words in [words[1], "Ana's phone", "2024-11-22 16:00 UTC"] {
                assert!(text.contains(words), "{words} in {text}");
            }
        }
    }

    #[test]
    fn the_name_of_a_device_becomes_no_link() {
        let evil = "<a href=https://evil.example/x>call +1 555</a>\r\nBcc: x@y.z";
        let mail = mail("ana@example.org", Language::English, new_device(evil));
        let (subject, text) = letters().read(&mail).expect("read");
        assert_eq!(subject, "New login to your account");
        for bad in ["://", "evil.example", "<", "x@y"] {
            assert!(!text.replace("https://chat.example.org", "").contains(bad), "{bad}: {text}");
        }
        assert_eq!(plain(" \u{202e}..", "-", 9), "-");
    }

    fn written(language: Language, letter: Letter) -> String {
        let message = letters().write(&mail("ana@example.org", language, letter)).expect("written");
        String::from_utf8(message.formatted()).expect("ASCII")
    }

    #[test]
    fn the_subject_begins_with_the_code_in_every_language() {
        for language in Language::ALL {
            for letter in all_letters() {
                let text = written(language, letter);
                assert!(text.contains("\r\nSubject: 123456 "), "{text}");
            }
        }
    }

    #[test]
    fn both_parts_say_the_code_how_long_it_works_and_whose_it_is() {
        for letter in all_letters() {
            let mail = mail("ana@example.org", Language::English, letter);
            let page = Page::new(&mail, "Plaza & <b>", "https://chat.example.org?a&b");
            let text = TextPage { page: &page }.render().expect("text");
            let html = HtmlPage { page: &page }.render().expect("HTML");
            for part in [&text, &html] {
                for words in ["123456", "5 minutes", "Do not share", page.intro] {
                    assert!(part.contains(words), "{words} in {part}");
                }
            }
            assert!(text.contains("Plaza & <b> · https://chat.example.org?a&b"), "{text}");
            assert!(
                html.contains("Plaza &#38; &#60;b&#62; · https") && html.contains("org?a&#38;b")
            );
            assert!(!html.contains("<img"), "{html}");
        }
    }

    #[test]
    fn languages_differ_and_letters_differ() {
        let texts: std::collections::HashSet<_> = all_letters()
            .iter()
            .flat_map(|letter| Language::ALL.map(|language| words(letter).1.of(language)))
            .collect();
        assert_eq!(texts.len(), 9);
    }

    #[test]
    fn a_mail_carries_what_mail_servers_ask_for() {
        let text = written(Language::English, Letter::LoginCode { code: "123456".into() });
        for header in [
            "From: Plaza <no-reply@example.org>\r\n",
            "To: ana@example.org\r\n",
            "Date: Fri, 22 Nov 2024 16:00:00 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "MIME-Version: 1.0\r\n",
        ] {
            assert!(text.contains(header), "{header} in {text}");
        }
        assert!(text.contains("@example.org>\r\n") && text.contains("Message-ID: <"), "{text}");
    }

    #[test]
    fn what_was_missed_is_told_with_a_way_to_stop_and_makes_no_link_of_a_name() {
        let chat = |title: &str, last: Option<&str>| MissedChat {
            title: title.into(),
            count: 2,
            is_full: last.is_some(),
            last: last.map(str::to_owned),
        };
        let chats = vec![
            chat("Peña", None),
            chat("<b>https://evil.example/x", Some("see https://evil.example\r\nBcc: x@y.z")),
        ];
        let letter = Letter::Missed { total: 4, chats, stop: "T0ken-x_".into() };
        let message = written(Language::English, letter.clone());
        let url = "https://chat.example.org?a&b/mail/stop?t=T0ken-x_";
        let unfolded = message.replace("\r\n ", " ");
        for header in [
            "Subject: Unread messages: 4\r\n".to_owned(),
            format!("List-Unsubscribe: <{url}>\r\n"),
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n".to_owned(),
        ] {
            assert!(unfolded.contains(&header), "{header} in {message}");
        }
        for language in Language::ALL {
            let mail = mail("ana@example.org", language, letter.clone());
            let (subject, text) = letters().read(&mail).expect("read");
            assert!(subject.contains('4') && text.contains("    Peña (2)\n"), "{text}");
            assert!(text.contains("b https evil example x (2+): see https evil"), "{text}");
            assert!(text.contains(&format!("\n{url}\n")) && !text.contains("evil."), "{text}");
            let page = Page::new(&mail, "Plaza", "https://chat.example.org");
            let html = HtmlPage { page: &page }.render().expect("HTML");
            assert_eq!(html.matches("<a href=").count(), 1, "{html}");
            assert!(html.contains("Peña (2)<br>"), "{html}");
        }
        let alone = Letter::Missed { total: 3, chats: Vec::new(), stop: "x".into() };
        let mail = mail("ana@example.org", Language::English, alone);
        assert!(letters().read(&mail).expect("read").1.contains("    New messages: 3\n"));
        assert!(!format!("{mail:?}").contains('x'), "what stops them is a secret");
        assert!(!written(Language::English, new_device("x")).contains("List-Unsub"));
    }

    #[test]
    fn nothing_gets_into_the_headers() {
        let letter = Letter::LoginCode { code: "123456".into() };
        for to in ["a@b.c\r\nBcc: x@y.z", "a@b.c, x@y.z", "a@b.c\nBcc: x@y.z", "a\0@b.c"] {
            let refused = letters().write(&mail(to, Language::English, letter.clone()));
            assert!(refused.is_err(), "{to:?}");
        }
        let code = "1\r\nBcc: x@y.z\r\n\r\n".to_owned();
        let text = written(Language::English, Letter::LoginCode { code });
        let (headers, _) = text.split_once("\r\n\r\n").expect("headers");
        assert!(!headers.contains("\nBcc"), "{headers}");
    }
}
