//! What clients send: request bodies, and the reader that names the field that is wrong.
//!
//! `/api/v1` refuses unknown fields by name, so that a typing mistake is not lost in silence; the
//! original endpoints ignore them. Lengths and contents are checked by the domain's own types.
//! Called by `http` and `ws`.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::alerts::Level;
use super::groups::{Role, Who};
use super::people::{AddedBy, Privacy, Strangers, Tongue};
use super::values::{Id, Moment, ids};
use crate::core::messages::Draft;
use crate::error::{Code, Error, Result, Text, text};
use crate::model::text::{Body, ClientMsgId};

const NOT_JSON: Text = Text {
    en: "This is not JSON in UTF-8: look at line {}, column {}.",
    es: "Esto no es JSON en UTF-8: mira la línea {}, columna {}.",
};
const UNKNOWN: Text = Text {
    en: "There is no field of this name here. Check the spelling, or leave it out.",
    es: "Ese campo no existe aquí. Revisa cómo está escrito o quítalo.",
};
const TWICE: Text = Text { en: "This field is given twice.", es: "Este campo aparece dos veces." };
const WRONG: Text = Text { en: "This does not fit: {}.", es: "Esto no encaja: {}." };
const NOT_AN_OBJECT: Text = Text {
    en: "The body must be a JSON object, like {\"name\":\"Ana\"}.",
    es: "El cuerpo es un objeto JSON, como {\"name\":\"Ana\"}.",
};

/// The text of a message that may have files beside it.
pub(super) fn text_of(body: &str, attachments: &[Id]) -> Result<Body> {
    match attachments {
        [] => Body::parse("body", body),
        _ => Body::beside_files("body", body),
    }
}

/// Reads a body. An error names the field where one is at fault.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    // Derived readers would take a list for an object, field by field.
    if json.trim_ascii_start().first() == Some(&b'[') {
        return Err(Error::new(Code::BadRequest, NOT_AN_OBJECT));
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read = serde_path_to_error::deserialize(&mut reader);
    let body = read.map_err(|error| wrong(&error.path().to_string(), error.inner()))?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(body)
}

fn not_json(error: &serde_json::Error) -> Error {
    Error::new(Code::BadRequest, NOT_JSON)
        .arg(error.line().to_string())
        .arg(error.column().to_string())
}

/// What serde found wrong at `path`. Its messages are the only place that names missing and
/// unknown fields; tests below hold them.
fn wrong(path: &str, error: &serde_json::Error) -> Error {
    if error.classify() != serde_json::error::Category::Data {
        return not_json(error);
    }
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(text, _)| text);
    let quoted = || message.split('`').nth(1).unwrap_or_default();
    let parent = if path == "." { "" } else { path };
    if message.starts_with("missing field `") {
        Error::field_named(&joined(parent, quoted()), text::MISSING)
    } else if message.starts_with("unknown field `") {
        let parent = parent.rsplit_once('.').map_or("", |(parent, _)| parent);
        Error::field_named(&joined(parent, quoted()), UNKNOWN)
    } else if message.starts_with("duplicate field `") {
        Error::field_named(&joined(parent, quoted()), TWICE)
    } else if parent.is_empty() {
        Error::new(Code::BadRequest, NOT_AN_OBJECT)
    } else {
        Error::field_named(parent, WRONG).arg(message)
    }
}

