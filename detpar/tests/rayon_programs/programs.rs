// Included twice, with `par` as detpar and as rayon.
use par::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

/// Ends with its result as text.
type Program = fn() -> String;

pub const PROGRAMS: &[(&str, Program)] = &[
    ("word_count", word_count),
    ("mandelbrot", mandelbrot),
    ("n_body", n_body),
    ("matrices", matrices),
    ("sieve", sieve),
    ("quicksort", quicksort),
    ("groups", groups),
    ("first_errors", first_errors),
    ("sorts", sorts),
    ("lines", lines),
    ("spawns", spawns),
    ("nested", nested),
    ("pools", pools),
    ("queens", queens),
    ("blur", blur),
    ("graph", graph),
    ("adaptors", adaptors),
];

fn text(result: impl Debug) -> String {
    format!("{result:?}")
}

/// Numbers that look random.
fn numbers(n: usize) -> Vec<u64> {
    let mut x = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    };
    (0..n).map(|_| next()).collect()
}

fn story() -> String {
    let words = ["Grüße", "the", "fox", "jumps", "over", "日本", "dog", "and", "naïve", "end"];
    let line = |chunk: &[u64]| {
        chunk.iter().map(|n| words[(n % 10) as usize]).collect::<Vec<_>>().join(" ")
    };
    numbers(3000).chunks(7).map(line).collect::<Vec<_>>().join("\n")
}

fn word_count() -> String {
    let story = story();
    let counts = story
        .par_lines()
        .flat_map_iter(str::split_whitespace)
        .fold(HashMap::new, |mut counts: HashMap<&str, usize>, word| {
            *counts.entry(word).or_default() += 1;
            counts
        })
        .reduce(HashMap::new, |mut a, b| {
            for (word, n) in b {
                *a.entry(word).or_default() += n;
            }
            a
        });
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.par_sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    text(counts)
}

fn mandelbrot() -> String {
    const SIZE: (usize, usize) = (90, 61);
    let mut picture = vec![0u8; SIZE.0 * SIZE.1];
    picture.par_chunks_mut(SIZE.0).enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.iter_mut().enumerate() {
            let c = (x as f64 / 30.0 - 2.2, y as f64 / 25.0 - 1.2);
            let (mut zr, mut zi, mut n) = (0.0f64, 0.0f64, 0u8);
            while n < 100 && zr * zr + zi * zi <= 4.0 {
                (zr, zi, n) = (zr * zr - zi * zi + c.0, 2.0 * zr * zi + c.1, n + 1);
            }
            *pixel = n;
        }
    });
    text(picture)
}

#[derive(Clone, Copy, Debug)]
struct Body {
    at: [f64; 3],
    speed: [f64; 3],
    mass: f64,
}

fn n_body() -> String {
    let unit = |n: u64| (n % 10_000) as f64 / 10_000.0;
    let make = |n: &[u64]| Body {
        at: [unit(n[0]), unit(n[1]), unit(n[2])],
        speed: [0.0; 3],
        mass: unit(n[3]) + 0.1,
    };
    let mut bodies: Vec<Body> = numbers(4 * 70).chunks_exact(4).map(make).collect();
    for _ in 0..5 {
        let old = bodies.clone();
        bodies.par_iter_mut().enumerate().for_each(|(i, body)| {
            for (j, other) in old.iter().enumerate() {
                if i != j {
                    let d: [f64; 3] = std::array::from_fn(|k| other.at[k] - body.at[k]);
                    let r2 = d.iter().map(|x| x * x).sum::<f64>() + 0.01;
                    let pull = other.mass / (r2 * r2.sqrt());
                    (0..3).for_each(|k| body.speed[k] += d[k] * pull * 0.001);
                }
            }
        });
        bodies.par_iter_mut().for_each(|b| (0..3).for_each(|k| b.at[k] += b.speed[k] * 0.001));
    }
    text(bodies)
}

fn matrices() -> String {
    const N: usize = 33;
    let a: Vec<f64> = numbers(N * N).iter().map(|n| (n % 17) as f64).collect();
    let b: Vec<f64> = a.iter().rev().copied().collect();
    let mut c = vec![0.0; N * N];
    c.par_chunks_exact_mut(N).zip(a.par_chunks_exact(N)).for_each(|(row, left)| {
        for (j, cell) in row.iter_mut().enumerate() {
            *cell = (0..N).map(|k| left[k] * b[k * N + j]).sum();
        }
    });
    let turned: Vec<f64> = (0..N * N).into_par_iter().map(|i| c[(i % N) * N + i / N]).collect();
    text((c, turned))
}

