//! Blocks of samples, log lines and task specs.

use std::collections::BTreeMap;

use taskreel_model::{LogLevel, LogLine, Nanos, Sample, TaskId, WorkerId};

use crate::SpecBatch;
use crate::bytes::{Cursor, Malformed, put_varint, put_zigzag};
use crate::format::{BlockHeader, MAX_RECORDS};

/// Numbers of a sample beside instant and worker, in the order of their columns.
const N_FIELDS: usize = 11;

fn fields(sample: &Sample) -> [u64; N_FIELDS] {
    [
        u64::from(sample.cpu_permille),
        sample.rss_bytes,
        sample.managed_bytes,
        sample.spilled_bytes,
        sample.received_per_s,
        sample.sent_per_s,
        sample.read_per_s,
        sample.written_per_s,
        u64::from(sample.open_files),
        u64::from(sample.slots_busy),
        sample.lag.0,
    ]
}

fn sample(at: u64, worker: Option<WorkerId>, fields: &[u64; N_FIELDS]) -> Sample {
    let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    Sample {
        at: Nanos(at),
        worker,
        cpu_permille: small(fields[0]),
        rss_bytes: fields[1],
        managed_bytes: fields[2],
        spilled_bytes: fields[3],
        received_per_s: fields[4],
        sent_per_s: fields[5],
        read_per_s: fields[6],
        written_per_s: fields[7],
        open_files: small(fields[8]),
        slots_busy: u16::try_from(fields[9]).unwrap_or(u16::MAX),
        lag: Nanos(fields[10]),
    }
}

/// A column of numbers for each of `N` fields.
fn join<const N: usize>(columns: &[Vec<u8>; N]) -> Vec<u8> {
    let mut out = vec![N as u8];
    for column in columns {
        put_varint(&mut out, column.len() as u64);
    }
    for column in columns {
        out.extend_from_slice(column);
    }
    out
}

/// The first `N` columns; later ones belong to newer versions.
fn split<const N: usize>(raw: &[u8]) -> Result<[Cursor<'_>; N], Malformed> {
    let mut table = Cursor::new(raw);
    let n = table.u8()?;
    if usize::from(n) < N {
        return Err(Malformed("a block has too few columns"));
    }
    let mut data = table;
    for _ in 0..n {
        data.varint()?;
    }
    let mut columns = [Cursor::default(); N];
    for column in &mut columns {
        let len = table.varint()?;
        *column = Cursor::new(data.take_len(len)?);
    }
    Ok(columns)
}

fn check_count(header: &BlockHeader, column: &Cursor<'_>) -> Result<(), Malformed> {
    // Each record has at least a byte in its first column.
    if header.n_records > MAX_RECORDS || header.n_records as usize > column.remaining() {
        return Err(Malformed("a block has not as many records as it claims"));
    }
    Ok(())
}

fn put_id(out: &mut Vec<u8>, id: Option<u32>) {
    put_varint(out, id.map_or(0, |id| u64::from(id) + 1));
}

fn read_id(cursor: &mut Cursor<'_>) -> Result<Option<u32>, Malformed> {
    let Some(id) = cursor.varint()?.checked_sub(1) else {
        return Ok(None);
    };
    u32::try_from(id).map(Some).map_err(|_too_large| Malformed("an id is too large"))
}

/// Payload of a block of samples: instants against the sample before, all else against the sample
/// before of the same worker.
pub(crate) fn encode_samples(samples: &[Sample], tick: u64) -> Vec<u8> {
    let mut columns: [Vec<u8>; 2 + N_FIELDS] = std::array::from_fn(|_| Vec::new());
    let mut last_at = 0_u64;
    let mut last = BTreeMap::new();
    for sample in samples {
        let at = sample.at.0 / tick;
        put_zigzag(&mut columns[0], at.wrapping_sub(last_at) as i64);
        last_at = at;
        put_id(&mut columns[1], sample.worker.map(|worker| worker.0));
        let values = fields(sample);
        let before = last.insert(sample.worker, values).unwrap_or_default();
        for ((column, value), before) in columns[2..].iter_mut().zip(values).zip(before) {
            put_zigzag(column, value.wrapping_sub(before) as i64);
        }
    }
    join(&columns)
}

/// The samples of a block.
pub(crate) fn decode_samples(
    header: &BlockHeader,
    raw: &[u8],
    tick: u64,
) -> Result<Vec<Sample>, Malformed> {
    let mut columns = split::<{ 2 + N_FIELDS }>(raw)?;
    check_count(header, &columns[0])?;
    let mut samples = Vec::with_capacity(header.n_records as usize);
    let mut at = 0_u64;
    let mut last: BTreeMap<_, [u64; N_FIELDS]> = BTreeMap::new();
    for _ in 0..header.n_records {
        at = at.wrapping_add(columns[0].zigzag()? as u64);
        let worker = read_id(&mut columns[1])?.map(WorkerId);
        let values = last.entry(worker).or_default();
        for (column, value) in columns[2..].iter_mut().zip(values.iter_mut()) {
            *value = value.wrapping_add(column.zigzag()? as u64);
        }
        samples.push(sample(at.saturating_mul(tick), worker, values));
    }
    Ok(samples)
}

