//! A server that speaks S3's protocol, for tests: started on a free port, everything in memory,
//! gone when the test process is gone, however that ends.
//!
//! Its program is named by `WECHAT_TEST_S3`; `scripts/test objects` installs it. Without it the
//! tests that need it are left out, which is said on standard error.

#![allow(dead_code, reason = "each test binary needs a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Once, OnceLock};

/// Names the server's program.
pub const PROGRAM: &str = "WECHAT_TEST_S3";

/// Starts the server; when its standard input ends, kills it. The process that holds the other end
/// of that pipe may die in any way.
const KEEPER: &str = r#""$@" 2>&1 </dev/null & server=$!; cat >/dev/null; kill -9 $server"#;

/// A server that runs.
pub struct Server {
    keeper: Child,
    addr: SocketAddr,
}

/// The server's program; `None`, and a word about it, when none is named.
pub fn program() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let program = std::env::var_os(PROGRAM);
    if program.is_none() {
        SAID.call_once(|| {
            // Not `eprintln!`: that is shown only when a test fails.
            let word = format!("left out: the tests on S3 ({PROGRAM} is not set)");
            writeln!(std::io::stderr(), "{word}").expect("standard error is there");
        });
    }
    program.map(PathBuf::from)
}

/// One server for all tests of this process; each has a bucket of its own.
pub fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| program().map(|program| Server::start(&program, &[]))).as_ref()
}

impl Server {
    /// Starts a server with these variables in its environment.
    pub fn start(program: &Path, environment: &[(&str, &str)]) -> Self {
        Self::start_with(program, &[], environment)
    }

    /// Starts a server that speaks TLS with this certificate and key (PEM).
    pub fn with_tls(program: &Path, certificate: &Path, key: &Path) -> Self {
        let flags = [Path::new("-c"), certificate, Path::new("-k"), key];
        Self::start_with(program, &flags, &[])
    }

    fn start_with(program: &Path, flags: &[&Path], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(program).args(["-H", "127.0.0.1", "-p", "0"]);
        command.args(flags);
        command.env("PYTHONUNBUFFERED", "1").envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut keeper = command.spawn().expect("a shell starts");
        let mut lines = BufReader::new(keeper.stdout.take().expect("an output")).lines();
        let addr = loop {
            let line = lines.next().expect("the server says where it listens").expect("a line");
            if let Some((_, url)) = line.rsplit_once("Running on http") {
                let addr = url.trim().trim_start_matches('s').trim_start_matches("://");
                break addr.parse().expect("an address");
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { keeper, addr }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A new bucket, whose name no other test uses.
    pub fn bucket(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test-{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let made = self.ask("PUT", &format!("/{name}"));
        assert!(made.starts_with("HTTP/1.1 200"), "{made}");
        name
    }

    /// The names of everything in a bucket, as the server lists them.
    pub fn names(&self, bucket: &str) -> Vec<String> {
        let listed = self.ask("GET", &format!("/{bucket}?list-type=2"));
        let keys = listed.split("<Key>").skip(1);
        keys.filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned())).collect()
    }

    /// The bytes of an object.
    pub fn object(&self, bucket: &str, name: &str) -> Vec<u8> {
        let answer = self.send("GET", &format!("/{bucket}/{name}"), &[]);
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("a head");
        answer[head + 4..].to_vec()
    }

    /// Flips a bit in the middle of an object.
    pub fn damage(&self, bucket: &str, name: &str) {
        let mut bytes = self.object(bucket, name);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let put = self.send("PUT", &format!("/{bucket}/{name}"), &bytes);
        assert!(put.get(9..12) == Some(b"200"), "{}", String::from_utf8_lossy(&put));
    }

    /// How many uploads in parts are under way.
    pub fn unfinished(&self, bucket: &str) -> usize {
        self.ask("GET", &format!("/{bucket}?uploads")).matches("<UploadId>").count()
    }

    /// Does what nobody asks a signature for here.
    fn ask(&self, method: &str, path: &str) -> String {
        String::from_utf8(self.send(method, path, &[])).expect("UTF-8")
    }

    /// By HTTP/1.0, which knows no answer in chunks. Whoever names a key is believed.
    fn send(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.addr).expect("it listens");
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=A/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n",
            self.addr
        );
        let length = body.len();
        let head = format!("{head}Content-Length: {length}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), body].concat()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        answer
    }

    /// Kills the server as `kill -9` does.
    pub fn kill(&mut self) {
        self.keeper.stdin.take();
        self.keeper.wait().expect("the keeper ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.keeper.stdin.take();
        // An error means that it has ended before.
        self.keeper.wait().ok();
    }
}
