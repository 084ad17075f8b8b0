//! Every setting, once: its type, key, default, and what it does.
//!
//! From this table come `Config`, the environment files' examples, `wechat --help` and
//! `docs/settings.md`; a golden test keeps them equal. The first sentence of a setting's text is
//! its short help.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::backups::BackupPlace;
use super::brand::ServerName;
use super::color::Color;
pub use super::row::{File, Secrecy, Setting};
use super::smtp_url::SmtpUrl;
use super::sources::{Given, Values};
use super::values::{
    self, AcmeDirectory, ConnectionCap, Domains, Endpoint, Hidden, IceUrls, LogFormat, Networks,
    ObjectsMode, Origins, PeerNetworks, PortRange, PublicAddresses, PublicUrl, PushContent,
    PushHosts, PushMode, Rate, Sender, SignUp, StrangersMode, TlsMode, TurnMode, optional,
};

/// Makes `Config`, `SETTINGS`, and the function that fills one from the values of the other.
macro_rules! settings {
    ($(
        $(#[doc = $line:literal])+
        $field:ident: $type:ty = $key:ident {
            $file:ident, $group:literal, default: $default:literal, unset: $unset:literal,
            example: $example:literal, $secrecy:ident
        } by $parse:expr;
    )*) => {
        /// The settings that the server runs with. All of them are valid; `Debug` shows no secret.
        #[derive(Debug, Clone)]
        pub struct Config {
            $( $(#[doc = $line])+ pub $field: $type, )*
            /// All of them as they were given, for people, without secrets.
            pub given: Vec<Given>,
        }

        /// The table, in the order of the documents.
        pub const SETTINGS: &[Setting] = &[$( Setting {
            key: stringify!($key),
            file: File::$file,
            group: $group,
            default: $default,
            unset: $unset,
            example: $example,
            secrecy: Secrecy::$secrecy,
            lines: &[$($line),+],
        } ),*];

        /// Reads every value and notes every problem; `None` when there was one.
        pub(super) fn read(values: &mut Values) -> Option<Config> {
            $( let $field = values.read(stringify!($key), $parse); )*
            Some(Config { $( $field: $field?, )* given: values.given() })
        }
    };
}

settings! {
    /// The TCP port for REST, WebSocket and the pages. 0 takes any free one; the server says which
    /// when it starts.
    port: u16 = PORT {
        Env, "Server", default: "2565", unset: "", example: "2565", Open
    } by values::port;

    /// The IP address to listen on. `::` is every address of the machine, IPv4 and IPv6, so that
    /// phones in the same network reach the server; 127.0.0.1 is this machine only, which is right
    /// behind a reverse proxy on it.
    host: IpAddr = HOST {
        Env, "Server", default: "::", unset: "", example: "127.0.0.1", Open
    } by values::host;

    /// The folder for everything that the server keeps: the embedded store, its secrets, mails. It
    /// is created on the first start, accessible to its owner only. 'wechat backup' copies it.
    data_dir: PathBuf = DATA_DIR {
        Env, "Server", default: "./data", unset: "", example: "/var/lib/wechat", Open
    } by values::folder;

    /// Lets you try things out: demo people with chats; a browser on this machine logs in as any of
    /// them with one click. Everything is kept apart, in the folder `dev` of DATA_DIR; delete it to
    /// start over.
    dev: bool = DEV {
        Env, "Server", default: "off", unset: "", example: "on", Open
    } by values::switch;

    /// The address at which people reach the server from outside. It appears in links and mails. It
    /// has no path: the server is at the root of its host. When it names a host other than this
    /// machine, the mailbox page and demo people are off.
    public_url: Option<PublicUrl> = PUBLIC_URL {
        Env, "Server", default: "", unset: "http://localhost with the port",
        example: "https://chat.example.org", Open
    } by optional(values::public_url);

    /// The reverse proxies whose `X-Forwarded-For` is believed, as IP addresses or networks
    /// separated by commas. From anybody else the header is ignored, as anybody can write it.
    trusted_proxies: Networks = TRUSTED_PROXIES {
        Env, "Server", default: "", unset: "none", example: "127.0.0.1, 10.0.0.0/8", Open
    } by values::networks;

    /// Who may read `/metrics` (for Prometheus), as IP addresses or networks separated by commas.
    /// Programs on this machine may too, unless PUBLIC_URL names another host: then add 127.0.0.1
    /// here.
    metrics_from: Networks = METRICS_FROM {
        Env, "Server", default: "", unset: "none", example: "10.0.0.5", Open
    } by values::networks;

    /// The other origins whose web pages may call the API from a browser, separated by commas; `*`
    /// allows all. Phone apps do not need this.
    cors_origins: Origins = CORS_ORIGINS {
        Env, "Server", default: "", unset: "none", example: "https://app.example.org", Open
    } by values::origins;

    /// How long a server that is told to stop goes on serving when others work on the same
    /// database, while `/readyz` answers 503. One that is alone does not wait.
    drain_wait: Duration = DRAIN_WAIT {
        Env, "Server", default: "5s", unset: "", example: "10s", Open
    } by values::span;

    /// Over how long it then closes its connections, so that they do not all come back at once.
    drain_over: Duration = DRAIN_OVER {
        Env, "Server", default: "20s", unset: "", example: "60s", Open
    } by values::span;

    /// Who speaks TLS with browsers and apps. `off`: a reverse proxy before this server, or nobody.
    /// `files`: this server, on PORT_TLS, with the certificate in TLS_CERT and TLS_KEY. `auto`:
    /// this server, with a certificate that it gets and renews by itself for the name in
    /// PUBLIC_URL, which must lead to it on port 443. `local`: this server, on a network without a
    /// name on the Internet, by an authority of its own, which each device installs once from the
    /// page `/install` on PORT. Whatever comes to PORT is sent on to HTTPS, except `/livez`,
    /// `/readyz`, `/metrics` and that page.
    tls: TlsMode = TLS {
        Env, "TLS", default: "off", unset: "", example: "files", Open
    } by TlsMode::parse;

    /// The TCP port for HTTPS. Systems keep ports below 1024 for themselves unless the server is
    /// allowed to use them (`docs/ops.md`).
    port_tls: Option<u16> = PORT_TLS {
        Env, "TLS", default: "", unset: "443; any free one when PORT is 0", example: "8443", Open
    } by optional(values::port);

    /// The PEM file of the certificate, followed by those that lead to its authority. When the file
    /// changes, new connections get the new certificate a few seconds later.
    tls_cert: Option<PathBuf> = TLS_CERT {
        Env, "TLS", default: "", unset: "none; TLS=files needs one",
        example: "/etc/letsencrypt/live/chat.example.org/fullchain.pem", Open
    } by optional(values::folder);

    /// The PEM file of the key that belongs to TLS_CERT. Only the server should be able to read it.
    tls_key: Option<PathBuf> = TLS_KEY {
        Env, "TLS", default: "", unset: "none; TLS=files needs one",
        example: "/etc/letsencrypt/live/chat.example.org/privkey.pem", Open
    } by optional(values::folder);

    /// Where certificates come from with TLS=auto. `letsencrypt`; `staging`, that of Let's Encrypt
    /// for trying things out, which browsers do not trust; or the address of another authority's
    /// ACME directory (`?ca=FILE`, PEM, for one of your own). By using one you agree to its terms.
    acme_directory: AcmeDirectory = ACME_DIRECTORY {
        Env, "TLS", default: "letsencrypt", unset: "", example: "staging", Open
    } by AcmeDirectory::parse;

    /// The mail server that sends login codes. `smtps://` speaks TLS from the first byte (port
    /// 465); `smtp://` begins unencrypted and insists on STARTTLS (port 587). Special characters in
    /// the user name or password are percent-encoded (`@` is `%40`). `?ca=FILE` trusts a
    /// certificate authority of your own (PEM); `?tls=none` goes without TLS, to this machine only.
    smtp_url: Option<SmtpUrl> = SMTP_URL {
        Env, "Mail", default: "", unset: "mails are written into MAIL_DIR",
        example: "smtps://user:password@mail.example.org", Url
    } by optional(SmtpUrl::parse);

    /// The sender of the mails, by NAME unless it brings a name of its own. Required with SMTP_URL,
    /// as mail servers refuse senders that they do not know.
    mail_from: Option<Sender> = MAIL_FROM {
        Env, "Mail", default: "", unset: "no-reply@localhost",
        example: "no-reply@example.org", Open
    } by optional(Sender::parse);

    /// Lets people have mails of what they missed: whoever asks for them in their settings gets one
    /// when messages were unread for an hour and no device of theirs could be told, at most one a
    /// day. `off`: nobody can ask for them, and whoever did gets none.
    missed_mail: bool = MISSED_MAIL {
        Env, "Mail", default: "on", unset: "", example: "off", Open
    } by values::switch;

    /// The folder where mails are written as `.eml` files while there is no SMTP_URL: for trying
    /// things out and for development. The newest 1,000 are kept.
    mail_dir: Option<PathBuf> = MAIL_DIR {
        Env, "Mail", default: "", unset: "DATA_DIR/mail", example: "/tmp/mail", Open
    } by optional(values::folder);

    /// Who may create an account: `open`, anybody; `invited`, whoever has an invitation, which an
    /// operator or 'wechat invite' makes; `closed`, nobody. The first account can always be
    /// created, and 'wechat users import' goes past this.
    sign_up: SignUp = SIGN_UP {
        Env, "People", default: "open", unset: "", example: "invited", Open
    } by SignUp::parse;

    /// Only e-mail addresses of exactly these domains may sign up, separated by commas; a name
    /// below one of them is another domain. With SIGN_UP=invited, an invitation is needed as well.
    sign_up_domains: Domains = SIGN_UP_DOMAINS {
        Env, "People", default: "", unset: "all domains", example: "example.org", Open
    } by Domains::parse;

    /// What people see the server called: in the page, under its icon, in mails, in the description
    /// of the API. Up to 40 characters in one line. (Shells of Linux in
    /// Windows set NAME to the machine's name: use `--name` there.)
    name: ServerName = NAME {
        Env, "Name and looks", default: "WeChat", unset: "", example: "Our chat", Open
    } by ServerName::parse;

    /// The picture for the server's icons, as a PNG file: a square of 192 to 1024 pixels a side and
    /// at most 1 MiB.
    logo: Option<PathBuf> = LOGO {
        Env, "Name and looks", default: "", unset: "a speech bubble",
        example: "/etc/wechat/logo.png", Open
    } by optional(values::folder);

    /// The colour of buttons, links and one's own messages, as `#rrggbb`. Where text in it or on it
    /// would be hard to read, the page takes the nearest shade that is not, for light and for dark.
    accent: Option<Color> = ACCENT {
        Env, "Name and looks", default: "", unset: "green", example: "#1a5fb4", Open
    } by optional(Color::parse);

    /// How devices that sleep are told of messages and calls. `on`: by the push services of
    /// browsers and of UnifiedPush, which need no account anywhere, and by Google's and Apple's
    /// where FCM_ACCOUNT and APNS_KEY are set; `folder`: not at all, but written into PUSH_DIR, for
    /// trying things out; `off`: not at all. 'wechat push check' tries what is set.
    push: PushMode = PUSH {
        Env, "Push", default: "on", unset: "", example: "off", Open
    } by PushMode::parse;

    /// How much a push says: `wake` that there is something, and no word of anybody; `names` also
    /// who writes or calls, and in which chat; `text` also what they write. Web Push is encrypted
    /// for the device, whose lock screen shows it; Google's and Apple's services could read along.
    push_content: Option<PushContent> = PUSH_CONTENT {
        Env, "Push", default: "", unset: "names to browsers and UnifiedPush, else wake",
        example: "text", Open
    } by optional(PushContent::parse);

    /// The folder where pushes are written as `.json` files with PUSH=folder. The newest 1,000 are
    /// kept.
    push_dir: Option<PathBuf> = PUSH_DIR {
        Env, "Push", default: "", unset: "DATA_DIR/push", example: "/tmp/push", Open
    } by optional(values::folder);

    /// Push services in your own network, as names, IP addresses or networks separated by commas.
    /// Browsers and apps say where they are pushed to; otherwise everything that is not public is
    /// refused, so that they cannot send this server into your network.
    push_allowed_hosts: PushHosts = PUSH_ALLOWED_HOSTS {
        Env, "Push", default: "", unset: "none", example: "ntfy.lan, 192.168.1.5", Open
    } by PushHosts::parse;

    /// The PEM file of a certificate authority of your own that push services in your network have
    /// their certificates from.
    push_ca: Option<PathBuf> = PUSH_CA {
        Env, "Push", default: "", unset: "the public authorities alone",
        example: "/etc/wechat/ca.pem", Open
    } by optional(values::folder);

    /// The JSON file of a service account of Google's that may send messages of Firebase, for
    /// Android apps that have no other way. Only the server should be able to read it.
    fcm_account: Option<PathBuf> = FCM_ACCOUNT {
        Env, "Push", default: "", unset: "none", example: "/etc/wechat/firebase.json", Open
    } by optional(values::folder);

    /// The file of the key (`.p8`) that Apple gave the owner of an iOS app for push. Only the
    /// server should be able to read it.
    apns_key: Option<PathBuf> = APNS_KEY {
        Env, "Push", default: "", unset: "none", example: "/etc/wechat/AuthKey_ABC123DEFG.p8", Open
    } by optional(values::folder);

    /// What Apple calls that key.
    apns_key_id: Option<String> = APNS_KEY_ID {
        Env, "Push", default: "", unset: "none; APNS_KEY needs one", example: "ABC123DEFG", Open
    } by optional(values::apple_id);

    /// What Apple calls the owner of the app.
    apns_team_id: Option<String> = APNS_TEAM_ID {
        Env, "Push", default: "", unset: "none; APNS_KEY needs one", example: "DEF123GHIJ", Open
    } by optional(values::apple_id);

    /// How much is logged: `error`, `warn`, `info`, `debug` or `trace`; for parts of the server,
    /// `part=level`, separated by commas.
    log: String = LOG {
        Env, "Logs", default: "info", unset: "", example: "info,wechat::mail=debug", Open
    } by values::log_levels;

    /// The form of the log on standard error: `pretty` for people, `json` for programs, `auto` for
    /// pretty on a terminal and JSON elsewhere.
    log_format: LogFormat = LOG_FORMAT {
        Env, "Logs", default: "auto", unset: "", example: "json", Open
    } by LogFormat::parse;

    /// How many connections the server holds at once; more are refused at the door. An idle one
    /// costs a few kilobytes. The operating system's limit of open files must allow it.
    max_connections: usize = MAX_CONNECTIONS {
        Env, "Limits", default: "10000", unset: "", example: "100000", Open
    } by values::connections;

    /// How many connections one IP address may hold (an IPv6 /64 counts as one), or `off`. Raise it
    /// if many people share an address; behind a proxy, set TRUSTED_PROXIES.
    max_connections_per_ip: ConnectionCap = MAX_CONNECTIONS_PER_IP {
        Env, "Limits", default: "500", unset: "", example: "off", Open
    } by ConnectionCap::parse;

    /// How many requests one IP address may make, as `count/s`, `count/min` or `count/h`, or `off`:
    /// that many at once, then as fast as they refill.
    rate_per_ip: Option<Rate> = RATE_PER_IP {
        Env, "Limits", default: "3000/min", unset: "", example: "off", Open
    } by Rate::parse;

    /// How many requests and commands one user may make, over REST and WebSocket together.
    rate_per_user: Option<Rate> = RATE_PER_USER {
        Env, "Limits", default: "1200/min", unset: "", example: "off", Open
    } by Rate::parse;

    /// How many login codes all strangers together may request for one e-mail address in an hour;
    /// twice as many in a day. A device or network that has logged in before has as many of its
    /// own.
    codes_per_address: u32 = CODES_PER_ADDRESS {
        Env, "Limits", default: "5", unset: "", example: "10", Open
    } by values::count;

    /// How many login codes may be requested from one IP address (IPv6: a /64) in an hour. Raise it
    /// if many people share an address.
    codes_per_ip: u32 = CODES_PER_IP {
        Env, "Limits", default: "30", unset: "", example: "300", Open
    } by values::count;

    /// How many wrong login codes may come from one IP address (IPv6: a /64) in an hour.
    wrong_codes_per_ip: u32 = WRONG_CODES_PER_IP {
        Env, "Limits", default: "30", unset: "", example: "100", Open
    } by values::count;

    /// How many wrong login codes may come from everywhere in an hour before each network has only
    /// a few of its own. With 200, somebody who sprays guesses from a thousand networks over any
    /// number of accounts has a chance below 1 % a day of getting into one of them
    /// (`docs/login.md`).
    wrong_codes_in_all: u32 = WRONG_CODES_IN_ALL {
        Env, "Limits", default: "200", unset: "", example: "1000", Open
    } by values::count;

    /// How long an unused login lasts, at least `1h`. A device that is connected, or requests
    /// anything, is using it.
    session_idle: Duration = SESSION_IDLE {
        Env, "Limits", default: "90d", unset: "", example: "30d", Open
    } by values::idle;

    /// What people may do to each other who are no contacts: `everyone` may write and call;
    /// `requests` they may ask, by up to five texts until there is an answer; `contacts` nothing.
    /// People may be stricter for themselves.
    strangers: Option<StrangersMode> = STRANGERS {
        Env, "Contacts", default: "",
        unset: "everyone if only this machine reaches the server, else requests",
        example: "everyone", Open
    } by optional(StrangersMode::parse);

    /// How long after sending a message its author may edit it, as `count s`, `min`, `h` or `d`.
    edit_within: Duration = EDIT_WITHIN {
        Env, "Messages", default: "48h", unset: "", example: "15min", Open
    } by values::span;

    /// How long after sending a message its author may delete it for everybody. A group's admins
    /// always may.
    delete_within: Duration = DELETE_WITHIN {
        Env, "Messages", default: "48h", unset: "", example: "365d", Open
    } by values::span;

    /// Where the content of files is kept: `local` is the folder `objects` of DATA_DIR, `s3` the
    /// bucket S3_BUCKET of an S3-compatible store. Unfinished uploads are in DATA_DIR/uploads
    /// either way.
    objects: ObjectsMode = OBJECTS {
        Env, "Files", default: "local", unset: "", example: "s3", Open
    } by ObjectsMode::parse;

    /// The bucket for the content of files. Only the server needs to read it: keep it private, and
    /// give it a rule that aborts incomplete multipart uploads after a day.
    s3_bucket: Option<String> = S3_BUCKET {
        Env, "Files", default: "", unset: "none; OBJECTS=s3 needs one", example: "wechat", Open
    } by optional(values::bucket);

    /// The address of the store, if it is not Amazon's. `?ca=FILE` trusts a certificate authority
    /// of your own (PEM).
    s3_endpoint: Option<Endpoint> = S3_ENDPOINT {
        Env, "Files", default: "", unset: "Amazon's for S3_REGION",
        example: "https://s3.example.org:9000", Open
    } by optional(Endpoint::parse);

    /// The region of the bucket. Self-hosted stores accept any.
    s3_region: String = S3_REGION {
        Env, "Files", default: "us-east-1", unset: "", example: "eu-central-1", Open
    } by values::region;

    /// The id of the key to the bucket. The key needs s3:ListBucket for the bucket, and
    /// s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload for what is in it.
    s3_access_key_id: Option<String> = S3_ACCESS_KEY_ID {
        Env, "Files", default: "", unset: "none; a bucket needs one",
        example: "AKIAIOSFODNN7EXAMPLE", Open
    } by optional(values::access_key_id);

    /// The secret of that key.
    s3_secret_access_key: Option<Hidden> = S3_SECRET_ACCESS_KEY {
        Env, "Files", default: "", unset: "none; a bucket needs one",
        example: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Whole
    } by optional(values::secret_access_key);

    /// The beginning of the names of all objects in the bucket, so that the bucket can be shared.
    s3_prefix: String = S3_PREFIX {
        Env, "Files", default: "", unset: "nothing", example: "wechat", Open
    } by values::prefix;

    /// Whether the bucket's name is in the path of requests, as most stores want it. `off` puts it
    /// in front of the host's name.
    s3_path_style: bool = S3_PATH_STYLE {
        Env, "Files", default: "on", unset: "", example: "off", Open
    } by values::switch;

    /// How large a picture may be, in bytes or as `count KB`, `MB` or `GB` (of 1,024 each).
    file_limit_image: u64 = FILE_LIMIT_IMAGE {
        Env, "Files", default: "25MB", unset: "", example: "10MB", Open
    } by values::bytes;

    /// How large a video may be.
    file_limit_video: u64 = FILE_LIMIT_VIDEO {
        Env, "Files", default: "2GB", unset: "", example: "500MB", Open
    } by values::bytes;

    /// How large sound and voice messages may be.
    file_limit_audio: u64 = FILE_LIMIT_AUDIO {
        Env, "Files", default: "2GB", unset: "", example: "100MB", Open
    } by values::bytes;

    /// How large any other file may be.
    file_limit_document: u64 = FILE_LIMIT_DOCUMENT {
        Env, "Files", default: "2GB", unset: "", example: "500MB", Open
    } by values::bytes;

    /// How much room one person's files may take in all. At the limit, people have to delete old
    /// messages with files.
    file_quota: u64 = FILE_QUOTA {
        Env, "Files", default: "10GB", unset: "", example: "1GB", Open
    } by values::bytes;

    /// Where the server makes a backup of itself, again and again: a folder, best on another disk,
    /// or `s3://BUCKET/PREFIX`, a place in a bucket that S3_ENDPOINT, S3_REGION and the key of S3
    /// lead to, which no other server has. Each is named by its time; `wechat restore` takes one.
    /// MongoDB, and a bucket that keeps files, are backed up by their own tools.
    backup_to: Option<BackupPlace> = BACKUP_TO {
        Env, "Backups", default: "", unset: "none are made by itself",
        example: "/mnt/backups/wechat", Open
    } by optional(BackupPlace::parse);

    /// How often it makes one, as `count s`, `min`, `h` or `d`.
    backup_every: Duration = BACKUP_EVERY {
        Env, "Backups", default: "24h", unset: "", example: "6h", Open
    } by values::some_span;

    /// How many of them it keeps; when there is one more, the oldest goes.
    backup_keep: u32 = BACKUP_KEEP {
        Env, "Backups", default: "7", unset: "", example: "30", Open
    } by values::count;

    /// Where calls find STUN and TURN. `embedded` is the relay of this server; `external` are the
    /// servers of TURN_EXTERNAL_URLS; with `off`, calls only work directly, which fails for many
    /// people.
    turn: TurnMode = TURN {
        Env, "Calls", default: "embedded", unset: "", example: "external", Open
    } by TurnMode::parse;

    /// The UDP and TCP port of the relay. Open it in the firewall for both.
    turn_port: Option<u16> = TURN_PORT {
        Env, "Calls", default: "", unset: "3478; any free one when PORT is 0", example: "3478", Open
    } by optional(values::port);

    /// The TCP port of the relay for TLS. Open it in the firewall; 443, if nothing else uses it,
    /// gets through the strictest networks.
    turn_tls_port: Option<u16> = TURN_TLS_PORT {
        Env, "Calls", default: "", unset: "5349; any free one when PORT is 0", example: "443", Open
    } by optional(values::port);

    /// The UDP ports that relayed media uses, lowest and highest. Open them in the firewall; a call
    /// over the relay takes up to six.
    turn_relay_ports: PortRange = TURN_RELAY_PORTS {
        Env, "Calls", default: "49152-50151", unset: "", example: "50000-50999", Open
    } by PortRange::parse;

    /// The IP address that the relay listens on. Calls bypass a reverse proxy, so the relay is on
    /// every address even if HOST is this machine only and PUBLIC_URL names another.
    turn_host: Option<IpAddr> = TURN_HOST {
        Env, "Calls", default: "",
        unset: "HOST; every address when HOST is 127.0.0.1 and PUBLIC_URL is not this machine",
        example: "::", Open
    } by optional(values::host);

    /// The name by which devices find the relay. It must lead to this machine: set it if PUBLIC_URL
    /// leads elsewhere, to a content delivery network or a proxy on another machine.
    turn_name: Option<String> = TURN_NAME {
        Env, "Calls", default: "", unset: "the host of PUBLIC_URL, else the relay's address",
        example: "turn.example.org", Open
    } by optional(values::uri_host);

    /// The address of this machine as the Internet sees it, if that is not one of its own (behind
    /// NAT, in most clouds): IPv4, IPv6, or both separated by a comma. For an address that changes,
    /// use a name: it is looked up every minute, and new calls use the new address.
    turn_public_ip: PublicAddresses = TURN_PUBLIC_IP {
        Env, "Calls", default: "", unset: "the machine's own address", example: "203.0.113.7", Open
    } by PublicAddresses::parse;

    /// The PEM file of the certificate chain for TURN over TLS, if it is not the one for HTTPS.
    /// Without either, the server makes its own certificate, which browsers do not trust. When the
    /// file changes, new connections get the new certificate.
    turn_tls_cert: Option<PathBuf> = TURN_TLS_CERT {
        Env, "Calls", default: "", unset: "the certificate for HTTPS, else one of its own making",
        example: "/etc/letsencrypt/live/turn.example.org/fullchain.pem", Open
    } by optional(values::folder);

    /// The PEM file of the key that belongs to TURN_TLS_CERT.
    turn_tls_key: Option<PathBuf> = TURN_TLS_KEY {
        Env, "Calls", default: "", unset: "the key for HTTPS, else one of its own making",
        example: "/etc/letsencrypt/live/turn.example.org/privkey.pem", Open
    } by optional(values::folder);

    /// Private networks that media may be relayed into, separated by commas. Otherwise everything
    /// that is not public is refused, so that the relay is not a door into your network.
    turn_allowed_peers: PeerNetworks = TURN_ALLOWED_PEERS {
        Env, "Calls", default: "", unset: "none", example: "192.168.1.0/24", Open
    } by PeerNetworks::parse;

    /// The STUN and TURN servers to use instead of our own, separated by commas. They must know
    /// TURN_SECRET (`use-auth-secret` in coturn).
    turn_external_urls: IceUrls = TURN_EXTERNAL_URLS {
        Env, "Calls", default: "", unset: "none",
        example: "stun:turn.example.org:3478, turn:turn.example.org:3478?transport=udp", Open
    } by IceUrls::parse;

    /// The secret that the relay and this server share: credentials are made with it.
    turn_secret: Option<Hidden> = TURN_SECRET {
        Env, "Calls", default: "", unset: "made on the first start, kept in DATA_DIR/secrets",
        example: "5f0c8e6d1b7a4932b6d5e8f7a1c09b34", Whole
    } by optional(values::shared_secret);

    /// Where MongoDB is; if set, MongoDB is the store. A standalone server suffices. Special
    /// characters in the user name or password are percent-encoded (`@` is `%40`). The write
    /// concern is always majority and journaled.
    db_uri: Option<Hidden> = DB_URI {
        EnvDb, "MongoDB", default: "", unset: "the embedded store in DATA_DIR serves",
        example: "mongodb://user:password@db.example.org:27017", Url
    } by optional(values::mongodb);

    /// The database's name.
    db_database: String = DB_DATABASE {
        EnvDb, "MongoDB", default: "wechat", unset: "", example: "wechat", Open
    } by values::database_name;

    /// Where NATS is, by which several servers on one MongoDB tell each other what has happened;
    /// without it, people on different servers hear of each other only when they sync. Several
    /// addresses of one NATS cluster are separated by commas. Messages pass through it: nobody but
    /// the servers may read there.
    nats_url: Option<Hidden> = NATS_URL {
        EnvDb, "MongoDB", default: "", unset: "no other server is told",
        example: "nats://user:password@nats.example.org:4222", Url
    } by optional(values::nats);

    /// The collection of users.
    db_users: String = DB_USERS {
        EnvDb, "MongoDB", default: "users", unset: "", example: "users", Open
    } by values::database_name;

    /// The collection of groups.
    db_groupd: String = DB_GROUPD {
        EnvDb, "MongoDB", default: "groups", unset: "", example: "groups", Open
    } by values::database_name;

    /// The collection of messages in direct chats.
    db_usr_chlogs: String = DB_USR_CHLOGS {
        EnvDb, "MongoDB", default: "user_chatlogs", unset: "", example: "user_chatlogs", Open
    } by values::database_name;

    /// The collection of messages in groups.
    db_gr_chlogs: String = DB_GR_CHLOGS {
        EnvDb, "MongoDB", default: "group_chatlogs", unset: "", example: "group_chatlogs", Open
    } by values::database_name;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_described_and_shows_a_value_that_it_takes() {
        for setting in SETTINGS {
            assert!(setting.text().contains(". ") || setting.text().ends_with('.'));
            assert_ne!(setting.default.is_empty(), setting.unset.is_empty(), "{}", setting.key);
            for value in [setting.default, setting.example] {
                let mut values = Values::new(SETTINGS);
                values.add_flags([(setting.key.to_owned(), value.to_owned())]);
                read(&mut values);
                assert!(values.problems().is_empty(), "{}: {:?}", setting.key, values.problems());
            }
        }
    }

    #[test]
    fn secrets_have_no_flag() {
        let flag = |key: &str| SETTINGS.iter().find(|row| row.key == key).map(Setting::flag);
        assert_eq!(flag("SMTP_URL"), Some(None));
        assert_eq!(flag("DATA_DIR"), Some(Some("data-dir".to_owned())));
    }
}
