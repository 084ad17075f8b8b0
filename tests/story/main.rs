//! Stories: the server as people meet it, over real sockets and as a real process.

mod commands;
mod process;