fn joined(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// Tells `null` (take it away) from absent (leave it as it is).
fn nullable<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Asks for an account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// Shown to others: 1 to 64 characters.
    #[schema(example = "Ana", min_length = 1, max_length = 64)]
    pub name: String,
    /// Where the code goes.
    #[schema(example = "ana@example.org", format = Email)]
    pub email: String,
    /// The address for push notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_token: Option<String>,
    /// The language of mails; by default that of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Tongue>,
    /// The code of an invitation to the server, which is the end of its link. Where sign-up is by
    /// invitation (`sign_up` of `GET /server`), the mail brings a code only if this works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
    /// The `ticket` that an earlier answer gave, so that nobody else can use up what is yours;
    /// empty: there is none yet, and that of this answer will be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// Asks for a login code.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskCode {
    /// The account's address.
    #[schema(example = "ana@example.org", format = Email)]
    pub email: String,
    /// The `ticket` that an earlier answer gave, so that nobody else can use up what is yours;
    /// empty: there is none yet, and that of this answer will be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// Opens a session by a code.
#[derive(Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// The account's address.
    #[schema(example = "ana@example.org", format = Email)]
    pub email: String,
    /// The six digits from the mail.
    #[schema(example = "123456")]
    pub code: String,
    /// What the client calls itself, for the list of devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ana's phone")]
    pub device: Option<String>,
    /// The `ticket` of the answer by which the code was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// A change of one's own profile; absent fields stay as they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMe {
    /// New name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New description, at most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// New push address; null takes it away.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub push_token: Option<Option<String>>,
    /// New privacy switches, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Privacy>,
    /// What strangers may do from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Strangers>,
    /// Who may put you into a group from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<AddedBy>,
    /// New language of mails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Tongue>,
}

/// Opens the direct chat with a person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenDirect {
    /// With whom.
    pub user: Id,
}

/// A change of what the caller set for itself in a chat; absent fields stay as they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMember {
    /// No alerts but of mentions until then; null: alerts again.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Moment>)]
    pub muted_until: Option<Option<Moment>>,
    /// Be told of these messages; null: as your alerts say.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Level>)]
    pub alerts: Option<Option<Level>>,
    /// Keep on top of the list, or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Clear what is there up to this seq, for the caller alone; only grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hide_seq: Option<u64>,
    /// What to be called in this group, 1 to 64 characters; null: by one's own name again.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub nick: Option<Option<String>>,
    /// Put the announcement with this seq away; only grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement_seen: Option<u64>,
    /// What the caller calls the chat, or the other person of it; null takes it away. Nobody else
    /// learns it.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub remark: Option<Option<String>>,
}

/// Creates a group; the caller becomes its owner.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGroup {
    /// 1 to 128 characters.
    #[schema(example = "Sunday walks", min_length = 1, max_length = 128)]
    pub title: String,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Found by search and open to all.
    #[serde(default)]
    pub public: bool,
    /// New members see what was written before.
    #[serde(default)]
    pub history_shared: bool,
    /// Who else is in it from the start.
    #[serde(default)]
    pub members: Vec<Id>,
}

/// A change of a group; absent fields stay as they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditGroup {
    /// New title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// New description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Found by search and open to all, or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// Show what was written before to new members, or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_shared: Option<bool>,
    /// New rules; changed in a request of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<EditRules>,
    /// A new announcement, at most 2,000 characters; empty: none. In a request of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub announcement: Option<String>,
}

/// A change of a group's rules; absent fields stay as they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditRules {
    /// Who may send and edit messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Who>,
    /// Seconds between two messages of a plain member, at most an hour; 0: slow mode is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 3600)]
    pub slow: Option<u32>,
    /// Who may add people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add: Option<Who>,
    /// Those who come by a link, or find the group, wait until an admin lets them in; or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<bool>,
}

/// Silences a member.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// Until when; at most 366 days away.
    pub until: Moment,
}

/// Brings people into a group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMembers {
    /// Whom.
    pub users: Vec<Id>,
}

/// Gives a member another rank.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// `admin` or `member`.
    pub role: Role,
}

/// Makes another member the owner.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// To whom.
    pub user: Id,
}

/// Makes an invitation link.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvite {
    /// After how many seconds it stops to work, at most a year; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 604_800, minimum = 1, maximum = 31_536_000)]
    pub expires_in: Option<u64>,
    /// How often it may be used; absent: without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
}

