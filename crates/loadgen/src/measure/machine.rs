//! Which machine it is: a figure without its processor and kernel says little to anybody else.
//!
//! Called by the reports.

use std::fs;
use std::num::NonZero;
use std::thread::available_parallelism;

use rustix::system::uname;
use serde::Serialize;

/// The machine that a run was on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub processor: String,
    /// Cores that this program may use.
    pub cores: usize,
    /// The kernel and its version.
    pub kernel: String,
}

impl Machine {
    /// This machine.
    pub fn read() -> Self {
        let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = uname();
        let (system, release) = (name.sysname().to_string_lossy(), name.release());
        Self {
            processor: parse_processor(&text),
            cores: available_parallelism().map_or(1, NonZero::get),
            kernel: format!("{system} {}", release.to_string_lossy()),
        }
    }

    /// For people, on one line.
    pub fn text(&self) -> String {
        let Self { processor, cores, kernel } = self;
        format!("{processor}, {cores} cores, {kernel}")
    }
}

/// The processor from the text of `/proc/cpuinfo`; some hide their model behind a name that several
/// share, so its numbers come too.
fn parse_processor(text: &str) -> String {
    let field = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next().map(str::trim) == Some(name))?;
        line.split_once(':').map(|(_, value)| value.trim())
    };
    let name = field("model name").or_else(|| field("Model")).unwrap_or(std::env::consts::ARCH);
    match (field("cpu family"), field("model")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_told_by_its_name_and_numbers() {
        let text = "processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n";
        assert_eq!(parse_processor(text), "AMD EPYC (family 26, model 2)");
        assert_eq!(parse_processor("processor : 0\nModel : Board 4\n"), "Board 4");
        assert_eq!(parse_processor(""), std::env::consts::ARCH);
        assert!(Machine::read().text().contains("cores, Linux"));
    }
}
