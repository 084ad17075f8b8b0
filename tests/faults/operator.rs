//! The server dies while an operator acts, again and again: every act that was answered is in the
//! audit, none is there twice, and the person stands as the latest row says; and a report is seen
//! through from its making to its answer, whatever dies in each of its steps and after it.

use std::collections::HashSet;
use std::time::Duration;

use hyper::Method;
use loadgen::client::api::{Api, Session};
use serde_json::{Value, json};

use crate::harness::{Person, World};

/// How often the server dies.
const CUTS: u64 = 8;

/// Suspends and restores somebody until the server is gone; how many acts were answered.
async fn acts(operator: &Api, whom: &str) -> usize {
    let body = json!({ "why": "A test." });
    for done in 0.. {
        let (verb, body) = if done % 2 == 0 { ("suspend", Some(&body)) } else { ("restore", None) };
        let path = format!("/api/v1/operator/people/{whom}/{verb}");
        match operator.call(Method::POST, &path, body).await {
            Ok(answer) if answer.status.is_success() => {}
            _ => return done,
        }
    }
    0
}

/// The whole audit, latest first.
async fn audit(operator: &Person) -> Vec<Value> {
    let (mut rows, mut before) = (Vec::new(), String::new());
    loop {
        let page = operator.gets(&format!("/api/v1/operator/audit?limit=200{before}")).await;
        rows.extend(page["audit"].as_array().expect("rows").clone());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => return rows,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acts_that_a_death_cuts_off_are_in_the_audit_once_and_as_it_says() {
    let mut world = World::new().await;
    let olga = world.operator().await;
    let beto = world.person("Beto").await.id().to_owned();
    let (mut known, mut answered) = (1, 0);
    for step in 0..CUTS {
        let (one, whom) = (olga.at(&world.server), beto.clone());
        let acting = tokio::spawn(async move { acts(&one.api, &whom).await });
        // Not a wait for anything: these cuts come at a moment that nothing announces.
        tokio::time::sleep(Duration::from_millis(20 + 7 * step)).await;
        world.server.kill().expect("killed");
        let done = acting.await.expect("ends");
        world.server.restart().await.expect("started again on the same data");
        let olga = olga.at(&world.server);
        let rows = audit(&olga).await;
        let ids: HashSet<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
        assert_eq!(ids.len(), rows.len(), "each once");
        let new = rows.len() - known;
        assert!((done..=done + 1).contains(&new), "{new} rows of {done} acts that were answered");
        (known, answered) = (rows.len(), answered + done);
        let shown = olga.gets(&format!("/api/v1/operator/people/{beto}")).await;
        let is_out = shown["person"]["suspended"].is_object();
        // One that is yet to be finished may have had its effect, or not.
        let is_done = rows[0]["unfinished"] != true;
        assert!(!is_done || is_out == (rows[0]["act"] == "suspend"), "{rows:?}");
    }
    assert!(answered > 0, "no act was answered");
}

/// A step on the way of a report, with its name in the audit, if it has one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Made,
    Taken,
    Suspended,
    Restored,
    Answered,
}

const WAY: [Step; 5] = [Step::Made, Step::Taken, Step::Suspended, Step::Restored, Step::Answered];

impl Step {
    const fn act(self) -> Option<&'static str> {
        match self {
            Self::Made => None,
            Self::Taken => Some("take_report"),
            Self::Suspended => Some("suspend"),
            Self::Restored => Some("restore"),
            Self::Answered => Some("answer_report"),
        }
    }
}

/// Those of the story, whose sessions outlive the server.
struct Story {
    world: World,
    olga: Session,
    ana: Session,
    /// Whom the report is about.
    beto: String,
}

impl Story {
    fn as_one(&self, session: &Session) -> Person {
        let api = Api::with(self.world.server.addr(), session.clone());
        Person { name: String::new(), email: String::new(), api }
    }

    async fn dies(&mut self) {
        self.world.server.kill().expect("killed");
        self.world.server.restart().await.expect("started again on the same data");
    }

    /// The report as the operator sees it.
    async fn report(&self) -> Value {
        let page = self.as_one(&self.olga).gets("/api/v1/operator/reports?stage=all").await;
        let rows = page["reports"].as_array().expect("rows").clone();
        let of_beto = |row: &Value| row["report"]["user"] == json!(self.beto);
        let mut rows = rows.into_iter().filter(of_beto);
        let found = rows.next().unwrap_or_default();
        assert_eq!(rows.next(), None, "one a person and thing");
        found
    }

    /// The acts about the person and the report, latest first: their names, and whether each has
    /// taken effect.
    async fn acts(&self) -> Vec<(String, bool)> {
        let id = self.report().await["report"]["id"].clone();
        let rows = audit(&self.as_one(&self.olga)).await;
        let ours = |row: &&Value| {
            row["user"] == json!(self.beto) || (!id.is_null() && row["report"] == id)
        };
        let act = |row: &Value| row["act"].as_str().expect("a name").to_owned();
        rows.iter().filter(ours).map(|row| (act(row), row["unfinished"] != true)).collect()
    }

