//! How long each thread of this process has computed, by name.

use std::collections::BTreeMap;

/// Seconds of computing time by thread name.
pub type CpuTime = BTreeMap<String, f64>;

/// What the system's account says now (Linux); empty where there is none. Threads that have ended are not in it.
pub fn by_thread() -> CpuTime {
    let mut seconds = CpuTime::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let path = task.path();
        let Ok(name) = std::fs::read_to_string(path.join("comm")) else { continue };
        let account = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let nanos: f64 = account.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
        *seconds.entry(name.trim().to_owned()).or_default() += nanos * 1e-9;
    }
    seconds
}

/// Seconds that this process has computed, ended threads included, in steps of 10 ms (Linux).
pub fn of_process() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything; fields 14 and 15 are user and system time.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// Seconds that the calling thread has computed (Linux).
pub fn of_thread() -> Option<f64> {
    // Yielding makes the scheduler bring its account up to date.
    std::thread::yield_now();
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(account.split(' ').next()?.parse::<f64>().ok()? * 1e-9)
}

/// Resident memory of this process in bytes (Linux).
pub fn resident() -> Option<u64> {
    memory("VmRSS:")
}

/// The most memory that this process ever had resident, in bytes (Linux).
pub fn peak() -> Option<u64> {
    memory("VmHWM:")
}

fn memory(row: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(row))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// What was computed between two accounts.
pub fn between(before: &CpuTime, after: &CpuTime) -> CpuTime {
    let since = |(name, seconds): (&String, &f64)| (name.clone(), seconds - before.get(name).unwrap_or(&0.0));
    after.iter().map(since).filter(|(_, seconds)| *seconds > 0.0).collect()
}
