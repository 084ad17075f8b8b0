//! Faults: what was acknowledged outlives the sudden death of the server and of its database.
//!
//! Losses of power are rehearsed by `scripts/test powercut-server`, as they need root.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../harness/s3.rs"]
mod s3_server;

mod calls;
mod copy;
mod database;
mod depart;
mod exports;
mod kill;
mod ledger;
mod migration;
mod nats;
mod nodes;
mod operator;
mod uploads;
