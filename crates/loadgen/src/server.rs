//! The server under test: one that is started here, with data of its own, or one that is already
//! running.
//!
//! Invariant: when the value is dropped, a server that was started here is ended by its process id,
//! and its data are removed. Called by the workloads and the story tests.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::client::api::Session;
use crate::client::error::{Error, Result};
use crate::client::http::Http;
use crate::measure::meter::Meter;
use crate::measure::proc;
use crate::ports;
use crate::scratch::Scratch;
use crate::secure::Secure;

/// How long a server may take to start, also on a machine that has much else to do.
const START: Duration = Duration::from_secs(120);
/// How long a server may take to end before it is killed.
const END: Duration = Duration::from_secs(15);

/// Limits that get in the way of a load from one machine, and the relay, whose port a second server
/// would need too: switched off. The load's people write to each other without having met.
const NO_LIMITS: [(&str, &str); 6] = [
    ("STRANGERS", "everyone"),
    ("TURN", "off"),
    ("RATE_PER_IP", "off"),
    ("RATE_PER_USER", "off"),
    ("MAX_CONNECTIONS_PER_IP", "off"),
    ("LOG", "warn"),
];

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's program.
    pub program: PathBuf,
    /// Settings for its environment, later ones over earlier ones.
    pub settings: Vec<(String, String)>,
}

impl Plan {
    /// A server with the limits off that a load from one machine would meet.
    pub fn unlimited(program: impl Into<PathBuf>) -> Self {
        let settings = NO_LIMITS.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self { program: program.into(), settings: settings.into() }
    }

    /// A command of the server's program on the data in `home`.
    fn command(&self, home: &Path) -> Command {
        let mut command = Command::new(&self.program);
        // In a folder of its own it finds no settings files of somebody else.
        command.current_dir(home).env("DATA_DIR", home.join("data"));
        command.envs(self.settings.iter().map(|(key, value)| (key, value)));
        command.stdin(Stdio::null());
        command
    }
}

/// A person to be imported.
#[derive(Debug, Clone)]
pub struct Person {
    /// The address of the account.
    pub email: String,
    /// The name of the account.
    pub name: String,
}

/// Data for a server that is not running yet.
#[derive(Debug)]
pub struct Home {
    plan: Plan,
    scratch: Scratch,
}

impl Home {
    /// An empty folder below `parent` (or the system's temporary one).
    pub fn new(plan: Plan, parent: Option<&Path>) -> Result<Self> {
        Ok(Self { plan, scratch: Scratch::new(parent)? })
    }

    /// Has the server speak HTTPS, with a certificate of its own, on a free port.
    pub fn secure(&mut self) -> Result<Secure> {
        let secure = Secure::new(self.scratch.path(), ports::free()?)?;
        self.plan.settings.extend(secure.settings());
        Ok(secure)
    }

    /// Puts accounts into the server's data through the operator's command, and opens a session for
    /// each of the first `sessions`.
    pub fn import(&self, people: &[Person], sessions: usize) -> Result<Vec<Session>> {
        let (with, without) = people.split_at(sessions.min(people.len()));
        let opened = self.import_part(with, true)?;
        self.import_part(without, false)?;
        Ok(opened)
    }

    fn import_part(&self, people: &[Person], tokens: bool) -> Result<Vec<Session>> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let list = self.scratch.path().join("people.csv");
        write_people(&list, people)?;
        let mut command = self.plan.command(self.scratch.path());
        command.args([OsStr::new("users"), OsStr::new("import"), list.as_os_str()]);
        if tokens {
            command.arg("--tokens");
        }
        let errors = self.scratch.path().join("import.log");
        command.stderr(File::create(&errors)?);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let sessions = if tokens { read_sessions(BufReader::new(output))? } else { drain(output)? };
        let status = child.wait()?;
        if !status.success() || (tokens && sessions.len() != people.len()) {
            let why = fs::read_to_string(errors).unwrap_or_default();
            return Err(Error::protocol(format!("'users import' ended with {status}: {why}")));
        }
        Ok(sessions)
    }

    /// Starts the server on a free port and waits until it is ready.
    pub async fn start(self) -> Result<Server> {
        let began = Instant::now();
        let (child, addr) = self.launch()?;
        let mut server = Server { child, home: self, addr, began, ready_ms: 0.0 };
        server.until_ready().await?;
        Ok(server)
    }

    /// Begins with these secrets, as a server that works beside another has to.
    pub fn share(&self, secrets: &Path) -> io::Result<()> {
        let own = self.scratch.path().join("data/secrets");
        fs::create_dir_all(&own)?;
        for entry in fs::read_dir(secrets)? {
            let entry = entry?;
            fs::copy(entry.path(), own.join(entry.file_name()))?;
        }
        Ok(())
    }

    /// Starts a process on these data; its log is appended to that of earlier ones.
    fn launch(&self) -> io::Result<(Child, SocketAddr)> {
        let addr = ports::free()?;
        let mut command = self.plan.command(self.scratch.path());
        command.env("HOST", addr.ip().to_string()).env("PORT", addr.port().to_string());
        command.env("MAIL_DIR", self.scratch.path().join("mail"));
        let log = self.scratch.path().join("server.log");
        let log = File::options().create(true).append(true).open(log)?;
        command.stdout(log.try_clone()?).stderr(log);
        Ok((command.spawn()?, addr))
    }
}

fn write_people(path: &Path, people: &[Person]) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for person in people {
        writeln!(file, "{},{}", person.email, person.name)?;
    }
    file.flush()
}

