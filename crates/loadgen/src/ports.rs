//! Ports for servers that are started here, and on which they are started again.
//!
//! Invariant: a port is handed out once by a process, and is none of those that the system gives to
//! outgoing connections, so it stays free from the question until the server listens, and while
//! the server is down. Called by `server` and by tests.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// The first of `COUNT`, which end below the system's own (32768 and up, unless set otherwise).
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

static HANDED_OUT: AtomicU32 = AtomicU32::new(0);

/// An address of this machine alone, on a port that nobody has.
///
/// # Errors
/// When all are taken.
pub fn free() -> io::Result<SocketAddr> {
    for _ in 0..COUNT {
        let next = HANDED_OUT.fetch_add(1, Ordering::Relaxed);
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, nth(std::process::id(), next)));
        if TcpListener::bind(addr).is_ok() {
            return Ok(addr);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no port is free"))
}

/// The ports of a process in their order. Processes begin far from each other, as several may run
/// at once.
fn nth(process: u32, next: u32) -> u16 {
    let count = u32::from(COUNT);
    // Times a prime that does not divide the count.
    let first = process.wrapping_mul(7_919) % count;
    // invariant: a remainder is below the count, which is a u16.
    FIRST + u16::try_from((first + next % count) % count).expect("below the count")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_handed_out_twice_until_all_were() {
        let count = u32::from(COUNT);
        for process in [1, 4_711, u32::MAX] {
            let all: BTreeSet<_> = (0..count).map(|next| nth(process, next)).collect();
            assert_eq!(all.len(), usize::from(COUNT));
            assert!(all.iter().all(|port| (12_000..32_000).contains(port)));
            assert_eq!(nth(process, count), nth(process, 0));
        }
        assert!(nth(1_000, 0).abs_diff(nth(1_001, 0)) > 1_000, "neighbours begin far apart");
    }

    #[test]
    fn a_port_that_somebody_has_is_passed_over() {
        let one = free().expect("a port");
        let _taken = TcpListener::bind(one).expect("it is free");
        let other = free().expect("another");
        assert_ne!(one, other);
        assert!(TcpListener::bind(other).is_ok());
    }
}
