//! Recovery codes: what lets in a person who has lost their mailbox.
//!
//! Ten are made at a time, by a session that shows a code which was mailed to the account: so
//! nobody who finds a device open gets some. Each lets in once, from anywhere, and the account's
//! address is told of new codes and of each that is used, by a mail whose link logs out everywhere
//! and voids all codes (`moving`). A code has 80 random bits, and a digest of it is all that is
//! stored (`RecoveryMark`): guessing is hopeless whatever the limits, and they keep it cheap.
//!
//! Invariant: known and unknown addresses get the same answer after the same store steps, whatever
//! was made there. Invariant: what strangers guess at an account never keeps out a network that did
//! not, nor a device that logged in before. Invariant: a code opens one session at most.
//!
//! Called by `http`.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::session_code::bad_code;
use super::ticket::{Asker, Identity};
use super::{Auth, SignedIn, code, door};
use crate::core::to_the_end;
use crate::error::{Code, Error, Result, Text};
use crate::id::{Entropy, UserId};
use crate::mail::{Letter, Mail, Rank};
use crate::model::auth::{Caller, Quota, RECOVERY_CODES, RecoveryCodes, RecoveryMark};
use crate::model::door::Admission;
use crate::model::text::Email;
use crate::store::{Entered, Pass, Redeem};

/// New recovery codes that a person may ask for in an hour.
pub const RECOVERIES_AN_HOUR: u32 = 5;
/// New recovery codes that a person may ask for in a day.
pub const RECOVERIES_A_DAY: u32 = 10;
const HOUR_MS: u64 = 60 * 60 * 1000;
/// Letters and digits that nobody takes for one another (Crockford's base 32), five bits each.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code, in groups of four.
const CHARS: usize = 16;
const GROUP: usize = 4;
/// So much of what was typed is looked at.
const LOOKED_AT: usize = 256;

const BAD_RECOVERY_CODE: Text = Text {
    en: "This recovery code is wrong or was used, or this account has none. Check it, or use \
         another.",
    es: "Este código de recuperación es incorrecto o ya se usó, o esta cuenta no tiene ninguno. \
         Revísalo o usa otro.",
};

/// New recovery codes, which are shown this once. They do not print themselves.
#[derive(Clone, PartialEq, Eq)]
pub struct NewCodes {
    /// As people write them: `7QK2-…`.
    pub codes: Vec<String>,
    /// As they are stored.
    pub kept: RecoveryCodes,
}

impl std::fmt::Debug for NewCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewCodes({:?})", self.kept)
    }
}

impl Auth {
    /// The recovery codes that the caller has left, if they made some.
    pub async fn recovery_codes(&self, caller: &Caller) -> Result<Option<RecoveryCodes>> {
        self.shared.ports.store.recovery_of(caller.user).await
    }

    /// Mails the code by which the caller's session makes recovery codes; where it went.
    pub async fn ask_recovery_codes(&self, caller: &Caller, ip: IpAddr) -> Result<Email> {
        let ports = &self.shared.ports;
        let user = self.living(caller.user).await?;
        let identity = Identity::of(&self.shared, &Asker::from(ip));
        let place = self.place(Rank::LogIn, &identity, Some(user.id)).await?;
        self.shared.count(&asks(user.id), ports.now()).await?;
        let wanted = (&user.email, Some(user.id));
        let code = self.issue_session_code(caller, wanted, code::hmac_of_recovery).await?;
        let (to, language) = (user.email.clone(), user.language);
        place.send(Mail { to, language, letter: Letter::RecoveryCode { code } });
        Ok(user.email)
    }

