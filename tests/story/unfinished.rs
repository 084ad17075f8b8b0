//! Uploads that nobody finishes: they count as long as they are on the disk, over days and
//! restarts.

use std::fs::File;
use std::time::{Duration, UNIX_EPOCH};

use wechat::clock::Clock;
use wechat::core::Rules;
use wechat::core::files::{Claim, FileRules};

use wechat::error::{Code, Result};
use wechat::id::FileId;
use wechat::model::auth::Caller;

use crate::harness::inside::Inside;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// At most this many unfinished uploads of a person.
const UNFINISHED: usize = 20;

async fn begin(inside: &Inside, who: &Caller, length: u64) -> Result<FileId> {
    let begun = inside.core.files.begin(who, length, "film.mp4", Claim::default()).await;
    begun.map(|(id, _)| id)
}

/// Somebody writes to an upload at the clock's present time.
fn write(inside: &Inside, id: FileId) {
    let file =
        File::options().append(true).open(inside.folder.path().join(format!("uploads/{id}.part")));
    let now = UNIX_EPOCH + Duration::from_millis(inside.clock.now().millis().unsigned_abs());
    file.expect("it is there").set_modified(now).expect("set");
}

/// The server after this one, on the same data.
fn restarted(inside: Inside, rules: Rules) -> Inside {
    let passed = inside.clock.now().millis();
    let Inside { store, folder, .. } = inside;
    let next = Inside::on((store, folder), rules, |_| Vec::new());
    let late = passed - next.clock.now().millis();
    next.clock.advance(Duration::from_millis(late.unsigned_abs()));
    next
}

#[tokio::test]
async fn unfinished_uploads_count_as_long_as_they_are_on_the_disk() {
    let inside = Inside::new(Rules::default()).await;
    let ana = inside.person("Ana").await;
    let mut begun = Vec::new();
    for _ in 0..UNFINISHED {
        begun.push(begin(&inside, &ana, 9).await.expect("begun"));
    }
    inside.clock.advance(23 * HOUR);
    begun.iter().for_each(|id| write(&inside, *id));
    inside.clock.advance(2 * HOUR);
    inside.core.sweep().await.expect("swept");
    let more = begin(&inside, &ana, 9).await.expect_err("they are on the disk");
    assert_eq!(more.code, Code::Conflict);

    let inside = restarted(inside, Rules::default());
    let more = begin(&inside, &ana, 9).await.expect_err("no restart forgets them");
    assert_eq!(more.code, Code::Conflict);

    inside.clock.advance(23 * HOUR);
    inside.core.sweep().await.expect("swept");
    begin(&inside, &ana, 9).await.expect("those before are gone");
}

#[tokio::test]
async fn unfinished_uploads_count_against_the_quota_after_a_restart() {
    let files = FileRules { quota: 1_000_000, ..FileRules::default() };
    let rules = Rules { files, ..Rules::default() };
    let inside = Inside::new(rules.clone()).await;
    let ana = inside.person("Ana").await;
    begin(&inside, &ana, 900_000).await.expect("begun");
    let inside = restarted(inside, rules);
    let full = begin(&inside, &ana, 900_000).await.expect_err("there is no room");
    assert_eq!(full.code, Code::Conflict);
}