fn sieve() -> String {
    const N: usize = 20_011;
    let root = (1..).take_while(|n| n * n <= N).last().unwrap_or(1);
    let small: Vec<usize> = (2..=root).filter(|n| (2..*n).all(|d| n % d != 0)).collect();
    let mut prime = vec![true; N];
    prime.par_chunks_mut(1000).enumerate().for_each(|(i, chunk)| {
        let begin = i * 1000;
        for &p in &small {
            let first = (begin.div_ceil(p) * p).max(p * p);
            (first..begin + chunk.len()).step_by(p).for_each(|n| chunk[n - begin] = false);
        }
    });
    let primes: Vec<usize> = prime
        .into_par_iter()
        .enumerate()
        .skip(2)
        .filter_map(|(n, prime)| prime.then_some(n))
        .collect();
    text((primes.len(), primes.par_iter().sum::<usize>(), primes.last()))
}

fn quicksort() -> String {
    fn sort<T: Ord + Send>(v: &mut [T]) {
        if v.len() < 100 {
            return v.sort();
        }
        let (last, mut at) = (v.len() - 1, 0);
        v.swap(last / 2, last);
        for i in 0..last {
            if v[i] < v[last] {
                v.swap(i, at);
                at += 1;
            }
        }
        v.swap(at, last);
        let (left, right) = v.split_at_mut(at);
        par::join(|| sort(left), || sort(&mut right[1..]));
    }
    let mut v: Vec<String> = numbers(2000).iter().map(|n| format!("{}", n % 1000)).collect();
    sort(&mut v);
    text(v)
}

fn groups() -> String {
    let sales: Vec<(u64, u64)> = numbers(5000).iter().map(|n| (n % 13, n % 1009)).collect();
    let all: BTreeMap<u64, Vec<u64>> = sales
        .par_iter()
        .fold(BTreeMap::new, |mut groups: BTreeMap<u64, Vec<u64>>, (k, v)| {
            groups.entry(*k).or_default().push(*v);
            groups
        })
        .reduce(BTreeMap::new, |mut a, b| {
            b.into_iter().for_each(|(k, v)| a.entry(k).or_default().extend(v));
            a
        });
    let best: BTreeMap<u64, Option<&u64>> =
        all.par_iter().map(|(k, v)| (*k, v.par_iter().max())).collect();
    let (even, odd): (Vec<u64>, Vec<u64>) =
        all.par_iter().map(|(k, _)| *k).partition(|k| k % 2 == 0);
    text((&all, best, even, odd))
}

fn first_errors() -> String {
    let inputs = ["1", "2", "x", "4"];
    let one: Result<Vec<i32>, _> = inputs.par_iter().map(|s| s.parse::<i32>()).collect();
    let none =
        inputs.par_iter().filter(|s| **s != "x").try_for_each(|s| s.parse().map(|_: i32| ()));
    let sum = (1..=100i32).into_par_iter().try_fold(|| 0i32, |a, n| a.checked_add(n));
    let sum = sum.try_reduce(|| 0, i32::checked_add);
    let over = [i32::MAX, 1].par_iter().copied().map(Some).try_reduce(|| 0, i32::checked_add);
    let total: Option<i32> = inputs.par_iter().map(|s| s.parse::<i32>().ok()).sum();
    text((one, none, sum, over, total))
}

fn sorts() -> String {
    let mut people: Vec<(String, u64)> =
        numbers(40_000).iter().map(|n| (format!("p{}", n % 97), n % 1_000_003)).collect();
    people.par_sort_by_key(|(_, n)| n % 50);
    let first: Vec<_> = people.iter().step_by(997).cloned().collect();
    people.par_sort_by(|a, b| b.0.cmp(&a.0));
    let second: Vec<_> = people.iter().step_by(997).cloned().collect();
    people.par_sort_by_cached_key(|(name, n)| (name.len(), *n / 7));
    let mut floats: Vec<f64> = people.par_iter().map(|(_, n)| *n as f64 / 3.0).collect();
    floats.par_sort_unstable_by(|a, b| b.total_cmp(a));
    text((first, second, people.iter().step_by(997).collect::<Vec<_>>(), &floats[..9]))
}

fn lines() -> String {
    use std::io::{BufRead, Cursor};
    let lines = Cursor::new(story()).lines().map_while(Result::ok);
    let mut lens: Vec<(usize, usize)> =
        lines.enumerate().par_bridge().map(|(i, line)| (i, line.chars().count())).collect();
    lens.par_sort();
    text(lens)
}

fn spawns() -> String {
    let mut parts = [0u64; 4];
    let numbers = numbers(1000);
    par::scope(|s| {
        for (part, numbers) in parts.iter_mut().zip(numbers.chunks(250)) {
            s.spawn(move |s| {
                let (left, right) = numbers.split_at(100);
                *part = right.iter().fold(0, |a, n| a ^ n);
                s.spawn(move |_| *part ^= left.iter().fold(0, |a, n| a ^ n));
            });
        }
    });
    text(parts)
}

