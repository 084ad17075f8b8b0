//! The operations and events of the WebSocket, each once.
//!
//! A row names an operation and says in a line what it does, what it takes, and what a good reply
//! carries. From the rows come the reader of requests with the type of each reply (`Command`), the
//! description of the protocol (`asyncapi`), the types of the client library, and the table in
//! `docs/protocol.md`.
//!
//! To add an operation: a row here, the type of its data beside the other frames if none of them
//! fits, and an arm in `ws::commands`, which the compiler asks for. Tests then ask for its sample
//! and its section in the documents (`docs/first-change.md`).
//!
//! Invariant: a request is answered by what its row says, or refused (`Reply`).
//!
//! Called by `ws`; read by `asyncapi` and by the tests that hold the documents (`tests/golden`).

use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::account::Export;
use super::alerts::Alerts;
use super::bodies;
use super::call_frames::{
    AliveFrame, CallRef, CallReply, LeaveFrame, ReportFrame, RestartFrame, SignalFrame,
};
use super::calls::{Call, JoinedCall, StartCall};
use super::frames::{
    CallSignal, Done, EditFrame, ForwardFrame, Hello, HideFrame, Identify, JoinRequest,
    MemberReply, MessageRef, MessageReply, PinFrame, ReactFrame, Receipt, Resync, SendFrame,
    SentReply, Typing, TypingFrame, WatchFrame, granted,
};
use super::people::Presence;
use super::reports::Report;
use super::rows::{Chat, Message};
use super::sync::{Have, Membership, News};
use crate::error::Result;
use crate::hub::Frame;

/// Makes the schema of a type, and puts the types that it names where all schemas are.
pub type Made = fn(&mut SchemaGenerator) -> Schema;

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What documents tell of an operation.
pub struct Operation {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What its data is.
    pub takes: Made,
    /// What a good reply carries.
    pub gives: Made,
}

impl Operation {
    const fn of<T: JsonSchema, G: JsonSchema>(name: &'static str, about: &'static str) -> Self {
        Self { name, about, takes: schema::<T>, gives: schema::<G> }
    }
}

/// What documents tell of an event.
pub struct Told {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it tells.
    pub about: &'static str,
    /// What its data is.
    pub carries: Made,
}

impl Told {
    const fn of<T: JsonSchema>(name: &'static str, about: &'static str) -> Self {
        Self { name, about, carries: schema::<T> }
    }
}

/// The reply that a request waits for: to whom, and what a good one carries.
pub struct Reply<R> {
    id: u64,
    carries: PhantomData<fn(&R)>,
}

impl<R: Serialize> Reply<R> {
    const fn to(id: u64) -> Self {
        Self { id, carries: PhantomData }
    }

    /// The id of the request.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The frame of a good reply.
    pub fn granted(self, ok: &R) -> Frame {
        granted(self.id, ok)
    }
}

/// The type of an operation's data; one that takes none is not read at all.
macro_rules! data {
    () => {
        Done
    };
    ($takes:ty) => {
        $takes
    };
}

/// How that data is read.
macro_rules! read {
    ($json:ident) => {
        Ok(Done {})
    };
    ($json:ident $takes:ty) => {
        bodies::read::<$takes>($json.as_bytes())
    };
}

