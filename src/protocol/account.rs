//! What people do with their own account, on the wire. Called by `http::address`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Asks for another address of one's own account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskAddress {
    /// The address that the account is to have.
    #[schema(example = "ana.new@example.org", format = Email)]
    pub email: String,
}

/// Proves that one reads mail at an address.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyAddress {
    /// The address that the account is to have.
    #[schema(example = "ana.new@example.org", format = Email)]
    pub email: String,
    /// The six digits from the mail.
    #[schema(example = "123456")]
    pub code: String,
}

/// A mail is on its way to the new address, and word of it to the present one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressAsked {
    /// The new address.
    pub email: String,
    /// How many seconds the code works.
    pub expires_in: u64,
}
