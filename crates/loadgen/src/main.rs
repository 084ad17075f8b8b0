//! The command: takes or starts servers, runs one workload, prints what it found.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use loadgen::bare;
use loadgen::client::error::{Error, Result};
use loadgen::measure::proc::listener;
use loadgen::measure::report::{Report, compare, medians_text, ratios_text};
use loadgen::run::chats::Chats;
use loadgen::run::direct::Direct;
use loadgen::run::export::Export;
use loadgen::run::group::{Beat, Group};
use loadgen::run::handshakes::Handshakes;
use loadgen::run::history::History;
use loadgen::run::idle::Idle;
use loadgen::run::peers::mqtt::Mqtt;
use loadgen::run::peers::xmpp::Xmpp;
use loadgen::run::push::Push;
use loadgen::run::receipts::Receipts;
use loadgen::run::search::Search;
use loadgen::run::slow::Slow;
use loadgen::run::storm::Storm;
use loadgen::run::{Pace, Workload, rounds};
use loadgen::server::{Home, Person, Plan, Target, sessions_from};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

/// Loads a chat server and measures what it costs: CPU an operation, memory a connection, latency
/// from the scheduled time; beside it what a bare server takes for the same, the floor of the
/// machine, and how busy this program was.
#[derive(Parser)]
#[command(name = "loadgen", max_term_width = 100)]
struct Command {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    workload: Load,
}

