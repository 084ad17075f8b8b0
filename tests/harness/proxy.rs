//! A link that breaks: a TCP proxy that cuts a connection after so many bytes, in the middle of
//! whatever they are.

#![allow(dead_code, reason = "each test binary needs a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A proxy before a server. It ends with the runtime.
pub struct Proxy {
    addr: SocketAddr,
    budget: Arc<AtomicI64>,
    is_cut: watch::Sender<bool>,
}

impl Proxy {
    /// One before this address.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let budget = Arc::new(AtomicI64::new(i64::MAX));
        let next = budget.clone();
        let (is_cut, cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (bytes, mut cut) = (next.load(Ordering::SeqCst), cut.clone());
                tokio::spawn(async move {
                    let carried = async {
                        if let Ok(server) = TcpStream::connect(server).await {
                            carry(client, server, bytes).await;
                        }
                    };
                    tokio::select! {
                        biased;
                        _ = cut.wait_for(|is_cut| *is_cut) => {}
                        () = carried => {}
                    }
                });
            }
        });
        Self { addr, budget, is_cut }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on all connections are cut, or none.
    pub fn cuts_all(&self, all: bool) {
        self.is_cut.send_replace(all);
    }

    /// Connections that are opened from now on are cut after so many bytes, both ways together.
    pub fn cuts_after(&self, bytes: i64) {
        self.budget.store(bytes, Ordering::SeqCst);
    }
}

/// Carries bytes both ways until the budget is used up or one side ends; then both are gone.
async fn carry(mut client: TcpStream, mut server: TcpStream, mut left: i64) {
    let (mut up, mut down) = ([0; 1024], [0; 1024]);
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    while left > 0 {
        let carried = tokio::select! {
            read = from_client.read(&mut up) => match read {
                Ok(count) if count > 0 => pass(&mut to_server, &up[..count], &mut left).await,
                _ => false,
            },
            read = from_server.read(&mut down) => match read {
                Ok(count) if count > 0 => pass(&mut to_client, &down[..count], &mut left).await,
                _ => false,
            },
        };
        if !carried {
            return;
        }
    }
}

/// Passes on what the budget allows; whether the link is whole.
async fn pass(to: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8], left: &mut i64) -> bool {
    let allowed = bytes.len().min(usize::try_from(*left).unwrap_or_default());
    *left -= bytes.len() as i64;
    to.write_all(&bytes[..allowed]).await.is_ok()
}
