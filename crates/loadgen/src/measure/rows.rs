//! SQLite with one table and nothing around it, set up for durability as the server's store is:
//! what it takes to write bytes and to read them back.
//!
//! Called by the bare server and by the probes of `floor`.

use std::path::Path;

use rusqlite::{Connection, Result};

/// Rows in the order in which they came.
pub struct Rows {
    connection: Connection,
    last: i64,
}

impl Rows {
    /// A new table in `folder`.
    pub fn open(folder: &Path) -> Result<Self> {
        let connection = Connection::open(folder.join("bare.sqlite"))?;
        connection.pragma_update(None, "mmap_size", 1_i64 << 30)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, bytes BLOB)", [])?;
        Ok(Self { connection, last: 0 })
    }

    /// Appends rows in one synced transaction.
    pub fn append<'a>(&mut self, rows: impl Iterator<Item = &'a [u8]>) -> Result<()> {
        let transaction = self.connection.transaction()?;
        let mut insert = transaction.prepare_cached("INSERT INTO rows (bytes) VALUES (?1)")?;
        for row in rows {
            self.last = insert.insert([row])?;
        }
        drop(insert);
        transaction.commit()
    }

    /// Steps over `limit` rows somewhere in the table, the same ones for the same `place`, and puts
    /// their texts one after the other; what cannot be read is left out.
    pub fn page(&mut self, place: u64, limit: u32, out: &mut Vec<u8>) {
        let room = (self.last - i64::from(limit)).max(0).cast_unsigned() + 1;
        let first = (place % room).cast_signed();
        let mut step = || -> Result<()> {
            let page = "SELECT bytes FROM rows WHERE id > ?1 ORDER BY id LIMIT ?2";
            let mut page = self.connection.prepare_cached(page)?;
            let mut rows = page.query([first, i64::from(limit)])?;
            while let Some(row) = rows.next()? {
                // A row is a frame; the text follows after its head.
                let frame = row.get_ref(0)?.as_blob()?;
                let head = frame.iter().position(|byte| *byte == b'{').unwrap_or(0);
                out.extend_from_slice(&frame[head..]);
            }
            Ok(())
        };
        let _ = step();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_page_is_as_many_rows_as_were_asked_for_wherever_it_is() {
        let folder = Scratch::new(None).expect("a folder");
        let mut rows = Rows::open(folder.path()).expect("a table");
        rows.append((0..30).map(|_| b"\x81\x03{1}".as_slice())).expect("30 rows");
        for place in [0, 1, 19, 20, 21, u64::MAX] {
            let mut out = Vec::new();
            rows.page(place, 10, &mut out);
            assert_eq!(out, b"{1}".repeat(10), "at {place}");
        }
        let mut all = Vec::new();
        rows.page(7, 100, &mut all);
        assert_eq!(all.len(), 90);
    }
}
