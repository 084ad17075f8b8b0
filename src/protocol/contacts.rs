//! Contacts, requests and cards on the wire. Called by `http`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::User;
use super::rows::Member;
use super::values::Id;
use crate::core::contacts;

/// A person to whom the caller is tied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// The person.
    pub user: User,
    /// The caller's membership in the direct chat; its `tie` says what the person is to them, its
    /// `remark` what they call them.
    pub member: Member,
}

impl From<contacts::Contact> for Contact {
    fn from(contact: contacts::Contact) -> Self {
        Self { user: contact.user.into(), member: contact.member.into() }
    }
}

/// A page of contacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactPage {
    /// In the order of the people's ids.
    pub contacts: Vec<Contact>,
    /// What to ask after for the next page; absent: this was the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Asks a person to be a contact.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskContact {
    /// Whom.
    pub user: Id,
}

/// Makes a card, or changes it; absent fields stay as they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCard {
    /// Whoever has the code becomes a contact at once; otherwise they ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adds: Option<bool>,
    /// Another code, in place of the one that others have.
    #[serde(default)]
    pub renew: bool,
}

/// The caller's own card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnCard {
    /// Whoever has it may ask, or becomes a contact. As a link: `#/add/` and the code, after the
    /// address of the server's page.
    pub code: String,
    /// Whoever has the code becomes a contact at once.
    pub adds: bool,
}

impl From<contacts::OwnCard> for OwnCard {
    fn from(card: contacts::OwnCard) -> Self {
        Self { code: card.code, adds: card.adds }
    }
}

/// Somebody's card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Card {
    /// Whose it is.
    pub user: User,
    /// Showing it makes contacts at once; otherwise it asks.
    pub adds: bool,
}

impl From<contacts::ShownCard> for Card {
    fn from(card: contacts::ShownCard) -> Self {
        Self { user: card.user.into(), adds: card.adds }
    }
}
