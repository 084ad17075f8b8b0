//! Pushes as `.json` files in a folder: for trying things out and for development, where no
//! service can reach a device.
//!
//! A file is named `<time>-<session>-<kind>.json` and holds what was said beside its headers. How
//! the folder is kept says `config::kept`.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Dead, Notice, Pusher, Topic, Urgency};
use crate::clock::Clock;
use crate::config::kept::Kept;
use crate::error::Result;
use crate::model::push::{Kind, Subscription, Target};

/// Writes pushes into a folder, whatever they are for.
pub struct FolderPusher {
    kept: Kept,
    vapid_key: String,
    dead: Dead,
}

impl FolderPusher {
    /// Makes the folder, for its owner only, if it is not there. Browsers know the server by this
    /// key.
    pub fn open(folder: PathBuf, vapid_key: String, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let kept = Kept::open(folder, ".json", clock)?;
        Ok(Self { kept, vapid_key, dead: Dead::default() })
    }
}

/// What a file says. A target is a secret of its device, and is not in it.
fn object(to: &Subscription, notice: &Notice) -> Value {
    let said: Value = serde_json::from_str(&notice.said.json(notice.language)).unwrap_or_default();
    let urgency = if notice.urgency == Urgency::High { "high" } else { "normal" };
    json!({
        "user": to.user.to_string(),
        "session": to.session.to_string(),
        "kind": to.target.kind().name(),
        "urgency": urgency,
        "ttl_s": notice.ttl.as_secs(),
        "topic": notice.topic.as_ref().map(Topic::as_str),
        "said": said,
    })
}

impl Pusher for FolderPusher {
    fn kinds(&self) -> &[Kind] {
        &Kind::ALL
    }

    fn vapid_key(&self) -> Option<&str> {
        Some(&self.vapid_key)
    }

    fn check(&self, _: &Target) -> Result<()> {
        Ok(())
    }

    /// Writes at once: a local file costs less than waking another thread.
    fn push(&self, to: Arc<Subscription>, notice: Notice) {
        let of = format!("{}-{}", to.session, to.target.kind().name());
        let text = object(&to, &notice).to_string();
        if let Err(error) = self.kept.write(&of, text.as_bytes()) {
            tracing::error!(%error, "a push was not written");
        }
    }

    fn dead(&self) -> BoxFuture<'_, Arc<Subscription>> {
        Box::pin(self.dead.next())
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::super::Said;
    use super::*;
    use crate::clock::{ManualClock, Time};
    use crate::error::Language;
    use crate::id::{ObjectId, SessionId, UserId};

    fn subscription() -> Arc<Subscription> {
        let id = ObjectId([1; 12]);
        let target = Target::fcm("geheim").expect("a token");
        Arc::new(Subscription { session: SessionId(id), user: UserId(id), target })
    }

    fn notice() -> Notice {
        Notice {
            urgency: Urgency::High,
            ttl: Duration::from_secs(45),
            topic: Some(Topic::of(&[0; 32], "x")),
            language: Language::Spanish,
            said: Said::Test,
        }
    }

    fn opened(folder: &Path) -> FolderPusher {
        let clock = Arc::new(ManualClock::at(Time(1_732_291_200_007)));
        FolderPusher::open(folder.join("push"), "BKey".into(), clock).expect("opened")
    }

    #[test]
    fn a_push_is_a_file_that_says_all_but_where_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let pusher = opened(folder.path());
        pusher.push(subscription(), notice());
        let name = "20241122T160000.007Z-010101010101010101010101-fcm.json";
        let text = fs::read_to_string(folder.path().join("push").join(name)).expect("read");
        let read: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read["said"], json!({ "v": 1, "kind": "test", "language": "es" }));
        assert_eq!((&read["urgency"], &read["ttl_s"]), (&json!("high"), &json!(45)));
        assert!(!text.contains("geheim"), "{text}");
    }
}
