//! What nodes ask each other for the directory, and answer, as bytes.
//!
//! Guarantees: what was written is read back; other bytes are refused, and never make anything
//! panic or grow past what they hold themselves. Called by `directory`.
//!
//! An ask: `0 · run of the asked 8 · run of the asker 8 · round 4 · count 2 ·` and for each
//! `part 1 · known 8` (all ones: nothing). An answer: `1 · run of the asker 8 · round 4 ·
//! count 2 ·` and for each `part 1 · number 8 · 0`, or `· 1 · count 4 ·` and for each connection
//! `flags 1 · user 12 · session 12 · instance 12? · chat 12?`. Numbers are big-endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::bus::Spot;
use crate::id::{ChatId, ObjectId, SessionId, UserId};
use crate::model::auth::Instance;

const ASK: u8 = 0;
const ANSWER: u8 = 1;
/// Of a part of which nothing is known.
const NOTHING: u64 = u64::MAX;
const HAS_INSTANCE: u8 = 1;
const HAS_SCOPE: u8 = 2;

/// What a packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Says {
    Ask(Ask),
    Answer(Answer),
}

/// Send these parts, unless they are as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    /// The run that is asked.
    pub(super) of: u64,
    /// The run that asks.
    pub(super) by: u64,
    /// Comes back with the answer.
    pub(super) round: u32,
    /// Each with the shift up to which it is known.
    pub(super) parts: Vec<(u8, Option<u64>)>,
}

/// Some parts as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The run that asked.
    pub(super) to: u64,
    pub(super) round: u32,
    pub(super) parts: Vec<(u8, State)>,
}

/// A part as of a shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) number: u64,
    /// `None`: as it was known.
    pub(super) spots: Option<Vec<Spot>>,
}

/// About how many bytes a part takes in an answer.
pub(super) fn room(state: &State) -> usize {
    14 + state.spots.iter().flatten().map(spot_room).sum::<usize>()
}

fn spot_room(spot: &Spot) -> usize {
    25 + 12 * (usize::from(spot.instance.is_some()) + usize::from(spot.scope.is_some()))
}

/// Writes an ask.
pub(super) fn ask(ask: &Ask) -> Bytes {
    let mut out = BytesMut::with_capacity(23 + 9 * ask.parts.len());
    out.put_u8(ASK);
    out.put_u64(ask.of);
    out.put_u64(ask.by);
    out.put_u32(ask.round);
    // There are 256 parts.
    out.put_u16(ask.parts.len() as u16);
    for (part, known) in &ask.parts {
        out.put_u8(*part);
        out.put_u64(known.unwrap_or(NOTHING));
    }
    out.freeze()
}

/// Writes an answer to an ask.
pub(super) fn answer(ask: &Ask, parts: Vec<(u8, State)>) -> Bytes {
    write(&Answer { to: ask.by, round: ask.round, parts })
}

fn write(answer: &Answer) -> Bytes {
    let rooms = answer.parts.iter().map(|(_, state)| room(state));
    let mut out = BytesMut::with_capacity(15 + rooms.sum::<usize>());
    out.put_u8(ANSWER);
    out.put_u64(answer.to);
    out.put_u32(answer.round);
    out.put_u16(answer.parts.len() as u16);
    for (part, state) in &answer.parts {
        out.put_u8(*part);
        out.put_u64(state.number);
        out.put_u8(u8::from(state.spots.is_some()));
        if let Some(spots) = &state.spots {
            // A node has fewer connections than that.
            out.put_u32(u32::try_from(spots.len()).unwrap_or(u32::MAX));
            spots.iter().for_each(|spot| put_spot(&mut out, spot));
        }
    }
    out.freeze()
}

fn put_spot(out: &mut BytesMut, spot: &Spot) {
    let Spot { user, session, instance, scope } = spot;
    let instance_flag = if instance.is_some() { HAS_INSTANCE } else { 0 };
    let scope_flag = if scope.is_some() { HAS_SCOPE } else { 0 };
    out.put_u8(instance_flag | scope_flag);
    out.put_slice(&user.0.0);
    out.put_slice(&session.0.0);
    instance.iter().for_each(|instance| out.put_slice(&instance.0.0));
    scope.iter().for_each(|scope| out.put_slice(&scope.0.0));
}

