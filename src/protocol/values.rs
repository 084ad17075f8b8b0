//! Ids and moments on the wire. Called by the rows and bodies of `protocol`.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use utoipa::ToSchema;

use super::json;
use crate::clock::Time;
use crate::id::{self, ObjectId};

/// An id on the wire: 24 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9a-fA-F]{24}$", example = "6740a1b2c3d4e5f601234567")]
pub struct Id(pub ObjectId);

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        plain(&self.0.digits(), serializer)
    }
}

/// Writes a text in which nothing needs an escape.
fn plain<S: Serializer>(text: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let text = std::str::from_utf8(text).map_err(ser::Error::custom)?;
    serializer.serialize_newtype_struct(json::PLAIN, text)
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        ObjectId::parse(&text)
            .map(Self)
            .map_err(|_| de::Error::custom("an id is 24 hexadecimal digits"))
    }
}

impl JsonSchema for Id {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-fA-F]{24}$" })
    }
}

macro_rules! ids_on_the_wire {
    ($($name:ident),*) => {$(
        impl From<id::$name> for Id {
            fn from(id: id::$name) -> Self {
                Self(id.0)
            }
        }
        impl From<Id> for id::$name {
            fn from(id: Id) -> Self {
                Self(id.0)
            }
        }
    )*};
}
ids_on_the_wire!(
    UserId,
    ChatId,
    SessionId,
    MessageId,
    FileId,
    CallId,
    ReportId,
    Incarnation,
    InvitationId,
    AuditId
);

/// Makes a value of the wire from the one of the same name that the rules know, and back.
macro_rules! both_ways {
    ($mine:ident $theirs:ty: $($name:ident)*) => {
        impl From<$theirs> for $mine {
            fn from(value: $theirs) -> Self {
                match value { $(<$theirs>::$name => Self::$name,)* }
            }
        }
        impl From<$mine> for $theirs {
            fn from(value: $mine) -> Self {
                match value { $($mine::$name => Self::$name,)* }
            }
        }
    };
}
pub(super) use both_ways;

/// Ids of the wire as the rules know them.
pub(super) fn ids<T: From<Id>>(ids: Vec<Id>) -> Vec<T> {
    ids.into_iter().map(T::from).collect()
}

/// A moment on the wire: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-22T16:00:00.007Z")]
pub struct Moment(pub Time);

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        plain(&self.0.digits(), serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let stamp: jiff::Timestamp = text
            .parse()
            .map_err(|_| de::Error::custom("a time looks like 2026-11-22T16:00:00Z (RFC 3339)"))?;
        Ok(Self(Time(stamp.as_millisecond())))
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl From<Time> for Moment {
    fn from(time: Time) -> Self {
        Self(time)
    }
}

/// Whether a switch is off, so that rows may leave it out.
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

/// Whether a count is none, so that rows may leave it out.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
pub(super) const fn is_zero(count: &u64) -> bool {
    *count == 0
}
