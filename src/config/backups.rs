//! The type of the setting that says where backups are kept.

use std::fmt;
use std::path::PathBuf;

use super::objects::{bucket, prefix};
use super::values::folder;

/// Where backups are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupPlace {
    /// One that this machine sees, best on another disk.
    Folder(PathBuf),
    /// A bucket, `s3://BUCKET/PREFIX`.
    Bucket(BackupBucket),
}

impl BackupPlace {
    /// Reads one, of a setting or of a command.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix(BackupBucket::SCHEME) else {
            return folder(text).map(Self::Folder);
        };
        let (name, beginning) = rest.split_once('/').unwrap_or((rest, ""));
        Ok(Self::Bucket(BackupBucket { name: bucket(name)?, prefix: prefix(beginning)? }))
    }
}

impl fmt::Display for BackupPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Bucket(bucket) => bucket.fmt(f),
        }
    }
}

/// A place for backups in a bucket of the store that the S3 settings name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupBucket {
    /// What the store calls the bucket.
    pub name: String,
    /// What the names of all objects begin with, without slashes at its ends; may be empty.
    pub prefix: String,
}

impl BackupBucket {
    /// How its text begins.
    pub const SCHEME: &str = "s3://";
    /// The folder below the prefix that holds everything.
    pub const FOLDER: &str = "backups";

    /// What the names of all objects really begin with.
    pub fn folder(&self) -> String {
        match self.prefix.as_str() {
            "" => Self::FOLDER.to_owned(),
            prefix => format!("{prefix}/{}", Self::FOLDER),
        }
    }
}

impl fmt::Display for BackupBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "{}{}{slash}{}", Self::SCHEME, self.name, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_in_a_bucket() {
        let place = |text| BackupPlace::parse(text).map(|place| place.to_string());
        for text in ["s3://wechat/a/b", "s3://wechat", "/mnt/backups"] {
            assert_eq!(place(text), Ok(text.into()));
        }
        assert_eq!(place("s3://wechat/a/"), Ok("s3://wechat/a".into()));
        for text in ["s3://", "s3://a", "s3://wechat/a//b", "s3://wechat/../b", "a\n"] {
            assert!(place(text).is_err(), "{text}");
        }
        let folder =
            |prefix: &str| BackupBucket { name: "wechat".into(), prefix: prefix.into() }.folder();
        assert_eq!((folder(""), folder("a")), ("backups".into(), "a/backups".into()));
    }
}
