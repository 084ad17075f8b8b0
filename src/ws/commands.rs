//! Carries requests out: from a frame to a use-case and back to a reply.
//!
//! A send is queued here, in the order of the frames, and answered when it is durable, through the
//! outbox; everything else is answered at once, one after the other. Called by `socket`.

use std::sync::Arc;

use super::Ws;
use super::session::Command;
use super::socket::Link;
use crate::core::chats::Target;
use crate::core::messages::changes::Edit;
use crate::core::messages::{Pending, Send, Sent};
use crate::core::receipts::Cursor;
use crate::error::{Error, Language, Result};
use crate::hub::{Attached, Frame};
use crate::id::UserId;
use crate::model::auth::Caller;
use crate::model::messages::Message;
use crate::model::text::{BODY_BYTES, Body, ClientMsgId};
use crate::protocol::bodies::text_of;
use crate::protocol::frames::{
    Done, EditFrame, ForwardFrame, MemberReply, MessageReply, ReactFrame, SendFrame, SentReply,
    WatchFrame, granted, refused,
};
use crate::protocol::problem::Problem;
use crate::protocol::rows;
use crate::protocol::sync::News;
use crate::protocol::values::Id;

/// About how many bytes a reply to a send, or a file in it, has beside its text.
const REPLY_COST: usize = 512;

/// The refusal of a request.
pub(super) fn refusal(id: Option<u64>, error: &Error, language: Language) -> Frame {
    if let Some(cause) = error.cause() {
        tracing::error!(code = error.code.row().name, %cause, "a request failed");
    }
    refused(id, &Problem::of(error, language, None))
}

/// Carries one request out. The reply, unless it comes later through the outbox.
pub(super) async fn run(
    ws: Arc<Ws>,
    link: Arc<Link>,
    attached: Arc<Attached>,
    id: u64,
    command: Command,
) -> Option<Frame> {
    let (language, caller) = (link.language(), link.caller());
    let reply = match command {
        Command::Watch(of) => watch(&ws, &attached, &caller, id, of).await,
        command => carry_out(&ws, link, &caller, id, command).await,
    };
    reply.unwrap_or_else(|error| Some(refusal(Some(id), &error, language)))
}

async fn carry_out(
    ws: &Ws,
    link: Arc<Link>,
    caller: &Caller,
    id: u64,
    command: Command,
) -> Result<Option<Frame>> {
    Ok(Some(match command {
        Command::Send(frame) => {
            let bytes = REPLY_COST * (1 + frame.attachments.len()) + frame.body.len();
            link.acks_when_durable(id, bytes, send(ws, caller, frame).await?);
            return Ok(None);
        }
        Command::Forward(frame) => {
            let bytes = REPLY_COST + BODY_BYTES;
            link.acks_when_durable(id, bytes, forward(ws, caller, frame).await?);
            return Ok(None);
        }
        Command::Edit(frame) => message(ws, id, edit(ws, caller, frame).await?).await,
        Command::Delete(of) => {
            let target = target(ws, caller, of.chat).await?;
            message(ws, id, ws.core.messages.delete(caller, target.chat, of.seq).await?).await
        }
        Command::React(frame) => message(ws, id, react(ws, caller, frame).await?).await,
        Command::Pin(of) => {
            let target = target(ws, caller, of.chat).await?;
            message(ws, id, ws.core.messages.pin(caller, target.chat, of.seq, of.on).await?).await
        }
        Command::Hide(of) => {
            let target = target(ws, caller, of.chat).await?;
            let member = ws.core.messages.hide(caller, target.chat, of.seqs).await?;
            granted(id, &MemberReply { member: Some(member.into()) })
        }
        Command::Read(of) => advance(ws, caller, id, of.chat, Cursor::Read, of.seq).await?,
        Command::Delivered(of) => {
            advance(ws, caller, id, of.chat, Cursor::Delivered, of.seq).await?
        }
        Command::Typing(of) => {
            let target = target(ws, caller, of.chat).await?;
            ws.core.receipts.typing(caller, target, of.on).await?;
            granted(id, &Done {})
        }
        Command::Sync(have) => {
            granted(id, &News::from(ws.core.sync.sync(caller, &have.into()).await?))
        }
        Command::Ping => granted(id, &Done {}),
        call => super::calls::carry_out(ws, caller, id, call).await?,
    }))
}

