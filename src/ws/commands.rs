//! Carries requests out: from a frame to a use-case and back to a reply.
//!
//! A send is queued here, in the order of the frames, and answered when it is durable, through the
//! outbox; everything else is answered at once, one after the other. Called by `socket`.

use std::sync::Arc;

use super::calls::target;
use super::link::Link;
use super::replies::refusal;
use super::session::Command;
use super::{Ws, calls};
use crate::core::Core;
use crate::core::messages::changes::Edit;
use crate::core::messages::{Pending, Send, Sent};
use crate::core::receipts::Cursor;
use crate::error::Result;
use crate::hub::{Attached, Frame};
use crate::id::UserId;
use crate::model::auth::Caller;
use crate::model::messages::Message;
use crate::model::text::{BODY_BYTES, Body, ClientMsgId};
use crate::protocol::bodies::text_of;
use crate::protocol::frames::{
    Done, EditFrame, ForwardFrame, MemberReply, MessageReply, ReactFrame, SendFrame, WatchFrame,
    granted,
};
use crate::protocol::rows;
use crate::protocol::sync::News;
use crate::protocol::values::Id;

/// About how many bytes a reply to a send, or a file in it, has beside its text.
const REPLY_COST: usize = 512;

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
        Command::Watch(of) => watch(&ws.core, &attached, &caller, id, of).await,
        command => carry_out(&ws.core, link, &caller, id, command).await,
    };
    reply.unwrap_or_else(|error| Some(refusal(Some(id), &error, language)))
}

async fn carry_out(
    core: &Core,
    link: Arc<Link>,
    caller: &Caller,
    id: u64,
    command: Command,
) -> Result<Option<Frame>> {
    Ok(Some(match command {
        Command::Send(frame) => {
            let bytes = REPLY_COST * (1 + frame.attachments.len()) + frame.body.len();
            link.acks_when_durable(id, bytes, send(core, caller, frame).await?);
            return Ok(None);
        }
        Command::Forward(frame) => {
            let bytes = REPLY_COST + BODY_BYTES;
            link.acks_when_durable(id, bytes, forward(core, caller, frame).await?);
            return Ok(None);
        }
        Command::Edit(frame) => message(core, id, edit(core, caller, frame).await?).await,
        Command::Delete(of) => {
            let target = target(core, caller, of.chat).await?;
            message(core, id, core.messages.delete(caller, target.chat, of.seq).await?).await
        }
        Command::React(frame) => message(core, id, react(core, caller, frame).await?).await,
        Command::Pin(of) => {
            let target = target(core, caller, of.chat).await?;
            message(core, id, core.messages.pin(caller, target.chat, of.seq, of.on).await?).await
        }
        Command::Hide(of) => {
            let target = target(core, caller, of.chat).await?;
            let member = core.messages.hide(caller, target.chat, of.seqs).await?;
            granted(id, &MemberReply { member: Some(member.into()) })
        }
        Command::Read(of) => advance(core, caller, id, of.chat, Cursor::Read, of.seq).await?,
        Command::Delivered(of) => {
            advance(core, caller, id, of.chat, Cursor::Delivered, of.seq).await?
        }
        Command::Typing(of) => {
            let target = target(core, caller, of.chat).await?;
            core.receipts.typing(caller, target, of.on).await?;
            granted(id, &Done {})
        }
        Command::Sync(have) => {
            granted(id, &News::from(core.sync.sync(caller, &have.into()).await?))
        }
        Command::Ping => granted(id, &Done {}),
        call => calls::carry_out(core, caller, id, call).await?,
    }))
}

/// What is known of the people comes as events, before the reply or after it.
async fn watch(
    core: &Core,
    attached: &Attached,
    caller: &Caller,
    id: u64,
    of: WatchFrame,
) -> Result<Option<Frame>> {
    let users: Vec<UserId> = of.users.into_iter().map(Into::into).collect();
    core.presence.watch(caller, attached, &users).await?;
    Ok(Some(granted(id, &Done {})))
}

async fn send(core: &Core, caller: &Caller, frame: SendFrame) -> Result<Pending<Sent>> {
    let send = Send {
        client_msg_id: ClientMsgId::parse("client_msg_id", &frame.client_msg_id)?,
        body: text_of(&frame.body, &frame.attachments)?,
        attachments: frame.attachments.into_iter().map(Into::into).collect(),
        reply_to: frame.reply_to,
        mentions: frame.mentions.into_iter().map(Into::into).collect(),
        mention_all: frame.mention_all,
        target: target(core, caller, frame.chat).await?,
    };
    core.messages.send(caller, send).await
}

async fn forward(core: &Core, caller: &Caller, frame: ForwardFrame) -> Result<Pending<Sent>> {
    let key = ClientMsgId::parse("client_msg_id", &frame.client_msg_id)?;
    let target = target(core, caller, frame.chat).await?;
    core.messages.forward(caller, (frame.from.into(), frame.seq), target, key).await
}

async fn edit(core: &Core, caller: &Caller, frame: EditFrame) -> Result<Message> {
    let edit = Edit {
        body: Body::beside_files("body", &frame.body)?,
        mentions: frame.mentions.map(|ids| ids.into_iter().map(Into::into).collect()),
        mention_all: frame.mention_all,
    };
    let target = target(core, caller, frame.chat).await?;
    core.messages.edit(caller, target.chat, frame.seq, edit).await
}

async fn react(core: &Core, caller: &Caller, frame: ReactFrame) -> Result<Message> {
    let target = target(core, caller, frame.chat).await?;
    core.messages.react(caller, target.chat, frame.seq, &frame.emoji, frame.on).await
}

async fn advance(
    core: &Core,
    caller: &Caller,
    id: u64,
    chat: Id,
    cursor: Cursor,
    seq: u64,
) -> Result<Frame> {
    let target = target(core, caller, chat).await?;
    let member = core.receipts.advance(caller, target.chat, cursor, seq).await?;
    Ok(granted(id, &MemberReply { member: member.map(Into::into) }))
}

async fn message(core: &Core, id: u64, message: Message) -> Frame {
    let names = core.users.names(&[message.from]).await;
    let name = names.into_iter().next().unwrap_or_default();
    granted(id, &MessageReply { message: rows::Message::of(message, name) })
}
