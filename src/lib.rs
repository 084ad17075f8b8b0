//! Self-hosted chat and calling backend: the module map, in reading order.

pub mod clock;
pub mod error;
pub mod id;

pub mod config;

pub mod outside;

pub mod model;

pub mod bus;
pub mod mail;
pub mod objects;
pub mod push;
pub mod store;

pub mod core;
pub mod hub;

pub mod protocol;

pub mod edge;

pub mod export;
pub mod http;
pub mod rtc;
pub mod ws;

pub mod app;
pub mod cli;
