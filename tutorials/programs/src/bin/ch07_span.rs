//! Chapter 7: the longest path made shorter, by a merge that forks.

/// What a computation cost, in comparisons.
#[derive(Clone, Copy, Default)]
struct Cost {
    work: u64,
    span: u64,
    children: u64,
}

fn then(a: Cost, b: Cost) -> Cost {
    Cost { work: a.work + b.work, span: a.span + b.span, children: a.children + b.children }
}

fn beside(a: Cost, b: Cost) -> Cost {
    Cost { work: a.work + b.work, span: a.span.max(b.span), children: a.children + b.children + 2 }
}

// ANCHOR: merge
/// Merges two sorted slices into `to`; more values than `grain` in two children.
fn merge(a: &[u32], b: &[u32], to: &mut [u32], grain: usize) -> Cost {
    if to.len() <= grain {
        return merge_here(a, b, to);
    }
    // The middle of the longer one, and its place in the other.
    let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
    let (long_low, long_high) = long.split_at(long.len() / 2);
    let mut steps = 0;
    let place = short.partition_point(|value| {
        steps += 1;
        *value < long_high[0]
    });
    let (short_low, short_high) = short.split_at(place);
    let (low, high) = to.split_at_mut(long_low.len() + place);
    let (x, y) = detpar::join(
        || merge(long_low, short_low, low, grain),
        || merge(long_high, short_high, high, grain),
    );
    then(Cost { work: steps, span: steps, children: 0 }, beside(x, y))
}
// ANCHOR_END: merge

fn merge_here(a: &[u32], b: &[u32], to: &mut [u32]) -> Cost {
    let (mut i, mut j, mut work) = (0, 0, 0);
    for place in to {
        let from_b = i == a.len() || {
            work += u64::from(j < b.len());
            j < b.len() && b[j] < a[i]
        };
        *place = if from_b { b[j] } else { a[i] };
        i += usize::from(!from_b);
        j += usize::from(from_b);
    }
    Cost { work, span: work, children: 0 }
}

/// Sorts `values`. The result is left in them, or in `other` if `there`: so each merge goes from
/// one array to the other one, and nothing is copied back.
fn sort(values: &mut [u32], other: &mut [u32], there: bool, sizes: [usize; 2]) -> Cost {
    if values.len() < 2 {
        if there {
            other.copy_from_slice(values);
        }
        return Cost::default();
    }
    let [sort_grain, merge_grain] = sizes;
    let (forks, middle) = (values.len() > sort_grain, values.len() / 2);
    let (v0, v1) = values.split_at_mut(middle);
    let (o0, o1) = other.split_at_mut(middle);
    let halves = if forks {
        let (a, b) = detpar::join(|| sort(v0, o0, !there, sizes), || sort(v1, o1, !there, sizes));
        beside(a, b)
    } else {
        then(sort(v0, o0, !there, sizes), sort(v1, o1, !there, sizes))
    };
    let (from, to) = if there { (values, other) } else { (other, values) };
    let (a, b) = from.split_at(middle);
    then(halves, merge(a, b, to, merge_grain))
}

/// Values in no order; the same ones in every run.
fn shuffled(n: u32) -> Vec<u32> {
    let mut x = 7u32;
    let next = |_| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        x >> 8
    };
    (0..n).map(next).collect()
}

#[detpar::main]
fn main() {
    // ANCHOR: main
    println!("merge in  children     work     span  work/span");
    for pieces in [524_288, 131_072, 32_768, 8192] {
        let mut values = shuffled(524_288);
        let mut other = values.clone();
        let Cost { work, span, children } = sort(&mut values, &mut other, false, [8192, pieces]);
        assert!(values.is_sorted());
        let ratio = work as f64 / span as f64;
        println!("{pieces:8} {children:9} {work:8} {span:8} {ratio:10.2}");
    }
    // ANCHOR_END: main
}