    /// Makes recovery codes with the code that was mailed; earlier ones are void.
    pub async fn make_recovery_codes(
        &self,
        caller: &Caller,
        code: &str,
        ip: IpAddr,
    ) -> Result<NewCodes> {
        let user = self.living(caller.user).await?;
        let typed = (&user.email, code);
        let right = self.check_session_code(caller, typed, ip, code::hmac_of_recovery).await?;
        let ports = &self.shared.ports;
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| drawn(&*ports.entropy)).collect();
        let mut left: Vec<_> = codes.iter().map(|code| mark(user.id, code)).collect();
        left.sort_unstable();
        let kept = RecoveryCodes { user: user.id, made: ports.now(), left };
        let (shared, made) = (self.shared.clone(), NewCodes { codes, kept });
        to_the_end(async move {
            if !shared.ports.store.put_recovery(&made.kept, right.id).await? {
                return Err(bad_code());
            }
            let stay = shared.stay_token(user.id, &user.email);
            let letter = Letter::RecoveryMade { at: made.kept.made, stay };
            shared.send_word(user.email, user.language, letter);
            Ok(made)
        })
        .await
        .map(|made| NewCodes {
            codes: made.codes.iter().map(|code| grouped(code)).collect(),
            ..made
        })
    }

    /// Opens a session with a recovery code, for the device that calls itself `device`.
    pub async fn recover(
        &self,
        email: &Email,
        code: &str,
        device: &str,
        asker: impl Into<Asker>,
    ) -> Result<SignedIn> {
        let bad = || Error::new(Code::BadCode, BAD_RECOVERY_CODE);
        let typed = typed(code).ok_or_else(bad)?;
        let ports = &self.shared.ports;
        let identity = Identity::of(&self.shared, &asker.into());
        let user = ports.store.user_by_email(email).await?.map(|user| user.id);
        let counted = self.count_recovery(&identity, email, user).await?;
        // At an address without an account the same steps are done, for nobody.
        let user = user.unwrap_or_else(|| UserId(ports.ids.next()));
        let (token, session) = self.new_session(user, device);
        let redeem = Redeem {
            code: Pass::Recovery(mark(user, &typed)),
            session: session.clone(),
            terms: Vec::new(),
            places: identity.places(),
            admission: Admission::Nobody,
        };
        let auth = self.clone();
        to_the_end(async move {
            let store = &auth.shared.ports.store;
            let user = match store.redeem(&redeem).await? {
                Entered::In(user, _) => user,
                Entered::Gone | Entered::ShutOut => return Err(bad()),
                Entered::Suspended(until, why) => return Err(door::suspended(until, why)),
            };
            store.give_back(&counted, session.created).await?;
            let signed_in = SignedIn { user, session, token };
            auth.tell_of_recovery(&signed_in).await;
            Ok(signed_in)
        })
        .await
    }

    /// Counts a guess at a recovery code; what to give back should it be right.
    async fn count_recovery(
        &self,
        identity: &Identity,
        email: &Email,
        user: Option<UserId>,
    ) -> Result<Vec<Quota>> {
        let refused = match self.count(&self.limits.recovering(email, &identity.blocks)).await {
            Ok(counted) => return Ok(counted),
            Err(refused) => refused,
        };
        let known = self.known(identity, user).await?;
        let ways = known.iter().map(|key| self.limits.recovering_known(email, *key));
        self.count(&ways.collect::<Vec<_>>()).await.map_err(|_| refused)
    }

    /// Tells the address that a code was used. Whoever showed it is in by now, whatever can be read
    /// of those that are left.
    async fn tell_of_recovery(&self, signed_in: &SignedIn) {
        let SignedIn { user, session, .. } = signed_in;
        let codes = self.shared.ports.store.recovery_of(user.id).await.ok();
        let letter = Letter::Recovered {
            device: session.device.clone(),
            at: session.created,
            left: codes.map(|codes| codes.map_or(0, |codes| codes.left.len())),
            stay: self.shared.stay_token(user.id, &user.email),
        };
        self.shared.send_word(user.email.clone(), user.language, letter);
    }
}

fn asks(user: UserId) -> Vec<Quota> {
    let quota = |limit, window_ms| Quota { key: format!("recovery:{user}"), limit, window_ms };
    vec![quota(RECOVERIES_AN_HOUR, HOUR_MS), quota(RECOVERIES_A_DAY, 24 * HOUR_MS)]
}

/// A fresh code, without its hyphens.
fn drawn(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; CHARS];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// A code as people write it down.
fn grouped(code: &str) -> String {
    let groups: Vec<&str> = (0..CHARS / GROUP).map(|at| &code[at * GROUP..][..GROUP]).collect();
    groups.join("-")
}

/// The code that somebody means by what they typed or pasted, without what stands between its
/// characters. `None` when it is none.
fn typed(text: &str) -> Option<String> {
    let chars = text.chars().take(LOOKED_AT).nfkc().filter(|c| c.is_alphanumeric());
    let code: Option<String> = chars.take(CHARS + 1).map(meant).collect();
    code.filter(|code| code.len() == CHARS)
}

/// The character of a code that is meant by one that looks like it.
fn meant(c: char) -> Option<char> {
    let meant = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().any(|known| char::from(*known) == meant).then_some(meant)
}

/// What is stored of a code.
fn mark(user: UserId, code: &str) -> RecoveryMark {
    let hash = Sha256::new_with_prefix(b"recovery code\0").chain_update(user.0.0);
    RecoveryMark(hash.chain_update(code.as_bytes()).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ObjectId, OsEntropy};

    #[test]
    fn a_code_is_read_as_people_write_it_down() {
        let code = drawn(&OsEntropy);
        assert_eq!(typed(&grouped(&code)).as_deref(), Some(code.as_str()));
        for text in ["7qk2-0101-abcd-wxyz", " 7QK2 OIOL ABCD WXYZ\n", "７ＱＫ２0101abcdwxyz"] {
            assert_eq!(typed(text).as_deref(), Some("7QK20101ABCDWXYZ"), "{text:?}");
        }
        for bad in
            ["", "123456", "7QK2-0101-ABCD-WXYU", "7QK2-0101-ABCD-WXYZ-1", "七QK20101ABCDWXY"]
        {
            assert_eq!(typed(bad), None, "{bad:?}");
        }
        assert_eq!(typed(&"-".repeat(10_000)), None);
    }

    #[test]
    fn a_mark_is_of_one_account_and_one_code() {
        let user = |number| UserId(ObjectId([number; 12]));
        assert_eq!(mark(user(1), "A"), mark(user(1), "A"));
        assert_ne!(mark(user(1), "A"), mark(user(2), "A"));
        assert_ne!(mark(user(1), "A"), mark(user(1), "B"));
    }
}
