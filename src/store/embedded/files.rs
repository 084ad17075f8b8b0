//! Files, where they stand, and which objects are needed.
//!
//! `attachments` says in which messages a file stands: rows come with the message and go with its
//! text, in the same transaction.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::sql::{Db, count, int};
use super::{EmbeddedStore, accounts, chats, members};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{ChatId, FileId, UserId};
use crate::model::files::{Digest, File, FileFacts, FileName, FileView, Rendition};
use crate::model::messages::TextContent;
use crate::store::{FilePut, Files};

/// The columns of `file`, of `files`.
macro_rules! columns {
    () => {
        "id, owner, kind, media_type, name, size, width, height, duration_ms, thumbhash, \
         animated, digest, small, small_size, small_type, large, large_size, large_type, \
         created, kept_until"
    };
}

/// Selects files: the columns of `file`.
macro_rules! select {
    () => {
        concat!("SELECT ", $crate::store::embedded::files::columns!(), " FROM files")
    };
}
pub(super) use columns;

/// A page of files in the order of an archive.
pub(super) const PAGE: &str = concat!(select!(), " WHERE id > ?2 ORDER BY id LIMIT ?4");

/// Reads the columns of `select`.
pub(super) fn file(row: &Row<'_>) -> rusqlite::Result<File> {
    let (small, large) = (rendition(row, 12)?, rendition(row, 15)?);
    let facts = FileFacts {
        kind: row.get(2)?,
        media_type: row.get(3)?,
        name: FileName::stored(row.get(4)?),
        size: count(row, 5)?,
        dimensions: row.get::<_, Option<u32>>(6)?.zip(row.get(7)?),
        duration: row.get::<_, Option<i64>>(8)?.map(millis),
        thumbhash: row.get(9)?,
        animated: row.get(10)?,
        small: small.is_some(),
        large: large.is_some(),
    };
    Ok(File {
        id: row.get(0)?,
        owner: row.get(1)?,
        facts,
        digest: row.get(11)?,
        small,
        large,
        created: row.get(18)?,
        kept_until: row.get(19)?,
    })
}

fn millis(stored: i64) -> Duration {
    Duration::from_millis(stored.unsigned_abs())
}

fn rendition(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Rendition>> {
    let Some(digest) = row.get(at)? else { return Ok(None) };
    let size = count(row, at + 1)?;
    Ok(Some(Rendition { digest, size, media_type: row.get(at + 2)? }))
}

/// Where a file stands: the latest message of each chat that the viewer, an active member, has not
/// hidden for itself.
const PLACES: &str = "
    SELECT c.id, max(a.seq) FROM attachments a
    JOIN members m ON m.chat = a.chat AND m.user = ?2 AND m.state = 0
    JOIN chats c ON c.num = a.chat
    WHERE a.file = ?1
      AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.seat = m.seat AND h.seq = a.seq)
    GROUP BY a.chat";
const OF_GROUP: &str = "
    SELECT 1 FROM chats c WHERE c.avatar = ?1 AND c.deleted IS NULL
    AND (c.public OR EXISTS (SELECT 1 FROM members m WHERE m.chat = c.num
                             AND m.user = ?2 AND m.state = 0))";
/// What uses a file.
const USES: [&str; 3] = [
    "SELECT 1 FROM attachments WHERE file = ?1",
    "SELECT 1 FROM users WHERE avatar = ?1",
    "SELECT 1 FROM chats WHERE avatar = ?1",
];
/// What needs an object.
const NEEDS: [&str; 3] = [
    "SELECT 1 FROM files WHERE digest = ?1",
    "SELECT 1 FROM files WHERE small = ?1",
    "SELECT 1 FROM files WHERE large = ?1",
];
const USED_BYTES: &str = "SELECT coalesce(sum(size), 0) FROM files WHERE owner = ?1";
const OF_OWNER: &str = concat!(select!(), " WHERE owner = ?1");
const DUE: &str = concat!(select!(), " WHERE kept_until <= ?1 ORDER BY kept_until LIMIT ?2");
const LOOSE: &str = "
    SELECT digest FROM loose_objects WHERE digest > coalesce(?1, x'') ORDER BY digest LIMIT ?2";

fn find(db: &Db<'_>, id: FileId) -> Result<Option<File>> {
    db.first(concat!(select!(), " WHERE id = ?1"), [id], file)
}

