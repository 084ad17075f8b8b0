//! Carries requests out: from a command to a use-case, and back to the reply that it waits for.
//!
//! A send is queued here, in the order of the frames, and answered when it is durable, through the
//! outbox; everything else is answered at once, one after the other. Called by `socket`.

use std::sync::Arc;

use super::link::Link;
use super::{Ws, calls};
use crate::core::Core;
use crate::core::calls::Calls;
use crate::core::receipts::Cursor;
use crate::error::Result;
use crate::hub::{Attached, Frame};
use crate::id::UserId;
use crate::model::auth::Caller;
use crate::model::messages::Message;
use crate::model::text::{BODY_BYTES, ClientMsgId};
use crate::protocol::frames::{
    Done, EditFrame, ForwardFrame, HideFrame, MemberReply, MessageRef, MessageReply, PinFrame,
    ReactFrame, SendFrame, SentReply, TypingFrame, WatchFrame,
};
use crate::protocol::ops::{Command, Reply};
use crate::protocol::rows;
use crate::protocol::sync::{Have, News};

/// What requests call a chat.
const CHAT: &str = "chat";
/// About how many bytes a reply to a send, or a file in it, has beside its text.
const REPLY_COST: usize = 512;

/// What requests of one connection are carried out with.
pub(super) struct Requests {
    /// What connections share, the rules among it.
    pub(super) ws: Arc<Ws>,
    /// The connection.
    pub(super) link: Arc<Link>,
    /// The connection as the hub knows it.
    pub(super) attached: Arc<Attached>,
}

impl Requests {
    /// Carries one request out. The reply, unless it comes later through the outbox.
    pub(super) async fn run(self, id: u64, command: Command) -> Option<Frame> {
        let language = self.link.language();
        let ws = self.ws.clone();
        let reply = self.carry_out(command).await;
        reply.unwrap_or_else(|error| Some(ws.refusal(id, &error, language)))
    }

    /// Calls, for requests that come by this connection.
    fn calls(&self) -> Calls {
        self.ws.core.calls.by(self.link.via())
    }

    async fn carry_out(self, command: Command) -> Result<Option<Frame>> {
        let (core, caller) = (&self.ws.core, &self.link.caller());
        Ok(Some(match command {
            Command::Send(frame, reply) => return self.send(frame, reply).await,
            Command::Forward(frame, reply) => return self.forward(frame, reply).await,
            Command::Edit(frame, reply) => reply.granted(&edit(core, caller, frame).await?),
            Command::Delete(of, reply) => reply.granted(&delete(core, caller, of).await?),
            Command::React(frame, reply) => reply.granted(&react(core, caller, frame).await?),
            Command::Pin(of, reply) => reply.granted(&pin(core, caller, of).await?),
            Command::Hide(of, reply) => reply.granted(&hide(core, caller, of).await?),
            Command::Read(of, reply) => {
                reply.granted(&advance(core, caller, Cursor::Read, of).await?)
            }
            Command::Delivered(of, reply) => {
                reply.granted(&advance(core, caller, Cursor::Delivered, of).await?)
            }
            Command::Typing(of, reply) => reply.granted(&typing(core, caller, of).await?),
            Command::Watch(of, reply) => reply.granted(&self.watch(of).await?),
            Command::CallStart(of, reply) => {
                reply.granted(&calls::start((core, &self.calls()), caller, CHAT, of).await?)
            }
            Command::CallAccept(of, reply) => {
                reply.granted(&calls::accept((core, &self.calls()), caller, of).await?)
            }
            Command::CallReject(of, reply) => {
                reply.granted(&calls::reject(core, caller, of).await?)
            }
            Command::CallCancel(of, reply) | Command::CallHangUp(of, reply) => {
                reply.granted(&calls::leave(core, caller, of).await?)
            }
            Command::CallAlive(of, reply) => {
                reply.granted(&calls::alive((core, &self.calls()), caller, of).await?)
            }
            Command::CallRestart(of, reply) => {
                reply.granted(&calls::restart((core, &self.calls()), caller, of).await?)
            }
            Command::CallSignal(of, reply) => {
                reply.granted(&calls::signal(core, caller, of).await?)
            }
            Command::CallReport(of, reply) => {
                reply.granted(&calls::report(core, caller, of).await?)
            }
            Command::CallGet(of, reply) => reply.granted(&calls::get(core, caller, of).await?),
            Command::Sync(have, reply) => reply.granted(&sync(core, caller, have).await?),
            Command::Ping(done, reply) => reply.granted(&done),
        }))
    }

