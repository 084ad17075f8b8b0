//! The name of a backup that a server makes of itself: the moment when it began, to the second.
//! Called by `app::scheduled`, `app::restore` and `app::bucket`.

use jiff::Timestamp;

use crate::clock::Time;

/// A backup that a server made of itself, as `wechat restore --list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// What `wechat restore` calls it.
    pub place: String,
    /// When it began.
    pub began: Time,
    /// How many files and bytes it holds; what is wrong with it, if that cannot be read.
    pub holds: Result<(u64, u64), String>,
}

/// The name of a backup that began then, such as `2026-11-30T14-05-00Z`.
pub(super) fn name(began: Time) -> String {
    format!("{}Z", began.to_string()[..19].replace(':', "-"))
}

/// When the backup of that name began; `None` if it is not one's name.
pub(super) fn began(name: &str) -> Option<Time> {
    let (day, time) = name.split_once('T')?;
    let at: Timestamp = format!("{day}T{}", time.replace('-', ":")).parse().ok()?;
    let at = Time(at.as_millisecond());
    (self::name(at) == name).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_moment_to_the_second() {
        let at = Time(1_700_000_000_000);
        assert_eq!(name(at), "2023-11-14T22-13-20Z");
        assert_eq!(began("2023-11-14T22-13-20Z"), Some(at));
        for other in
            ["unfinished", "2023-11-14", "2023-11-14T22:13:20Z", "2023-11-14T22-13-20", "T"]
        {
            assert_eq!(began(other), None, "{other}");
        }
    }
}
