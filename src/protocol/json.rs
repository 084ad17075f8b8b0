//! JSON, written as `serde_json` writes it, at a fraction of the cost: names of fields go out as
//! they are, text that needs no escape is copied in one piece, and nothing is written byte by byte
//! through a writer. A page of history is half JSON.
//!
//! Guarantees: the same text as `serde_json::to_string`; a test holds it to that. Called by
//! `frames` for what goes over WebSockets, and by `http` for its answers.

use serde::ser::{self, Error as _, Serialize, Serializer};
use serde_json::Error;

/// What most frames need; pages grow it a few times.
const ROOM: usize = 512;
/// At most so much room is made for a list beforehand.
const MOST: usize = 64 << 10;
/// How `serde_json` tells that a text is JSON already.
const RAW: &str = "$serde_json::private::RawValue";

/// The name of a newtype whose text needs no escape, such as an id's; to other formats it is text.
pub(super) const PLAIN: &str = "$plain";

/// The JSON of a value. Fails only for maps whose keys are no text.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    let mut json = Json { out: String::with_capacity(ROOM), raw: false };
    value.serialize(&mut json)?;
    Ok(json.out)
}

struct Json {
    out: String,
    /// The next text goes out as it is.
    raw: bool,
}

impl Json {
    fn text(&mut self, text: &str) {
        self.out.push('"');
        if is_plain(text.as_bytes()) {
            self.out.push_str(text);
        } else {
            self.escaped(text);
        }
        self.out.push('"');
    }

    fn escaped(&mut self, mut text: &str) {
        while let Some(at) = text.bytes().position(is_special) {
            self.out.push_str(&text[..at]);
            self.escape(text.as_bytes()[at]);
            text = &text[at + 1..];
        }
        self.out.push_str(text);
    }

    fn escape(&mut self, byte: u8) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            other => {
                self.out.push_str("\\u00");
                self.out.push(DIGITS[usize::from(other >> 4)].into());
                return self.out.push(DIGITS[usize::from(other & 15)].into());
            }
        };
        self.out.push_str(short);
    }

    fn number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.out.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
    }

    fn begin(&mut self, open: char, close: char) -> Many<'_> {
        self.out.push(open);
        Many { json: self, close: Some(close), first: true, wrapped: false, others: 0 }
    }

    /// A variant that holds something: an object with its name alone.
    fn variant(&mut self, name: &str) {
        self.out.push('{');
        self.text(name);
        self.out.push(':');
    }
}

/// Whether JSON text must escape a byte.
const fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Whether nothing in a text needs an escape. Many bytes are looked at together, without a branch;
/// the last ones with some before them once more, rather than one by one.
fn is_plain(text: &[u8]) -> bool {
    fn none<const N: usize>(chunk: &[u8; N]) -> bool {
        !chunk.iter().fold(false, |any, &byte| any | is_special(byte))
    }
    fn ends<const N: usize>(text: &[u8]) -> Option<bool> {
        Some(none(text.first_chunk::<N>()?) && none(text.last_chunk::<N>()?))
    }
    if let Some(last) = text.last_chunk::<16>() {
        return none(last) && text.as_chunks::<16>().0.iter().all(none);
    }
    let short = || !text.iter().copied().any(is_special);
    ends::<8>(text).or_else(|| ends::<4>(text)).unwrap_or_else(short)
}

/// What is written one after the other: a list or an object.
struct Many<'a> {
    json: &'a mut Json,
    /// What ends it; none for JSON that was ready.
    close: Option<char>,
    first: bool,
    /// The content of a variant: the object around it ends too.
    wrapped: bool,
    /// So many elements of a list come after the first.
    others: usize,
}

impl Many<'_> {
    fn next(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.json.out.push(',');
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.next();
        let start = self.json.out.len();
        value.serialize(&mut *self.json)?;
        // What comes after the first element will be about as long, and is not to be moved often.
        let others = std::mem::take(&mut self.others);
        self.json.out.reserve((self.json.out.len() - start + 1).saturating_mul(others).min(MOST));
        Ok(())
    }

    /// Names of fields are identifiers: there is nothing to escape. Inlined, so that what is copied
    /// has a length that the compiler knows.
    #[inline(always)]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        if self.close.is_some() {
            self.json.out.push_str(if std::mem::take(&mut self.first) { "\"" } else { ",\"" });
            self.json.out.push_str(name);
            self.json.out.push_str("\":");
        }
        value.serialize(&mut *self.json)
    }

    fn finish(self) -> Result<(), Error> {
        self.json.out.extend(self.close);
        self.json.out.extend(self.wrapped.then_some('}'));
        Ok(())
    }
}

