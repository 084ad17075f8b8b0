//! `wechat nodes`: which servers work on the database of these settings.

use std::process::ExitCode;

use super::{FAILED, wait_for};
use crate::app::nodes;
use crate::config::Config;
use crate::core::nodes::Node;

/// Lists them on standard output.
pub(super) fn list(config: &Config) -> ExitCode {
    let listed = wait_for(nodes::list(config));
    match listed {
        Ok(Some(nodes)) => {
            for node in &nodes {
                let state = if node.draining { "draining" } else { "serves" };
                let ear = ear_of(node, &nodes);
                println!("{}\t{}\t{state}\t{}\t{ear}", node.name, node.version, node.id);
            }
            ExitCode::SUCCESS
        }
        Ok(None) => {
            eprintln!("The store is in DATA_DIR, where one server works at most.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("The nodes cannot be listed: {error}");
            FAILED.into()
        }
    }
}

/// What a node hears of the others, in words.
fn ear_of(node: &Node, all: &[Node]) -> String {
    if !node.tells {
        return "tells nobody".to_owned();
    }
    if !node.hears() {
        return "is cut off from NATS".to_owned();
    }
    let name_of = |id| all.iter().find(|other| other.id == id).map(|other| &*other.name);
    let lacks: Vec<_> = node.unheard.iter().filter_map(|id| name_of(*id)).collect();
    if lacks.is_empty() {
        return "hears all".to_owned();
    }
    format!("does not hear {}", lacks.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    #[test]
    fn what_a_node_hears_is_said_in_words() {
        let node = |id: u8, tells, unheard: &[u8]| Node {
            id: ObjectId([id; 12]),
            epoch: ObjectId([id; 12]),
            run: 1,
            name: format!("node-{id}"),
            version: "0".into(),
            draining: false,
            prints: Vec::new(),
            relay: Vec::new(),
            tells,
            unheard: unheard.iter().map(|id| ObjectId([*id; 12])).collect(),
        };
        // The node 9 is no more.
        let all = [node(1, true, &[2, 9]), node(2, true, &[2, 1]), node(3, false, &[])];
        let said = all.iter().map(|node| ear_of(node, &all)).collect::<Vec<_>>();
        assert_eq!(said, ["does not hear node-2", "is cut off from NATS", "tells nobody"]);
        assert_eq!(ear_of(&node(1, true, &[9]), &all), "hears all");
    }
}
