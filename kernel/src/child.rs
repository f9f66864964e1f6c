//! What code running inside a child tells the kernel.

/// Records the panic that ends this child: its message (`None` for a payload that is not
/// a string) and the source location as `file:line:column`.
pub fn record_panic(message: Option<&str>, location: &str) {
    crate::call::stub_record_panic(message, location);
}
