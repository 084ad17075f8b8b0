//! Drives one connection: one task, one `select!` over what is to be written, the request that is
//! being carried out, the socket, and a coarse heartbeat.
//!
//! Invariant: everything that waits in the outbox is fed to the socket, then flushed once.
//! Invariant: requests begin in the order of their frames, one at a time; a send is over for this
//! task once it is queued, and what is not yet durable of them is bounded by `OWED`.
//! Invariant: the client is told `hello` only when the hub has everything in place; from then on it
//! misses nothing, so that what it syncs after that is complete.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::SinkExt;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::calls;
use super::commands::{refusal, run, sent};
use super::outbox::{self, Outbox, Taken};
use super::session::{Session, Step};
use super::{Known, PING_EVERY, Ws};
use crate::core::messages::{Pending, Sent};
use crate::error::{Code, Error, Language, Result};
use crate::hub::close::CloseCode;
use crate::hub::{Attached, Connection, Frame};
use crate::id::{ChatId, ObjectId, SessionId, UserId};
use crate::model::auth::{Caller, Instance};
use crate::protocol::frames::{Done, Hello, granted, told};

/// When the replies that a connection is owed weigh this many bytes, nothing is read from it: what
/// it asks for may never fill its own outbox, however fast it sends.
const OWED: usize = 64 * 1024;
/// How long something small may take to be written.
const WRITE_WITHIN: Duration = Duration::from_secs(20);
/// How long a close may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// A connection as the hub and the tasks that answer for it see it.
pub(super) struct Link {
    caller: Caller,
    scope: Option<ChatId>,
    language: Language,
    outbox: Outbox,
    /// About how many bytes of replies are to come when sends have become durable.
    owed: AtomicUsize,
}

impl Connection for Link {
    fn push(&self, frame: &Frame) {
        self.outbox.push(frame);
    }

    fn close(&self, code: CloseCode) {
        self.outbox.close(code);
    }

    fn user(&self) -> UserId {
        self.caller.user
    }

    fn session(&self) -> SessionId {
        self.caller.session
    }

    fn instance(&self) -> Option<Instance> {
        self.caller.instance
    }

    fn scope(&self) -> Option<ChatId> {
        self.scope
    }
}

impl Link {
    /// Who speaks.
    pub(super) const fn caller(&self) -> Caller {
        self.caller
    }

    /// The language of refusals.
    pub(super) const fn language(&self) -> Language {
        self.language
    }

    /// Replies through the outbox when a send has become durable, with about `bytes` bytes.
    pub(super) fn acks_when_durable(
        self: Arc<Self>,
        id: u64,
        bytes: usize,
        pending: Pending<Sent>,
    ) {
        self.owed.fetch_add(bytes, Ordering::Relaxed);
        tokio::spawn(async move {
            let reply = match pending.await {
                Ok(done) => sent(id, done),
                Err(error) => refusal(Some(id), &error, self.language),
            };
            self.owed.fetch_sub(bytes, Ordering::Relaxed);
            self.outbox.push(&reply);
        });
    }

    fn reads_on(&self) -> bool {
        self.owed.load(Ordering::Relaxed) < OWED
    }
}

/// Why a connection ends without a word.
struct Gone;

type Running = Pin<Box<dyn Future<Output = Option<Frame>> + Send>>;

/// Serves one connection to its end.
pub(super) async fn serve(
    ws: Arc<Ws>,
    mut socket: WebSocket,
    known: Option<Known>,
    chat: Option<ObjectId>,
    language: Language,
) {
    let mut session = Session::new(ws.clock.now(), known.is_some());
    // In boxes of their own: what passes soon must not make the task larger while it idles.
    let live = match known {
        Some(known) => Box::pin(attach(&ws, known, chat, language)).await,
        None => Box::pin(identify(&ws, &mut socket, &mut session, chat, language)).await,
    };
    let code = match live {
        Ok(Ok(live)) => {
            let code = drive(&ws, &mut socket, &mut session, &live).await;
            let caller = live.link.caller;
            drop(live);
            ws.core.presence.left(&caller);
            Box::pin(calls::gone(&ws, &caller)).await;
            code
        }
        Ok(Err(code)) => Ok(code),
        Err(Gone) => Err(Gone),
    };
    if let Ok(code) = code {
        ws.counters.closes(code);
        close(&mut socket, code).await;
    }
}

/// A connection that the hub knows.
struct Live {
    link: Arc<Link>,
    attached: Arc<Attached>,
}

