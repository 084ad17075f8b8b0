//! How things are measured: CPU and memory from `/proc`, latencies from the scheduled time, the
//! floor of the machine in the same run.
//!
//! Invariant: figures come from the kernel or the clock; nothing here estimates. Called by the
//! workloads in `run`.

pub mod rows;

pub mod floor;
pub mod latency;
pub mod machine;
pub mod meter;
pub mod pace;
pub mod proc;
pub mod report;