impl<'a> Serializer for &'a mut Json {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Many<'a>;
    type SerializeTuple = Many<'a>;
    type SerializeTupleStruct = Many<'a>;
    type SerializeTupleVariant = Many<'a>;
    type SerializeMap = Many<'a>;
    type SerializeStruct = Many<'a>;
    type SerializeStructVariant = Many<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        if value < 0 {
            self.out.push('-');
        }
        self.serialize_u64(value.unsigned_abs())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.number(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.out.push_str(&serde_json::to_string(&value)?);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.out.push_str(&serde_json::to_string(&value)?);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Error> {
        if std::mem::take(&mut self.raw) {
            self.out.push_str(value);
        } else {
            self.text(value);
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.out.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.text(variant);
        Ok(())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        if name != PLAIN {
            return value.serialize(self);
        }
        self.raw = true;
        self.out.push('"');
        value.serialize(&mut *self)?;
        self.out.push('"');
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.out.push('}');
        Ok(())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Many<'a>, Error> {
        let others = len.unwrap_or_default().saturating_sub(1);
        Ok(Many { others, ..self.begin('[', ']') })
    }

    fn serialize_tuple(self, _: usize) -> Result<Many<'a>, Error> {
        Ok(self.begin('[', ']'))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Many<'a>, Error> {
        Ok(self.begin('[', ']'))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Many<'a>, Error> {
        self.variant(variant);
        Ok(Many { wrapped: true, ..self.begin('[', ']') })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Many<'a>, Error> {
        Ok(self.begin('{', '}'))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Many<'a>, Error> {
        if name == RAW {
            self.raw = true;
            return Ok(Many { json: self, close: None, first: true, wrapped: false, others: 0 });
        }
        Ok(self.begin('{', '}'))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Many<'a>, Error> {
        self.variant(variant);
        Ok(Many { wrapped: true, ..self.begin('{', '}') })
    }
}

impl ser::SerializeSeq for Many<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl ser::SerializeTuple for Many<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl ser::SerializeTupleStruct for Many<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl ser::SerializeTupleVariant for Many<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl ser::SerializeMap for Many<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.next();
        let start = self.json.out.len();
        key.serialize(&mut *self.json)?;
        let is_text = self.json.out.as_bytes().get(start) == Some(&b'"');
        if is_text { Ok(()) } else { Err(Error::custom("a key is a text")) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.json.out.push(':');
        value.serialize(&mut *self.json)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl ser::SerializeStruct for Many<'_> {
    type Ok = ();
    type Error = Error;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl ser::SerializeStructVariant for Many<'_> {
    type Ok = ();
    type Error = Error;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::value::RawValue;

    use super::*;

    fn same<T: Serialize + ?Sized>(value: &T) {
        let expected = serde_json::to_string(value).expect("serde_json writes it");
        assert_eq!(to_string(value).expect("so do we"), expected);
    }

    #[derive(Serialize)]
    enum Shape {
        Nothing,
        One(i32),
        Two(u8, String),
        Named { left: Option<bool>, right: Vec<u64> },
    }

    #[derive(Serialize)]
    struct Flat {
        #[serde(flatten)]
        inner: Inner,
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<u8>,
        pair: (i8, f64),
        unit: (),
    }

    #[derive(Serialize)]
    struct Inner {
        text: String,
    }

    #[test]
    fn every_shape_is_written_as_serde_json_writes_it() {
        same(&Shape::Nothing);
        same(&Shape::One(-5));
        same(&Shape::Two(7, "a\"b".into()));
        same(&Shape::Named { left: None, right: vec![0, 9, 10, u64::MAX] });
        same(&Shape::Named { left: Some(true), right: Vec::new() });
        let inner = Inner { text: "\u{1}\u{8}\u{c}\n\r\t\\\"/ñ小".into() };
        same(&Flat { inner, absent: None, pair: (i8::MIN, 0.1), unit: () });
        same(&BTreeMap::from([("b", i64::MIN), ("a", 0)]));
        same(&('"', f32::NAN, b"bytes", 1.0e300));
    }

    #[test]
    fn json_that_is_ready_goes_out_as_it_is_and_what_follows_as_ever() {
        let ready = RawValue::from_string(r#"{"a": [1, "\n"]}"#.into()).expect("JSON");
        same(&(&ready, "a\"b", vec![&ready, &ready]));
    }

    #[test]
    fn a_key_that_is_no_text_is_refused() {
        assert!(to_string(&BTreeMap::from([((1, 2), 3)])).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_serde_json_writes_it(
            text in any::<String>(), ascii in "[\\x00-\\x7f]{0,80}", number in any::<i64>(),
        ) {
            same(&(text, ascii, number));
        }
    }
}