/// Sends a message: a text, files, or both.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// The sender's idempotency key, 1 to 64 visible ASCII characters, a UUID v7 at best: the same
    /// key in the same chat gives the first message again. The header `Idempotency-Key` may stand
    /// in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "0193557e-0c1a-7bb0-9b5e-5f2a6f0f6a11", pattern = "^[!-~]{1,64}$")]
    pub client_msg_id: Option<String>,
    /// At most 16 KiB; empty or absent only beside files.
    #[serde(default)]
    #[schema(example = "hola", max_length = 16_384)]
    pub body: String,
    /// Ids of files that you uploaded; at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Id>,
    /// The seq of the message that this one answers, in the same chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    /// People mentioned, members of the chat; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Id>,
    /// Everybody is mentioned.
    #[serde(default)]
    pub mention_all: bool,
}

impl SendMessage {
    /// The message that the sender means; `key` is that of the body or of the header.
    pub fn draft(self, key: ClientMsgId) -> Result<Draft> {
        let body = text_of(&self.body, &self.attachments)?;
        Ok(Draft {
            attachments: ids(self.attachments),
            reply_to: self.reply_to,
            mentions: ids(self.mentions),
            mention_all: self.mention_all,
            ..Draft::new(key, body)
        })
    }
}

/// `POST /nsg`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OriginalSignUp {
    /// Shown to others.
    #[schema(example = "Ana", min_length = 1, max_length = 64)]
    pub name: String,
    /// Where the code goes.
    #[schema(example = "ana@example.org", format = Email)]
    pub email: String,
    /// A picture in base64, with or without `data:image/…;base64,` before it; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_avatar: Option<String>,
    /// Where to reach the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<OriginalCredentials>,
    /// The code of an invitation to the server, where sign-up is by invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
}

/// Where to reach the phone.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OriginalCredentials {
    /// The address for push notifications; empty: none.
    #[serde(default)]
    pub push_token: Option<String>,
}

/// `POST /l`, when the address is not in the query.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OriginalLogin {
    /// The account's address.
    #[schema(example = "ana@example.org", format = Email)]
    pub email: String,
}

/// `PUT /cv`, when address and code are not in the query.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct OriginalVerify {
    /// The account's address.
    #[schema(example = "ana@example.org", format = Email)]
    pub email: String,
    /// The six digits from the mail.
    pub temp_code: TypedCode,
}

/// A code as text or as a number, which has lost its leading zeros.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(example = "123456")]
pub enum TypedCode {
    /// As text.
    Text(String),
    /// As a number.
    Number(u32),
}

impl TypedCode {
    /// The text that was meant.
    pub fn digits(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => format!("{number:06}"),
        }
    }
}

/// `PUT /sndmsg`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OriginalSend {
    /// The sender's idempotency key: the same key in the same chat gives the first message again.
    #[schema(example = "0193557e-0c1a-7bb0-9b5e-5f2a6f0f6a11", pattern = "^[!-~]{1,64}$")]
    pub message_id: String,
    /// The text; empty or absent only beside files.
    #[serde(default)]
    #[schema(example = "hola", max_length = 16_384)]
    pub body: String,
    /// 8: text, 65: images, 59: videos, 22: any files; absent: what the files say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 8)]
    pub body_type: Option<u16>,
    /// Ids of files that you uploaded; at most 10.
    #[serde(default, alias = "attachments", skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Id>,
    /// The seq of the message that this one answers, in the same chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
}

impl OriginalSend {
    /// The message that the sender means.
    pub fn draft(self) -> Result<Draft> {
        let key = ClientMsgId::parse("message_id", &self.message_id)?;
        let body = text_of(&self.body, &self.files)?;
        Ok(Draft { attachments: ids(self.files), reply_to: self.reply_to, ..Draft::new(key, body) })
    }
}

