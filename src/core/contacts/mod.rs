//! Contacts with consent: asking, answering, and what a person's card lets others do.
//!
//! A text to a person who lets strangers only ask is a request by itself; so is asking without a
//! text. Answering or accepting makes both contacts; refusing is silent. What passes between two
//! people is decided by `rules`; what an act makes of their ties by the store's step.
//!
//! Invariant: a change of a tie is told as a change of a member row, to the person it is of alone.
//! Called by `http`; `chats`, `messages`, `groups` and `users` use what it adds to `Shared`.

pub(crate) mod rules;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::Mac as _;

use self::rules::{Passage, Reach};
use super::chats::{Target, direct};
use super::{Shared, to_the_end};
use crate::bus::Event;
use crate::error::{Code, Error, Result, Text};
use crate::id::{ObjectId, UserId};
use crate::model::auth::{Caller, Quota};
use crate::model::chats::{Member, MemberChange};
use crate::model::contacts::{AddedBy, Bond, Card, REQUEST_TEXTS, Strangers, TieState};
use crate::model::text::ClientMsgId;
use crate::model::users::{ProfileChange, User};
use crate::store::{Act, TieStep, Tied, Unasked};

/// At most this many contacts a page.
pub const PAGE: usize = 200;
/// How many people an account may ask a day in its first week.
pub const ASKS_AT_FIRST: u32 = 10;
/// How many in its first ninety days.
pub const ASKS_LATER: u32 = 30;
/// How many from then on.
pub const ASKS: u32 = 100;
const FIRST_WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const FIRST_QUARTER: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// The bytes of a card's code: the person's id and a MAC.
const CODE_BYTES: usize = 24;

const WAIT: Text = Text {
    en: "You have sent {} messages. Wait until this person answers.",
    es: "Has enviado {} mensajes. Espera a que esta persona responda.",
};
const NOT_ASKED: Text = Text {
    en: "This person has not asked you, or their request has lapsed.",
    es: "Esta persona no te ha pedido nada, o su solicitud ha caducado.",
};
const NO_CARD: Text = Text {
    en: "This card does not exist any more. Ask its owner for a new one.",
    es: "Esta tarjeta ya no existe. Pide una nueva a su dueño.",
};
const OWN_CARD: Text = Text { en: "This is your own card.", es: "Esta es tu propia tarjeta." };

/// Contacts, requests, cards.
#[derive(Clone)]
pub struct Contacts {
    shared: Arc<Shared>,
}

/// A person to whom the caller is tied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The person.
    pub user: User,
    /// The caller's row in the chat of the two.
    pub member: Member,
}

/// A card as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCard {
    /// What others show to be let in; whoever has it may ask.
    pub code: String,
    /// It makes contacts at once.
    pub adds: bool,
}

/// A card as those see it who have its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCard {
    /// Whose it is.
    pub user: User,
    /// It makes contacts at once.
    pub adds: bool,
}

impl Contacts {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// What strangers may do on this server at most.
    pub fn strangers(&self) -> Strangers {
        self.shared.strangers
    }