fn log_level(number: u8) -> LogLevel {
    match number {
        0 => LogLevel::Output,
        1 => LogLevel::Debug,
        3 => LogLevel::Warn,
        4 => LogLevel::Error,
        // A grade that a newer version added is shown as plain information.
        _ => LogLevel::Info,
    }
}

/// Payload of a block of log lines.
pub(crate) fn encode_logs(lines: &[LogLine], tick: u64) -> Vec<u8> {
    let mut columns: [Vec<u8>; 6] = std::array::from_fn(|_| Vec::new());
    let mut last_at = 0_u64;
    for line in lines {
        let at = line.at.0 / tick;
        put_zigzag(&mut columns[0], at.wrapping_sub(last_at) as i64);
        last_at = at;
        put_id(&mut columns[1], line.worker.map(|worker| worker.0));
        put_id(&mut columns[2], line.task.map(|task| task.0));
        columns[3].push(line.level as u8);
        put_varint(&mut columns[4], line.text.len() as u64);
        columns[5].extend_from_slice(line.text.as_bytes());
    }
    join(&columns)
}

/// The log lines of a block; bytes that are not UTF-8 are replaced.
pub(crate) fn decode_logs(
    header: &BlockHeader,
    raw: &[u8],
    tick: u64,
) -> Result<Vec<LogLine>, Malformed> {
    let mut columns = split::<6>(raw)?;
    check_count(header, &columns[0])?;
    let mut lines = Vec::with_capacity(header.n_records as usize);
    let mut at = 0_u64;
    for _ in 0..header.n_records {
        at = at.wrapping_add(columns[0].zigzag()? as u64);
        let len = columns[4].varint()?;
        lines.push(LogLine {
            at: Nanos(at.saturating_mul(tick)),
            worker: read_id(&mut columns[1])?.map(WorkerId),
            task: read_id(&mut columns[2])?.map(TaskId),
            level: log_level(columns[3].u8()?),
            text: String::from_utf8_lossy(columns[5].take_len(len)?).into_owned(),
        });
    }
    Ok(lines)
}

/// Payload of a block of specs: their lengths, then their bytes.
pub(crate) fn encode_specs(lens: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2 * lens.len());
    for &len in lens {
        put_varint(&mut out, u64::from(len));
    }
    out.extend_from_slice(bytes);
    out
}

/// The specs of a payload that begins with the spec of task `first`.
pub(crate) fn decode_specs(first: u64, n: u32, raw: &[u8]) -> Result<SpecBatch, Malformed> {
    let mut cursor = Cursor::new(raw);
    if n > MAX_RECORDS || n as usize > cursor.remaining() {
        return Err(Malformed("a block has not as many specs as it claims"));
    }
    let first = u32::try_from(first).ok().filter(|first| first.checked_add(n).is_some());
    let first = TaskId(first.ok_or(Malformed("a spec is of an impossible task"))?);
    let mut lens = Vec::with_capacity(n as usize);
    let mut total = 0_u64;
    for _ in 0..n {
        let len = cursor.varint_u32()?;
        total += u64::from(len);
        lens.push(len);
    }
    Ok(SpecBatch { first, lens, bytes: cursor.take_len(total)?.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(n: usize) -> BlockHeader {
        BlockHeader { n_records: n as u32, ..BlockHeader::default() }
    }

    #[test]
    fn samples_come_back() {
        let samples: Vec<Sample> = (0..40_u32)
            .map(|i| Sample {
                at: Nanos(u64::from(i / 4) * 500_000_000),
                worker: (i % 4).checked_sub(1).map(WorkerId),
                cpu_permille: 900 + i * 37 % 200,
                rss_bytes: 1 << (20 + i % 5),
                lag: Nanos(u64::from(i) * 11),
                slots_busy: u16::MAX,
                ..Sample::default()
            })
            .collect();
        let raw = encode_samples(&samples, 1_000);
        assert_eq!(decode_samples(&header(40), &raw, 1_000), Ok(samples));
        for len in 0..raw.len() {
            assert!(decode_samples(&header(40), &raw[..len], 1_000).is_err());
        }
    }

    #[test]
    fn log_lines_come_back() {
        let line = |at, level, text: &str| LogLine {
            at: Nanos(at),
            worker: Some(WorkerId(u32::MAX)),
            task: None,
            level,
            text: text.to_owned(),
        };
        let lines = vec![
            line(5_000, LogLevel::Output, "hällo"),
            line(3_000, LogLevel::Error, ""),
            line(u64::MAX - u64::MAX % 1_000, LogLevel::Warn, "x"),
        ];
        let raw = encode_logs(&lines, 1_000);
        assert_eq!(decode_logs(&header(3), &raw, 1_000), Ok(lines));
        assert!(decode_logs(&header(4), &raw, 1_000).is_err());
    }

    #[test]
    fn specs_come_back() {
        let batch = SpecBatch { first: TaskId(7), lens: vec![2, 0, 1], bytes: vec![1, 2, 3] };
        let raw = encode_specs(&batch.lens, &batch.bytes);
        assert_eq!(decode_specs(7, 3, &raw), Ok(batch));
        assert!(decode_specs(7, 4, &raw).is_err());
        assert!(decode_specs(u64::from(u32::MAX), 3, &raw).is_err());
    }
}