/// Reads a packet; `None`: it is not of this form.
pub(super) fn read(mut bytes: Bytes) -> Option<Says> {
    let says = match bytes.try_get_u8().ok()? {
        ASK => Says::Ask(read_ask(&mut bytes)?),
        ANSWER => Says::Answer(read_answer(&mut bytes)?),
        _ => return None,
    };
    bytes.is_empty().then_some(says)
}

fn read_ask(bytes: &mut Bytes) -> Option<Ask> {
    let (of, by) = (bytes.try_get_u64().ok()?, bytes.try_get_u64().ok()?);
    let round = bytes.try_get_u32().ok()?;
    let count = bytes.try_get_u16().ok()?;
    let part = |_| {
        let part = bytes.try_get_u8().ok()?;
        let known = bytes.try_get_u64().ok()?;
        Some((part, (known != NOTHING).then_some(known)))
    };
    let parts = (0..count).map(part).collect::<Option<_>>()?;
    Some(Ask { of, by, round, parts })
}

fn read_answer(bytes: &mut Bytes) -> Option<Answer> {
    let (to, round) = (bytes.try_get_u64().ok()?, bytes.try_get_u32().ok()?);
    let count = bytes.try_get_u16().ok()?;
    let parts = (0..count).map(|_| Some((bytes.try_get_u8().ok()?, read_state(bytes)?)));
    let parts = parts.collect::<Option<_>>()?;
    Some(Answer { to, round, parts })
}

fn read_state(bytes: &mut Bytes) -> Option<State> {
    let number = bytes.try_get_u64().ok()?;
    let spots = match bytes.try_get_u8().ok()? {
        0 => None,
        1 => {
            let count = bytes.try_get_u32().ok()?;
            Some((0..count).map(|_| read_spot(bytes)).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some(State { number, spots })
}

fn read_spot(bytes: &mut Bytes) -> Option<Spot> {
    let flags = bytes.try_get_u8().ok()?;
    if flags & !(HAS_INSTANCE | HAS_SCOPE) != 0 {
        return None;
    }
    let mut id = || {
        let mut id = [0; 12];
        bytes.try_copy_to_slice(&mut id).ok().map(|()| ObjectId(id))
    };
    let (user, session) = (UserId(id()?), SessionId(id()?));
    let instance = if flags & HAS_INSTANCE == 0 { None } else { Some(Instance(id()?)) };
    let scope = if flags & HAS_SCOPE == 0 { None } else { Some(ChatId(id()?)) };
    Some(Spot { user, session, instance, scope })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(byte: u8) -> ObjectId {
        ObjectId([byte; 12])
    }

    fn said() -> Vec<Bytes> {
        let bare = Spot {
            user: UserId(object(1)),
            session: SessionId(object(2)),
            instance: None,
            scope: None,
        };
        let instance = Some(Instance(object(3)));
        let named = Spot { instance, ..bare.clone() };
        let narrow = Spot { scope: Some(ChatId(object(4))), ..named.clone() };
        let parts = vec![(0, None), (7, Some(3)), (255, Some(0))];
        let asked = Ask { of: 5, by: 6, round: 7, parts };
        let whole = State { number: 9, spots: Some(vec![bare, named, narrow]) };
        let same = State { number: 3, spots: None };
        let none = State { number: 0, spots: Some(Vec::new()) };
        vec![ask(&asked), answer(&asked, vec![(0, whole), (7, same), (255, none)])]
    }

    #[test]
    fn a_packet_is_read_back_and_no_part_of_it_is_a_packet() {
        for bytes in said() {
            let again = match read(bytes.clone()).expect("read") {
                Says::Ask(asked) => ask(&asked),
                Says::Answer(answer) => {
                    let rooms: usize = answer.parts.iter().map(|(_, state)| room(state)).sum();
                    assert!(rooms.abs_diff(bytes.len()) < 20, "as much room as it takes");
                    write(&answer)
                }
            };
            assert_eq!(again, bytes);
            for length in 0..bytes.len() {
                assert_eq!(read(bytes.slice(..length)), None, "{length}");
            }
            assert_eq!(read(Bytes::from([&bytes[..], b"x"].concat())), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            kind in 0u8..3,
            rest in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = read(Bytes::from([&[kind], &rest[..]].concat()));
        }
    }
}
