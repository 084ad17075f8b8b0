//! How the figures went: what happened is added, what was counted takes the place of what was.

use futures_util::future::join_all;
use wechat::clock::Time;
use wechat::model::operators::Figures;
use wechat::model::trends::{Happened, Span, Trend};

use crate::support::{NOON, World};

const HOUR: i64 = 3_600_000;

fn hour(number: i64) -> Time {
    Time(NOON.0 + number * HOUR)
}

/// Figures of which each has a number of its own.
pub fn figures(number: u64) -> Figures {
    let [people, groups, messages, file_bytes] = [1, 2, 3, 4].map(|one| number * 10 + one);
    Figures { people, groups, messages, file_bytes }
}

/// A row of a day, and one of each of some hours of it.
pub async fn fill(world: &World) {
    let happened = Happened { calls: 2, errors: 1 };
    for number in 0..4 {
        let figures = Some(figures(number as u64));
        world.store.note_trend(Span::Hour, hour(number), figures, happened).await.expect("notes");
    }
    let day = Span::Day.start(NOON);
    world.store.note_trend(Span::Day, day, Some(figures(9)), happened).await.expect("notes");
}

async fn rows(world: &World, span: Span, from: Time, limit: u32) -> Vec<Trend> {
    world.store.trends(span, from, limit).await.expect("reads")
}

pub async fn what_happens_is_added_and_what_is_counted_replaces_what_was(world: &World) {
    let note = |figures, calls, errors| {
        world.store.note_trend(Span::Hour, NOON, figures, Happened { calls, errors })
    };
    note(None, 1, 0).await.expect("notes");
    let row = |figures, calls, errors| {
        vec![Trend { span: Span::Hour, at: NOON, figures, happened: Happened { calls, errors } }]
    };
    assert_eq!(rows(world, Span::Hour, NOON, 9).await, row(Figures::default(), 1, 0));
    note(Some(figures(5)), 0, 2).await.expect("notes");
    note(Some(figures(4)), 0, 0).await.expect("notes");
    // Nodes that write at the same time.
    let all = join_all((0..20).map(|_| note(None, 1, 1))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(rows(world, Span::Hour, NOON, 9).await, row(figures(4), 21, 22));
    assert!(rows(world, Span::Day, Time(0), 9).await.is_empty());
}

pub async fn rows_come_in_their_order_and_go_with_their_age(world: &World) {
    fill(world).await;
    let at = |rows: Vec<Trend>| rows.into_iter().map(|row| row.at).collect::<Vec<_>>();
    assert_eq!(at(rows(world, Span::Hour, hour(1), 2).await), [hour(1), hour(2)]);
    let days = rows(world, Span::Day, Time(0), 9).await;
    assert_eq!((days.len(), days[0].figures), (1, figures(9)));
    assert!(!world.store.sweep_trends(Span::Hour, hour(2)).await.expect("sweeps"));
    assert_eq!(at(rows(world, Span::Hour, Time(0), 9).await), [hour(2), hour(3)]);
    assert_eq!(rows(world, Span::Day, Time(0), 9).await.len(), 1, "each span by itself");
    let midnight = Span::Day.start(NOON);
    assert!(!world.store.sweep_trends(Span::Day, Time(midnight.0 + 1)).await.expect("sweeps"));
    assert!(rows(world, Span::Day, Time(0), 9).await.is_empty());
}