    async fn send(self, frame: SendFrame, reply: Reply<SentReply>) -> Result<Option<Frame>> {
        let bytes = REPLY_COST * (1 + frame.attachments.len()) + frame.body.len();
        let (chat, draft, caller) = (frame.chat, frame.draft()?, self.link.caller());
        let target = self.ws.core.chats.resolve(&caller, CHAT, chat.0).await?;
        let pending = self.ws.core.messages.send(&caller, target, draft).await?;
        self.link.acks_when_durable(self.ws, reply, bytes, pending);
        Ok(None)
    }

    async fn forward(self, frame: ForwardFrame, reply: Reply<SentReply>) -> Result<Option<Frame>> {
        let key = ClientMsgId::parse("client_msg_id", &frame.client_msg_id)?;
        let (caller, place) = (self.link.caller(), (frame.from.into(), frame.seq));
        let target = self.ws.core.chats.resolve(&caller, CHAT, frame.chat.0).await?;
        let pending = self.ws.core.messages.forward(&caller, place, target, key).await?;
        self.link.acks_when_durable(self.ws, reply, REPLY_COST + BODY_BYTES, pending);
        Ok(None)
    }

    /// What is known of the people comes as events, before the reply or after it.
    async fn watch(&self, of: WatchFrame) -> Result<Done> {
        let users: Vec<UserId> = of.users.into_iter().map(Into::into).collect();
        self.ws.core.presence.watch(&self.link.caller(), &self.attached, &users).await?;
        Ok(Done {})
    }
}

async fn edit(core: &Core, caller: &Caller, frame: EditFrame) -> Result<MessageReply> {
    let (chat, seq, edit) = (frame.chat, frame.seq, frame.edit()?);
    let target = core.chats.resolve(caller, CHAT, chat.0).await?;
    Ok(changed(core, core.messages.edit(caller, target.chat, seq, edit).await?).await)
}

async fn delete(core: &Core, caller: &Caller, of: MessageRef) -> Result<MessageReply> {
    let target = core.chats.resolve(caller, CHAT, of.chat.0).await?;
    Ok(changed(core, core.messages.delete(caller, target.chat, of.seq).await?).await)
}

async fn react(core: &Core, caller: &Caller, frame: ReactFrame) -> Result<MessageReply> {
    let ReactFrame { chat, seq, emoji, on } = frame;
    let target = core.chats.resolve(caller, CHAT, chat.0).await?;
    Ok(changed(core, core.messages.react(caller, target.chat, seq, &emoji, on).await?).await)
}

async fn pin(core: &Core, caller: &Caller, of: PinFrame) -> Result<MessageReply> {
    let target = core.chats.resolve(caller, CHAT, of.chat.0).await?;
    Ok(changed(core, core.messages.pin(caller, target.chat, of.seq, of.on).await?).await)
}

async fn changed(core: &Core, message: Message) -> MessageReply {
    let names = core.users.names(&[message.from]).await;
    let name = names.into_iter().next().unwrap_or_default();
    MessageReply { message: rows::Message::of(message, name) }
}

async fn hide(core: &Core, caller: &Caller, of: HideFrame) -> Result<MemberReply> {
    let target = core.chats.resolve(caller, CHAT, of.chat.0).await?;
    let member = core.messages.hide(caller, target.chat, of.seqs).await?;
    Ok(MemberReply { member: Some(member.into()) })
}

async fn advance(
    core: &Core,
    caller: &Caller,
    cursor: Cursor,
    of: MessageRef,
) -> Result<MemberReply> {
    let target = core.chats.resolve(caller, CHAT, of.chat.0).await?;
    let member = core.receipts.advance(caller, target.chat, cursor, of.seq).await?;
    Ok(MemberReply { member: member.map(Into::into) })
}

async fn typing(core: &Core, caller: &Caller, of: TypingFrame) -> Result<Done> {
    let target = core.chats.resolve(caller, CHAT, of.chat.0).await?;
    core.receipts.typing(caller, target, of.on).await?;
    Ok(Done {})
}

async fn sync(core: &Core, caller: &Caller, have: Have) -> Result<News> {
    Ok(core.sync.sync(caller, &have.into()).await?.into())
}
