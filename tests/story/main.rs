//! Stories: the server as people meet it, over real sockets and as a real process.

#[path = "../harness/acme.rs"]
mod acme_authority;
#[path = "../harness/authority.rs"]
mod authority;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../harness/moody.rs"]
mod moody;
#[path = "../harness/push_service.rs"]
mod push_service;
#[path = "../harness/s3.rs"]
mod s3_server;
#[path = "../harness/tokens.rs"]
mod tokens;
#[path = "../harness/vendors.rs"]
mod vendors;

mod acme;
mod alerts;
mod backup;
mod bucket_backup;
mod calls;
mod cluster;
mod cluster_calls;
mod cluster_push;
mod commands;
mod contacts;
mod crowds;
mod cuts;
mod dev;
mod doctor;
mod door;
mod equality;
mod export;
mod files;
mod gaps;
mod injection;
mod journey;
mod local;
mod log;
mod login;
mod matrix;
mod metrics;
mod missed;
mod moving;
mod name;
mod nodes;
mod object_copy;
mod operator;
mod outside;
mod people;
mod presence;
mod process;
mod push;
mod push_lives;
mod push_server;
mod push_vendors;
mod push_web;
mod readme;
mod receipts;
mod recovery;
mod removal;
mod reports;
mod restore;
mod rules;
mod slow;
mod text;
mod tls;
mod unfinished;