/// `PUT /sndmsg` as a form: the same fields, and the files themselves as parts with a file name.
#[derive(Debug, Clone, ToSchema)]
pub struct OriginalSendForm {
    /// The sender's idempotency key.
    pub message_id: String,
    /// The text; empty or absent only beside files.
    pub body: Option<String>,
    /// 8: text, 65: images, 59: videos, 22: any files; absent: what the files say.
    pub body_type: Option<u16>,
    /// The seq of the message that this one answers, in the same chat.
    pub reply_to: Option<u64>,
    /// Ids of files that you uploaded, or files; as many such parts as there are files, at most 10
    /// in all.
    #[schema(value_type = Option<Vec<String>>, format = Binary)]
    pub files: Option<Vec<Vec<u8>>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T: DeserializeOwned>(json: &[u8]) -> (Code, Option<String>) {
        let error = read::<T>(json).err().expect("a refusal");
        (error.code, error.field.map(|field| field.into_owned()))
    }

    #[test]
    fn the_wrong_field_is_named() {
        for (json, field) in [
            (r#"{"name":"Ana"}"#, "email"),
            (r#"{"name":5,"email":"a@b.c"}"#, "name"),
            (r#"{"name":"Ana","email":"a@b.c","nmae":1}"#, "nmae"),
            (r#"{"name":"Ana","name":"Eva","email":"a@b.c"}"#, "name"),
            (r#"{"name":"Ana","email":"a@b.c","language":"klingon"}"#, "language"),
        ] {
            let expected = (Code::BadField, Some(field.to_owned()));
            assert_eq!(refusal::<SignUp>(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn a_field_within_a_field_is_named_by_its_path() {
        let json = br#"{"privacy":{"presence":true,"receipts":1,"found_by_email":true}}"#;
        let expected = (Code::BadField, Some("privacy.receipts".to_owned()));
        assert_eq!(refusal::<ChangeMe>(json), expected);
        let json = br#"{"privacy":{"presence":true,"receipts":true,"found":true}}"#;
        let expected = (Code::BadField, Some("privacy.found".to_owned()));
        assert_eq!(refusal::<ChangeMe>(json), expected);
        let expected = (Code::BadField, Some("users[1]".to_owned()));
        assert_eq!(
            refusal::<AddMembers>(br#"{"users":["6740a1b2c3d4e5f601234567","x"]}"#),
            expected
        );
    }

    #[test]
    fn what_is_no_json_object_is_a_bad_request() {
        for json in
            [&b""[..], b"{", b"[]", b"[\"a@b.c\"]", b"null", b"\xff", b"{\"name\":\"\xff\"}"]
        {
            assert_eq!(refusal::<SignUp>(json), (Code::BadRequest, None), "{json:?}");
        }
        assert_eq!(refusal::<ChangeMe>(b"{} x"), (Code::BadRequest, None));
    }

    #[test]
    fn a_code_is_a_number_or_a_text() {
        let code = |json: &str| {
            let json = format!(r#"{{"email":"a@b.c","temp_code":{json}}}"#);
            read::<OriginalVerify>(json.as_bytes()).map(|body| body.temp_code.digits()).ok()
        };
        assert_eq!(code("123456").as_deref(), Some("123456"));
        assert_eq!(code("42").as_deref(), Some("000042"));
        assert_eq!(code("\"012345\"").as_deref(), Some("012345"));
        assert_eq!(code("true"), None);
        assert_eq!(code("-1"), None);
    }

    #[test]
    fn null_is_told_from_absent() {
        let absent: ChangeMe = read(b"{}").expect("a fine body");
        let null: ChangeMe = read(br#"{"push_token":null}"#).expect("a fine body");
        assert_eq!((absent.push_token, null.push_token), (None, Some(None)));
    }

    #[test]
    fn the_original_endpoints_ignore_what_they_do_not_know() {
        let json = br#"{"name":"Ana","email":"a@b.c","profile_avatar":"AAAA","x":1}"#;
        assert!(read::<OriginalSignUp>(json).is_ok());
    }
}
