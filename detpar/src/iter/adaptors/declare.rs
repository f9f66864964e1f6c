//! Macros that declare adaptors.

/// The struct of an adaptor of one iterator, and how it is made. What it prints is the
/// iterator: closures cannot be.
macro_rules! adaptor {
    ($(#[$meta:meta])* $name:ident<I $(, $p:ident)*> { $($field:ident: $type:ty),* }) => {
        $(#[$meta])*
        #[derive(Clone)]
        #[must_use = "a parallel iterator does nothing until it is consumed"]
        pub struct $name<I $(, $p)*> {
            base: I,
            $($field: $type,)*
        }

        impl<I $(, $p)*> $name<I $(, $p)*> {
            pub(in crate::iter) fn new(base: I $(, $field: $type)*) -> Self {
                $name { base $(, $field)* }
            }
        }

        impl<I: std::fmt::Debug $(, $p)*> std::fmt::Debug for $name<I $(, $p)*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("base", &self.base).finish_non_exhaustive()
            }
        }
    };
}

pub(super) use adaptor;