/// Puts a row; one that is there stays.
pub(super) fn put(db: &Db<'_>, file: &File) -> Result<()> {
    let File { facts, small, large, .. } = file;
    db.run(
        concat!(
            "INSERT OR IGNORE INTO files(",
            columns!(),
            ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                      ?18, ?19, ?20)"
        ),
        params![
            file.id,
            file.owner,
            facts.kind,
            facts.media_type,
            facts.name.as_str(),
            int(facts.size),
            facts.dimensions.map(|(width, _)| width),
            facts.dimensions.map(|(_, height)| height),
            facts.duration.map(|duration| duration.as_millis() as i64),
            facts.thumbhash,
            facts.animated,
            file.digest,
            small.as_ref().map(|picture| picture.digest),
            small.as_ref().map(|picture| int(picture.size)),
            small.as_ref().map(|picture| picture.media_type.as_str()),
            large.as_ref().map(|picture| picture.digest),
            large.as_ref().map(|picture| int(picture.size)),
            large.as_ref().map(|picture| picture.media_type.as_str()),
            file.created,
            file.kept_until,
        ],
    )?;
    Ok(())
}

fn used_bytes(db: &Db<'_>, owner: UserId) -> Result<u64> {
    db.one(USED_BYTES, [owner], |row| count(row, 0))
}

fn put_within(db: &Db<'_>, file: &File, quota: u64) -> Result<FilePut> {
    if accounts::find(db, file.owner)?.is_none_or(|user| user.deleted.is_some()) {
        return Ok(FilePut::NoOwner);
    }
    if db.has("SELECT 1 FROM files WHERE id = ?1", [file.id])? {
        return Ok(FilePut::Done);
    }
    let used = used_bytes(db, file.owner)?;
    if used.saturating_add(file.facts.size) > quota {
        return Ok(FilePut::Full(used));
    }
    put(db, file)?;
    Ok(FilePut::Done)
}

/// Notes in which message the files of a text stand.
pub(super) fn attach(db: &Db<'_>, chat: i64, seq: u64, text: &TextContent) -> Result<()> {
    for attachment in &text.attachments {
        db.run(
            "INSERT OR IGNORE INTO attachments(file, chat, seq) VALUES(?1, ?2, ?3)",
            params![attachment.file, chat, int(seq)],
        )?;
    }
    Ok(())
}

/// Takes back what `attach` noted, and has the files looked at again.
pub(super) fn detach(db: &Db<'_>, chat: i64, seq: u64, text: &TextContent, at: Time) -> Result<()> {
    for attachment in &text.attachments {
        keep(db, attachment.file, at)?;
        db.run(
            "DELETE FROM attachments WHERE file = ?1 AND chat = ?2 AND seq = ?3",
            params![attachment.file, chat, int(seq)],
        )?;
    }
    Ok(())
}

fn keep(db: &Db<'_>, file: FileId, until: Time) -> Result<()> {
    db.run(
        "UPDATE files SET kept_until = max(coalesce(kept_until, 0), ?2) WHERE id = ?1",
        params![file, until],
    )?;
    Ok(())
}

fn view(db: &Db<'_>, id: FileId, viewer: UserId) -> Result<Option<FileView>> {
    let Some(file) = find(db, id)? else { return Ok(None) };
    let owner = accounts::find(db, file.owner)?;
    Ok(Some(FileView {
        in_sight: is_in_sight(db, id, viewer)?,
        of_user: owner.is_some_and(|user| user.is_visible() && user.avatar == Some(id)),
        of_group: db.has(OF_GROUP, params![id, viewer])?,
        file,
    }))
}

