//! Drives one connection, from its upgrade to its end. One task does all of it.
//!
//! The life of a connection:
//!
//! 1. **It is identified.** The upgrade's `Authorization` said who speaks, or the client's first
//!    request does, within ten seconds (`identify`).
//! 2. **It goes live.** The hub registers it, reads its memberships and follows its chats; only
//!    then is the client told `hello`, and the call that it may be in (`attach`).
//! 3. **It lives**, turn by turn (`Driver::turn`). A turn is one of four things, the first of them
//!    that is ready: what waits in the outbox is written; the reply of the request that runs is
//!    written; the next frame is read, and begins a request; a heartbeat passes.
//! 4. **It ends**, in whatever step, by an `End`: the other side is gone, or we close it with a
//!    code that tells the client whether to come back. Then its person may be offline, and a call
//!    that its device was in may be lost.
//!
//! For example: Ana's phone sends three messages in a row. Each begins in its order, is queued, and
//! leaves this task free for the next one (`Link::acks_when_durable`). When the store has them, the
//! three replies wait in the outbox, beside Beto's answer that the hub pushed, and one turn writes
//! all four and flushes once. Then Ana walks into a lift, and nothing comes from her phone any
//! more. At the second heartbeat the session says `HeartbeatMissed`, and `?` leads out of the loop.
//!
//! Invariant: requests begin in the order of their frames, one at a time; a send is over for this
//! task once it is queued, and what is not yet durable of them is bounded (`Link::reads_on`).
//! Invariant: the client is told `hello` only when the hub has everything in place; from then on it
//! misses nothing, so that what it syncs after that is complete.
//!
//! `session` decides what a frame means, `stream` reads and writes. Called by the upgrade in `mod`.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::ws::WebSocket;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use super::calls;
use super::commands::Requests;
use super::link::Link;
use super::replies::refusal;
use super::session::{Session, Step};
use super::stream::{Came, End, Stream};
use super::{Identity, Opening, PING_EVERY, Ws};
use crate::error::{Code, Error, Result};
use crate::hub::close::CloseCode;
use crate::hub::{Attached, Connection, Frame};
use crate::model::auth::Caller;
use crate::protocol::frames::{Done, Hello, granted, told};

/// A connection that the hub knows.
struct Live {
    link: Arc<Link>,
    attached: Arc<Attached>,
}

/// Serves one connection to its end.
pub(super) async fn serve(ws: Arc<Ws>, socket: WebSocket, opening: Box<Opening>) {
    let mut stream = Stream(socket);
    let Err(end) = live(&ws, &mut stream, opening).await;
    if let End::Close(code) = end {
        ws.counters.closes(code);
        stream.close(code).await;
    }
}

async fn live(ws: &Arc<Ws>, stream: &mut Stream, opening: Box<Opening>) -> Result<Infallible, End> {
    let mut session = Session::new(ws.clock.now(), opening.identity.is_some());
    // In boxes of their own: what passes soon must not make the task larger while it idles.
    let live = Box::pin(begin(ws, stream, &mut session, opening)).await?;
    let end = drive(ws, stream, &mut session, &live).await;
    live.link.outbox().hold();
    let (caller, via) = (live.link.caller(), live.link.via());
    drop(live);
    ws.core.presence.left(&caller);
    Box::pin(calls::gone(&ws.core, &ws.hub, &caller, via)).await;
    end
}

async fn begin(
    ws: &Arc<Ws>,
    stream: &mut Stream,
    session: &mut Session,
    mut opening: Box<Opening>,
) -> Result<Live, End> {
    let identity = match opening.identity.take() {
        Some(identity) => identity,
        None => identify(ws, stream, session, &opening).await?,
    };
    attach(ws, identity, &opening).await
}

/// Waits for the client to say who it is.
async fn identify(
    ws: &Ws,
    stream: &mut Stream,
    session: &mut Session,
    opening: &Opening,
) -> Result<Identity, End> {
    while let Some(deadline) = session.identify_by() {
        let left = deadline.since(ws.clock.now());
        let came = timeout(left, stream.next()).await.map_err(|_| CloseCode::IdentifyLate)?;
        let (id, token, instance) = match hear(session, came?)? {
            Step::Identify { id, token, instance } => (id, token, instance),
            Step::Refuse(id, error) => {
                stream.write(&refusal(id, &error, opening.language)).await?;
                continue;
            }
            Step::Run { .. } | Step::Count => continue,
        };
        let caller = match ws.core.auth.authenticate(&token).await {
            Ok(caller) => Caller { instance, ..caller },
            Err(error) => {
                stream.write(&refusal(Some(id), &error, opening.language)).await?;
                return Err(refused(&error));
            }
        };
        session.identified();
        stream.write(&granted(id, &Done {})).await?;
        return Ok(Identity { token, caller });
    }
    Err(CloseCode::Protocol.into())
}

