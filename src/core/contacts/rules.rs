//! Who may reach whom, for what: one table for everything that another person would notice.
//!
//! Worked example: on a server where strangers may ask (`STRANGERS=requests`), Ana, whom Beto does
//! not know, may write him a text, which is a request; a file, a call or a reaction is refused with
//! what to do instead, and that she types goes nowhere. Beto's answer makes both contacts, who may
//! do everything. Carla, whom Beto blocks, may do nothing, contact or not.
//!
//! Invariant: a block comes before everything else, whatever two people are to each other. Called
//! by `contacts` and, through `Shared::check_reach`, by whatever reaches another person.

use crate::error::Text;
use crate::model::contacts::{AddedBy, Bond, Strangers};

pub(crate) const YOU_BLOCK: Text = Text {
    en: "You have blocked this person. Unblock them first.",
    es: "Tienes bloqueada a esta persona. Desbloquéala primero.",
};
pub(crate) const BLOCKED: Text = Text {
    en: "This person does not accept messages or calls from you.",
    es: "Esta persona no acepta mensajes ni llamadas tuyas.",
};
pub(crate) const GONE_USER: Text =
    Text { en: "This account has been deleted.", es: "Esta cuenta fue eliminada." };
pub(crate) const CONTACTS_ONLY: Text = Text {
    en: "This person is reached by their contacts only. Ask them for the link of their card.",
    es: "A esta persona solo llegan sus contactos. Pídele el enlace de su tarjeta.",
};
pub(crate) const TEXTS_FIRST: Text = Text {
    en: "You are not contacts yet. Write to this person first; when they answer, you can send \
         files, react and call.",
    es: "Aún no sois contactos. Escríbele primero; cuando responda, podrás enviar archivos, \
         reaccionar y llamar.",
};
pub(crate) const ACCEPT_FIRST: Text = Text {
    en: "This person has asked to write to you. Accept or answer them first.",
    es: "Esta persona ha pedido escribirte. Acéptala o respóndele primero.",
};

/// What somebody wants of the other person of a direct chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To write a text.
    Text,
    /// To send a file, with a text or without.
    File,
    /// To react, pin or edit.
    Change,
    /// To take back what they said.
    TakeBack,
    /// To show that they are writing.
    Typing,
    /// To call.
    Call,
    /// What the other does not notice, or has agreed to: to open the chat, to go on with a call.
    Agreed,
}

/// How somebody stands to the other person of a direct chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stance {
    /// Neither account was deleted.
    pub(crate) both_there: bool,
    /// They block the other.
    pub(crate) blocks: bool,
    /// The other blocks them.
    pub(crate) blocked: bool,
    /// What they are to each other.
    pub(crate) bond: Bond,
    /// What the other lets strangers do, on this server.
    pub(crate) reach: Strangers,
}

/// How something passes, if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// As it is.
    Free,
    /// As a text of a request; `new`: it begins one.
    Request {
        /// The first of its texts.
        new: bool,
    },
    /// As an answer, which makes both contacts.
    Answer,
    /// It goes nowhere, and nothing is said.
    Silent,
}

/// Whether something passes, and how; otherwise what to do. People who block may still take back
/// their own words; blocked people may not, lest they take away what the other has to show.
pub(crate) const fn passage(reach: Reach, stance: Stance) -> Result<Passage, Text> {
    if matches!(reach, Reach::TakeBack) {
        return if stance.blocked { Err(BLOCKED) } else { Ok(Passage::Free) };
    }
    if !stance.both_there {
        return Err(GONE_USER);
    }
    if stance.blocks {
        return Err(YOU_BLOCK);
    }
    if stance.blocked {
        return Err(BLOCKED);
    }
    let is_open = matches!(stance.reach, Strangers::Everyone);
    match (stance.bond, reach) {
        (Bond::Known, _) | (_, Reach::Agreed) => Ok(Passage::Free),
        (Bond::Asked | Bond::Refused, Reach::Text | Reach::File) => Ok(Passage::Answer),
        _ if is_open => Ok(Passage::Free),
        (_, Reach::Typing) => Ok(Passage::Silent),
        (Bond::Asked | Bond::Refused, _) => Err(ACCEPT_FIRST),
        _ if matches!(stance.reach, Strangers::Contacts) => Err(CONTACTS_ONLY),
        (Bond::Asks, Reach::Text) => Ok(Passage::Request { new: false }),
        (_, Reach::Text) => Ok(Passage::Request { new: true }),
        _ => Err(TEXTS_FIRST),
    }
}

/// Whether somebody may ask another to be contacts.
pub(crate) const fn may_ask(stance: Stance) -> Result<(), Text> {
    match passage(Reach::Agreed, stance) {
        Err(text) => Err(text),
        Ok(_) => match (stance.reach, stance.bond) {
            (Strangers::Contacts, Bond::Strangers | Bond::Asks) => Err(CONTACTS_ONLY),
            _ => Ok(()),
        },
    }
}

