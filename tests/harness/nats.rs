//! A NATS server for tests: started on a free port, gone when the test process is gone, however
//! that ends. Its binary is named by `WECHAT_TEST_NATS`; `scripts/install-nats` installs it.
//! Without it the tests that need it are left out, which is said on standard error.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

use loadgen::ports;

/// Names the server's binary.
const BINARY: &str = "WECHAT_TEST_NATS";

/// Starts the server; when its standard input ends, kills it.
const KEEPER: &str = r#""$@" 2>&1 </dev/null & server=$!
    cat >/dev/null; kill -9 $server; wait $server"#;

/// A server that runs, or may run again on its port.
pub struct Nats {
    binary: PathBuf,
    port: u16,
    keeper: Option<Child>,
}

impl Nats {
    /// One on a free port; `None`, and a word about it, when no binary is named.
    pub fn start() -> Option<Self> {
        static SAID: Once = Once::new();
        let Some(binary) = std::env::var_os(BINARY) else {
            SAID.call_once(|| {
                let word = format!("left out: the tests on NATS ({BINARY} is not set)");
                writeln!(std::io::stderr(), "{word}").expect("standard error is there");
            });
            return None;
        };
        let port = ports::free().expect("a port").port();
        let mut server = Self { binary: binary.into(), port, keeper: None };
        server.restart();
        Some(server)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The same as an address.
    pub fn addr(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Dies without a word.
    pub fn kill(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            keeper.wait().expect("the keeper ends");
        }
    }

    /// Runs again, and knows nothing of before.
    pub fn restart(&mut self) {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(&self.binary);
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = command.spawn().expect("a shell starts");
        let lines = BufReader::new(keeper.stdout.take().expect("an output")).lines();
        let mut lines = lines.map_while(Result::ok);
        let is_ready = lines.any(|line| line.contains("Server is ready"));
        assert!(is_ready, "NATS says when it is ready");
        // What it says later must go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        self.keeper = Some(keeper);
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}
