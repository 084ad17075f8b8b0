//! Calls between two people: the rules.

pub mod machine;

#[cfg(test)]
mod explore;
