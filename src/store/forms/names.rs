//! The names by which stores and the bus keep values of few kinds.
//!
//! Called by the forms, and by `mongo`, which keeps them in fields of their own.

use crate::error::Language;
use crate::model::chats::{ChatKind, Level, MemberState, Role};
use crate::model::contacts::{AddedBy, Strangers, TieState};
use crate::model::reports::Stage;

/// What is kept by its name.
pub trait Named: Copy {
    /// Its name, which never changes.
    fn name(self) -> &'static str;
    /// The value of a name; `None` where it is no value's.
    fn named(name: &str) -> Option<Self>;
}

macro_rules! names {
    ($($type:ident { $($value:ident = $name:literal)* })*) => {$(
        impl Named for $type {
            fn name(self) -> &'static str {
                match self { $(Self::$value => $name,)* }
            }

            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$value),)* _ => None }
            }
        }
    )*};
}

names! {
    Stage { Open = "open" Taken = "taken" Answered = "answered" }
    ChatKind { Direct = "direct" Group = "group" }
    Role { Member = "member" Admin = "admin" Owner = "owner" }
    MemberState {
        Active = "active" Left = "left" Removed = "removed" Banned = "banned"
        Requested = "requested"
    }
    Level { Nothing = "nothing" Mentions = "mentions" All = "all" }
    TieState {
        None = "none" Asks = "asks" Asked = "asked" Known = "known" Refused = "refused"
        Removed = "removed"
    }
    Strangers { Everyone = "everyone" Requests = "requests" Contacts = "contacts" }
    AddedBy { Everyone = "everyone" Contacts = "contacts" Nobody = "nobody" }
    Language { English = "en" Spanish = "es" Chinese = "zh" }
}