/// What is known of the people comes as events, before the reply or after it.
async fn watch(
    ws: &Ws,
    attached: &Attached,
    caller: &Caller,
    id: u64,
    of: WatchFrame,
) -> Result<Option<Frame>> {
    let users: Vec<UserId> = of.users.into_iter().map(Into::into).collect();
    ws.core.presence.watch(caller, attached, &users).await?;
    Ok(Some(granted(id, &Done {})))
}

/// What a `chat` means to the caller.
pub(super) async fn target(ws: &Ws, caller: &Caller, chat: Id) -> Result<Target> {
    let rename = |error: Error| if error.field.is_some() { error.on("chat") } else { error };
    ws.core.chats.resolve(caller, chat.0).await.map_err(rename)
}

async fn send(ws: &Ws, caller: &Caller, frame: SendFrame) -> Result<Pending<Sent>> {
    let send = Send {
        client_msg_id: ClientMsgId::parse("client_msg_id", &frame.client_msg_id)?,
        body: text_of(&frame.body, &frame.attachments)?,
        attachments: frame.attachments.into_iter().map(Into::into).collect(),
        reply_to: frame.reply_to,
        mentions: frame.mentions.into_iter().map(Into::into).collect(),
        mention_all: frame.mention_all,
        target: target(ws, caller, frame.chat).await?,
    };
    ws.core.messages.send(caller, send).await
}

async fn forward(ws: &Ws, caller: &Caller, frame: ForwardFrame) -> Result<Pending<Sent>> {
    let key = ClientMsgId::parse("client_msg_id", &frame.client_msg_id)?;
    let target = target(ws, caller, frame.chat).await?;
    ws.core.messages.forward(caller, (frame.from.into(), frame.seq), target, key).await
}

async fn edit(ws: &Ws, caller: &Caller, frame: EditFrame) -> Result<Message> {
    let edit = Edit {
        body: Body::beside_files("body", &frame.body)?,
        mentions: frame.mentions.map(|ids| ids.into_iter().map(Into::into).collect()),
        mention_all: frame.mention_all,
    };
    let target = target(ws, caller, frame.chat).await?;
    ws.core.messages.edit(caller, target.chat, frame.seq, edit).await
}

async fn react(ws: &Ws, caller: &Caller, frame: ReactFrame) -> Result<Message> {
    let target = target(ws, caller, frame.chat).await?;
    ws.core.messages.react(caller, target.chat, frame.seq, &frame.emoji, frame.on).await
}

async fn advance(
    ws: &Ws,
    caller: &Caller,
    id: u64,
    chat: Id,
    cursor: Cursor,
    seq: u64,
) -> Result<Frame> {
    let target = target(ws, caller, chat).await?;
    let member = ws.core.receipts.advance(caller, target.chat, cursor, seq).await?;
    Ok(granted(id, &MemberReply { member: member.map(Into::into) }))
}

async fn message(ws: &Ws, id: u64, message: Message) -> Frame {
    let names = ws.core.users.names(&[message.from]).await;
    let name = names.into_iter().next().unwrap_or_default();
    granted(id, &MessageReply { message: rows::Message::of(message, name) })
}

/// The reply to a send, once it is durable.
pub(super) fn sent(id: u64, sent: Sent) -> Frame {
    let Sent { message, from_name, repeated } = sent;
    granted(id, &SentReply { message: rows::Message::of(message, from_name), repeated })
}
