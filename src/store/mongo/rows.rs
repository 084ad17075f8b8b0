//! Values in documents: ids as ObjectIds, times as dates, numbers as 64-bit integers.
//!
//! Reading never panics: a document that lacks a field, or holds another type there, is an error
//! that names the field. Nothing from outside is ever a field name or an operator: every text
//! stands as a value. Called by the nouns beside this file.

use mongodb::bson::{Bson, DateTime, Document, deserialize_from_slice, oid, serialize_to_vec};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{
    AuditId, CallId, ChatId, FileId, InvitationId, MessageId, ObjectId, ReportId, SessionId, UserId,
};
use crate::model::auth::AskerKey;
use crate::store::forms::names::Named;

/// What becomes a value of a document.
pub(super) trait ToBson {
    /// The value.
    fn bson(&self) -> Bson;
}

impl ToBson for ObjectId {
    fn bson(&self) -> Bson {
        Bson::ObjectId(oid::ObjectId::from_bytes(self.0))
    }
}

macro_rules! ids_as_object_ids {
    ($($name:ident)*) => {$(
        impl ToBson for $name {
            fn bson(&self) -> Bson {
                self.0.bson()
            }
        }
    )*};
}

ids_as_object_ids!(
    UserId ChatId SessionId MessageId FileId CallId InvitationId AuditId AskerKey ReportId
);

impl ToBson for Time {
    fn bson(&self) -> Bson {
        Bson::DateTime(DateTime::from_millis(self.0))
    }
}

impl<T: ToBson> ToBson for Option<T> {
    fn bson(&self) -> Bson {
        self.as_ref().map_or(Bson::Null, ToBson::bson)
    }
}

impl<T: ToBson> ToBson for [T] {
    fn bson(&self) -> Bson {
        Bson::Array(self.iter().map(ToBson::bson).collect())
    }
}

/// The fields of a form. It goes by way of bytes, since a form that is told that people read it
/// writes ids as text.
pub(super) fn stored(form: &impl Serialize) -> Result<Document> {
    let bytes = serialize_to_vec(form).map_err(Error::internal)?;
    deserialize_from_slice(&bytes).map_err(Error::internal)
}

/// Reads the form of a document, which may have other fields too.
pub(super) fn read_form<T: DeserializeOwned>(document: &Document) -> Result<T> {
    let bytes = document.to_vec().map_err(Error::internal)?;
    deserialize_from_slice(&bytes).map_err(Error::internal)
}

/// A count, seq or rev; more than 2^63 of anything there never is.
pub(super) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The key of a member row.
pub(super) fn seat(chat: ChatId, user: UserId) -> String {
    format!("{chat}/{user}")
}

impl<T: Named> ToBson for T {
    fn bson(&self) -> Bson {
        Bson::String(self.name().into())
    }
}

/// A document that is read.
#[derive(Clone, Copy)]
pub(super) struct Row<'a>(pub(super) &'a Document);

fn broken(key: &str) -> Error {
    Error::internal(format!("a document's field `{key}` is missing or of another type"))
}

