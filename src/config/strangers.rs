//! What people may do to each other who are no contacts, as the operator sets it.

/// What strangers may do; people may be stricter for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrangersMode {
    /// Write and call, as contacts do.
    Everyone,
    /// Ask: a few texts, until there is an answer.
    Requests,
    /// Nothing.
    Contacts,
}

impl StrangersMode {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "everyone" => Ok(Self::Everyone),
            "requests" => Ok(Self::Requests),
            "contacts" => Ok(Self::Contacts),
            _ => Err("neither everyone nor requests nor contacts. Write one of them.".into()),
        }
    }
}