macro_rules! operations {
    (
        $first:expr;
        $($name:literal => $Command:ident($($takes:ty)?) -> $gives:ty, $about:literal;)*
    ) => {
        /// Every operation, in the order of the documents.
        pub const OPERATIONS: &[Operation] = &[
            $first,
            $(Operation::of::<data!($($takes)?), $gives>($name, $about),)*
        ];

        /// A request that is well formed: its data, and the reply that it waits for.
        pub enum Command {
            $(#[doc = concat!($about, ".")] $Command(data!($($takes)?), Reply<$gives>),)*
        }

        impl Command {
            /// What the request `id` asks by an operation's name; `None`: there is none of this
            /// name that may be asked at any time.
            pub fn read(op: &str, id: u64, json: &str) -> Option<Result<Self>> {
                match op {
                    $($name => Some({
                        let data: Result<data!($($takes)?)> = read!(json $($takes)?);
                        data.map(|data| Self::$Command(data, Reply::to(id)))
                    }),)*
                    _ => None,
                }
            }
        }
    };
}

operations! {
    // The request of a stranger, which `ws::session` reads: it is asked once, and no command.
    Operation::of::<Identify, Done>("identify", "Say who you are");
    "message.send" => Send(SendFrame) -> SentReply, "Send a message";
    "message.edit" => Edit(EditFrame) -> MessageReply, "Give your message a new text";
    "message.delete" => Delete(MessageRef) -> MessageReply, "Delete for everyone";
    "message.react" => React(ReactFrame) -> MessageReply, "Put an emoji or take it away";
    "message.pin" => Pin(PinFrame) -> MessageReply, "Pin or unpin";
    "message.hide" => Hide(HideFrame) -> MemberReply, "Hide for yourself";
    "message.forward" => Forward(ForwardFrame) -> SentReply, "Send a message on";
    "read" => Read(MessageRef) -> MemberReply, "Move your read cursor";
    "delivered" => Delivered(MessageRef) -> MemberReply, "Move your delivered cursor";
    "typing" => Typing(TypingFrame) -> Done, "Say that you write, or stopped";
    "presence.watch" => Watch(WatchFrame) -> Done, "Say who is on screen";
    "call.start" => CallStart(StartCall) -> JoinedCall, "Call somebody";
    "call.accept" => CallAccept(CallRef) -> JoinedCall, "Answer a call";
    "call.reject" => CallReject(CallRef) -> CallReply, "Refuse a call";
    "call.cancel" => CallCancel(LeaveFrame) -> CallReply, "Take a call back";
    "call.hangup" => CallHangUp(LeaveFrame) -> CallReply, "End a call";
    "call.alive" => CallAlive(AliveFrame) -> CallReply, "Say that you ring or are in it";
    "call.restart" => CallRestart(RestartFrame) -> JoinedCall, "Negotiate anew";
    "call.signal" => CallSignal(SignalFrame) -> Done, "Tell the other device";
    "call.report" => CallReport(ReportFrame) -> Done, "Tell how a call went";
    "call.get" => CallGet(CallRef) -> JoinedCall, "Ask how a call stands";
    "sync" => Sync(Have) -> News, "Catch up";
    "ping" => Ping() -> Done, "Ask whether the server is there";
}

/// The names of all operations.
pub fn names() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|operation| operation.name)
}

/// Every event, in the order of the documents.
pub const EVENTS: &[Told] = &[
    Told::of::<Hello>("hello", "The connection is live: sync now"),
    Told::of::<Message>("message", "A row is new or changed"),
    Told::of::<Chat>("chat", "A chat's own fields as they are now"),
    Told::of::<Membership>("member", "Your own membership changed"),
    Told::of::<Alerts>("alerts", "What you want to be told of, said on another device"),
    Told::of::<Report>("report", "What became of a report of yours"),
    Told::of::<Export>("export", "The copy of your data is ready, or could not be made"),
    Told::of::<JoinRequest>("join_request", "Somebody asks to come into your group, or no more"),
    Told::of::<Receipt>("receipt", "Another member has read or received"),
    Told::of::<Typing>("typing", "Somebody writes, or stopped"),
    Told::of::<Presence>("presence", "Whether somebody whom you watch is online"),
    Told::of::<Call>("call", "How a call stands"),
    Told::of::<CallSignal<'static>>("call.signal", "What the other device of a call says"),
    Told::of::<Resync>("resync", "Sync: something could not be told in order"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_but_the_first_is_a_command_and_no_name_is_there_twice() {
        let names: Vec<_> = super::names().collect();
        assert_eq!(names.first(), Some(&"identify"));
        assert!(names[1..].iter().all(|name| Command::read(name, 1, "{").is_some()));
        assert!(Command::read("identify", 1, "{}").is_none());
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn a_ping_reads_no_data_and_others_do() {
        assert!(matches!(Command::read("ping", 1, "[5]"), Some(Ok(Command::Ping(..)))));
        assert!(matches!(Command::read("read", 1, "[5]"), Some(Err(_))));
        assert!(Command::read("peng", 1, "{}").is_none());
    }
}