#[derive(Args)]
struct Options {
    /// The server's program: started on a free port with data of its own, without rate limits,
    /// and ended afterwards.
    #[arg(long, global = true, conflicts_with = "addr")]
    server: Option<PathBuf>,
    /// A server that runs already. Needs --tokens; its limits must allow the load.
    #[arg(long, global = true, requires = "tokens")]
    addr: Option<SocketAddr>,
    /// Sessions of the running server: what its `users import FILE --tokens` printed.
    #[arg(long, global = true)]
    tokens: Option<PathBuf>,
    /// A second server, program or address, that is run in turn with the first: A B A B.
    #[arg(long, global = true, value_name = "PROGRAM|ADDR")]
    vs: Option<String>,
    /// Sessions of the second server, when it runs already.
    #[arg(long, global = true)]
    vs_tokens: Option<PathBuf>,
    /// How often each server is measured; comparisons take the medians.
    #[arg(long, global = true)]
    rounds: Option<usize>,
    /// Seconds of load before measuring.
    #[arg(long, global = true, default_value_t = 3.0)]
    warmup: f64,
    /// Seconds of load that are measured, in each phase.
    #[arg(long, global = true, default_value_t = 10.0)]
    seconds: f64,
    /// The folder under which servers keep their data, and on whose disk `fdatasync` is probed.
    #[arg(long, global = true)]
    dir: Option<PathBuf>,
    /// A setting of the servers that are started, KEY=VALUE.
    #[arg(long = "set", global = true, value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Where the server's database listens, for example MongoDB: its CPU is told apart.
    #[arg(long, global = true)]
    database: Option<SocketAddr>,
    /// Leave out the bare server, which otherwise takes the same load at the end of each round.
    #[arg(long, global = true)]
    no_bare: bool,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Load {
    /// Connections that say nothing: memory of each.
    Idle {
        /// How many.
        #[arg(long, default_value_t = 5_000)]
        connections: usize,
        /// Under TLS, with a certificate that is made for it; only with --server.
        #[arg(long)]
        tls: bool,
    },
    /// One-to-one messages, persisted, acked, delivered.
    Direct {
        /// Pairs of people.
        #[arg(long, default_value_t = 100)]
        pairs: usize,
        /// Messages in flight over all pairs, when as many as possible are sent.
        #[arg(long, default_value_t = 400)]
        in_flight: usize,
        /// Messages a second, in a phase for each of these rates; 0 leaves them out.
        #[arg(long = "rate", value_delimiter = ',', default_value = "100,1000")]
        rates: Vec<f64>,
        /// Bytes of text in a message.
        #[arg(long, default_value_t = 100)]
        size: usize,
        /// Send by REST.
        #[arg(long)]
        rest: bool,
    },
    /// One-to-one messages over TLS, alone and beside strangers' handshakes; only with --server.
    Handshakes {
        /// Pairs of people.
        #[arg(long, default_value_t = 100)]
        pairs: usize,
        /// Messages a second.
        #[arg(long, default_value_t = 1_000.0)]
        messages: f64,
        /// Handshakes a second.
        #[arg(long, default_value_t = 1_000.0)]
        rate: f64,
        /// Bytes of text in a message.
        #[arg(long, default_value_t = 100)]
        size: usize,
    },
    /// One-to-one messages to people whose devices can be reached by push, beside the same without:
    /// people who are connected, and people who are not.
    Push {
        /// Pairs of people.
        #[arg(long, default_value_t = 100)]
        pairs: usize,
        /// Messages in flight over all pairs.
        #[arg(long, default_value_t = 400)]
        in_flight: usize,
        /// Bytes of text in a message.
        #[arg(long, default_value_t = 100)]
        size: usize,
    },
    /// One-to-one messages, alone and while the server makes a copy of another person's data; needs
    /// --set FILE_QUOTA=… for as many bytes as its files have twice, and is measured once.
    Export {
        /// Pairs of people.
        #[arg(long, default_value_t = 100)]
        pairs: usize,
        /// Messages a second between them.
        #[arg(long, default_value_t = 500.0)]
        rate: f64,
        /// Messages that the copy holds.
        #[arg(long, default_value_t = 100_000)]
        messages: u64,
        /// Files that it holds.
        #[arg(long, default_value_t = 50)]
        files: usize,
        /// Bytes of each.
        #[arg(long, default_value_t = 100_000_000)]
        file_size: usize,
        /// A folder to keep the copy's parts in.
        #[arg(long)]
        keep: Option<PathBuf>,
    },
    /// A group with everybody online, an even rate: CPU and latency of each delivery.
    Fanout {
        /// Members online.
        #[arg(long, default_value_t = 1_000)]
        members: usize,
        /// Messages a second.
        #[arg(long, default_value_t = 10.0)]
        rate: f64,
        /// Bytes of text in a message.
        #[arg(long, default_value_t = 100)]
        size: usize,
    },
    /// A group with everybody online, many messages in flight.
    Hot {
        /// Members online.
        #[arg(long, default_value_t = 1_000)]
        members: usize,
        /// Messages in flight.
        #[arg(long, default_value_t = 32)]
        in_flight: usize,
        /// Bytes of text in a message.
        #[arg(long, default_value_t = 100)]
        size: usize,
    },
    /// Everybody reconnects at once, with token and sync.
    Storm {
        /// How many.
        #[arg(long, default_value_t = 1_000)]
        connections: usize,
    },
    /// Pages out of a long history, over HTTP.
    History {
        /// Messages in all.
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
        /// Chats that they are written into in turn, as 2,000 of a store that is in use.
        #[arg(long, default_value_t = 1)]
        chats: usize,
        /// Messages a page.
        #[arg(long, default_value_t = 50)]
        page: u32,
        /// Bytes of text in a message.
        #[arg(long, default_value_t = 100)]
        size: usize,
        /// HTTP connections; each has one request at a time.
        #[arg(long, default_value_t = 16)]
        connections: usize,
        /// Pages a second in the phase with an even rate; 0 leaves it out.
        #[arg(long, default_value_t = 1_000.0)]
        rate: f64,
    },
    /// A person with very many chats: pages of the list, syncs, connecting.
    Chats {
        /// How many.
        #[arg(long, default_value_t = 5_000)]
        chats: usize,
        /// HTTP connections; each has one request at a time.
        #[arg(long, default_value_t = 4)]
        connections: usize,
    },
    /// Who has received and read a message, in a group of very many.
    Receipts {
        /// Members of the group, all of them offline.
        #[arg(long, default_value_t = 19_000)]
        members: usize,
        /// HTTP connections; each has one request at a time.
        #[arg(long, default_value_t = 4)]
        connections: usize,
    },
    /// People found by the beginning and by a part of their names.
    Search {
        /// People.
        #[arg(long, default_value_t = 1_000_000)]
        users: usize,
        /// HTTP connections; each has one request at a time.
        #[arg(long, default_value_t = 16)]
        connections: usize,
        /// Queries a second in the phases with an even rate; 0 leaves them out.
        #[arg(long, default_value_t = 200.0)]
        rate: f64,
    },
    /// Readers that stall, in a group whose other members must not feel it.
    Slow {
        /// Members online, stalled ones included.
        #[arg(long, default_value_t = 2_000)]
        members: usize,
        /// Members that stall.
        #[arg(long, default_value_t = 1_000)]
        stalled: usize,
        /// Messages a second.
        #[arg(long, default_value_t = 10.0)]
        rate: f64,
        /// Bytes of text in a message.
        #[arg(long, default_value_t = 8_000)]
        size: usize,
    },
    /// The load of `fanout` on a broker that speaks MQTT, given by --addr.
    Mqtt {
        /// Subscribers.
        #[arg(long, default_value_t = 1_000)]
        members: usize,
        /// Messages a second.
        #[arg(long, default_value_t = 10.0)]
        rate: f64,
        /// Bytes of a message.
        #[arg(long, default_value_t = 400)]
        size: usize,
    },
    /// The load of `direct` on a server that speaks XMPP, given by --addr, with accounts u0, u1, …
    Xmpp {
        /// The host that the accounts belong to.
        #[arg(long, default_value = "localhost")]
        host: String,
        /// The password of all accounts.
        #[arg(long)]
        password: String,
        /// Pairs of people.
        #[arg(long, default_value_t = 100)]
        pairs: usize,
        /// Messages in flight over all pairs, when as many as possible are sent.
        #[arg(long, default_value_t = 400)]
        in_flight: usize,
        /// Messages a second, in a phase for each of these rates; 0 leaves them out.
        #[arg(long = "rate", value_delimiter = ',', default_value = "100")]
        rates: Vec<f64>,
        /// Bytes of text in a message.
        #[arg(long, default_value_t = 100)]
        size: usize,
    },
    /// What the machine and the bare server take for each of these loads, without any other server.
    Floors,
    /// The bare server: says where it listens, and serves until its standard input ends.
    #[command(hide = true)]
    Bare {
        #[arg(long, default_value_t = 0)]
        bytes: usize,
        #[arg(long)]
        store: Option<PathBuf>,
    },
}

impl Load {
    /// The workload; none for what is no load on a server.
    fn workload(&self) -> Option<Box<dyn Workload>> {
        Some(match *self {
            Self::Idle { connections, tls } => Box::new(Idle { connections, secure: tls }),
            Self::Direct { pairs, in_flight, ref rates, size, rest } => {
                let (pairs, rates) = (pairs.max(1), rates.clone());
                Box::new(Direct { pairs, in_flight, rates, size, rest, asleep: false })
            }
            Self::Handshakes { pairs, messages: message_rate, rate, size } => {
                let messages = Direct::beside(pairs, size);
                Box::new(Handshakes { messages, message_rate, rate })
            }
            Self::Push { pairs, in_flight, size } => {
                Box::new(Push { pairs: pairs.max(1), in_flight, size })
            }
            Self::Export { pairs, rate, messages, files, file_size, ref keep } => {
                let beside = Direct::beside(pairs, 100);
                let keep = keep.clone();
                Box::new(Export { beside, rate, messages, files, file_size, keep })
            }
            Self::Fanout { members, rate, size } => {
                Box::new(Group { members: members.max(1), beat: Beat::Even(rate), size })
            }
            Self::Hot { members, in_flight, size } => {
                Box::new(Group { members: members.max(1), beat: Beat::InFlight(in_flight), size })
            }
            Self::Storm { connections } => Box::new(Storm { connections }),
            Self::History { messages, chats, page, size, connections, rate } => {
                Box::new(History { messages, chats, size, page, connections, rate })
            }
            Self::Chats { chats, connections } => Box::new(Chats { chats, connections }),
            Self::Receipts { members, connections } => Box::new(Receipts { members, connections }),
            Self::Search { users, connections, rate } => {
                Box::new(Search { users, connections, rate })
            }
            Self::Slow { members, stalled, rate, size } => {
                Box::new(Slow { members, stalled, rate, size })
            }
            Self::Mqtt { members, rate, size } => Box::new(Mqtt { members, rate, size }),
            Self::Xmpp { ref host, ref password, pairs, in_flight, ref rates, size } => {
                let (host, password) = (host.clone(), password.clone());
                Box::new(Xmpp { host, password, pairs, in_flight, rates: rates.clone(), size })
            }
            Self::Floors | Self::Bare { .. } => return None,
        })
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a setting is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// A server to be measured: one to start, or one that runs.
enum Source {
    Program(PathBuf),
    Running(SocketAddr, PathBuf),
}

impl Options {
    fn sources(&self) -> Result<Vec<Source>> {
        let missing = |what: &str| Error::protocol(what.to_owned());
        let first = match (&self.server, self.addr, &self.tokens) {
            (Some(program), ..) => Source::Program(program.clone()),
            (None, Some(addr), Some(tokens)) => Source::Running(addr, tokens.clone()),
            _ => return Err(missing("say --server PROGRAM, or --addr ADDR with --tokens FILE")),
        };
        let mut sources = vec![first];
        if let Some(second) = &self.vs {
            sources.push(match (second.parse(), &self.vs_tokens) {
                (Ok(addr), Some(tokens)) => Source::Running(addr, tokens.clone()),
                (Ok(_), None) => return Err(missing("--vs ADDR needs --vs-tokens FILE")),
                (Err(_), _) => Source::Program(second.into()),
            });
        }
        Ok(sources)
    }

    async fn target(&self, source: Source, workload: &dyn Workload) -> Result<Target> {
        let program = match source {
            Source::Program(program) => program.canonicalize()?,
            Source::Running(..) if workload.secure() => {
                return Err(Error::protocol("--tls is for servers that are started here"));
            }
            Source::Running(addr, tokens) => {
                let folder = self.dir.clone().unwrap_or_else(std::env::temp_dir);
                return Ok(Target::running(addr, folder, sessions_from(&tokens)?));
            }
        };
        let mut plan = Plan::unlimited(&program);
        plan.settings.extend(self.settings.iter().cloned());
        let mut home = Home::new(plan, self.dir.as_deref())?;
        let secure = workload.secure().then(|| home.secure()).transpose()?;
        let people: Vec<Person> =
            (0..workload.people()).map(|index| workload.person(index)).collect();
        let sessions = home.import(&people, workload.sessions())?;
        let server = home.start().await?;
        let mut started = Target::started(program.display().to_string(), server, sessions);
        started.secure = secure;
        Ok(started)
    }

    fn database_process(&self) -> Result<Option<u32>> {
        let Some(addr) = self.database else { return Ok(None) };
        let missing = || Error::protocol(format!("no process of this machine listens at {addr}"));
        listener(addr).ok_or_else(missing).map(Some)
    }

    fn pace(&self) -> Pace {
        let seconds = |value: f64| Duration::from_secs_f64(value.clamp(0.0, 86_400.0));
        Pace { warmup: seconds(self.warmup), measured: seconds(self.seconds.max(0.1)) }
    }

    fn rounds_of<'p>(&self, program: Option<&'p Path>) -> rounds::Plan<'p> {
        let rounds = self.rounds.unwrap_or(if self.vs.is_some() { 3 } else { 1 }).max(1);
        rounds::Plan { pace: self.pace(), rounds, program }
    }
}

/// Lets this program and the servers that it starts open as many files as the system allows.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // A refusal leaves the limit as it is; opening too many files says so then.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// The loads of `floors`, with the bytes that an operation of ours carried when this was written.
fn floors() -> Vec<(Box<dyn Workload>, usize)> {
    let group = |beat| Group { members: 1_000, beat, size: 100 };
    let (pairs, in_flight, rates, size) = (100, 400, vec![100.0, 1_000.0], 100);
    let (messages, page, connections, rate) = (100_000, 50, 16, 1_000.0);
    vec![
        (Box::new(Idle { connections: 2_000, secure: false }), 0),
        (Box::new(Direct { pairs, in_flight, rates, size, rest: false, asleep: false }), 400),
        (Box::new(group(Beat::Even(10.0))), 400),
        (Box::new(group(Beat::InFlight(32))), 400),
        (Box::new(Storm { connections: 1_000 }), 2_000),
        (Box::new(History { messages, chats: 1, size, page, connections, rate }), 16_000),
        (Box::new(Search { users: 1, connections, rate: 200.0 }), 1_000),
    ]
}

/// Measures the bare server under each of those loads.
async fn run_floors(options: &Options) -> Result<Vec<Vec<Report>>> {
    let program = std::env::current_exe()?;
    let folder = options.dir.clone().unwrap_or_else(std::env::temp_dir);
    let plan = options.rounds_of(Some(&program));
    let mut reports = Vec::new();
    for (workload, bytes) in floors() {
        reports.push(plan.bare_alone(workload.as_ref(), bytes, &folder).await?);
    }
    Ok(reports)
}

/// Measures each server in turn, `rounds` times; the reports by server.
async fn run(command: &Command) -> Result<Vec<Vec<Report>>> {
    let Some(workload) = command.workload.workload() else {
        return run_floors(&command.options).await;
    };
    let mut targets = Vec::new();
    for source in command.options.sources()? {
        let mut target = command.options.target(source, workload.as_ref()).await?;
        target.database = command.options.database_process()?;
        targets.push(target);
    }
    let program = std::env::current_exe()?;
    let bare = (!command.options.no_bare).then_some(program.as_path());
    command.options.rounds_of(bare).run(workload.as_ref(), &targets).await
}

fn print(command: &Command, reports: &[Vec<Report>]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let ratios = match reports {
        [first, second] if command.options.vs.is_some() => compare(first, second),
        _ => Vec::new(),
    };
    if command.options.json {
        return writeln!(out, "{}", json!({ "reports": reports, "ratios": ratios }));
    }
    for report in reports.iter().flatten() {
        writeln!(out, "{}", report.text())?;
    }
    for rounds in reports.iter().filter(|rounds| rounds.len() > 1 && ratios.is_empty()) {
        writeln!(out, "{}", medians_text(rounds))?;
    }
    write!(out, "{}", ratios_text(&ratios))
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Command::parse();
    raise_file_limit();
    if let Load::Bare { bytes, store } = &command.workload {
        let served = bare::process::serve(&bare::Options { bytes: *bytes, store: store.clone() });
        return ended(served.map_err(Error::from));
    }
    let outcome = run(&command).await.and_then(|reports| Ok(print(&command, &reports)?));
    ended(outcome)
}

fn ended(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loadgen: {error}");
            ExitCode::FAILURE
        }
    }
}
