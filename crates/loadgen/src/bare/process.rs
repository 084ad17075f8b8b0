//! The bare server as a process of its own, so that its clocks are read as those of the server are.
//!
//! Invariant: it ends with the value or, whatever becomes of this program, with the pipe that is
//! its standard input. Called by `run::rounds` and the command.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use super::{Bare, Options};
use crate::client::api::Session;
use crate::scratch::Scratch;
use crate::server::Target;

/// What the report calls it.
pub const NAME: &str = "the bare server";

/// A bare server that runs beside the load.
pub struct Process {
    child: Child,
    addr: SocketAddr,
    scratch: Scratch,
}

impl Process {
    /// Starts one by this program's command `bare`; its data are below `parent`.
    pub fn start(program: &Path, bytes: usize, store: bool, parent: &Path) -> io::Result<Self> {
        let scratch = Scratch::new(Some(parent))?;
        let mut command = Command::new(program);
        command.args(["bare", "--bytes", &bytes.to_string()]);
        if store {
            command.arg("--store").arg(scratch.path());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let addr = line.trim().parse().map_err(io::Error::other);
        let addr = addr.inspect_err(|_| drop(child.kill()));
        Ok(Self { child, addr: addr?, scratch })
    }

    /// It as a target, with so many people who are known by their names.
    pub fn target(&self, people: usize) -> Target {
        let session = |index| Session { user: format!("u{index}"), token: format!("u{index}") };
        let sessions = (0..people).map(session).collect();
        let folder = self.scratch.path().to_owned();
        let mut target = Target::running(self.addr, folder, sessions);
        NAME.clone_into(&mut target.name);
        target.pid = Some(self.child.id());
        target
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its end is all that matters, and it has nothing to save.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the command `bare` does: says where it listens, and serves until its input ends.
pub fn serve(options: &Options) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = listener.local_addr()?;
    let bare = Bare::new(listener, options)?;
    let stopper = bare.stopper();
    thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        let _ = stopper.wake();
    });
    writeln!(io::stdout(), "{addr}")?;
    bare.run()
}
