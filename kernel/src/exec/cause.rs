//! Why a child failed, as plain numbers: what lies in an exchange area may hold any bytes.

use crate::abi::{Cause, Fault, Forbidden, Limit, Site};

/// A [`Cause`] that is valid for any bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CauseRecord {
    kind: u32,
    detail: u32,
    words: [u64; 8],
}

const PANIC: u32 = 1;
const FAULT: u32 = 2;
const FORBIDDEN: u32 = 3;
const LIMIT: u32 = 4;

const SITES: [Site; 5] =
    [Site::Unknown, Site::StackGuard, Site::OutsideImage, Site::Deadlock, Site::TimeStamp];
const LIMITS: [Limit; 10] = [
    Limit::Children,
    Limit::Heap,
    Limit::Depth,
    Limit::Exchange,
    Limit::Workers,
    Limit::Frees,
    Limit::Regions,
    Limit::Descriptors,
    Limit::Memory,
    Limit::Setup,
];

impl CauseRecord {
    /// Writes down a cause that a worker may report.
    pub fn new(cause: Cause) -> CauseRecord {
        let mut r = CauseRecord::default();
        match cause {
            Cause::Panic => r.kind = PANIC,
            Cause::Fault(f) => {
                (r.kind, r.detail) = (FAULT, f.site as u32);
                r.words[..4].copy_from_slice(&[f.signal as u64, f.code as u64, f.address, f.ip]);
            }
            Cause::Forbidden(f) => {
                r.kind = FORBIDDEN;
                r.words[0] = f.nr as u64;
                r.words[1] = f.ip;
                r.words[2..].copy_from_slice(&f.args);
            }
            Cause::Limit(l) => (r.kind, r.detail) = (LIMIT, l as u32),
            // A worker does not learn of these.
            Cause::Conflict(_) | Cause::File(_) | Cause::Differs(_) | Cause::Killed { .. } => {}
        }
        r
    }

    /// The cause; bytes that are none count as a worker that broke.
    pub fn read(&self) -> Cause {
        let broken = Cause::Killed { signal: 0 };
        let [a, b, c, d, ..] = self.words;
        let detail = self.detail as usize;
        match self.kind {
            PANIC => Cause::Panic,
            FAULT => SITES.get(detail).map_or(broken, |&site| {
                Cause::Fault(Fault { signal: a as i32, code: b as i32, address: c, ip: d, site })
            }),
            FORBIDDEN => {
                let mut args = [0; 6];
                args.copy_from_slice(&self.words[2..]);
                Cause::Forbidden(Forbidden { nr: a as i64, args, ip: b })
            }
            LIMIT => LIMITS.get(detail).map_or(broken, |&l| Cause::Limit(l)),
            _ => broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_come_back_and_nonsense_is_a_broken_worker() {
        let fault = Fault { signal: 11, code: 1, address: 2, ip: 3, site: Site::StackGuard };
        let call = Forbidden { nr: -1, args: [1, 2, 3, 4, 5, 6], ip: 7 };
        let mut all = vec![Cause::Panic, Cause::Fault(fault), Cause::Forbidden(call)];
        all.extend(LIMITS.map(Cause::Limit));
        for c in all {
            assert_eq!(CauseRecord::new(c).read(), c);
        }
        for (i, l) in LIMITS.into_iter().enumerate() {
            assert_eq!(l as usize, i);
        }
        for (i, s) in SITES.into_iter().enumerate() {
            assert_eq!(s as usize, i);
        }
        let broken = Cause::Killed { signal: 0 };
        for (kind, detail) in [(0, 0), (5, 0), (FAULT, 5), (LIMIT, 10), (u32::MAX, u32::MAX)] {
            let r = CauseRecord { kind, detail, words: [0; 8] };
            assert_eq!(r.read(), broken);
        }
    }
}
