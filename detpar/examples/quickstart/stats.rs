//! Statistics in floating point. Every sum here is the same in bits only if it is grouped the
//! same way each time.
use crate::words::Count;

/// Count, mean and central moments of numbers seen one after another.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
    m3: f64,
}

impl Moments {
    /// Takes in one number (Welford's update, with the third moment).
    pub fn push(&mut self, x: f64) {
        let before = self.n;
        self.n += 1.0;
        let delta = x - self.mean;
        let step = delta / self.n;
        let term = delta * step * before;
        self.mean += step;
        self.m3 += term * step * (self.n - 2.0) - 3.0 * step * self.m2;
        self.m2 += term;
    }

    /// Takes in all that another one saw (Chan's and Pébay's formulas).
    pub fn merge(&mut self, other: &Moments) {
        if other.n == 0.0 {
            return;
        }
        let (a, b) = (*self, other);
        let n = a.n + b.n;
        let delta = b.mean - a.mean;
        self.n = n;
        self.mean += delta * b.n / n;
        self.m2 += b.m2 + delta * delta * a.n * b.n / n;
        self.m3 += b.m3
            + delta * delta * delta * a.n * b.n * (a.n - b.n) / (n * n)
            + 3.0 * delta * (a.n * b.m2 - b.n * a.m2) / n;
    }

    /// The mean; 0 of nothing.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance of the population; 0 of nothing.
    pub fn variance(&self) -> f64 {
        if self.n == 0.0 { 0.0 } else { self.m2 / self.n }
    }

    /// The skewness; 0 where all numbers are equal.
    pub fn skewness(&self) -> f64 {
        if self.m2 == 0.0 { 0.0 } else { self.n.sqrt() * self.m3 / self.m2.powf(1.5) }
    }
}

/// A rough measure of how long a word of `letters` letters takes to say.
pub fn score(word: &str, letters: usize) -> f64 {
    let vowels = word.bytes().filter(|byte| b"aeiouy".contains(byte)).count();
    let letters = letters as f64;
    letters.sqrt() * (2.0 + vowels as f64 / letters).ln()
}

/// Entropy of the word frequencies, in bits.
pub fn entropy(table: &[Count<String>]) -> f64 {
    let total = table.iter().map(|(_, n)| n).sum::<u64>() as f64;
    if total == 0.0 {
        return 0.0;
    }
    let weighted: f64 = table.iter().map(|&(_, n)| n as f64 * (n as f64).log2()).sum();
    total.log2() - weighted / total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> Moments {
        let mut moments = Moments::default();
        numbers.iter().for_each(|&x| moments.push(x));
        moments
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1.0)
    }

    #[test]
    fn moments_of_a_known_sample() {
        // Deviations from the mean 4: -3, -2, 0, 5; squares sum to 38, cubes to 90.
        let moments = of(&[1.0, 2.0, 4.0, 9.0]);
        assert!(close(moments.mean(), 4.0));
        assert!(close(moments.variance(), 38.0 / 4.0));
        assert!(close(moments.skewness(), 90.0 / 4.0 / (38.0f64 / 4.0).powf(1.5)));
    }

    #[test]
    fn merging_agrees_with_pushing_up_to_rounding() {
        let numbers: Vec<f64> = (0..100).map(|i| f64::from(i * i % 37) / 3.0).collect();
        let (left, right) = numbers.split_at(31);
        let mut merged = of(left);
        merged.merge(&of(right));
        merged.merge(&Moments::default());
        let whole = of(&numbers);
        assert!(close(merged.mean(), whole.mean()));
        assert!(close(merged.variance(), whole.variance()));
        assert!(close(merged.skewness(), whole.skewness()));
    }

    #[test]
    fn nothing_has_finite_moments() {
        let mut none = Moments::default();
        none.merge(&Moments::default());
        assert_eq!((none.mean(), none.variance(), none.skewness()), (0.0, 0.0, 0.0));
        assert_eq!(entropy(&[]), 0.0);
    }

    #[test]
    fn entropy_of_four_equal_words() {
        let table = ["a", "b", "c", "d"].map(|word| (word.to_owned(), 7));
        assert!(close(entropy(&table), 2.0));
    }

    #[test]
    fn grouping_changes_the_bits_of_a_sum() {
        let text = "the tide waits for no one and bridges carry every kneading baker over";
        let scores: Vec<f64> = text.split(' ').map(|word| score(word, word.len())).collect();
        let forward = scores.iter().sum::<f64>();
        let grouped = |n| scores.chunks(n).map(|chunk| chunk.iter().sum::<f64>()).sum::<f64>();
        let orders = [2, 3, 4, 5, 6, 7, 8].map(grouped);
        assert!(orders.iter().all(|&sum| close(sum, forward)));
        assert!(orders.iter().any(|sum| sum.to_bits() != forward.to_bits()));
    }
}