/// Whether an active member sees one of the messages with this file: of each chat the latest
/// decides, since a member sees all that follows some message.
fn is_in_sight(db: &Db<'_>, file: FileId, viewer: UserId) -> Result<bool> {
    let places = db
        .all(PLACES, params![file, viewer], |row| Ok((row.get::<_, ChatId>(0)?, count(row, 1)?)))?;
    for (chat, seq) in places {
        let Some(found) = chats::find(db, chat)? else { continue };
        let seat = members::find_active(db, found.num, chat, viewer)?;
        if seat.is_some_and(|seat| seat.member.visible_from(&found.chat) <= seq) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_used(db: &Db<'_>, file: FileId) -> Result<bool> {
    for uses in USES {
        if db.has(uses, [file])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Notes an object as loose; one that is noted already stays as it is, claimed or not.
pub(super) fn put_loose(db: &Db<'_>, digest: Digest) -> Result<()> {
    db.run("INSERT OR IGNORE INTO loose_objects(digest, claimed) VALUES(?1, 0)", [digest])?;
    Ok(())
}

fn loose(db: &Db<'_>, after: Option<Digest>, limit: u32) -> Result<Vec<Digest>> {
    db.all(LOOSE, params![after, limit], |row| row.get(0))
}

fn remove(db: &Db<'_>, file: &File) -> Result<()> {
    file.digests().try_for_each(|digest| put_loose(db, digest))?;
    db.run("DELETE FROM files WHERE id = ?1", [file.id])?;
    Ok(())
}

/// Removes all files of a user, used or not.
pub(super) fn remove_all(db: &Db<'_>, owner: UserId) -> Result<()> {
    let files = db.all(OF_OWNER, [owner], file)?;
    files.iter().try_for_each(|file| remove(db, file))
}

fn drop_unused(db: &Db<'_>, now: Time, limit: u32) -> Result<bool> {
    let due = db.all(DUE, params![now, limit], file)?;
    for file in &due {
        if is_used(db, file.id)? {
            db.run("UPDATE files SET kept_until = NULL WHERE id = ?1", [file.id])?;
        } else {
            remove(db, file)?;
        }
    }
    Ok(due.len() == limit as usize)
}

fn claim(db: &Db<'_>, digest: Digest) -> Result<bool> {
    for needs in NEEDS {
        if db.has(needs, [digest])? {
            forget(db, digest)?;
            return Ok(false);
        }
    }
    Ok(db.run("UPDATE loose_objects SET claimed = 1 WHERE digest = ?1", [digest])? > 0)
}

fn forget(db: &Db<'_>, digest: Digest) -> Result<()> {
    db.run("DELETE FROM loose_objects WHERE digest = ?1", [digest])?;
    Ok(())
}

#[async_trait]
impl Files for EmbeddedStore {
    async fn put_file(&self, file: &File, quota: u64) -> Result<FilePut> {
        let file = file.clone();
        self.write(move |db| put_within(db, &file, quota)).await
    }

    async fn files(&self, ids: &[FileId]) -> Result<Vec<File>> {
        let ids = ids.to_vec();
        self.read(move |db| ids.into_iter().filter_map(|id| find(db, id).transpose()).collect())
            .await
    }

    async fn file_view(&self, file: FileId, viewer: UserId) -> Result<Option<FileView>> {
        self.read(move |db| view(db, file, viewer)).await
    }

    async fn used_bytes(&self, owner: UserId) -> Result<u64> {
        self.read(move |db| used_bytes(db, owner)).await
    }

    async fn keep_files(&self, ids: &[FileId], until: Time) -> Result<Vec<File>> {
        let ids = ids.to_vec();
        self.write(move |db| {
            ids.iter().try_for_each(|id| keep(db, *id, until))?;
            ids.iter().filter_map(|id| find(db, *id).transpose()).collect()
        })
        .await
    }

    async fn release_file(&self, id: FileId, at: Time) -> Result<()> {
        self.write(move |db| {
            db.run("UPDATE files SET kept_until = ?2 WHERE id = ?1", params![id, at]).map(drop)
        })
        .await
    }

    async fn drop_unused(&self, now: Time, limit: u32) -> Result<bool> {
        self.write(move |db| drop_unused(db, now, limit)).await
    }

    async fn loose_objects(&self, after: Option<Digest>, limit: u32) -> Result<Vec<Digest>> {
        self.read(move |db| loose(db, after, limit)).await
    }

    async fn claim_object(&self, digest: Digest) -> Result<bool> {
        self.write(move |db| claim(db, digest)).await
    }

    async fn is_claimed(&self, digests: &[Digest]) -> Result<bool> {
        let digests = digests.to_vec();
        self.read(move |db| {
            for digest in digests {
                if db.has("SELECT 1 FROM loose_objects WHERE digest = ?1 AND claimed", [digest])? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }

    async fn forget_object(&self, digest: Digest) -> Result<()> {
        self.write(move |db| forget(db, digest)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::migrations;
    use crate::store::embedded::schema::{self, Use};

    #[test]
    fn no_query_reads_a_whole_table() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut file = schema::open(&dir.path().join("plans.db"), Use::Writing).expect("opens");
        migrations::migrate(&mut file).expect("migrates");
        let mut queries = vec![PLACES, OF_GROUP, USED_BYTES, OF_OWNER, DUE, LOOSE];
        queries.extend(USES.into_iter().chain(NEEDS));
        for query in queries {
            let mut plan = file.prepare(&format!("EXPLAIN QUERY PLAN {query}")).expect("plans");
            let params = rusqlite::params_from_iter(vec![1; plan.parameter_count()]);
            let steps = plan.query_map(params, |row| row.get::<_, String>(3)).expect("plans");
            let steps: Vec<String> = steps.collect::<Result<_, _>>().expect("plans");
            assert!(!steps.is_empty(), "{query}");
            assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{query}: {steps:#?}");
            assert!(!steps.iter().any(|step| step.contains("AUTO")), "{query}: {steps:#?}");
        }
    }
}
