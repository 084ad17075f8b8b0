//! Small helpers over one SQLite connection, and how the domain's values stand in its columns.
//!
//! Guarantees: each statement is prepared once a connection; a column that holds what we would
//! never write is an error, not a guess; every error of SQLite becomes ours by one rule (see
//! `From`). Called by the nouns beside it.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Params, Row, Statement};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Time;
use crate::error::{Error, Language, Result};
use crate::id::{
    AuditId, CallId, ChatId, FileId, Incarnation, InvitationId, MessageId, ObjectId, ReportId,
    SessionId, UserId,
};
use crate::model::auth::AskerKey;
use crate::model::chats::{ChatKind, Level, MemberState, Role};
use crate::model::contacts::TieState;
use crate::model::files::{Digest, FileKind};
use crate::model::reports::Stage;

/// A connection inside a transaction: what a verb of the store sees.
pub(super) struct Db<'a>(pub(super) &'a Connection);

impl Db<'_> {
    /// The first row, if there is one.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let found = statement.query_row(params, read).optional();
        self.note(&statement);
        Ok(found?)
    }

    /// The only row of a query that always has one.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let mut statement = self.0.prepare_cached(sql)?;
        let found = statement.query_row(params, read);
        self.note(&statement);
        Ok(found?)
    }

    /// All rows.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?.collect::<rusqlite::Result<Vec<T>>>()?;
        self.note(&statement);
        Ok(rows)
    }

    /// All rows, about so many, where reading one may take more than its columns.
    pub(super) fn each<T>(
        &self,
        sql: &str,
        params: impl Params,
        about: usize,
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::with_capacity(about);
        self.for_each(sql, params, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Hands each row on.
    pub(super) fn for_each(
        &self,
        sql: &str,
        params: impl Params,
        mut take: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            take(row)?;
        }
        drop(rows);
        self.note(&statement);
        Ok(())
    }

    /// Runs a statement that writes; how many rows it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        let mut statement = self.0.prepare_cached(sql)?;
        let changed = statement.execute(params);
        self.note(&statement);
        Ok(changed?)
    }

    /// Whether the query has a row.
    pub(super) fn has(&self, sql: &str, params: impl Params) -> Result<bool> {
        let mut statement = self.0.prepare_cached(sql)?;
        let found = statement.exists(params);
        self.note(&statement);
        Ok(found?)
    }

    #[cfg(test)]
    fn note(&self, statement: &Statement<'_>) {
        super::work::note(self.0, statement);
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "tests count what a statement did")]
    const fn note(&self, _: &Statement<'_>) {}
}

/// A form as the text of a column.
pub(super) fn stored(form: &impl Serialize) -> Result<String> {
    serde_json::to_string(form).map_err(Error::internal)
}

/// Reads the form in a column of text.
pub(super) fn read_form<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(Error::internal)
}

impl From<rusqlite::Error> for Error {
    /// What is not of our making (a full disk, a failing device, a lock, a damaged file) is
    /// `Unavailable`; everything else is a fault of ours to look into.
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OutOfMemory
                | ErrorCode::ReadOnly
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::PermissionDenied,
            ) => Self::unavailable(error),
            _ => Self::internal(error),
        }
    }
}

/// A count as SQLite holds it; what is beyond its 63 bits is "as many as there can be".
pub(super) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads a count.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.max(0).unsigned_abs())
}

impl ToSql for ObjectId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for ObjectId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 12]>::column_result(value).map(Self)
    }
}

macro_rules! ids_in_columns {
    ($($name:ident)*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                ObjectId::column_result(value).map(Self)
            }
        }
    )*};
}

ids_in_columns!(
    UserId ChatId SessionId MessageId FileId CallId Incarnation InvitationId AuditId AskerKey
    ReportId
);

impl ToSql for Digest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(value).map(Self)
    }
}

impl ToSql for Time {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0))
    }
}

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Time)
    }
}

macro_rules! names_in_columns {
    ($($name:ident { $($value:ident = $number:literal)* })*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                let number: i64 = match self { $(Self::$value => $number,)* };
                Ok(ToSqlOutput::from(number))
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_i64()? {
                    $($number => Ok(Self::$value),)*
                    other => Err(FromSqlError::OutOfRange(other)),
                }
            }
        }
    )*};
}

names_in_columns! {
    Stage { Open = 0 Taken = 1 Answered = 2 }
    ChatKind { Direct = 0 Group = 1 }
    Role { Member = 0 Admin = 1 Owner = 2 }
    MemberState { Active = 0 Left = 1 Banned = 2 Requested = 3 Removed = 4 }
    Level { Nothing = 0 Mentions = 1 All = 2 }
    Language { English = 0 Spanish = 1 Chinese = 2 }
    TieState { None = 0 Asks = 1 Asked = 2 Known = 3 Refused = 4 Removed = 5 }
    FileKind { Image = 0 Video = 1 Audio = 2 Voice = 3 Document = 4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Queries and partial indexes write these numbers down.
    #[test]
    fn the_numbers_in_queries_are_those_of_the_columns() {
        let is = |value: &dyn ToSql, number: i64| value.to_sql() == Ok(ToSqlOutput::from(number));
        assert!(is(&MemberState::Active, 0), "`state = 0`");
        assert!(is(&MemberState::Requested, 3), "`state IN (0, 3)`");
        assert!(is(&ChatKind::Group, 1), "`kind = 1`");
        assert!(is(&TieState::None, 0) && is(&TieState::Known, 3), "`tie IN (0, 3)`");
    }
}
