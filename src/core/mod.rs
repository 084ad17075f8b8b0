//! The domain: types and rules. No serde, no HTTP, no database.
//!
//! `types` hold what things are (a value that exists is valid); the other modules hold what may be
//! done, each beside its texts. Rules see the ports (store, bus, mail) as traits. Called by the
//! adapters `http` and `ws`, which hold no rule.

pub mod types;
