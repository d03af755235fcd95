//! What processes use, as Linux tells it; elsewhere nought.

use std::fs;
use std::ops::Sub;

/// Clock ticks per second, the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage(pub(crate) f64);

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self(self.0 - earlier.0)
    }
}

/// The fields of `/proc/PID/stat` from the third on.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

impl Usage {
    fn from_stat(fields: &[String], places: std::ops::Range<usize>) -> Self {
        let ticks: f64 =
            fields.get(places).unwrap_or_default().iter().filter_map(|field| field.parse::<f64>().ok()).sum();
        Self(ticks / TICKS_PER_SECOND)
    }

    /// One process.
    pub(crate) fn of(pid: i32) -> Self {
        stat(pid).map_or(Self::default(), |fields| Self::from_stat(&fields, 11..13))
    }

    /// This process.
    pub(crate) fn of_bench() -> Self {
        Self::of(i32::try_from(std::process::id()).unwrap_or_default())
    }

    /// A process, its children, and those of its children that ended.
    pub(crate) fn of_family(parent: i32) -> Self {
        let mut sum = stat(parent).map_or(0.0, |fields| Self::from_stat(&fields, 11..15).0);
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        for pid in entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()) {
            if let Some(fields) = stat(pid) {
                if fields.get(1).and_then(|field| field.parse().ok()) == Some(parent) {
                    sum += Self::from_stat(&fields, 11..13).0;
                }
            }
        }
        Self(sum)
    }
}

/// A line of `/proc/PID/status` in MB: `VmRSS`, `VmHWM`.
pub(crate) fn memory_mb(pid: i32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

/// Lets `VmHWM` begin anew from the present.
pub(crate) fn forget_peak(pid: i32) {
    _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}
