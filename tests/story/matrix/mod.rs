//! Who may do what to whom, by every door: each route of REST, each of the original endpoints, and
//! each operation of the WebSocket, as everybody who is something to another person or to a group.
//!
//! What is there stands in `table`; a route or an operation without a row fails, and so does one
//! whose row is about less than it names. Strangers have to ask here, as on a public server.

mod scene;
mod table;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

use serde_json::Value;
use wechat::protocol::ops::OPERATIONS;

use self::scene::{PAIRS, PLACES, Scene};
use self::table::{HEARD, OPEN, OPERATORS, OWN, PAIR, PLACE, Row, TOLD};
use crate::harness::{Person, World};

/// What a table is about.
#[derive(Clone, Copy)]
enum About {
    Pair,
    Group,
}

impl About {
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Pair => &PAIRS,
            Self::Group => &PLACES,
        }
    }
}

/// A world in which strangers have to ask, with an operator.
struct Stage {
    world: World,
    olga: Person,
}

impl Stage {
    async fn new() -> Arc<Self> {
        let world = World::with(&[("STRANGERS", "requests")]).await;
        let olga = world.operator().await;
        Arc::new(Self { world, olga })
    }

    async fn pair(&self, column: usize) -> Scene {
        Scene::of_two(&self.world, &self.olga, PAIRS[column]).await
    }

    async fn scene(&self, about: About, column: usize) -> Scene {
        match about {
            About::Pair => self.pair(column).await,
            About::Group => Scene::of_a_group(&self.world, PLACES[column]).await,
        }
    }
}

/// Whether the scene may be another one once a row was carried out. Opening a direct chat makes it.
fn changes(ask: &str) -> bool {
    let makes = ["GET /api/v1/chats/{them}", "GET /nch?chtid={them}"];
    let looks = ask.starts_with("GET ") || ["WS typing", "WS presence.watch"].contains(&ask);
    !looks || makes.contains(&ask)
}

/// A cell that is not what the table says.
fn wrong(row: &str, who: &str, got: impl Display, right: impl Display) -> String {
    format!("{row} as {who}: {got}, not {right}")
}

/// Runs all columns at once; what each finds wrong.
async fn columns<const N: usize, F, T>(run: F)
where
    F: Fn(usize) -> T,
    T: Future<Output = Vec<String>> + Send + 'static,
{
    let columns: Vec<_> = (0..N).map(|column| tokio::spawn(run(column))).collect();
    let mut all = Vec::new();
    for column in columns {
        all.extend(column.await.expect("a column"));
    }
    assert!(all.is_empty(), "{} cells are wrong:\n{}", all.len(), all.join("\n"));
}

