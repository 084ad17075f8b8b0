//! From the settings to an open connection, or a message that says what to change.

use std::time::Duration;

use mongodb::bson::doc;
use mongodb::error::{Error as DriverError, ErrorKind};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::{Acknowledgment, ClientOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Database};

use crate::error::{Code, Error, Result, Text};

/// How long a server is looked for, when the address does not say it.
const SELECTION: Duration = Duration::from_secs(3);
/// How often the servers are asked how they are, when the address does not say it.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long a connection may take to open, when the address does not say it.
const CONNECT: Duration = Duration::from_secs(3);

/// Sees every command that the driver sends and what became of it.
pub type Watch = EventHandler<CommandEvent>;

const BAD_URI: Text = Text {
    en: "DB_URI in .env_db is not the address of a MongoDB: {}. It should look like \
         mongodb://user:password@host:27017 or mongodb+srv://user:password@host; percent-encode \
         special characters in the password (@ is %40).",
    es: "DB_URI en .env_db no es la dirección de un MongoDB: {}. Tiene la forma \
         mongodb://usuario:clave@servidor:27017 o mongodb+srv://usuario:clave@servidor; los \
         caracteres especiales de la clave van codificados con % (@ es %40).",
};
const WEAK: Text = Text {
    en: "DB_URI in .env_db asks for too weak a write concern ({}): an acknowledged message could \
         be lost. Remove w and journal from the address; majority and journal are used.",
    es: "DB_URI en .env_db pide una garantía de escritura demasiado débil ({}): un mensaje \
         confirmado podría perderse. Quita w y journal de la dirección; se usan majority y \
         journal.",
};
const UNREACHABLE: Text = Text {
    en: "No MongoDB answers at {}. Start it, or correct the host and port in DB_URI (.env_db) or \
         the firewall in between; or remove DB_URI to use the embedded store. ({})",
    es: "Ningún MongoDB responde en {}. Inícialo, o corrige servidor y puerto en DB_URI (.env_db) \
         y el cortafuegos; o quita DB_URI y sirve el almacén incluido. ({})",
};
const REFUSED: Text = Text {
    en: "MongoDB refuses the user name or password of DB_URI (.env_db). Correct them; if the user \
         is kept in another database, add ?authSource=NAME to the address.",
    es: "MongoDB rechaza el usuario o la clave de DB_URI (.env_db). Corrígelos; si el usuario está \
         en otra base de datos, añade ?authSource=NOMBRE a la dirección.",
};

fn too_weak(concern: &WriteConcern) -> Option<String> {
    match &concern.w {
        None | Some(Acknowledgment::Majority) => {}
        Some(Acknowledgment::Nodes(nodes)) => return Some(format!("w={nodes}")),
        Some(other) => return Some(format!("w={other:?}")),
    }
    (concern.journal == Some(false)).then(|| "journal=false".into())
}

/// The hosts of an address, without user name and password.
fn hosts(options: &ClientOptions) -> String {
    let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
    hosts.join(", ")
}

/// Connects and makes sure that a server answers, with these credentials.
pub(super) async fn connect(
    uri: &str,
    database: &str,
    watch: Option<Watch>,
) -> Result<(Client, Database)> {
    let bad = |error: DriverError| {
        Error::new(Code::Unavailable, BAD_URI).arg(without_secrets(&error, uri))
    };
    let mut options = ClientOptions::parse(uri).await.map_err(bad)?;
    if let Some(weak) = options.write_concern.as_ref().and_then(too_weak) {
        return Err(Error::new(Code::Unavailable, WEAK).arg(weak));
    }
    let mut durable = WriteConcern::majority();
    durable.journal = Some(true);
    options.write_concern = Some(durable);
    options.read_concern = Some(ReadConcern::majority());
    options.app_name.get_or_insert_with(|| "wechat".into());
    options.server_selection_timeout.get_or_insert(SELECTION);
    options.heartbeat_freq.get_or_insert(HEARTBEAT);
    options.connect_timeout.get_or_insert(CONNECT);
    options.command_event_handler = watch;
    let hosts = hosts(&options);
    let client = Client::with_options(options).map_err(bad)?;
    let database = client.database(database);
    match database.run_command(doc! { "ping": 1 }).await {
        Ok(_) => Ok((client, database)),
        Err(error) => Err(explain(&error, &hosts)),
    }
}

fn is_refusal(error: &DriverError) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => true,
        ErrorKind::Command(command) => matches!(command.code, 11 | 13 | 18 | 8000),
        _ => false,
    }
}

fn explain(error: &DriverError, hosts: &str) -> Error {
    if is_refusal(error) {
        return Error::new(Code::Unavailable, REFUSED);
    }
    Error::new(Code::Unavailable, UNREACHABLE).arg(hosts).arg(error.kind.to_string())
}

/// What the driver says, unless it repeats a part of the address.
fn without_secrets(error: &DriverError, uri: &str) -> String {
    let told = error.kind.to_string();
    let secret = uri.rsplit_once('@').map(|(before, _)| before);
    let secret = secret.and_then(|before| before.split_once("://")).map(|(_, secret)| secret);
    let leaks = secret.is_some_and(|secret| {
        secret.split(':').any(|part| !part.is_empty() && told.contains(part))
    });
    if leaks { "it cannot be read".into() } else { told }
}
