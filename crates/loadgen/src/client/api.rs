//! The REST side of the protocol, `/api/v1`: one method for each use-case that loads and stories
//! need.
//!
//! Answers are JSON as the server sent it, with small types where callers look inside. Called by
//! the workloads and the story tests.

use std::net::SocketAddr;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::error::{Error, Result};
use super::http::{Answer, Http};
use super::mailbox::Mailbox;
use super::wire::{Dial, PATH};

/// An open session: who it is and the token that proves it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Session {
    /// The user's id.
    pub user: String,
    /// What a client sends as `Authorization: Bearer …`.
    pub token: String,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.user)
    }
}

impl Session {
    /// How to open this session's WebSocket at `addr`.
    pub fn dial(&self, addr: SocketAddr) -> Dial<'_> {
        let token = Some(self.token.as_str());
        Dial { addr, path: PATH, token, from: None, receive_buffer: None, trust: None }
    }
}

/// A caller of `/api/v1`, with or without a session.
#[derive(Debug)]
pub struct Api {
    http: Http,
    session: Option<Session>,
}

impl Api {
    /// A caller without a session.
    pub fn anonymous(addr: SocketAddr) -> Self {
        Self { http: Http::new(addr), session: None }
    }

    /// A caller with a session.
    pub fn with(addr: SocketAddr, session: Session) -> Self {
        Self { http: Http::new(addr), session: Some(session) }
    }

    /// Creates an account and opens its first session, with the code from the mail folder.
    pub async fn sign_up(
        addr: SocketAddr,
        mails: &Mailbox,
        name: &str,
        email: &str,
    ) -> Result<Self> {
        let api = Self::anonymous(addr);
        let body = json!({ "name": name, "email": email, "ticket": "" });
        let asked = api.post("/api/v1/users", &body).await?;
        api.open_session(email, &mails.code(email).await?, &asked["ticket"]).await
    }

    /// Logs in to an account, with a new code from the mail folder.
    pub async fn log_in(addr: SocketAddr, mails: &Mailbox, email: &str) -> Result<Self> {
        let api = Self::anonymous(addr);
        let body = json!({ "email": email, "ticket": "" });
        let asked = api.post("/api/v1/auth/codes", &body).await?;
        api.open_session(email, &mails.code(email).await?, &asked["ticket"]).await
    }

    async fn open_session(self, email: &str, code: &str, ticket: &Value) -> Result<Self> {
        let body = json!({
            "email": email, "code": code, "device": "loadgen", "ticket": ticket,
        });
        let opened = self.post("/api/v1/auth/sessions", &body).await?;
        let user = &opened["user"];
        let user = user.as_str().or_else(|| user["id"].as_str());
        let (Some(user), Some(token)) = (user, opened["token"].as_str()) else {
            return Err(Error::protocol("the new session has no user or no token"));
        };
        let session = Session { user: user.to_owned(), token: token.to_owned() };
        Ok(Self { http: self.http, session: Some(session) })
    }

    /// The session, if there is one.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The user's id; empty without a session.
    pub fn user(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.user)
    }

    /// The server's address.
    pub fn addr(&self) -> SocketAddr {
        self.http.addr()
    }

    /// Any request, and its answer whatever the status.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let token = self.session.as_ref().map(|session| session.token.as_str());
        self.http.call(method, path, token, body).await
    }

    /// `GET`; a refusal is an error.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await?.accepted()
    }

    /// `GET`, or `POST` of a body, for a page that nobody looks into; a refusal is an error. The
    /// page's size in bytes.
    pub async fn bytes_of(&self, path: &str, body: Option<&Value>) -> Result<usize> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let answer = self.call(method, path, body).await?;
        if answer.status.is_success() {
            return Ok(answer.body.len());
        }
        answer.accepted().map(|_| 0)
    }

    /// `POST`; a refusal is an error.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await?.accepted()
    }

    /// Creates a group; its id.
    pub async fn create_group(&self, title: &str, members: &[&str]) -> Result<String> {
        let body = json!({ "title": title, "members": members });
        let created = self.post("/api/v1/groups", &body).await?;
        let id = created["id"].as_str().or_else(|| created["chat"]["id"].as_str());
        id.map(str::to_owned).ok_or_else(|| Error::protocol("the new group has no id"))
    }

    /// Adds members to a group.
    pub async fn add_members(&self, group: &str, users: &[&str]) -> Result<Value> {
        self.post(&format!("/api/v1/groups/{group}/members"), &json!({ "users": users })).await
    }

    /// Sends a text. `chat` is a chat's id or, for the direct chat, a user's.
    pub async fn send(&self, chat: &str, client_msg_id: &str, body: &str) -> Result<Value> {
        let body = json!({ "client_msg_id": client_msg_id, "body": body });
        self.post(&format!("/api/v1/chats/{chat}/messages"), &body).await
    }

    /// Syncs until there is no more; with `latest` messages of chats that are not held yet.
    pub async fn catch_up(&self, state: &mut State, latest: u32) -> Result<()> {
        let mut have = state.have(latest);
        while state.apply_sync(&self.post("/api/v1/sync", &have).await?) {
            have = state.have(latest);
        }
        Ok(())
    }

    /// A page of history; `query` is empty or begins with `?`.
    pub async fn history(&self, chat: &str, query: &str) -> Result<Value> {
        self.get(&format!("/api/v1/chats/{chat}/messages{query}")).await
    }
}