    /// Who asks for a step, with what.
    async fn request(&self, step: Step) -> (Session, String, Value) {
        let report = || async {
            let id = self.report().await["report"]["id"].as_str().expect("an id").to_owned();
            format!("/api/v1/operator/reports/{id}")
        };
        let person = format!("/api/v1/operator/people/{}", self.beto);
        let olga = self.olga.clone();
        match step {
            Step::Made => {
                let body = json!({ "user": self.beto, "reason": "spam", "note": "otra vez" });
                (self.ana.clone(), "/api/v1/reports".into(), body)
            }
            Step::Taken => (olga, format!("{}/take", report().await), Value::Null),
            Step::Suspended => (olga, format!("{person}/suspend"), json!({ "why": "Spam." })),
            Step::Restored => (olga, format!("{person}/restore"), Value::Null),
            Step::Answered => {
                let body = json!({ "verdict": "upheld", "word": "Gracias." });
                (olga, format!("{}/answer", report().await), body)
            }
        }
    }

    /// Whether a step stands, all of it.
    async fn stands(&self, step: Step) -> bool {
        let (report, olga) = (self.report().await, self.as_one(&self.olga));
        let person = olga.gets(&format!("/api/v1/operator/people/{}", self.beto)).await;
        let is_out = person["person"]["suspended"].is_object();
        // What a death cut off amid its steps says so in the audit, and is finished later.
        let is_cut_off = self.acts().await.first().is_some_and(|(_, is_done)| !*is_done);
        let is_in = person["sessions"] != json!([]);
        assert!(!is_out || !is_in || is_cut_off, "suspended and logged in: {person}");
        let state = &report["report"]["state"];
        match step {
            Step::Made => !report.is_null(),
            Step::Taken => state == "taken" && report["handled_by"] == json!(olga.id()),
            Step::Suspended => is_out,
            Step::Restored => !is_out,
            Step::Answered => {
                let own = self.as_one(&self.ana).gets("/api/v1/reports").await;
                let own = own["reports"].as_array().expect("rows");
                let own = own.iter().find(|row| row["user"] == json!(self.beto));
                assert_eq!(own.map(|row| &row["state"]), Some(state), "both see the same");
                state == "answered" && own.is_some_and(|row| row["word"] == "Gracias.")
            }
        }
    }

    /// Takes a step in which the server dies after so long, and again after it has been answered.
    async fn takes(&mut self, step: Step, after: Duration) {
        let before = self.acts().await;
        let (who, path, body) = self.request(step).await;
        let api = Api::with(self.world.server.addr(), who.clone());
        let (to, sent) = (path.clone(), Some(body.clone()).filter(|body| !body.is_null()));
        let asking = tokio::spawn(async move { api.call(Method::POST, &to, sent.as_ref()).await });
        // Not a wait for anything: the cut comes at a moment that nothing announces.
        tokio::time::sleep(after).await;
        self.dies().await;
        let answered = asking.await.expect("ends").is_ok_and(|answer| answer.status.is_success());
        let (acts, stands) = (self.acts().await, self.stands(step).await);
        let new = acts.len() - before.len();
        assert!(new <= 1, "{step:?}: {acts:?}");
        assert!(stands || !answered, "{step:?} was answered, and is not");
        let is_whole = acts.first().is_none_or(|(_, is_done)| *is_done);
        if step.act().is_some() && is_whole {
            assert_eq!(stands, new == 1, "{step:?}: {acts:?}");
        }
        if !stands {
            self.as_one(&who).posts(&path, body).await;
        }
        self.dies().await;
        assert!(self.stands(step).await, "{step:?} did not last");
        if let Some(act) = step.act() {
            assert_eq!(self.acts().await.first().map(|row| row.0.as_str()), Some(act));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_seen_through_whatever_dies_in_each_step() {
    let world = World::new().await;
    let (olga, ana) = (world.operator().await, world.person("Ana").await);
    let session = |person: &Person| person.api.session().expect("a session").clone();
    let (olga, ana) = (session(&olga), session(&ana));
    let mut story = Story { world, olga, ana, beto: String::new() };
    for (round, after) in [0, 2, 5].map(Duration::from_millis).into_iter().enumerate() {
        let beto = story.world.person(&format!("Beto {round}")).await;
        story.beto = beto.id().to_owned();
        for step in WAY {
            story.takes(step, after).await;
        }
        let mut acts: Vec<String> = story.acts().await.into_iter().rev().map(|row| row.0).collect();
        // An act that was cut off, and asked for again, is there twice.
        acts.dedup();
        assert_eq!(acts, ["take_report", "suspend", "restore", "answer_report"]);
        story.world.another_device(&beto).await;
    }
}