    /// Contacts, and requests that wait for an answer, in the order of the people's ids; at most
    /// `PAGE`.
    pub async fn list(
        &self,
        caller: &Caller,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Contact>> {
        let now = self.shared.ports.now();
        let rows = self.shared.ports.store.memberships(caller.user).await?;
        let tied = rows.into_iter().filter_map(|row| {
            let other = row.chat.other(caller.user)?;
            let bond = row.member.tie.bond(false, now);
            let told = bond != Bond::Strangers && after.is_none_or(|after| other > after);
            told.then_some((other, row.member))
        });
        let mut tied: Vec<(UserId, Member)> = tied.collect();
        tied.sort_by_key(|row| row.0);
        tied.truncate(limit.clamp(1, PAGE));
        let ids: Vec<UserId> = tied.iter().map(|row| row.0).collect();
        let users = self.shared.ports.store.users(&ids).await?;
        let contact = |(id, member)| {
            let user = users.iter().find(|user| user.id == id && user.is_visible())?.clone();
            Some(Contact { user, member })
        };
        Ok(tied.into_iter().filter_map(contact).collect())
    }

    /// Asks a person to be contacts; consents, if that person asks the caller.
    pub async fn ask(&self, caller: &Caller, field: &'static str, whom: UserId) -> Result<Contact> {
        let target = self.target(caller, field, whom).await?;
        let stance = self.shared.stance(caller.user, target).await?;
        rules::may_ask(stance).map_err(Error::forbidden)?;
        if stance.bond == Bond::Strangers {
            self.shared.count_ask(caller.user).await?;
        }
        self.act(caller, whom, Act::Ask).await
    }

    /// Accepts a person's request, also one that was refused before.
    pub async fn accept(&self, caller: &Caller, whom: UserId) -> Result<Contact> {
        let target = self.target(caller, "user", whom).await?;
        self.shared.check_reach(caller, target, Reach::Agreed).await?;
        self.act(caller, whom, Act::Accept).await
    }

    /// Refuses a person's request. They are not told, and it is as if it waited on.
    pub async fn refuse(&self, caller: &Caller, whom: UserId) -> Result<Contact> {
        self.act(caller, whom, Act::Refuse).await
    }

    /// Ends a contact, for both; refuses a request. Of anybody else nothing changes.
    pub async fn remove(&self, caller: &Caller, whom: UserId) -> Result<()> {
        let shared = self.shared.clone();
        let by = caller.user;
        to_the_end(async move { shared.tie(by, whom, Act::Remove).await }).await
    }

    /// The caller's card.
    pub async fn own_card(&self, caller: &Caller) -> Result<Option<OwnCard>> {
        let user = self.shared.account(caller.user).await?;
        Ok(user.card.map(|card| self.shown_to_owner(user.id, card)))
    }

    /// Makes a card, or changes what it does; `renew`: the code that others have does no more.
    pub async fn set_card(
        &self,
        caller: &Caller,
        adds: Option<bool>,
        renew: bool,
    ) -> Result<OwnCard> {
        let known = self.shared.account(caller.user).await?.card;
        let number = match known.filter(|_| !renew) {
            Some(card) => card.number,
            None => self.fresh_number(),
        };
        let adds = adds.unwrap_or(known.is_some_and(|card| card.adds));
        let card = Card { number, adds };
        self.put_card(caller, Some(card)).await?;
        Ok(self.shown_to_owner(caller.user, card))
    }

    /// Takes the card back: its code does no more.
    pub async fn drop_card(&self, caller: &Caller) -> Result<()> {
        self.put_card(caller, None).await
    }

    /// Whose card it is.
    pub async fn card(&self, code: &str) -> Result<ShownCard> {
        let (user, card) = self.find_card(code).await?;
        Ok(ShownCard { user, adds: card.adds })
    }

    /// Shows somebody's card: asks them, or makes both contacts at once, as its owner says.
    pub async fn show_card(&self, caller: &Caller, code: &str) -> Result<Contact> {
        let (user, card) = self.find_card(code).await?;
        if user.id == caller.user {
            return Err(Error::new(Code::BadRequest, OWN_CARD));
        }
        let target = direct(caller.user, user.id);
        let stance = self.shared.stance(caller.user, target).await?;
        rules::passage(Reach::Agreed, stance).map_err(Error::forbidden)?;
        if !card.adds && stance.bond == Bond::Strangers {
            self.shared.count_ask(caller.user).await?;
        }
        let act = if card.adds { Act::Meet } else { Act::Ask };
        self.act(caller, user.id, act).await
    }

    async fn put_card(&self, caller: &Caller, card: Option<Card>) -> Result<()> {
        let change = ProfileChange { card: Some(card), ..ProfileChange::default() };
        super::users::Users::new(self.shared.clone()).change(caller, change).await.map(drop)
    }

    fn fresh_number(&self) -> u32 {
        let mut bytes = [0; 4];
        self.shared.ports.entropy.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn shown_to_owner(&self, user: UserId, card: Card) -> OwnCard {
        let mut bytes = user.0.0.to_vec();
        let mac = self.shared.card_mac(user, card).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..CODE_BYTES - bytes.len()]);
        OwnCard { code: BASE64.encode(bytes), adds: card.adds }
    }

    async fn find_card(&self, code: &str) -> Result<(User, Card)> {
        let no_card = || Error::not_found(NO_CARD);
        let bytes = BASE64.decode(code).map_err(|_| no_card())?;
        let bytes = <[u8; CODE_BYTES]>::try_from(bytes).map_err(|_| no_card())?;
        let Some((id, mac)) = bytes.split_first_chunk::<12>() else { return Err(no_card()) };
        let user = self.shared.account(UserId(ObjectId(*id))).await.map_err(|_| no_card())?;
        let card = user.card.filter(|_| user.is_visible()).ok_or_else(no_card)?;
        let own = self.shared.card_mac(user.id, card);
        own.verify_truncated_left(mac).map_err(|_| no_card())?;
        Ok((user, card))
    }

    async fn target(&self, caller: &Caller, field: &'static str, whom: UserId) -> Result<Target> {
        if whom == caller.user {
            return Err(Error::field(field, super::chats::WITH_YOURSELF));
        }
        self.shared.visible_user(whom).await?;
        Ok(direct(caller.user, whom))
    }

    /// Carries out an act of the caller's, and answers what the person is to them then.
    async fn act(&self, caller: &Caller, whom: UserId, act: Act) -> Result<Contact> {
        let (shared, by) = (self.shared.clone(), caller.user);
        to_the_end(async move { shared.tie(by, whom, act).await }).await?;
        let user = self.shared.account(whom).await?;
        let chat = direct(by, whom).chat;
        let found = self.shared.ports.store.chat(chat, &[by]).await?;
        let member = found.and_then(|(_, mut rows)| rows.pop());
        Ok(Contact { user, member: member.ok_or(Error::not_found(NOT_ASKED))? })
    }
}

