//! The mailer against a small SMTP server of its own, over real sockets.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::super::Letter;
use super::super::letters::tests::{letters, mail};
use super::*;
use crate::error::Language;
use crate::id::OsEntropy;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server does with the next mail.
#[derive(Clone, Copy)]
enum Does {
    Take,
    /// Answers `RCPT` with this line.
    Refuse(&'static str),
    /// Says nothing more after `RCPT`.
    Hang,
    /// Closes the connection after `RCPT`.
    HangUp,
}

/// What the server saw.
#[derive(Debug, PartialEq)]
enum Saw {
    /// Credentials, as they came.
    Login(String),
    /// A recipient that it did not take.
    Refused(String),
    /// A whole mail: recipient and text.
    Mail(String, String),
}

/// A server on a free port; `plan` is what it does with one mail after the other, then it takes
/// all. It ends with the process.
fn server(plan: &[Does]) -> (u16, Receiver<Saw>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let plan = Arc::new(Mutex::new(plan.iter().copied().collect::<VecDeque<_>>()));
    let (saw, seen) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (plan, saw) = (plan.clone(), saw.clone());
            thread::spawn(move || serve(stream, &plan, &saw));
        }
    });
    (port, seen)
}

fn serve(stream: TcpStream, plan: &Mutex<VecDeque<Does>>, saw: &Sender<Saw>) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream).lines();
    let mut say = |text: &str| out.write_all(format!("{text}\r\n").as_bytes()).ok();
    say("220 test ESMTP")?;
    let mut to = String::new();
    loop {
        let line = lines.next()?.ok()?;
        match line.split([' ', ':']).next()?.to_ascii_uppercase().as_str() {
            "EHLO" => say("250-test\r\n250 AUTH PLAIN")?,
            "AUTH" => {
                saw.send(Saw::Login(line)).ok()?;
                say("235 welcome")?;
            }
            "RCPT" => {
                to = line.split(['<', '>']).nth(1)?.to_owned();
                let does = plan.lock().ok()?.pop_front().unwrap_or(Does::Take);
                match does {
                    Does::Take => say("250 fine")?,
                    Does::Refuse(answer) => {
                        saw.send(Saw::Refused(to.clone())).ok()?;
                        say(answer)?;
                    }
                    Does::Hang => {
                        saw.send(Saw::Refused(to.clone())).ok()?;
                        thread::park();
                    }
                    Does::HangUp => {
                        saw.send(Saw::Refused(to.clone())).ok()?;
                        return None;
                    }
                }
            }
            "DATA" => {
                say("354 go on")?;
                let mut text = String::new();
                loop {
                    let line = lines.next()?.ok()?;
                    if line == "." {
                        break;
                    }
                    text.push_str(&line);
                    text.push('\n');
                }
                saw.send(Saw::Mail(to.clone(), text)).ok()?;
                say("250 taken")?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 fine")?,
        }
    }
}

const QUICK: Patience = Patience {
    one_try: Duration::from_secs(2),
    first_pause: Duration::from_millis(10),
    longest_pause: Duration::from_millis(40),
    in_all: PATIENCE,
};

fn mailer(login: &str, port: u16, patience: Patience) -> SmtpMailer {
    let url = SmtpUrl::parse(&format!("smtp://{login}127.0.0.1:{port}?tls=none")).expect("a URL");
    SmtpMailer::new(url, letters(), Arc::new(OsEntropy), patience).expect("a mailer")
}

fn send(mailer: &SmtpMailer, mail: Mail) {
    mailer.place(Rank::Known).expect("a place").send(mail);
}

fn code_to(to: &str) -> Mail {
    mail(to, Language::English, Letter::LoginCode { code: "123456".into() })
}

