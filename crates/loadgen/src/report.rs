//! Reports the results of a run as one line of JSON.

use std::time::Duration;

/// One run: objects of one size, each sent after the response to the previous one.
#[derive(Debug)]
pub struct Run {
    /// From the first byte sent to the last response received.
    pub elapsed: Duration,
    /// Size of one object's data set.
    pub object_bytes: u64,
    /// Number of associations that sent concurrently.
    pub associations: usize,
    /// For each object, from its first byte sent to its response received.
    pub latencies: Vec<Duration>,
}

/// Prints `run` to stdout.
pub fn print(run: &Run) {
    println!("{}", json(run));
}

/// Prints the rate and the latencies of associations that were opened, used and released.
pub fn print_associations(elapsed: Duration, latencies: &[Duration]) {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    println!(
        "{{\"associations\": {}, \"seconds\": {:.6}, \"associations_per_s\": {:.1}, {}}}",
        sorted.len(),
        elapsed.as_secs_f64(),
        sorted.len() as f64 / seconds(elapsed),
        percentiles(&sorted),
    );
}

/// Prints the number of open connections, and how long it took to open them.
pub fn print_open(connections: usize, elapsed: Duration) {
    println!("{{\"open\": {connections}, \"seconds\": {:.6}}}", elapsed.as_secs_f64());
}

/// Formats `run`: latencies in µs, rates over the whole elapsed time.
pub fn json(run: &Run) -> String {
    let mut sorted = run.latencies.clone();
    sorted.sort_unstable();
    let seconds = seconds(run.elapsed);
    let objects = sorted.len();
    let bytes = objects as f64 * run.object_bytes as f64;
    format!(
        "{{\"objects\": {objects}, \"object_bytes\": {}, \"associations\": {}, \
         \"seconds\": {seconds:.6}, \"objects_per_s\": {:.1}, \"mib_per_s\": {:.1}, {}}}",
        run.object_bytes,
        run.associations,
        objects as f64 / seconds,
        bytes / f64::from(1 << 20) / seconds,
        percentiles(&sorted),
    )
}

fn percentiles(sorted: &[Duration]) -> String {
    format!(
        "\"median_us\": {:.1}, \"p99_us\": {:.1}, \"max_us\": {:.1}",
        microseconds(percentile(sorted, 50)),
        microseconds(percentile(sorted, 99)),
        microseconds(percentile(sorted, 100)),
    )
}

/// Elapsed seconds, never 0, to divide by.
fn seconds(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// The smallest of `sorted` that `percent` % of them do not exceed; zero if it is empty.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_micros).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_micros(100));
        assert_eq!(percentile(&sorted, 99), Duration::from_micros(198));
        assert_eq!(percentile(&sorted, 100), Duration::from_micros(200));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn rates_cover_the_whole_run() {
        let run = Run {
            elapsed: Duration::from_secs(2),
            object_bytes: 1 << 20,
            associations: 1,
            latencies: vec![Duration::from_micros(1500); 4],
        };
        let line = json(&run);
        assert!(line.contains("\"objects_per_s\": 2.0,"), "{line}");
        assert!(line.contains("\"mib_per_s\": 2.0,"), "{line}");
        assert!(line.contains("\"p99_us\": 1500.0,"), "{line}");
    }
}
