//! Stories: the server as people meet it, over real sockets and as a real process.

#[path = "../harness/acme.rs"]
mod acme_authority;
#[path = "../harness/authority.rs"]
mod authority;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../harness/s3.rs"]
mod s3_server;

mod acme;
mod backup;
mod calls;
mod commands;
mod crowds;
mod cuts;
mod dev;
mod doctor;
mod equality;
mod files;
mod gaps;
mod injection;
mod journey;
mod local;
mod log;
mod login;
mod metrics;
mod name;
mod outside;
mod people;
mod presence;
mod process;
mod readme;
mod receipts;
mod removal;
mod restore;
mod slow;
mod text;
mod tls;
mod unfinished;
