//! Why a connection is closed: the one table of close codes.
//!
//! Codes from 4000 to 4499 say "come back, and sync"; codes from 4500 to 4999 say "do not come back
//! as you are" (RFC 6455, section 7.4.2, leaves 4000–4999 to applications). Called by the hub, `ws`
//! and the documents.

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The server stops or restarts.
    Restart,
    /// Nothing came from the client for a whole heartbeat.
    HeartbeatMissed,
    /// No `identify` came in time.
    IdentifyLate,
    /// The client kept asking although it was told to wait.
    TooFast,
    /// The client reads more slowly than its events come.
    Slow,
    /// The user has opened more connections than are allowed at once; this was the oldest.
    TooMany,
    /// The server cannot serve at the moment.
    Unavailable,
    /// The token is unknown or over.
    BadToken,
    /// What came is not this protocol.
    Protocol,
    /// The session was closed: logged out, here or on another device.
    Revoked,
    /// The user is no longer a member of the chat that this connection is for.
    NotMember,
}

/// A close code's row in the table.
pub struct CloseRow {
    /// The number on the wire.
    pub number: u16,
    /// The reason on the wire: cause and cure for a developer, at most 123 bytes.
    pub reason: &'static str,
}

impl CloseCode {
    /// Every code, for documents and tests.
    pub const ALL: [Self; 11] = [
        Self::Restart,
        Self::HeartbeatMissed,
        Self::IdentifyLate,
        Self::TooFast,
        Self::Slow,
        Self::TooMany,
        Self::Unavailable,
        Self::BadToken,
        Self::Protocol,
        Self::Revoked,
        Self::NotMember,
    ];

    /// The code's row in the table.
    pub const fn row(self) -> CloseRow {
        let (number, reason) = match self {
            Self::Restart => (4000, "the server restarts; come back and sync"),
            Self::HeartbeatMissed => (4001, "no answer to a ping; come back and sync"),
            Self::IdentifyLate => (4002, "send `identify` within 10 s"),
            Self::TooFast => (4007, "too many requests; heed `retry_after`, come back later"),
            Self::Slow => (4008, "read faster than events come; come back and sync"),
            Self::TooMany => (4009, "too many connections of this user; the oldest was closed"),
            Self::Unavailable => (4013, "the server cannot serve at the moment; come back later"),
            Self::BadToken => (4500, "the token is unknown or over; log in again"),
            Self::Protocol => (4501, "this is not the protocol; see docs/protocol.md"),
            Self::Revoked => (4503, "the session was closed; log in again"),
            Self::NotMember => (4506, "you are no longer a member of this chat"),
        };
        CloseRow { number, reason }
    }

    /// Whether the client should come back by itself, after a pause.
    pub const fn comes_back(self) -> bool {
        self.row().number < 4500
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_distinct_and_reasons_fit_a_close_frame() {
        let numbers: std::collections::HashSet<_> =
            CloseCode::ALL.iter().map(|code| code.row().number).collect();
        assert_eq!(numbers.len(), CloseCode::ALL.len());
        for code in CloseCode::ALL {
            assert!((4000..5000).contains(&code.row().number), "{code:?}");
            // RFC 6455, section 5.5: a control frame holds 125 bytes, two of them the code.
            assert!(code.row().reason.len() <= 123, "{code:?}");
        }
    }
}
