//! Reports: one of each, stepped under its version, and kept without who made them.

use futures_util::future::join_all;
use wechat::clock::Time;
use wechat::id::{ChatId, ReportId, UserId};
use wechat::model::reports::{
    Evidence, Handled, Note, REPORT_KEPT, Reason, Report, ReportState, Stage, Subject, Verdict,
};
use wechat::store::Due;

use crate::chats::people;
use crate::support::{MINUTE, NOON, World, after};

/// A report with everything that one can have.
pub fn report(world: &World, by: UserId, number: i64) -> Report {
    Report {
        id: ReportId(world.id()),
        by: Some(by),
        subject: Subject::Message(ChatId(world.id()), 7),
        reason: Reason::Harassment,
        note: Note::stored("otra vez".into()),
        evidence: Evidence {
            author: Some(UserId(world.id())),
            name: "Beto".into(),
            text: "uno\n\"dos\"".into(),
            files: vec!["foto.jpg".into(), "acta.pdf".into()],
            sent: Some(after(-MINUTE)),
        },
        created: after(number),
        state: ReportState::Open,
        version: 1,
    }
}

/// Answered by somebody, or by the person at the machine.
pub fn answered(by: Option<UserId>, at: Time) -> ReportState {
    let handled = Handled { by, at };
    ReportState::Answered {
        handled,
        verdict: Verdict::Upheld,
        word: Note::stored("Gracias.".into()),
    }
}

pub async fn a_report_is_put_once_and_comes_back_as_it_was_written(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let first = report(world, ana, 1);
    assert_eq!(world.store.put_report(&first).await.expect("puts"), first);
    let again = Report { note: Note::stored("y otra".into()), created: after(9), ..first.clone() };
    assert_eq!(world.store.put_report(&again).await.expect("answers"), first, "the first stays");
    assert_eq!(world.store.report(first.id).await.expect("reads"), Some(first.clone()));
    let bare = Evidence {
        author: None,
        name: "Peña".into(),
        text: String::new(),
        files: Vec::new(),
        sent: None,
    };
    let of_group = Report {
        subject: Subject::Group(ChatId(world.id())),
        note: Note::default(),
        evidence: bare.clone(),
        ..report(world, ana, 2)
    };
    let of_person =
        Report { subject: Subject::Person(beto), evidence: bare, ..report(world, beto, 3) };
    for one in [&of_group, &of_person] {
        assert_eq!(&world.store.put_report(one).await.expect("puts"), one);
    }
    let own = world.store.reports_of(ana, 9).await.expect("reads");
    assert_eq!(own, [of_group, first.clone()], "latest first, and nobody else's");
    assert_eq!(world.store.reports_of(ana, 1).await.expect("reads").len(), 1);
    let racing = report(world, beto, 4);
    let puts = join_all((0..9).map(|_| world.store.put_report(&racing))).await;
    assert!(puts.into_iter().all(|put| put.expect("puts") == racing));
}

pub async fn reports_are_listed_by_stage_page_by_page(world: &World) {
    let ana = people(world, 1).await[0];
    let mut all = Vec::new();
    for number in 0..7 {
        // Some came at the same moment.
        let one = report(world, ana, number / 2);
        all.push(world.store.put_report(&one).await.expect("puts"));
    }
    all.sort_by_key(|one| (one.created, one.id));
    let pages = async |stage| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = world.store.reports(stage, after, 3).await.expect("reads");
            let Some(last) = page.last() else { return found };
            after = Some((last.created, last.id));
            found.extend(page);
        }
    };
    assert_eq!(pages(None).await, all);
    let taken = ReportState::Taken(Handled { by: Some(ana), at: after(MINUTE) });
    for (number, state) in [(1, taken), (2, answered(None, after(MINUTE)))] {
        let one = &mut all[number];
        let step = world.store.step_report(one.id, 1, state).await.expect("steps");
        *one = step.expect("is of that version");
        assert_eq!(one.version, 2);
    }
    for stage in [Stage::Open, Stage::Taken, Stage::Answered] {
        let of_stage = all.iter().filter(|one| one.state.stage() == stage).cloned();
        assert_eq!(pages(Some(stage)).await, of_stage.collect::<Vec<_>>(), "{stage:?}");
    }
    assert_eq!(pages(None).await, all);
}

pub async fn of_racing_steps_of_a_report_one_is_stored(world: &World) {
    let ana = people(world, 1).await[0];
    let one = world.store.put_report(&report(world, ana, 1)).await.expect("puts");
    let take = |number| {
        let state = ReportState::Taken(Handled { by: Some(ana), at: after(number) });
        world.store.step_report(one.id, 1, state)
    };
    let steps = join_all((0..20).map(take)).await;
    let done: Vec<Report> = steps.into_iter().filter_map(|step| step.expect("answers")).collect();
    assert_eq!(done.len(), 1);
    let there = world.store.report(one.id).await.expect("reads");
    assert_eq!(there.as_ref(), done.first());
    let gone = world.store.step_report(ReportId(world.id()), 1, ReportState::Open).await;
    assert_eq!(gone.expect("answers"), None);
}

pub async fn a_deleted_account_leaves_its_reports_without_its_name(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let of_ana = world.store.put_report(&report(world, ana, 1)).await.expect("puts");
    let of_beto = world.store.put_report(&report(world, beto, 2)).await.expect("puts");
    world.store.delete_user(ana, after(9)).await.expect("deletes");
    let there = world.store.reports(None, None, 9).await.expect("reads");
    assert_eq!(there, [Report { by: None, ..of_ana }, of_beto]);
    assert!(world.store.reports_of(ana, 9).await.expect("reads").is_empty());
}

pub async fn an_answered_report_goes_after_a_year(world: &World) {
    let ana = people(world, 1).await[0];
    let mut ids = Vec::new();
    for number in 0..3 {
        let one = world.store.put_report(&report(world, ana, number)).await.expect("puts");
        ids.push(one.id);
    }
    for (id, at) in [(ids[0], NOON), (ids[1], after(MINUTE))] {
        world.store.step_report(id, 1, answered(None, at)).await.expect("steps");
    }
    let now = NOON.plus(REPORT_KEPT);
    let before = Time(0);
    let due = Due { now, unverified: before, idle: before, places: before };
    while world.store.sweep(&due).await.expect("sweeps") {}
    let left = world.store.reports(None, None, 9).await.expect("reads");
    let left: Vec<ReportId> = left.into_iter().map(|one| one.id).collect();
    assert_eq!(left, ids[1..], "an open one stays however old it is");
}
