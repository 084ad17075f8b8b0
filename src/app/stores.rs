//! Opens each of the stores. Called by `app` and its commands.

use super::StartError;
use crate::config::{Config, DataDir};
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;

#[cfg(feature = "mongodb")]
pub(super) async fn open_mongo(config: &Config, uri: &str) -> Result<Box<dyn Store>, StartError> {
    use crate::store::mongo::{MongoStore, Names};

    let names = Names {
        users: config.db_users.clone(),
        groups: config.db_groupd.clone(),
        private_log: config.db_usr_chlogs.clone(),
        group_log: config.db_gr_chlogs.clone(),
    };
    let store = MongoStore::open(uri, &config.db_database, names).await.map_err(|error| {
        let cause = error.cause().map_or_else(String::new, |cause| format!(" ({cause})"));
        StartError(format!("{error}{cause}"))
    })?;
    Ok(Box::new(store))
}

/// Whether MongoDB answers at an address and takes its credentials; nothing is written.
#[cfg(feature = "mongodb")]
pub(super) async fn reach_mongo(uri: &str, database: &str) -> Result<(), StartError> {
    let reached = crate::store::mongo::MongoStore::reach(uri, database).await;
    reached.map_err(|error| StartError(error.to_string()))
}

#[cfg(not(feature = "mongodb"))]
pub(super) async fn reach_mongo(_: &str, _: &str) -> Result<(), StartError> {
    Err(StartError::not_built("DB_URI names a MongoDB", "mongodb"))
}

#[cfg(not(feature = "mongodb"))]
pub(super) async fn open_mongo(_: &Config, _: &str) -> Result<Box<dyn Store>, StartError> {
    Err(StartError::not_built("DB_URI names a MongoDB", "mongodb"))
}

pub(super) async fn open_embedded(data: &DataDir) -> Result<EmbeddedStore, StartError> {
    let folder = data.path().to_owned();
    let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(&folder)).await;
    let why = match opened {
        Ok(Ok(store)) => return Ok(store),
        Ok(Err(error)) => error.why(),
        Err(error) => error.to_string(),
    };
    let folder = data.path().display();
    Err(StartError(format!("The store in DATA_DIR {folder} cannot be opened: {why}.")))
}
