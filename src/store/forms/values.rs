//! Ids, times and bytes inside forms: in JSON hex digits, milliseconds and Base64, in BSON what
//! BSON has for them, so that indexes and people find them there.
//!
//! JSON says of itself that people read it, and BSON that they do not: that tells them apart. Where
//! serde has no word for a BSON type, BSON's serializer goes by the names of structs and fields.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Time;
use crate::id::ObjectId;

/// Hex digits in JSON, an ObjectId in BSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(pub(super) ObjectId);

#[derive(Serialize)]
#[serde(rename = "$oid")]
struct BsonId<'a> {
    #[serde(rename = "$oid")]
    digits: &'a str,
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.0.digits();
        let digits = std::str::from_utf8(&digits).map_err(S::Error::custom)?;
        if serializer.is_human_readable() {
            serializer.serialize_str(digits)
        } else {
            BsonId { digits }.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(IdVisitor)
        } else {
            deserializer.deserialize_bytes(IdVisitor)
        }
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: serde::de::Error>(self, digits: &str) -> Result<Id, E> {
        ObjectId::parse(digits).map(Id).map_err(|_| E::custom("not an id"))
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Id, E> {
        bytes.try_into().map(|bytes| Id(ObjectId(bytes))).map_err(E::custom)
    }
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At(pub(super) Time);

#[derive(Serialize, Deserialize)]
#[serde(rename = "$date")]
struct BsonDate {
    #[serde(rename = "$date")]
    at: BsonMillis,
}

#[derive(Serialize, Deserialize)]
struct BsonMillis {
    #[serde(rename = "$numberLong")]
    digits: String,
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.millis();
        if serializer.is_human_readable() {
            serializer.serialize_i64(millis)
        } else {
            BsonDate { at: BsonMillis { digits: millis.to_string() } }.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = if deserializer.is_human_readable() {
            i64::deserialize(deserializer)?
        } else {
            let date = BsonDate::deserialize(deserializer)?;
            date.at.digits.parse().map_err(D::Error::custom)?
        };
        Ok(Self(Time(millis)))
    }
}

/// A few bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&BASE64.encode(&self.0))
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(BytesVisitor)
        } else {
            deserializer.deserialize_bytes(BytesVisitor)
        }
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
        BASE64.decode(text).map(Bytes).map_err(E::custom)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }
}