/// Waits for the client to say who it is.
async fn identify(
    ws: &Arc<Ws>,
    socket: &mut WebSocket,
    session: &mut Session,
    chat: Option<ObjectId>,
    language: Language,
) -> Result<Result<Live, CloseCode>, Gone> {
    while let Some(deadline) = session.identify_by() {
        let left = deadline.since(ws.clock.now());
        let Ok(came) = timeout(left, socket.recv()).await else {
            return Ok(Err(CloseCode::IdentifyLate));
        };
        let (id, token, instance) = match next_step(session, came)? {
            Step::Identify { id, token, instance } => (id, token, instance),
            Step::Refuse(id, error) => {
                write(socket, &refusal(id, &error, language)).await?;
                continue;
            }
            Step::Close(code) => return Ok(Err(code)),
            Step::Run { .. } | Step::Count | Step::Rest => continue,
        };
        let caller = match ws.core.auth.authenticate(&token).await {
            Ok(caller) => Caller { instance, ..caller },
            Err(error) => {
                write(socket, &refusal(Some(id), &error, language)).await?;
                return Ok(Err(close_code_of(&error)));
            }
        };
        session.identified();
        write(socket, &granted(id, &Done {})).await?;
        return attach(ws, Known { token, caller }, chat, language).await;
    }
    Ok(Err(CloseCode::Protocol))
}

/// Makes the connection known to the hub, and says hello.
async fn attach(
    ws: &Arc<Ws>,
    known: Known,
    chat: Option<ObjectId>,
    language: Language,
) -> Result<Result<Live, CloseCode>, Gone> {
    let attached = match try_attach(ws, &known, chat, language).await {
        Ok(live) => live,
        Err(error) => return Ok(Err(close_code_of(&error))),
    };
    // A logout between the first look at the token and the registration has found nobody to close.
    if let Err(error) = ws.core.auth.authenticate(&known.token).await {
        return Ok(Err(close_code_of(&error)));
    }
    let Caller { user, session, .. } = known.caller;
    attached.link.outbox.push(&told(
        "hello",
        &Hello {
            user: user.into(),
            session: session.into(),
            incarnation: ws.core.sync.incarnation().into(),
            now: ws.clock.now().into(),
            ping_every_ms: PING_EVERY.as_millis() as u64,
        },
    ));
    if let Some(call) = calls::live(ws, &known.caller).await {
        attached.link.outbox.push(&call);
    }
    Ok(Ok(attached))
}

async fn try_attach(
    ws: &Arc<Ws>,
    known: &Known,
    chat: Option<ObjectId>,
    language: Language,
) -> Result<Live> {
    let _turn = ws.attaching.acquire().await.map_err(Error::internal)?;
    let caller = known.caller;
    let scope = match chat {
        Some(chat) => {
            let target = ws.core.chats.resolve(&caller, chat).await?;
            Some(ws.core.chats.open(&caller, target).await?.chat.id)
        }
        None => None,
    };
    let link = Arc::new(Link {
        caller,
        scope,
        language,
        outbox: Outbox::default(),
        owed: AtomicUsize::new(0),
    });
    let followed = || ws.core.chats.followed(&caller);
    let attached = ws.hub.attach(link.clone(), followed).await?;
    Ok(Live { link, attached: Arc::new(attached) })
}

const fn close_code_of(error: &Error) -> CloseCode {
    match error.code {
        Code::Unauthenticated => CloseCode::BadToken,
        Code::NotFound | Code::Forbidden | Code::BadField => CloseCode::NotMember,
        _ => CloseCode::Unavailable,
    }
}

/// The life of a connection that is known: until it is closed, with the code to close it by.
async fn drive(
    ws: &Arc<Ws>,
    socket: &mut WebSocket,
    session: &mut Session,
    live: &Live,
) -> Result<CloseCode, Gone> {
    let link = &live.link;
    let mut running: Option<Running> = None;
    let mut beats = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let step = tokio::select! {
            biased;
            taken = poll_fn(|cx| link.outbox.poll_take(cx)) => {
                if let Some(code) = write_out(socket, link, taken).await? {
                    return Ok(code);
                }
                Step::Rest
            }
            reply = async { finished(&mut running).await } => {
                running = None;
                match reply {
                    Some(frame) => write_or_slow(socket, link, &frame).await?,
                    None => Step::Rest,
                }
            }
            came = socket.recv(), if running.is_none() && link.reads_on() => {
                next_step(session, came)?
            }
            _ = beats.tick() => match session.on_beat(running.is_none() && link.reads_on()) {
                Step::Rest => {
                    write_message(socket, Message::Ping(Default::default())).await?;
                    Step::Rest
                }
                step => step,
            },
        };
        let step = match step {
            Step::Run { .. } | Step::Refuse(..) | Step::Count => {
                session.on_rate(step, ws.limiter.check_user(link.caller.user))
            }
            step => step,
        };
        match step {
            Step::Run { id, command } => {
                ws.counters.commanded();
                let attached = live.attached.clone();
                let job = run(ws.clone(), link.clone(), attached, id, command);
                running = Some(Box::pin(job));
            }
            Step::Refuse(id, error) => link.push(&refusal(id, &error, link.language)),
            Step::Close(code) => return Ok(code),
            Step::Identify { .. } | Step::Count | Step::Rest => {}
        }
    }
}

