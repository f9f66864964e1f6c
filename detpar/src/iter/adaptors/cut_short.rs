//! `take_any`, `take_any_while`, `while_some`, `skip_any` and `skip_any_while`: parts of an
//! iterator whose indices are not known beforehand.
//!
//! The items are gathered by a parallel call of their own, in order, the caller cuts off what
//! does not belong, and what follows runs over the rest. So it sees the items that std's
//! method would yield and no others, whatever it does with them.
use super::declare::adaptor;
use crate::iter::bridged::parallel_by_other;
use crate::iter::consumers::{gather, gather_behind};
use crate::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

macro_rules! gathered {
    (
        $name:ident<I $(, $p:ident)*> { $($field:ident: $type:ty),* }, $method:ident,
        [$($item:tt)*] yields $out:ty $(where [$($bounds:tt)*])?,
        |$this:ident| $items:expr
    ) => {
        adaptor! {
            #[doc = concat!("Returned by [`ParallelIterator::", stringify!($method), "`].")]
            $name<I $(, $p)*> { $($field: $type),* }
        }

        impl<I $(, $p)*, T> ParallelIterator for $name<I $(, $p)*>
        where
            I: ParallelIterator<Item = $($item)*>,
            T: Send,
            $($($bounds)*)?
        {
            type Item = $out;

            parallel_by_other!(|$this| $items.into_par_iter());
        }
    };
}

gathered! {
    TakeAny<I> { n: usize }, take_any,
    [T] yields T,
    |this| gather(this.base, this.n, Some)
}

gathered! {
    SkipAny<I> { n: usize }, skip_any,
    [T] yields T,
    |this| gather(this.base, usize::MAX, Some).into_par_iter().skip(this.n)
}

gathered! {
    WhileSome<I> {}, while_some,
    [Option<T>] yields T,
    |this| gather(this.base, usize::MAX, |item| item)
}

gathered! {
    TakeAnyWhile<I, P> { predicate: P }, take_any_while,
    [T] yields T where [P: Fn(&T) -> bool + Sync + Send],
    |this| {
        let keep = |item| (this.predicate)(&item).then_some(item);
        gather(this.base, usize::MAX, keep)
    }
}

gathered! {
    SkipAnyWhile<I, P> { predicate: P }, skip_any_while,
    [T] yields T where [P: Fn(&T) -> bool + Sync + Send],
    |this| gather_behind(this.base, this.predicate)
}
