//! Medians and other quantiles.

use taskreel_model::Nanos;

/// The value below which `share` (0 to 1) of the durations lie; sorts them. Zero of none.
pub fn quantile(durations: &mut [Nanos], share: f64) -> Nanos {
    if durations.is_empty() {
        return Nanos::ZERO;
    }
    let index = ((durations.len() - 1) as f64 * share.clamp(0.0, 1.0)).round() as usize;
    *durations.select_nth_unstable(index).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_and_none() {
        let mut some = [5, 1, 3, 2, 4].map(Nanos);
        assert_eq!(quantile(&mut some, 0.5), Nanos(3));
        assert_eq!(quantile(&mut some, 0.95), Nanos(5));
        assert_eq!(quantile(&mut some, 0.0), Nanos(1));
        assert_eq!(quantile(&mut [], 0.5), Nanos::ZERO);
    }
}