/// The reply of the request that runs; never, when none does.
async fn finished(running: &mut Option<Running>) -> Option<Frame> {
    match running {
        Some(job) => job.await,
        None => std::future::pending().await,
    }
}

fn next_step(
    session: &mut Session,
    came: Option<Result<Message, axum::Error>>,
) -> Result<Step, Gone> {
    match came {
        Some(Ok(Message::Text(text))) => Ok(session.on_text(&text)),
        Some(Ok(Message::Binary(_))) => Ok(session.on_binary()),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(session.on_ping()),
        Some(Ok(Message::Close(_))) | None => Err(Gone),
        Some(Err(error)) => broken(&error),
    }
}

/// A socket that failed: by what the client sent, or because it is gone.
fn broken(error: &axum::Error) -> Result<Step, Gone> {
    use tokio_tungstenite::tungstenite::Error as Wire;
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Wire>());
    match source {
        Some(Wire::Capacity(_) | Wire::Utf8(_) | Wire::Protocol(_)) => {
            Ok(Step::Close(CloseCode::Protocol))
        }
        _ => Err(Gone),
    }
}

/// Writes everything that waited, in one go; the code to close by, if it is time.
async fn write_out(
    socket: &mut WebSocket,
    link: &Link,
    taken: Taken,
) -> Result<Option<CloseCode>, Gone> {
    let left = AtomicUsize::new(taken.bytes);
    let writing = async {
        for frame in taken.frames {
            let cost = outbox::cost(&frame);
            socket.feed(Message::Text(frame.into())).await.map_err(|_| Gone)?;
            left.fetch_sub(cost, Ordering::Relaxed);
        }
        socket.flush().await.map_err(|_| Gone)
    };
    Ok(match unless_slow(link, &left, writing).await? {
        Step::Close(code) => Some(code),
        _ => taken.closing,
    })
}

async fn write_or_slow(socket: &mut WebSocket, link: &Link, frame: &Frame) -> Result<Step, Gone> {
    let message = Message::Text(frame.clone().into());
    let sending = async { socket.send(message).await.map_err(|_| Gone) };
    unless_slow(link, &AtomicUsize::new(0), sending).await
}

/// Lets a write go on until it is done, the outbox runs over, or the session is closed; who takes
/// nothing at all is cut off by `edge/accept`. `left` tells how much of the outbox is still to be
/// written.
async fn unless_slow(
    link: &Link,
    left: &AtomicUsize,
    writing: impl Future<Output = Result<(), Gone>>,
) -> Result<Step, Gone> {
    // Or the runtime would end the task's turn in the midst of a burst, as if the socket was full.
    let mut writing = std::pin::pin!(unconstrained(writing));
    poll_fn(|cx| match writing.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result.map(|()| Step::Rest)),
        Poll::Pending => {
            let pointless = link.outbox.poll_pointless(left.load(Ordering::Relaxed), cx);
            pointless.map(|code| Ok(Step::Close(code)))
        }
    })
    .await
}

async fn write(socket: &mut WebSocket, frame: &Frame) -> Result<(), Gone> {
    write_message(socket, Message::Text(frame.clone().into())).await
}

async fn write_message(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match timeout(WRITE_WITHIN, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Gone),
    }
}

/// Says why, then reads on for a moment until the other side has answered: a socket that is dropped
/// with something unread in it resets the connection, and the reason may be lost on its way.
async fn close(socket: &mut WebSocket, code: CloseCode) {
    let row = code.row();
    let frame = CloseFrame { code: row.number, reason: row.reason.into() };
    let parting = async {
        socket.send(Message::Close(Some(frame))).await.ok()?;
        while let Some(Ok(_)) = socket.recv().await {}
        Some(())
    };
    // Whoever does not take it in time is let go without a word.
    let _ = timeout(CLOSE_WITHIN, parting).await;
}
