//! Sends back what comes over a WebSocket, under the bounds that every connection of the server has:
//! what Autobahn's conformance suite talks to. Prints the port that it listens on. Run by
//! `scripts/autobahn`.

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use tokio::net::TcpListener;

async fn upgrade(upgrade: WebSocketUpgrade) -> Response {
    wechat::ws::bounded(upgrade).on_upgrade(echo)
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let sent = match message {
            Message::Text(_) | Message::Binary(_) => socket.send(message).await,
            // Pings are answered underneath, closes too.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => continue,
        };
        if sent.is_err() {
            return;
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    axum::serve(listener, Router::new().route("/", get(upgrade))).await
}
