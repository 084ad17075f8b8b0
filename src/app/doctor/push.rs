//! Whether devices that sleep can be told.

use super::super::push;
use super::{Patient, Verdict};

impl Patient<'_> {
    pub(super) async fn push(&mut self) {
        let found = match push::check(self.config).await {
            Ok(found) => found,
            Err(error) => return self.words(Verdict::Bad, "push", &error.to_string()),
        };
        for found in found {
            let verdict = if found.well { Verdict::Good } else { Verdict::Bad };
            self.words(verdict, "push", &found.says);
        }
    }
}