/// Tries every row as somebody, in a scene that what was done before has not changed.
async fn tries_all<const N: usize>(
    stage: Arc<Stage>,
    about: About,
    rows: &'static [Row<N>],
    column: usize,
) -> Vec<String> {
    let (mut scene, mut all) = (stage.scene(about, column).await, Vec::new());
    for (ask, body, answers) in rows {
        let (status, _) = scene.tries(ask, body).await;
        if status != answers[column] {
            let who = about.names()[column];
            all.push(wrong(&format!("{ask} {body}"), who, status, answers[column]));
        }
        if status < 400 && changes(ask) {
            scene = stage.scene(about, column).await;
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_get_by_every_door_what_the_table_says() {
    let stage = Stage::new().await;
    columns::<7, _, _>(|column| tries_all(stage.clone(), About::Pair, PAIR, column)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_lets_in_by_every_door_whom_the_table_says() {
    let stage = Stage::new().await;
    columns::<6, _, _>(|column| tries_all(stage.clone(), About::Group, PLACE, column)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_say_no_more_than_the_table() {
    let stage = Stage::new().await;
    columns::<7, _, _>(|column| {
        let stage = stage.clone();
        async move {
            let (mut scene, mut all) = (stage.pair(column).await, Vec::new());
            let _online = match PAIRS[column] {
                "of-suspended" => None,
                _ => Some(scene.them.connects().await),
            };
            for (ask, body, place, answers) in TOLD {
                let (_, answer) = scene.tries(ask, body).await;
                let said = scene.named(answer.pointer(place).unwrap_or(&Value::Null));
                if said != answers[column] {
                    let row = format!("{ask} {place}");
                    all.push(wrong(&row, PAIRS[column], said, answers[column]));
                }
            }
            all
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hears_more_than_the_table_says() {
    let stage = Stage::new().await;
    // Whoever is suspended has no connection.
    columns::<6, _, _>(|column| {
        let stage = stage.clone();
        async move {
            let mut all = Vec::new();
            for (ask, body, answers) in HEARD {
                let heard = stage.pair(column).await.reaches(ask, body).await;
                if heard != answers[column] {
                    let row = format!("{ask} {body}");
                    all.push(wrong(&row, PAIRS[column], heard, answers[column]));
                }
            }
            all
        }
    })
    .await;
}

/// The routes and operations of the documents, each with what it names.
fn all() -> Vec<(String, BTreeSet<String>)> {
    let text = include_str!("../../../docs/openapi.json");
    let description: Value = serde_json::from_str(text).expect("JSON");
    let mut all = Vec::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        let named = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let named: BTreeSet<String> = named.map(str::to_owned).collect();
        for method in item.as_object().expect("operations").keys() {
            all.push((format!("{} {path}", method.to_uppercase()), named.clone()));
        }
    }
    let mut schemas = schemars::SchemaGenerator::default();
    for operation in OPERATIONS {
        let takes = (operation.takes)(&mut schemas).to_value();
        let name = takes["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        let fields = name.map(|name| schemas.definitions()[name]["properties"].clone());
        let fields = fields.unwrap_or(takes["properties"].clone());
        let fields = fields.as_object().cloned().unwrap_or_default();
        all.push((format!("WS {}", operation.name), fields.into_iter().map(|f| f.0).collect()));
    }
    all
}

/// Whether a row, which says what stands in each place, is of a route.
fn is_of(row: &str, route: &str) -> bool {
    let row = row.split('?').next().unwrap_or(row);
    let (row, route): (Vec<_>, Vec<_>) = (row.split('/').collect(), route.split('/').collect());
    let same = |(row, route): (&&str, &&str)| {
        row == route || row.starts_with('{') && route.starts_with('{')
    };
    row.len() == route.len() && row.iter().zip(&route).all(same)
}

#[test]
fn every_route_and_every_operation_has_its_rows() {
    let (mut missing, mut seen) = (Vec::new(), BTreeSet::new());
    let all = all();
    for (route, names) in &all {
        let pair = PAIR.iter().filter(|row| is_of(row.0, route)).map(|row| row.0);
        let place = PLACE.iter().filter(|row| is_of(row.0, route)).map(|row| row.0);
        let (pair, place): (Vec<_>, Vec<_>) = (pair.collect(), place.collect());
        let own = OWN.iter().chain(OPEN).find(|row| *row == route);
        let is_operators = route.contains(OPERATORS);
        let has = |name: &str| names.contains(name);
        let of_pair = has("chat") || has("call") || has("users") || has("user") && !has("group");
        let of_place = has("chat") || has("group");
        if !is_operators && (of_pair && pair.is_empty() || of_place && place.is_empty()) {
            missing.push(format!("{route} names what it has no row about"));
        }
        if !is_operators && own.is_none() && pair.is_empty() && place.is_empty() {
            missing.push(format!("{route} has no row"));
        }
        seen.extend(pair.into_iter().chain(place).chain(own.copied()));
    }
    let rows = PAIR.iter().map(|row| row.0).chain(PLACE.iter().map(|row| row.0));
    let rows = rows.chain(OWN.iter().chain(OPEN).copied());
    // The upgrade of `/nch` is in no document of routes.
    let unknown = rows.filter(|row| !seen.contains(row) && !row.starts_with("WS /nch"));
    missing.extend(unknown.map(|row| format!("{row} is in no document")));
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