impl<'a> Row<'a> {
    fn value(self, key: &str) -> Option<&'a Bson> {
        self.0.get(key).filter(|value| !matches!(value, Bson::Null))
    }

    fn optional<T>(self, key: &str, read: impl Fn(&'a Bson) -> Option<T>) -> Result<Option<T>> {
        self.value(key).map(|value| read(value).ok_or_else(|| broken(key))).transpose()
    }

    /// An id, where there is one.
    pub(super) fn opt_id(self, key: &str) -> Result<Option<ObjectId>> {
        self.optional(key, id)
    }

    /// An ObjectId; an error where there is none.
    pub(super) fn id(self, key: &str) -> Result<ObjectId> {
        self.opt_id(key)?.ok_or_else(|| broken(key))
    }

    /// A user's id.
    pub(super) fn user(self, key: &str) -> Result<UserId> {
        self.id(key).map(UserId)
    }

    /// A chat's id.
    pub(super) fn chat(self, key: &str) -> Result<ChatId> {
        self.id(key).map(ChatId)
    }

    /// A text, where there is one.
    pub(super) fn opt_text(self, key: &str) -> Result<Option<String>> {
        self.optional(key, |value| value.as_str().map(str::to_owned))
    }

    /// A string; an error where there is none.
    pub(super) fn text(self, key: &str) -> Result<String> {
        self.opt_text(key)?.ok_or_else(|| broken(key))
    }

    /// A number, where there is one.
    pub(super) fn opt_count(self, key: &str) -> Result<Option<u64>> {
        self.optional(key, count)
    }

    /// A number; 0 where there is none.
    pub(super) fn count(self, key: &str) -> Result<u64> {
        Ok(self.opt_count(key)?.unwrap_or(0))
    }

    /// A small number; 0 where there is none.
    pub(super) fn small(self, key: &str) -> Result<u32> {
        u32::try_from(self.count(key)?).map_err(|_| broken(key))
    }

    /// A time, where there is one.
    pub(super) fn opt_time(self, key: &str) -> Result<Option<Time>> {
        self.optional(key, |value| match value {
            Bson::DateTime(at) => Some(Time(at.timestamp_millis())),
            _ => None,
        })
    }

    /// A date, in whole milliseconds; an error where there is none.
    pub(super) fn time(self, key: &str) -> Result<Time> {
        self.opt_time(key)?.ok_or_else(|| broken(key))
    }

    /// A switch; off where there is none.
    pub(super) fn flag(self, key: &str) -> Result<bool> {
        Ok(self.optional(key, Bson::as_bool)?.unwrap_or(false))
    }

    /// Thirty-two bytes.
    pub(super) fn digest(self, key: &str) -> Result<[u8; 32]> {
        let bytes = self.optional(key, |value| match value {
            Bson::Binary(binary) => <[u8; 32]>::try_from(binary.bytes.as_slice()).ok(),
            _ => None,
        })?;
        bytes.ok_or_else(|| broken(key))
    }

    /// Bytes, where there are some.
    pub(super) fn opt_bytes(self, key: &str) -> Result<Option<&'a [u8]>> {
        self.optional(key, |value| match value {
            Bson::Binary(binary) => Some(binary.bytes.as_slice()),
            _ => None,
        })
    }

    /// What is stored by its name, where there is one.
    pub(super) fn opt_named<T: Named>(self, key: &str) -> Result<Option<T>> {
        self.optional(key, |value| value.as_str().and_then(T::named))
    }

    /// What is stored by its name; an error where there is none.
    pub(super) fn named<T: Named>(self, key: &str) -> Result<T> {
        self.opt_named(key)?.ok_or_else(|| broken(key))
    }

    /// A document inside, where there is one.
    pub(super) fn opt_row(self, key: &str) -> Result<Option<Row<'a>>> {
        self.optional(key, |value| value.as_document().map(Row))
    }

    /// The documents of an array; none where there is none.
    pub(super) fn rows(self, key: &str) -> Result<Vec<Row<'a>>> {
        self.items(key, |value| value.as_document().map(Row))
    }

    /// The ids of an array; none where there is none.
    pub(super) fn ids(self, key: &str) -> Result<Vec<ObjectId>> {
        self.items(key, id)
    }

    /// The numbers of an array; none where there is none.
    pub(super) fn counts(self, key: &str) -> Result<Vec<u64>> {
        self.items(key, count)
    }

    /// The texts of an array; none where there is none.
    pub(super) fn texts(self, key: &str) -> Result<Vec<String>> {
        self.items(key, |value| value.as_str().map(str::to_owned))
    }

    fn items<T>(self, key: &str, read: impl Fn(&'a Bson) -> Option<T>) -> Result<Vec<T>> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(|| broken(key))?;
        items.iter().map(|item| read(item).ok_or_else(|| broken(key))).collect()
    }
}

fn id(value: &Bson) -> Option<ObjectId> {
    value.as_object_id().map(|id| ObjectId(id.bytes()))
}

/// A number of whatever type a shell or a server made of it.
fn count(value: &Bson) -> Option<u64> {
    match value {
        Bson::Int32(number) => u64::try_from(*number).ok(),
        Bson::Int64(number) => u64::try_from(*number).ok(),
        Bson::Double(number) if *number >= 0.0 && number.fract() == 0.0 => Some(*number as u64),
        _ => None,
    }
}
