//! What things are: values that are valid by construction. Called by the ports and the rules.

mod address;
pub mod alerts;
pub mod auth;
pub mod calls;
pub mod chats;
pub mod contacts;
pub mod door;
pub mod emoji;
pub mod excerpt;
pub mod exports;
pub mod files;
pub mod messages;
pub mod operators;
pub mod push;
pub mod reports;
pub mod text;
pub mod trends;
pub mod users;
pub mod visible;