fn nested() -> String {
    let table: Vec<Vec<u32>> = (1..20u32)
        .into_par_iter()
        .map(|i| (1..i).into_par_iter().map(|j| i * j).filter(|n| n % 3 != 0).collect())
        .collect();
    let flat: Vec<u32> = table.par_iter().flatten().copied().collect();
    let pairs = (0..12).into_par_iter().flat_map(|i| (0..i).into_par_iter().map(move |j| (i, j)));
    text((table, flat, pairs.collect::<Vec<(i32, i32)>>()))
}

fn pools() -> String {
    let pool = par::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let sum: u64 = pool.install(|| (0..1000u64).into_par_iter().sum());
    let (a, b) = pool.join(|| sum + 1, || sum + 2);
    text((a, b))
}

fn queens() -> String {
    fn solve(n: usize, placed: Vec<usize>) -> usize {
        let row = placed.len();
        if row == n {
            return 1;
        }
        let free = |column: &usize| {
            placed.iter().enumerate().all(|(r, c)| c != column && c.abs_diff(*column) != row - r)
        };
        let with = |column| placed.iter().copied().chain([column]).collect();
        match row < 2 {
            true => (0..n).into_par_iter().filter(free).map(|c| solve(n, with(c))).sum(),
            false => (0..n).filter(free).map(|c| solve(n, with(c))).sum(),
        }
    }
    text(solve(7, vec![]))
}

fn blur() -> String {
    let line: Vec<u64> = numbers(500).iter().map(|n| n % 256).collect();
    let three: Vec<u64> = line.par_windows(3).map(|w| w.iter().sum::<u64>() / 3).collect();
    let (low, high) = line
        .par_iter()
        .map(|n| (*n, *n))
        .reduce(|| (u64::MAX, 0), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    let mut into = vec![9; 3];
    three.par_iter().rev().step_by(3).map(|n| n * 2).collect_into_vec(&mut into);
    text((three, low, high, into))
}

fn graph() -> String {
    let edges: Vec<Vec<usize>> =
        numbers(300).chunks(3).map(|n| n.iter().map(|n| (n % 100) as usize).collect()).collect();
    let mut depth = vec![usize::MAX; edges.len()];
    let (mut front, mut level) = (vec![0], 0);
    while !front.is_empty() {
        front.iter().for_each(|n| depth[*n] = level);
        let mut next: Vec<usize> = front
            .par_iter()
            .flat_map_iter(|n| edges[*n].iter().copied())
            .filter(|n| depth[*n] == usize::MAX)
            .collect();
        next.par_sort_unstable();
        next.dedup();
        (front, level) = (next, level + 1);
    }
    text(depth)
}

fn adaptors() -> String {
    let mut all = Vec::new();
    for n in [0usize, 1, 2, 5, 16, 17, 63, 100, 257, 1025] {
        let v: Vec<usize> = (0..n).collect();
        let odd = |k: usize| (0..n + k).into_par_iter();
        let one: Vec<_> =
            odd(1).rev().step_by(3).zip(v.par_iter().skip(1)).chunks(4).rev().collect();
        let two: Vec<_> =
            v.par_iter().copied().interleave(odd(3).rev()).skip(2).step_by(2).rev().collect();
        let three: Vec<_> = odd(2).chunks(3).rev().flatten_iter().in_order();
        let four: Vec<_> = v.par_rchunks(3).rev().zip_eq(v.par_rchunks(3)).take(n / 4).collect();
        let five: Vec<usize> =
            odd(0).chain(odd(5)).rev().interleave_shortest(odd(1).step_by(2)).collect();
        let six: Vec<_> = odd(0).fold_chunks(7, || 0, |a, b| a + b).intersperse(1).collect();
        let seven = odd(9).by_uniform_blocks(10).sum_of_odd();
        let eight: Vec<_> = v.par_chunk_by(|a, b| a / 5 == b / 5).map(<[usize]>::len).collect();
        let nine: (Vec<_>, Vec<_>) = odd(4).rev().map(|n| (n, n * 2)).unzip();
        all.push(text((one, two, three, four, five, six, seven, (eight, nine))));
    }
    text(all)
}

/// Extension traits, as programs have them.
trait All: ParallelIterator {
    fn in_order(self) -> Vec<Self::Item> {
        self.collect()
    }

    fn sum_of_odd(self) -> usize
    where
        Self: ParallelIterator<Item = usize>,
    {
        self.filter(|n| n % 2 == 1).sum()
    }
}

impl<I: ParallelIterator> All for I {}