/// What the server saw next.
async fn next(seen: &Receiver<Saw>) -> Saw {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match seen.try_recv() {
            Ok(saw) => return saw,
            Err(_) if Instant::now() > deadline => panic!("the server saw nothing more"),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn a_mail_arrives_as_a_whole_with_credentials() {
    let (port, seen) = server(&[]);
    let mailer = mailer("ana:geheim@", port, QUICK);
    send(&mailer, code_to("beto@example.org"));
    mailer.drain().await;
    assert!(matches!(next(&seen).await, Saw::Login(line) if line.starts_with("AUTH PLAIN ")));
    let Saw::Mail(to, text) = next(&seen).await else { panic!("no mail") };
    assert_eq!(to, "beto@example.org");
    assert!(text.contains("Subject: 123456 is your login code\n"), "{text}");
    assert!(text.contains("text/plain") && text.contains("text/html"), "{text}");
}

#[tokio::test]
async fn what_fails_for_a_while_is_tried_again() {
    let plan = [Does::Refuse("451 4.7.1 later"), Does::HangUp, Does::Hang, Does::Take];
    let (port, seen) = server(&plan);
    let mailer = mailer("", port, QUICK);
    send(&mailer, code_to("beto@example.org"));
    mailer.drain().await;
    for _ in 0..3 {
        assert_eq!(next(&seen).await, Saw::Refused("beto@example.org".into()));
    }
    assert!(matches!(next(&seen).await, Saw::Mail(to, _) if to == "beto@example.org"));
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again_and_holds_nobody_up() {
    let (port, seen) = server(&[Does::Refuse("550 5.1.1 no such user")]);
    let mailer = mailer("", port, QUICK);
    send(&mailer, code_to("nobody@example.org"));
    mailer.drain().await;
    send(&mailer, code_to("beto@example.org"));
    mailer.drain().await;
    assert_eq!(next(&seen).await, Saw::Refused("nobody@example.org".into()));
    assert!(matches!(next(&seen).await, Saw::Mail(to, _) if to == "beto@example.org"));
    assert!(seen.try_recv().is_err(), "nothing else");
}

#[tokio::test]
async fn a_mail_is_given_up_when_its_code_has_expired() {
    let plan = [Does::Refuse("451 later"); 1000];
    let (port, _seen) = server(&plan);
    let mailer = mailer("", port, Patience { in_all: Duration::from_millis(200), ..QUICK });
    send(&mailer, code_to("beto@example.org"));
    let drained = timeout(PATIENCE, mailer.drain()).await;
    assert!(drained.is_ok(), "given up");
}

#[tokio::test]
async fn a_full_queue_refuses_until_its_mails_are_given_up() {
    let (port, _seen) = server(&[Does::Hang; 10_000]);
    let patience = Patience { in_all: Duration::from_millis(600), ..QUICK };
    let mailer = mailer("", port, patience);
    let sent = |rank: Rank| {
        let place = mailer.place(rank).map(|place| place.send(code_to("beto@example.org")));
        place.map_err(|refused| assert_eq!(refused.code, Code::MailFailed)).is_ok()
    };
    let taken = |rank: Rank| (0..PLACES + 5).filter(|_| sent(rank)).count();
    assert_eq!(taken(Rank::SignUp), PLACES_SIGN_UP as usize);
    assert_eq!(taken(Rank::LogIn), (PLACES_LOG_IN - PLACES_SIGN_UP) as usize, "logins go on");
    assert_eq!(taken(Rank::Known), (PLACES - PLACES_LOG_IN) as usize, "some are kept");
    let drained = timeout(PATIENCE, mailer.drain()).await;
    assert!(drained.is_ok(), "given up");
    send(&mailer, code_to("beto@example.org"));
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_password_nor_mail() {
    let (port, seen) = server(&[]);
    let url = SmtpUrl::parse(&format!("smtp://ana:geheim@127.0.0.1:{port}")).expect("a URL");
    let mailer = SmtpMailer::new(url, letters(), Arc::new(OsEntropy), QUICK).expect("a mailer");
    send(&mailer, code_to("beto@example.org"));
    mailer.drain().await;
    assert!(seen.try_recv().is_err());
}

#[test]
fn pauses_grow_to_a_bound_and_never_vanish() {
    let patience = Patience::default();
    assert_eq!(patience.pause(0, 0), Duration::from_millis(500));
    assert_eq!(patience.pause(0, 255), Duration::from_secs(1));
    assert_eq!(patience.pause(3, 255), Duration::from_secs(8));
    assert_eq!(patience.pause(u32::MAX, 255), Duration::from_secs(30));
}

#[test]
fn what_a_server_said_is_logged_without_address_and_code() {
    let said = "550 <Beto@Example.org> got 123456 at beto@example.org\r\nX";
    let told = without(said, &code_to("beto@example.org"));
    assert_eq!(told, "550 <(address)> got (code) at (address)  X");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_named() {
    let url = SmtpUrl::parse("smtps://m.example.org?ca=/nowhere/ca.pem").expect("a URL");
    let refused = SmtpMailer::new(url, letters(), Arc::new(OsEntropy), QUICK).err();
    assert!(refused.is_some_and(|text| text.contains("/nowhere/ca.pem")));
}
