//! The scheduler's own samples.

use taskreel_model::{Nanos, Sample};

use super::core::Core;

impl Core {
    /// Records a reading of the scheduler's process; `lag`: how late its loop was.
    pub(super) fn sample(&mut self, at: Nanos, lag: Nanos) {
        let Some(recorder) = &mut self.config.recorder else { return };
        let reading = self.reader.read();
        recorder.sample(Sample {
            at,
            worker: None,
            cpu_permille: reading.cpu_permille,
            rss_bytes: reading.rss_bytes,
            read_per_s: reading.read_per_s,
            written_per_s: reading.written_per_s,
            open_files: reading.open_files,
            lag,
            ..Sample::default()
        });
    }
}
