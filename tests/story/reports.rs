//! Reports, from the hand of who makes them to the answer that they get.

use hyper::Method;
use serde_json::{Value, json};
use wechat::core::operator::Actor;
use wechat::core::reports::NewReport;
use wechat::error::Code;
use wechat::model::operators::Act;
use wechat::model::reports::{Note, REPORTS_A_DAY, Reason, ReportState, Stage, Subject, Verdict};

use crate::harness::inside::Inside;
use crate::harness::{Person, World};

async fn reports(who: &Person, body: Value) -> (u16, Value) {
    let answer = who.asks(Method::POST, "/api/v1/reports", Some(body)).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_sees_can_be_reported_once_and_nothing_else() {
    let world = World::new().await;
    let (ana, beto, eva) =
        (world.person("Ana").await, world.person("Beto").await, world.person("Eva").await);
    let said = beto.says("dame tu clave").to(&ana).await;
    let chat = said["chat"].as_str().expect("a chat");
    let message = json!({ "chat": chat, "seq": said["seq"], "reason": "fraud", "note": "¡otra!" });
    let (status, report) = reports(&ana, message.clone()).await;
    assert_eq!((status, &report["state"], &report["name"]), (201, &json!("open"), &json!("Beto")));
    let (status, again) = reports(&ana, message.clone()).await;
    assert_eq!((status, &again), (201, &report), "the first");
    let by_person = json!({ "chat": beto.id(), "seq": said["seq"], "reason": "spam" });
    assert_eq!(reports(&ana, by_person).await.1, report, "the same message");

    assert_eq!(reports(&eva, message).await.0, 404, "who does not see it");
    let own = json!({ "chat": chat, "seq": said["seq"], "reason": "spam" });
    assert_eq!(reports(&beto, own).await.0, 400, "one's own");
    let missing = json!({ "chat": chat, "seq": 99, "reason": "spam" });
    assert_eq!(reports(&ana, missing).await.0, 404);
    for nonsense in [
        json!({ "reason": "spam" }),
        json!({ "user": beto.id(), "group": chat, "reason": "spam" }),
        json!({ "chat": chat, "reason": "spam" }),
        json!({ "user": ana.id(), "reason": "spam" }),
        json!({ "group": chat, "reason": "spam" }),
        json!({ "user": beto.id(), "reason": "boredom" }),
        json!({ "user": beto.id(), "reason": "other", "note": "x".repeat(1_501) }),
    ] {
        assert_eq!(reports(&ana, nonsense.clone()).await.0, 400, "{nonsense}");
    }
    assert_eq!(reports(&ana, json!({ "user": beto.id(), "reason": "spam" })).await.0, 201);
    let group = beto.api.create_group("Timos", &[ana.id()]).await.expect("created");
    let of_group = json!({ "group": group, "reason": "fraud" });
    assert_eq!(reports(&ana, of_group.clone()).await.0, 201);
    assert_eq!(reports(&eva, of_group).await.0, 404);
    let system = json!({ "chat": group, "seq": 1, "reason": "spam" });
    assert_eq!(reports(&ana, system).await.0, 400, "nobody said that");
    let listed = ana.gets("/api/v1/reports").await;
    let names: Vec<&str> = listed["reports"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["Timos", "Beto", "Beto"]);
    assert_eq!(beto.gets("/api/v1/reports").await["reports"], json!([]), "they are told nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_taken_by_one_and_answered_once_and_the_audit_tells_it() {
    let inside = Inside::new(wechat::core::Rules::default()).await;
    let [ana, beto, one, other] = [
        inside.person("Ana").await,
        inside.person("Beto").await,
        inside.person("One").await,
        inside.person("Other").await,
    ];
    let (core, operator) = (&inside.core.reports, &inside.core.operator);
    let machine = Actor::Machine;
    for person in [one, other] {
        operator.act(&machine, Act::Appoint { user: person.user }).await.expect("appointed");
    }
    let new = |subject| NewReport { subject, reason: Reason::Spam, note: Note::default() };
    let report = core.report(&ana, new(Subject::Person(beto.user))).await.expect("reported");
    let (one, other) = (Actor::Person(one), Actor::Person(other));
    let open = operator.reports(&one, Some(Stage::Open), None, 9).await.expect("lists");
    assert_eq!(open, std::slice::from_ref(&report));
    for nobody in [Actor::Person(ana), Actor::Person(beto)] {
        let refused = operator.take_report(&nobody, report.id).await.expect_err("no operator");
        assert_eq!(refused.code, Code::Forbidden);
    }
    let taken = operator.take_report(&one, report.id).await.expect("taken");
    assert_eq!(operator.take_report(&one, report.id).await.expect("again"), taken);
    let refused = operator.take_report(&other, report.id).await.expect_err("it is taken");
    assert_eq!(refused.code, Code::Conflict);
    let word = || (Verdict::Upheld, Note::parse("word", "Gracias.").expect("fits"));
    let done = operator.answer_report(&one, report.id, word()).await.expect("answered");
    assert!(matches!(done.state, ReportState::Answered { verdict: Verdict::Upheld, .. }));
    assert_eq!(operator.answer_report(&one, report.id, word()).await.expect("again"), done);
    let dismissed = (Verdict::Dismissed, Note::default());
    let refused = operator.answer_report(&machine, report.id, dismissed).await;
    assert_eq!(refused.expect_err("it is decided").code, Code::Conflict);
    assert_eq!(core.own(&ana).await.expect("lists"), [done]);
    let audit = operator.audit(&machine, None, 9).await.expect("reads");
    let told: Vec<&str> = audit.iter().map(|named| named.row.act.name()).collect();
    assert_eq!(told, ["answer_report", "take_report", "appoint", "appoint"], "each once");

    for number in 1..REPORTS_A_DAY {
        let whom = inside.person(&format!("Nr {number}")).await;
        core.report(&ana, new(Subject::Person(whom.user))).await.expect("within the quota");
    }
    let last = inside.person("Last").await;
    let refused = core.report(&ana, new(Subject::Person(last.user))).await.expect_err("too many");
    assert_eq!(refused.code, Code::TooMany);
    let known = core.report(&ana, new(Subject::Person(beto.user))).await.expect("the first");
    assert_eq!(known.id, report.id);
}
