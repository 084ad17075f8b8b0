//! The `wechat` command as a process, in a working directory of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::mongo;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a question is asked again.
const POLL: Duration = Duration::from_millis(5);

/// The command with a clean environment.
pub fn wechat(folder: &Path, args: &[&str]) -> Command {
    write_settings_of_the_store(folder);
    let mut command = Command::new(env!("CARGO_BIN_EXE_wechat"));
    command.current_dir(folder).env_clear().args(args).stdin(Stdio::null());
    command
}

/// Brings the command onto the store of this run, unless the test wrote a file of its own.
fn write_settings_of_the_store(folder: &Path) {
    let file = folder.join(".env_db");
    if file.exists() {
        return;
    }
    let lines: Vec<String> = mongo::settings(&mongo::Server::database())
        .iter()
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect();
    if !lines.is_empty() {
        fs::write(file, lines.concat()).expect("a writable folder");
    }
}

/// Runs the command to its end.
pub fn run(folder: &Path, args: &[&str]) -> Output {
    wechat(folder, args).output().expect("wechat runs")
}

/// A running server, killed when dropped.
pub struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
    port: u16,
}

impl Server {
    /// Starts a server on a free port of this machine and waits until it says that it listens.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        let args = [&["--log-format", "json"], args].concat();
        let mut server = Self::launch(folder, &args);
        server.port = server.wait_for(port_in).expect("it says where it listens");
        server
    }

    /// Starts a server as the settings in the folder say and waits until it says that it listens.
    pub fn as_set(folder: &Path) -> Self {
        let mut server = Self::spawn(&mut wechat(folder, &["--log-format", "json"]));
        server.port = server.wait_for(port_in).expect("it says where it listens");
        server
    }

    /// Starts a server on a free port of this machine and does not wait.
    pub fn launch(folder: &Path, args: &[&str]) -> Self {
        Self::spawn(wechat(folder, &["--port", "0", "--host", "127.0.0.1"]).args(args))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("wechat starts");
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().expect("piped"), log.clone());
        collect(child.stderr.take().expect("piped"), log.clone());
        Self { child, log, port: 0 }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All that it has written so far, to standard output and standard error.
    pub fn log(&self) -> String {
        self.log.lock().expect("not poisoned").clone()
    }

    /// Waits until what it has written answers a question.
    pub fn wait_for<T>(&mut self, question: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(answer) = question(&self.log()) {
                return Ok(answer);
            }
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            thread::park_timeout(POLL);
        }
        Err(format!("not in the log:\n{}", self.log()))
    }

    /// Sends a signal by its name, for example `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits until it has ended.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < deadline, "still running:\n{}", self.log());
            thread::park_timeout(POLL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(output: impl Read + Send + 'static, log: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut log = log.lock().expect("not poisoned");
            log.push_str(&line);
            log.push('\n');
        }
    });
}

/// The port in the line of the log that says where the server listens.
fn port_in(log: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains("\"message\":\"listening\""))?;
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    line["addr"].as_str()?.rsplit(':').next()?.parse().ok()
}
