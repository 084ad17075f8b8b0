//! Sans-IO STUN and TURN server (RFC 8489, RFC 8656): all of the protocol, none of the sockets.
//!
//! It knows no clock, no randomness and no I/O: time, secrets and a random seed are passed in,
//! and what must be done comes back as actions. So every rule is tested without a network, and
//! any runtime can drive it. It never panics on input, and everything it holds is bounded by its
//! [`Config`].
//!
//! # What a driver does
//!
//! 1. **Sockets.** One UDP socket and one TCP (and TLS) listener for clients, bound to one
//!    address family each (`IPV6_V6ONLY`), so that client addresses need no mapping. One UDP
//!    socket per relay, bound to a definite local address.
//! 2. **Clients.** Each datagram goes to [`Server::handle_client`] with its [`FiveTuple`]. Each
//!    stream has a [`StreamFramer`]: read into its space, pass on each frame, and on its error,
//!    the stream's end, or silence without an allocation, close it and call
//!    [`Server::close_client`]. Cap connections and give a fresh one seconds to allocate.
//! 3. **Relays.** On [`Action::Open`], bind a socket (of that family; even port and its
//!    successor if asked) within the operator's port range, then call [`Server::relay_opened`]
//!    with the bound local address, or [`Server::relay_failed`]; only then, and in those calls'
//!    output, does the client get its answer. On [`Action::Close`], drop the socket; an unknown
//!    id is not an error. Each datagram that a relay receives goes to [`Server::handle_peer`].
//! 4. **Batches.** Receive what is there, handing each packet to the server with the same
//!    [`Out`]; then carry out [`Out::actions`] in order and [`Out::clear`] it. Where the kernel
//!    has UDP segmentation offload, one send takes all of an action's `bytes` with its
//!    `segment_bytes`, unless segments exceed the MTU; otherwise send
//!    `bytes.chunks(segment_bytes)`, or one empty datagram when `bytes` is empty. A send that
//!    would block is dropped: it is media. On streams, bound the write queue; drop actions marked
//!    `relayed` when it is full, close the connection when an answer does not fit.
//! 5. **Time.** Wake up at [`Server::poll_timeout`] and call [`Server::handle_timeout`]. Every
//!    call takes [`Now`]; `mono_ms` must not step back.
//! 6. **Credentials.** The application issues [`Credentials`] with the newest secret and gives
//!    them to a caller's browser; to rotate, call [`Server::set_secrets`] with the new secret
//!    and the old one, and drop the old one a credential's lifetime later.
//!
//! # One instance, one thread
//!
//! The server is a plain `&mut self` machine. One instance on one thread that owns all sockets
//! needs no lock anywhere, sees every relay (so relay-to-relay traffic is handed over inside),
//! and counts quotas exactly; a core relays some 250,000 packets a second. Should that not be
//! enough, run one instance per listening port, not per `SO_REUSEPORT` queue: reservations
//! (EVEN-PORT), quotas and own relay addresses are per instance.
//!
//! # Checks
//!
//! `cargo test -p turn` holds every rule, RFC 5769's vectors, and random lives against an
//! independent model. `cargo bench -p turn` measures the packet path. From the repository's root,
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run turn_server` (also `turn_stun`, `turn_stream`) looks for
//! inputs that break it.
//!
//! # Bounds
//!
//! At most [`Config::max_relays`] relays (508), [`Config::max_relays_per_user`] for a user (one
//! that is silent makes room, else 486), and per relay [`Config::max_permissions`] and
//! [`Config::max_channels`] (508). Requests without credentials leave no trace but in a table of
//! fixed size, which sees to it that they get no more bytes than they send: nonces are computed,
//! not stored. Users are remembered while they have a relay and as long after as their bandwidth
//! bucket takes to fill.

mod allocate;
mod allocation;
mod auth;
mod channel_data;
mod config;
mod counters;
mod out;
mod permit;
mod policy;
mod reflection;
mod relay;
mod request;
mod server;
mod slab;
mod stream;
pub mod stun;
mod tuple;
mod users;

pub use auth::{Credentials, TRIAL};
pub use channel_data::ChannelNumber;
pub use config::{Config, Trial};
pub use counters::{Counters, Drops, Sizes};
pub use out::{Action, Actions, OpenRelay, Out, RelayId};
pub use policy::{Cidr, CidrError, PeerPolicy};
pub use server::Server;
pub use stream::{FrameError, MAX_FRAME_BYTES, StreamFramer, first_message};
pub use stun::Family;
pub use tuple::{FiveTuple, Now, Transport};
pub use users::Bandwidth;