fn read_sessions(output: impl BufRead) -> Result<Vec<Session>> {
    output.lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

fn drain(mut output: impl io::Read) -> Result<Vec<Session>> {
    io::copy(&mut output, &mut io::sink())?;
    Ok(Vec::new())
}

/// Sessions of a server that runs already, one JSON object `{"user":…,"token":…}` a line, as
/// `users import --tokens` prints them.
pub fn sessions_from(path: &Path) -> Result<Vec<Session>> {
    read_sessions(BufReader::new(File::open(path)?))
}

/// A server that was started here.
#[derive(Debug)]
pub struct Server {
    child: Child,
    home: Home,
    addr: SocketAddr,
    began: Instant,
    ready_ms: f64,
}

impl Server {
    async fn until_ready(&mut self) -> Result<()> {
        let http = Http::new(self.addr);
        while self.began.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                let log = self.log();
                return Err(Error::protocol(format!("the server ended with {status}:\n{log}")));
            }
            let answer = http.call(hyper::Method::GET, "/readyz", None, None).await;
            if answer.is_ok_and(|answer| answer.status.is_success()) {
                self.ready_ms = self.began.elapsed().as_secs_f64() * 1e3;
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(Error::Late(START, format!("ready server; its log:\n{}", self.log())))
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The folder that it keeps its data in.
    pub fn data(&self) -> PathBuf {
        self.home.scratch.path().join("data")
    }

    /// Its mail folder.
    pub fn mails(&self) -> PathBuf {
        self.home.scratch.path().join("mail")
    }

    /// The folder of its secrets.
    pub fn secrets(&self) -> PathBuf {
        self.data().join("secrets")
    }

    /// From its start to its first good answer of `/readyz`, in milliseconds.
    pub fn ready_ms(&self) -> f64 {
        self.ready_ms
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.scratch.path().join("server.log")).unwrap_or_default()
    }

    /// Kills it at once, as `kill -9` does. Its data stay for `restart`.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Starts it again on the same data and another free port, once it has ended.
    pub async fn restart(&mut self) -> Result<()> {
        self.began = Instant::now();
        (self.child, self.addr) = self.home.launch()?;
        self.until_ready().await
    }

    /// Asks it to end and waits; whether it ended well.
    pub fn end(&mut self) -> io::Result<bool> {
        if self.child.try_wait()?.is_none()
            && let Some(pid) = Pid::from_raw(self.child.id().cast_signed())
        {
            kill_process(pid, Signal::TERM)?;
        }
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.kill()?;
        self.child.wait().map(|_| false)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that does not end by itself is killed by `end`; there is nobody left to tell.
        let _ = self.end();
    }
}

/// The server that a load goes to.
#[derive(Debug)]
pub struct Target {
    /// What the report calls it.
    pub name: String,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where and how it speaks HTTPS, when the load is to go there.
    pub secure: Option<Secure>,
    /// Its process, when that is on this machine and visible.
    pub pid: Option<u32>,
    /// The process of its database, when that is one of its own.
    pub database: Option<u32>,
    /// Where the probes of the disk go.
    pub folder: PathBuf,
    /// Sessions to use.
    pub sessions: Vec<Session>,
    /// How long it took to start, in milliseconds, when it was started here.
    pub ready_ms: Option<f64>,
    /// How many bytes the bare server is to answer, by the name of the phase.
    pub answers: BTreeMap<String, usize>,
    /// Keeps a server that was started here alive.
    _server: Option<Server>,
}

impl Target {
    /// A server that was started here.
    pub fn started(name: String, server: Server, sessions: Vec<Session>) -> Self {
        Self {
            name,
            addr: server.addr(),
            secure: None,
            pid: Some(server.pid()),
            database: None,
            folder: server.data(),
            sessions,
            ready_ms: Some(server.ready_ms()),
            answers: BTreeMap::new(),
            _server: Some(server),
        }
    }

    /// A server that runs already; its disk is probed in `folder`.
    pub fn running(addr: SocketAddr, folder: PathBuf, sessions: Vec<Session>) -> Self {
        Self {
            name: addr.to_string(),
            addr,
            secure: None,
            pid: proc::listener(addr),
            database: None,
            folder,
            sessions,
            ready_ms: None,
            answers: BTreeMap::new(),
            _server: None,
        }
    }

    /// Reads its clocks.
    pub fn meter(&self) -> Meter {
        Meter { server: self.pid, database: self.database }
    }

    /// The first `count` sessions.
    pub fn first(&self, count: usize) -> Result<&[Session]> {
        self.sessions.get(..count).ok_or_else(|| {
            let have = self.sessions.len();
            Error::protocol(format!("{count} sessions are needed, and only {have} are there"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_read_line_by_line_with_other_fields_beside_them() {
        let text = "{\"email\":\"a@b.c\",\"user\":\"u1\",\"token\":\"t1\"}\n\
                    {\"user\":\"u2\",\"token\":\"t2\"}\n";
        let sessions = read_sessions(text.as_bytes()).expect("two sessions");
        assert_eq!(sessions[1], Session { user: "u2".into(), token: "t2".into() });
        assert!(read_sessions(&b"hello\n"[..]).is_err());
    }

    #[test]
    fn people_are_written_one_a_line() {
        let folder = Scratch::new(None).expect("a folder");
        let path = folder.path().join("people.csv");
        let person = Person { email: "ana@example.org".into(), name: "Ana, la primera".into() };
        write_people(&path, &[person]).expect("a writable folder");
        let text = fs::read_to_string(&path).expect("the file");
        assert_eq!(text, "ana@example.org,Ana, la primera\n");
    }
}
