//! A server that speaks MongoDB's protocol, for tests: started on a free port over a temporary
//! folder, gone when the test process is gone, however that ends.
//!
//! Its binary is named by `WECHAT_TEST_MONGO`; `scripts/test mongo` installs it. Without it the
//! tests that need it are left out, which is said on standard error. `WECHAT_TEST_STORE=mongo`
//! brings the stories and the faults onto that server too.

#![allow(dead_code, reason = "each test binary needs a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Once, OnceLock};

use loadgen::ports;

/// Names the server's binary.
pub const BINARY: &str = "WECHAT_TEST_MONGO";
/// Says which store the stories and faults run on: `embedded`, as without it, or `mongo`.
pub const STORE: &str = "WECHAT_TEST_STORE";

/// Starts the server; when its standard input ends, kills it. The process that holds the other end
/// of that pipe may die in any way.
const KEEPER: &str = r#""$@" 2>&1 </dev/null & server=$!; echo "pid $server"
    cat >/dev/null; kill -9 $server; wait $server; [ -z "$REMOVED" ] || rm -rf "$REMOVED""#;

/// A server that runs.
pub struct Server {
    keeper: Child,
    pid: String,
    port: u16,
    folder: PathBuf,
}

/// The server's binary; `None`, and a word about it, when none is named.
pub fn binary() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let binary = std::env::var_os(BINARY);
    if binary.is_none() {
        SAID.call_once(|| {
            // Not `eprintln!`: that is shown only when a test fails.
            let word = format!("left out: the tests on MongoDB ({BINARY} is not set)");
            writeln!(std::io::stderr(), "{word}").expect("standard error is there");
        });
    }
    binary.map(PathBuf::from)
}

/// One server for all tests of this process; each has a database of its own.
pub fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let binary = binary()?;
        let folder = tempfile::tempdir().expect("a folder").keep();
        Some(Server::shared(&binary, &folder))
    };
    SERVER.get_or_init(start).as_ref()
}

/// The server that the stories and faults of this run use; `None` is the embedded store.
pub fn chosen() -> Option<&'static Server> {
    static SAID: Once = Once::new();
    match std::env::var(STORE).as_deref() {
        Err(_) => {
            SAID.call_once(|| {
                let word = format!("left out: this on MongoDB too ({STORE} is not set)");
                writeln!(std::io::stderr(), "{word}").expect("standard error is there");
            });
            None
        }
        Ok("embedded") => None,
        Ok("mongo") => Some(shared().unwrap_or_else(|| panic!("{STORE}=mongo needs {BINARY}"))),
        Ok(other) => panic!("{STORE} is {other:?}, neither embedded nor mongo"),
    }
}

/// The settings that give a server of ours the store of this run, in a database of this name.
pub fn settings(database: &str) -> Vec<(String, String)> {
    chosen().map_or_else(Vec::new, |server| server.settings(database))
}

impl Server {
    /// Starts a server in a folder that is removed with it.
    pub fn shared(binary: &Path, folder: &Path) -> Self {
        Self::start(binary, folder, 0, false, &[])
    }

    /// The same, and it asks for user names and passwords.
    pub fn guarded(binary: &Path, folder: &Path) -> Self {
        Self::start(binary, folder, 0, false, &["--auth"])
    }

    /// Starts a server in a folder that the caller keeps; it syncs every commit, so that it may be
    /// killed.
    pub fn durable(binary: &Path, folder: &Path) -> Self {
        let port = ports::free().expect("a port").port();
        Self::start(binary, folder, port, true, &["--sync-on-commit"])
    }

    fn start(binary: &Path, folder: &Path, port: u16, kept: bool, flags: &[&str]) -> Self {
        let config = folder.join("server.toml");
        std::fs::write(&config, "[storage]\nttl_sweep_seconds = 60\n").expect("writes");
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(binary);
        command.args(["--port", &port.to_string(), "--log-file-max", "16MB"]);
        command.args(["--cache-size", "256M", "--enable-test-commands", "--config"]).arg(config);
        command.arg("--storage-path").arg(folder.join("data"));
        command.args(flags);
        command.env("REMOVED", if kept { Path::new("") } else { folder });
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = command.spawn().expect("a shell starts");
        let mut lines = BufReader::new(keeper.stdout.take().expect("an output")).lines();
        let (mut pid, mut port) = (String::new(), None);
        while port.is_none() {
            let line = lines.next().expect("the server says where it listens").expect("a line");
            if let Some(told) = line.strip_prefix("pid ") {
                pid = told.to_owned();
            }
            port = line.rsplit_once("listening on 127.0.0.1:").map(|(_, told)| {
                let digits: String = told.chars().take_while(char::is_ascii_digit).collect();
                digits.parse().expect("a port")
            });
        }
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.expect("a port");
        Self { keeper, pid, port, folder: folder.to_owned() }
    }

    /// The address for `DB_URI`.
    pub fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?replicaSet=secantus&heartbeatFrequencyMS=500", self.port)
    }

    /// The same for a user of the database `admin`.
    pub fn uri_as(&self, user: &str, password: &str) -> String {
        let Self { port, .. } = self;
        format!("mongodb://{user}:{password}@127.0.0.1:{port}/?replicaSet=secantus")
    }

    /// The settings of a server of ours with this store.
    pub fn settings(&self, database: &str) -> Vec<(String, String)> {
        vec![("DB_URI".into(), self.uri()), ("DB_DATABASE".into(), database.into())]
    }

    /// A name that no other test uses.
    pub fn database() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        format!("test_{}", NEXT.fetch_add(1, Ordering::SeqCst))
    }

    /// Kills the server as `kill -9` does.
    pub fn kill(&mut self) {
        let killed = Command::new("kill").args(["-9", &self.pid]).status();
        assert!(killed.expect("kill starts").success(), "the server was there to be killed");
        self.keeper.stdin.take();
        self.keeper.wait().expect("the keeper ends");
    }

    /// Starts a durable server that was killed again, on the same port and folder.
    pub fn restart(&mut self, binary: &Path) {
        let (folder, flags) = (self.folder.clone(), ["--sync-on-commit"]);
        let again = Self::start(binary, &folder, self.port, true, &flags);
        drop(std::mem::replace(self, again));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.keeper.stdin.take();
        // An error means that it has ended before.
        self.keeper.wait().ok();
    }
}
