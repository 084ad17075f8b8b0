//! Where the bytes of files are kept, as the settings say.

use std::sync::Arc;

use super::StartError;
use crate::config::backups::BackupBucket;
use crate::config::{Config, DataDir};
use crate::objects::local::LocalObjects;
#[cfg(feature = "s3")]
use crate::objects::s3::{Bucket, S3Objects};
use crate::objects::staging::Staging;
use crate::objects::{Objects, Vault};

/// The folder of `DATA_DIR` that keeps objects.
pub(super) const FOLDER: &str = "objects";

/// What keeps the bytes of files: the whole ones, and those on their way.
#[derive(Clone)]
pub(super) struct Files {
    /// What is whole.
    pub(super) objects: Arc<dyn Objects>,
    /// What is on its way.
    pub(super) staging: Arc<Staging>,
}

impl Files {
    /// Opens both.
    pub(super) async fn open(config: &Config, data: &DataDir) -> Result<Self, StartError> {
        Ok(Self { objects: objects(config, data).await?, staging: staging(data)? })
    }
}

async fn objects(config: &Config, data: &DataDir) -> Result<Arc<dyn Objects>, StartError> {
    if let Some(bucket) = in_bucket(config).await? {
        return Ok(bucket);
    }
    let folder = data.path().join(FOLDER);
    let opened = LocalObjects::open(folder.clone());
    let local = opened.map_err(|error| unusable(&folder, &error))?;
    Ok(Arc::new(local))
}

#[cfg(feature = "s3")]
async fn in_bucket(config: &Config) -> Result<Option<Arc<dyn Objects>>, StartError> {
    let Some(bucket) = bucket(config) else { return Ok(None) };
    Ok(Some(Arc::new(S3Objects::open(bucket).await?)))
}

#[cfg(not(feature = "s3"))]
async fn in_bucket(config: &Config) -> Result<Option<Arc<dyn Objects>>, StartError> {
    use crate::config::values::ObjectsMode;

    if config.objects == ObjectsMode::S3 {
        return Err(StartError::not_built("OBJECTS=s3 keeps files in a bucket", "s3"));
    }
    Ok(None)
}

/// Opens the folder of `DATA_DIR` that keeps objects, beside a server that may be at it.
pub(super) fn beside_server(config: &Config) -> Result<Arc<dyn Objects>, StartError> {
    let folder = config.data_dir.join(FOLDER);
    let opened = LocalObjects::beside(folder.clone());
    Ok(Arc::new(opened.map_err(|error| unusable(&folder, &error))?))
}

/// Opens the bucket that the settings name.
pub(super) async fn bucket_alone(config: &Config) -> Result<Arc<dyn Objects>, StartError> {
    in_bucket(config).await?.ok_or_else(|| {
        StartError(
            "The settings name no bucket. Set OBJECTS=s3, S3_BUCKET, S3_ACCESS_KEY_ID and \
             S3_SECRET_ACCESS_KEY; a server that runs goes on with the settings of its start."
                .to_owned(),
        )
    })
}

/// Whether there is a bucket, which then takes an object and gives it back.
pub(super) async fn reach_bucket(config: &Config) -> Result<bool, StartError> {
    Ok(in_bucket(config).await?.is_some())
}

/// Opens the place in a bucket where backups are, and looks whether it takes them.
#[cfg(feature = "s3")]
pub(super) async fn vault(
    config: &Config,
    place: &BackupBucket,
) -> Result<Arc<dyn Vault>, StartError> {
    let (Some(access_key_id), Some(secret_access_key)) =
        (config.s3_access_key_id.clone(), config.s3_secret_access_key.clone())
    else {
        return Err(StartError(format!(
            "There is no key to {place}. Set BACKUP_TO to it, S3_ACCESS_KEY_ID and \
             S3_SECRET_ACCESS_KEY, and S3_ENDPOINT where it is not Amazon's."
        )));
    };
    let bucket = Bucket {
        name: place.name.clone(),
        endpoint: config.s3_endpoint.clone(),
        region: config.s3_region.clone(),
        access_key_id,
        secret_access_key,
        prefix: place.folder(),
        path_style: config.s3_path_style,
    };
    Ok(Arc::new(S3Objects::open(bucket).await?))
}

#[cfg(not(feature = "s3"))]
pub(super) async fn vault(_: &Config, place: &BackupBucket) -> Result<Arc<dyn Vault>, StartError> {
    Err(StartError::not_built(&format!("{place} is in a bucket"), "s3"))
}

fn staging(data: &DataDir) -> Result<Arc<Staging>, StartError> {
    let folder = data.path().join("uploads");
    Staging::open(folder.clone()).map_err(|error| unusable(&folder, &error))
}

/// The bucket that the settings name; `None` keeps the objects in the data folder.
#[cfg(feature = "s3")]
pub fn bucket(config: &Config) -> Option<Bucket> {
    if config.objects != crate::config::values::ObjectsMode::S3 {
        return None;
    }
    // All of it is there: a `Config` that exists is valid.
    Some(Bucket {
        name: config.s3_bucket.clone()?,
        endpoint: config.s3_endpoint.clone(),
        region: config.s3_region.clone(),
        access_key_id: config.s3_access_key_id.clone()?,
        secret_access_key: config.s3_secret_access_key.clone()?,
        prefix: config.s3_prefix.clone(),
        path_style: config.s3_path_style,
    })
}

fn unusable(folder: &std::path::Path, error: &std::io::Error) -> StartError {
    let folder = folder.display();
    StartError(format!(
        "{folder} cannot be used: {error}. Make it and what is in it belong to this server's user."
    ))
}