/// Makes the connection known to the hub, and says hello.
async fn attach(ws: &Arc<Ws>, identity: Identity, opening: &Opening) -> Result<Live, End> {
    let Identity { token, caller } = identity;
    let live = register(ws, caller, opening).await.map_err(|error| refused(&error))?;
    // A logout between the first look at the token and the registration has found nobody to close.
    ws.core.auth.authenticate(&token).await.map_err(|error| over(&error))?;
    ws.core.presence.came(&caller);
    live.link.push(&told(
        "hello",
        &Hello {
            user: caller.user.into(),
            session: caller.session.into(),
            incarnation: ws.core.sync.incarnation().into(),
            now: ws.clock.now().into(),
            ping_every_ms: PING_EVERY.as_millis() as u64,
        },
    ));
    if let Some(call) = calls::live(&ws.core, &caller).await {
        live.link.push(&call);
    }
    Ok(live)
}

async fn register(ws: &Arc<Ws>, caller: Caller, opening: &Opening) -> Result<Live> {
    let _turn = ws.attaching.acquire().await.map_err(Error::internal)?;
    let scope = match opening.chat {
        Some(chat) => {
            let target = ws.core.chats.resolve(&caller, "chtid", chat).await?;
            Some(ws.core.chats.open(&caller, target).await?.chat.id)
        }
        None => None,
    };
    let link = Arc::new(Link::new((caller, ws.core.calls.new_via()), scope, opening));
    let followed = || ws.core.chats.followed(&caller);
    let attached = ws.hub.attach(link.clone(), followed).await?;
    Ok(Live { link, attached: Arc::new(attached) })
}

/// The end of a connection that cannot go live.
const fn refused(error: &Error) -> End {
    End::Close(match error.code {
        Code::Unauthenticated => CloseCode::BadToken,
        Code::NotFound | Code::Forbidden | Code::BadField => CloseCode::NotMember,
        _ => CloseCode::Unavailable,
    })
}

/// The end of a connection whose token was good a moment ago, and is not any more.
const fn over(error: &Error) -> End {
    match error.code {
        Code::Unauthenticated => End::Close(CloseCode::Revoked),
        _ => refused(error),
    }
}

/// What the session makes of what came.
fn hear(session: &mut Session, came: Came) -> Result<Step, CloseCode> {
    match came {
        Came::Text(text) => session.on_text(&text),
        Came::Binary => session.on_binary(),
        Came::Sign => Ok(session.on_ping()),
    }
}

/// The request that is being carried out; its reply, unless that comes through the outbox.
type Running = Pin<Box<dyn Future<Output = Option<Frame>> + Send>>;

/// A connection that lives.
struct Driver<'a> {
    ws: &'a Arc<Ws>,
    stream: &'a mut Stream,
    session: &'a mut Session,
    live: &'a Live,
    running: Option<Running>,
    beats: Interval,
}

async fn drive(
    ws: &Arc<Ws>,
    stream: &mut Stream,
    session: &mut Session,
    live: &Live,
) -> Result<Infallible, End> {
    let mut beats = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut driver = Driver { ws, stream, session, live, running: None, beats };
    loop {
        driver.turn().await?;
    }
}

impl Driver<'_> {
    /// Does the first thing that is ready: so nothing is read while something waits to be written.
    async fn turn(&mut self) -> Result<(), End> {
        let outbox = self.live.link.outbox();
        let reads = self.running.is_none() && self.live.link.reads_on();
        tokio::select! {
            biased;
            taken = poll_fn(|cx| outbox.poll_take(cx)) => {
                self.stream.write_out(outbox, taken).await
            }
            reply = finished(&mut self.running) => {
                self.running = None;
                match reply {
                    Some(frame) => self.stream.write_reply(outbox, frame).await,
                    None => Ok(()),
                }
            }
            came = self.stream.next(), if reads => self.on_frame(came?),
            _ = self.beats.tick() => {
                self.session.on_beat(reads)?;
                self.stream.ping(outbox).await
            }
        }
    }

    /// Begins the request that came, or refuses it. Whatever it is, it counts against the rate.
    fn on_frame(&mut self, came: Came) -> Result<(), End> {
        let (ws, link) = (self.ws, &self.live.link);
        let step = hear(self.session, came)?;
        match self.session.on_rate(step, ws.limiter.check_user(link.user()))? {
            Step::Run { id, command } => {
                ws.counters.commanded();
                let (link, attached) = (link.clone(), self.live.attached.clone());
                let requests = Requests { ws: ws.clone(), link, attached };
                self.running = Some(Box::pin(requests.run(id, command)));
            }
            Step::Refuse(id, error) => link.push(&refusal(id, &error, link.language())),
            Step::Identify { .. } | Step::Count => {}
        }
        Ok(())
    }
}

/// The reply of the request that runs; never, when none does.
async fn finished(running: &mut Option<Running>) -> Option<Frame> {
    match running {
        Some(job) => job.await,
        None => pending().await,
    }
}