impl Shared {
    /// Follows how something passes: a text of a request is counted, an answer makes both contacts.
    /// To be called right before it is stored; what is counted and then not stored stays counted.
    pub(crate) async fn pass(
        &self,
        by: UserId,
        target: Target,
        passage: Passage,
        key: &ClientMsgId,
    ) -> Result<()> {
        let new = match passage {
            Passage::Free | Passage::Silent => return Ok(()),
            Passage::Answer => false,
            Passage::Request { new } => new,
        };
        let Some(to) = target.other(by) else { return Ok(()) };
        if new {
            self.count_ask(by).await?;
        }
        let mark = self.keyed(&[b"text of a request", key.as_str().as_bytes()]);
        self.tie(by, to, Act::Write(ObjectId(mark))).await
    }

    /// Carries out an act, and tells both people whose rows changed.
    pub(crate) async fn tie(&self, by: UserId, to: UserId, act: Act) -> Result<()> {
        let step = TieStep { by, to, act, at: self.ports.now() };
        match self.ports.store.tie(step).await? {
            Tied::Same => Ok(()),
            Tied::Gone => Err(Error::forbidden(rules::GONE_USER)),
            Tied::Unasked(Unasked::Full) => {
                Err(Error::forbidden(WAIT).arg(REQUEST_TEXTS.to_string()))
            }
            Tied::Unasked(Unasked::Nothing) => Err(Error::new(Code::Conflict, NOT_ASKED)),
            Tied::Done { chat, rows, opened } => {
                let apart = rows.iter().any(|row| row.tie.is_apart());
                self.ports.bus.publish(Event::TieChanged { one: by, other: to, apart });
                if opened {
                    self.chat_opened(chat).await;
                } else {
                    rows.into_iter().for_each(|row| self.member_changed(row, Vec::new()));
                }
                Ok(())
            }
        }
    }

    /// Counts that somebody asks one more person today.
    async fn count_ask(&self, user: UserId) -> Result<()> {
        let now = self.ports.now();
        let account = self.people(&[user]).await?.pop();
        let age = account.map_or(Duration::ZERO, |person| now.since(person.user.created));
        let limit = asks_a_day(age);
        let quota = Quota { key: format!("ask:{user}"), limit, window_ms: DAY_MS };
        self.count(&[quota], now).await
    }

    /// What strangers may do to a person on this server.
    pub(crate) fn reach_of(&self, user: &User) -> Strangers {
        user.reach.max(self.strangers)
    }

    /// Those of these people whom a person may put into a group.
    pub(crate) async fn addable_by(&self, by: UserId, users: Vec<User>) -> Result<Vec<UserId>> {
        let mut addable = Vec::new();
        for user in users {
            let welcome = match rules::adders(user.groups, self.reach_of(&user)) {
                AddedBy::Everyone => true,
                AddedBy::Contacts => {
                    let stance = self.stance(by, direct(by, user.id)).await?;
                    stance.bond == Bond::Known
                }
                AddedBy::Nobody => false,
            };
            if welcome {
                addable.push(user.id);
            }
        }
        Ok(addable)
    }

    /// Takes a deleted account out of everybody's contacts, and forgets what it called them.
    pub(crate) async fn forget_contacts(&self, user: UserId) -> Result<()> {
        for row in self.ports.store.memberships(user).await? {
            if row.member.remark.is_some() {
                let change = MemberChange { remark: Some(None), ..MemberChange::default() };
                self.ports.store.change_member(row.chat.id, user, change).await?;
            }
            let is_tied = row.member.tie.state != TieState::None;
            if let Some(other) = row.chat.other(user).filter(|_| is_tied) {
                self.tie(user, other, Act::Forget).await?;
            }
        }
        Ok(())
    }

    fn card_mac(&self, user: UserId, card: Card) -> hmac::Hmac<sha2::Sha256> {
        let mut mac = self.mac(b"card\0");
        mac.update(&user.0.0);
        mac.update(&card.number.to_le_bytes());
        mac
    }
}

/// How many people an account of this age may ask a day.
fn asks_a_day(age: Duration) -> u32 {
    match age {
        age if age < FIRST_WEEK => ASKS_AT_FIRST,
        age if age < FIRST_QUARTER => ASKS_LATER,
        _ => ASKS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_account_may_ask_more_people() {
        let days = |days: u64| asks_a_day(Duration::from_secs(days * 24 * 60 * 60));
        assert_eq!([days(0), days(6), days(7), days(89), days(90)], [10, 10, 30, 30, 100]);
    }
}
