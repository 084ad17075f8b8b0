//! What a client asks before anybody is logged in, and the one-click login of demo people.
//!
//! Invariant: a session without a code is opened for demo people alone, in dev mode alone, and
//! only for the person at the server's machine, who has its key; outside dev mode the route does
//! not exist. Called by `router`.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use utoipa_axum::routes;

use super::brand::LOGO;
use super::extract::{self, Json};
use super::kind::Routes;
use super::local::{AtMachine, KEY};
use super::{Http, mailbox};
use crate::config::MachineKey;
use crate::config::brand::Brand;
use crate::core::{Core, groups, search, sync};
use crate::error::{Code, Error, Language, Result, Text, text};
use crate::hub::presence::WATCHED;
use crate::id::UserId;
use crate::mail::Mailbox;
use crate::model::files::ATTACHMENTS;
use crate::model::text::{ABOUT_CHARS, BODY_BYTES, NAME_CHARS, TITLE_CHARS};
use crate::model::{chats, messages};
use crate::protocol::pages::SignedIn;
use crate::protocol::people::Tongue;
use crate::protocol::server::{DemoPerson, Features, Limits, MailMode, OpenDemo, ServerInfo};

const NOT_HERE: Text = Text {
    en: "Demo people are only for a browser on the server's own machine. Open the link that the \
         server prints in its terminal, or log in with a code.",
    es: "Las personas de demostración son solo para un navegador en la propia máquina del \
         servidor. Abre el enlace que imprime su terminal, o inicia sesión con un código.",
};

/// What a server says before anybody logs in, and what it has for the person at its machine.
#[derive(Default)]
pub struct Welcome {
    /// How it is called and looks.
    pub brand: Brand,
    /// What the person at the machine shows; `None`: nothing is for them.
    pub key: Option<MachineKey>,
    /// Mails go out through a mail server.
    pub smtp: bool,
    /// The mails, when they stay on the machine.
    pub mailbox: Option<Arc<dyn Mailbox>>,
    /// The demo people that the person at the machine can log in as; empty outside dev mode.
    pub demo: Vec<(UserId, DemoPerson)>,
}

impl Welcome {
    /// The key to what there is for the person at the machine; `None` when there is nothing.
    pub fn opened_by(&self) -> Option<MachineKey> {
        let something = self.mailbox.is_some() || !self.demo.is_empty();
        self.key.clone().filter(|_| something)
    }
}

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(info))
}

/// The login of demo people. Not part of the description: no real server has it.
pub(super) fn demo_routes() -> Routes {
    Routes::with_problems().route("/api/v1/demo/sessions", post(open_demo))
}

/// What to know before logging in
///
/// The answer is the same for everybody and may be kept for a minute. The person at the server's
/// machine, who sends its key, learns more: where to read mails that stay there, and the demo
/// people of dev mode.
#[utoipa::path(
    get, path = "/server", tag = "auth", operation_id = "getServer",
    responses((status = 200, description = "The server", body = ServerInfo)),
)]
async fn info(
    State(http): State<Arc<Http>>,
    AtMachine(local): AtMachine,
    asked: HeaderMap,
) -> Result<impl IntoResponse> {
    let welcome = &http.welcome;
    let door = http.core.auth.door().await?;
    let seen = |person: &(UserId, DemoPerson)| local.then(|| person.1.clone());
    let answer = Answer(ServerInfo {
        name: welcome.brand.name.as_str().to_owned(),
        logo: welcome.brand.logo.as_ref().map(|_| LOGO.to_owned()),
        accent: welcome.brand.accent.map(|color| color.to_string()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        languages: Language::ALL.map(Tongue::from).to_vec(),
        features: Features { sign_up: door.is_open(), ..features(&http.core) },
        strangers: http.core.contacts.strangers().into(),
        sign_up: door.sign_ups.into(),
        sign_up_domains: door.domains,
        limits: limits(&http.core),
        push: http.core.push.offer().into(),
        mail: if welcome.smtp { MailMode::Smtp } else { MailMode::Local },
        mailbox: (local && welcome.mailbox.is_some()).then(|| mailbox::PATH.to_owned()),
        demo: welcome.demo.iter().filter_map(seen).collect(),
    });
    // What somebody shows the machine's key for is nobody else's.
    let kept = if asked.contains_key(KEY) { "no-store" } else { "public, max-age=60" };
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static(kept)),
        (header::VARY, HeaderValue::from_static(KEY)),
    ];
    Ok((headers, answer))
}

fn features(core: &Core) -> Features {
    Features {
        sign_up: true,
        calls: true,
        relay: core.calls.has_relay(),
        rooms: false,
        search: true,
        push: !core.push.offer().kinds.is_empty(),
        missed_mail: core.missed.is_on(),
    }
}

/// How much the server takes: the constants and settings that the rules obey.
fn limits(core: &Core) -> Limits {
    let files = core.files.rules();
    let deadlines = core.messages.deadlines();
    Limits {
        message_bytes: BODY_BYTES as u64,
        message_files: ATTACHMENTS as u64,
        mentions: messages::MENTIONS as u64,
        emoji: messages::EMOJI as u64,
        pins: messages::PINS.into(),
        edit_within_s: deadlines.edit.as_secs(),
        delete_within_s: deadlines.delete.as_secs(),
        name_chars: NAME_CHARS as u64,
        about_chars: ABOUT_CHARS as u64,
        title_chars: TITLE_CHARS as u64,
        query_chars: search::QUERY_CHARS as u64,
        group_members: chats::GROUP_MEMBERS.into(),
        groups: chats::GROUPS.into(),
        added_at_once: groups::ADD_AT_ONCE as u64,
        invites: chats::INVITES.into(),
        image_bytes: files.image,
        video_bytes: files.video,
        audio_bytes: files.audio,
        document_bytes: files.document,
        storage_bytes: files.quota,
        request_bytes: extract::BODY_BYTES as u64,
        messages_page: messages::PAGE.into(),
        search_page: search::PAGE.into(),
        sync_chats: sync::CHATS as u64,
        watched: WATCHED as u64,
    }
}

async fn open_demo(
    State(http): State<Arc<Http>>,
    AtMachine(local): AtMachine,
    Json(body): Json<OpenDemo>,
) -> Result<(StatusCode, Answer<SignedIn>)> {
    if !local {
        return Err(Error::new(Code::Forbidden, NOT_HERE));
    }
    let user: UserId = body.user.into();
    if !http.welcome.demo.iter().any(|person| person.0 == user) {
        return Err(Error::not_found(text::NO_USER));
    }
    let device = body.device.unwrap_or_default();
    let signed_in = http.core.auth.open_without_code(user, &device).await?;
    Ok((StatusCode::CREATED, Answer(super::auth::answer_of(signed_in))))
}
