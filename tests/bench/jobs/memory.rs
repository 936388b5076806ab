//! The memory of processes that outlive whoever started them.

use crate::Result;

/// Of several processes together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub processes: usize,
    /// Megabytes; what processes share counts in each.
    pub resident: f64,
    /// Megabytes; what processes share is divided among them.
    pub proportional: f64,
}

/// Of all processes of this name that have this variable in their environment.
pub fn of(name: &str, variable: &str) -> Result<Memory> {
    let mut all = Memory::default();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let read = |file: &str| std::fs::read(entry.path().join(file)).unwrap_or_default();
        let is_named = read("comm").trim_ascii() == name.as_bytes();
        if !is_named || !read("environ").split(|byte| *byte == 0).any(|pair| pair == variable.as_bytes()) {
            continue;
        }
        let rollup = String::from_utf8_lossy(&read("smaps_rollup")).into_owned();
        let megabytes = |field: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(field));
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).map(|kb| kb / 1024.0)
        };
        // One that has ended meanwhile has none.
        if let (Some(resident), Some(proportional)) = (megabytes("Rss:"), megabytes("Pss:")) {
            all.processes += 1;
            all.resident += resident;
            all.proportional += proportional;
        }
    }
    Ok(all)
}