/// Who may put somebody into a group, by what they set and by what strangers may do to them: who
/// may not even write to them may not do that.
pub(crate) const fn adders(groups: AddedBy, reach: Strangers) -> AddedBy {
    match (groups, reach) {
        (AddedBy::Everyone, Strangers::Requests | Strangers::Contacts) => AddedBy::Contacts,
        _ => groups,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BONDS: [Bond; 5] = [Bond::Strangers, Bond::Asks, Bond::Asked, Bond::Refused, Bond::Known];
    const REACHES: [Reach; 7] = [
        Reach::Text,
        Reach::File,
        Reach::Change,
        Reach::TakeBack,
        Reach::Typing,
        Reach::Call,
        Reach::Agreed,
    ];
    const ALL: [Strangers; 3] = [Strangers::Everyone, Strangers::Requests, Strangers::Contacts];

    fn stance(bond: Bond, reach: Strangers) -> Stance {
        Stance { both_there: true, blocks: false, blocked: false, bond, reach }
    }

    fn open(bond: Bond) -> Stance {
        stance(bond, Strangers::Everyone)
    }

    #[test]
    fn a_block_comes_before_everything() {
        for (bond, strangers) in BONDS.into_iter().flat_map(|bond| ALL.map(|all| (bond, all))) {
            let fine = stance(bond, strangers);
            for reach in REACHES {
                let blocked = passage(reach, Stance { blocked: true, ..fine });
                assert_eq!(blocked, Err(BLOCKED), "{reach:?} {bond:?}");
                let blocks = passage(reach, Stance { blocks: true, ..fine });
                let gone = passage(reach, Stance { both_there: false, ..fine });
                let own = if reach == Reach::TakeBack {
                    [Ok(Passage::Free); 2]
                } else {
                    [Err(YOU_BLOCK), Err(GONE_USER)]
                };
                assert_eq!([blocks, gone], own, "{reach:?} {bond:?}");
            }
            assert!(may_ask(Stance { blocked: true, ..fine }).is_err());
        }
    }

    #[test]
    fn where_everyone_may_write_nothing_is_a_request() {
        for reach in REACHES {
            for bond in [Bond::Strangers, Bond::Asks, Bond::Known] {
                assert_eq!(passage(reach, open(bond)), Ok(Passage::Free), "{reach:?} {bond:?}");
            }
        }
        assert_eq!(passage(Reach::Text, open(Bond::Asked)), Ok(Passage::Answer));
        assert_eq!(passage(Reach::Call, open(Bond::Asked)), Ok(Passage::Free));
    }

    #[test]
    fn a_stranger_writes_a_request_and_rings_nobody() {
        let to = |bond, reach| passage(reach, stance(bond, Strangers::Requests));
        assert_eq!(to(Bond::Strangers, Reach::Text), Ok(Passage::Request { new: true }));
        assert_eq!(to(Bond::Asks, Reach::Text), Ok(Passage::Request { new: false }));
        for bond in [Bond::Strangers, Bond::Asks] {
            for reach in [Reach::File, Reach::Change, Reach::Call] {
                assert_eq!(to(bond, reach), Err(TEXTS_FIRST), "{reach:?} {bond:?}");
            }
        }
        for bond in [Bond::Asked, Bond::Refused] {
            for reach in [Reach::Text, Reach::File] {
                assert_eq!(to(bond, reach), Ok(Passage::Answer), "{reach:?} {bond:?}");
            }
            for reach in [Reach::Change, Reach::Call] {
                assert_eq!(to(bond, reach), Err(ACCEPT_FIRST), "{reach:?} {bond:?}");
            }
        }
        for bond in BONDS {
            let free = bond == Bond::Known;
            let typing = if free { Passage::Free } else { Passage::Silent };
            assert_eq!(to(bond, Reach::Typing), Ok(typing));
            assert_eq!(to(bond, Reach::TakeBack), Ok(Passage::Free));
            assert_eq!(to(bond, Reach::Agreed), Ok(Passage::Free));
        }
    }

    #[test]
    fn who_is_for_contacts_alone_is_reached_by_nobody_else() {
        let to = |bond, reach| passage(reach, stance(bond, Strangers::Contacts));
        for reach in REACHES {
            assert_eq!(to(Bond::Known, reach), Ok(Passage::Free));
        }
        for bond in [Bond::Strangers, Bond::Asks] {
            for reach in [Reach::Text, Reach::File, Reach::Change, Reach::Call] {
                assert_eq!(to(bond, reach), Err(CONTACTS_ONLY));
            }
            assert!(may_ask(stance(bond, Strangers::Contacts)).is_err());
            assert!(may_ask(stance(bond, Strangers::Requests)).is_ok());
        }
        assert_eq!(to(Bond::Asked, Reach::Text), Ok(Passage::Answer), "who asked wants to hear");
        assert!(may_ask(stance(Bond::Asked, Strangers::Contacts)).is_ok());
    }

    #[test]
    fn who_may_not_write_adds_nobody_to_a_group() {
        assert_eq!(adders(AddedBy::Everyone, Strangers::Everyone), AddedBy::Everyone);
        for strangers in [Strangers::Requests, Strangers::Contacts] {
            assert_eq!(adders(AddedBy::Everyone, strangers), AddedBy::Contacts);
        }
        for strangers in ALL {
            assert_eq!(adders(AddedBy::Nobody, strangers), AddedBy::Nobody);
            assert_eq!(adders(AddedBy::Contacts, strangers), AddedBy::Contacts);
        }
    }
}
