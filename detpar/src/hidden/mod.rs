//! Hidden state: lazily filled statics, which two children would otherwise both write (rule
//! R13). Known ones and `LazyLock`s are found at start; others can be declared or filled early.

mod counts;
mod lazy;
mod own;
#[cfg(feature = "spaces")]
mod statics;
#[cfg(feature = "spaces")]
mod table;

pub use counts::{Counts, counts};
pub use lazy::{FilledOnce, warm, write_once};
pub use own::PerChild;

#[cfg(feature = "spaces")]
pub(crate) use statics::may_be_lazy;
#[cfg(feature = "spaces")]
pub(crate) use table::is_setting;

#[cfg(feature = "spaces")]
/// Prepares the hidden state of std and of the crates that the program is made of.
///
/// # Safety
/// In the master, before the program's own code runs, with no other thread.
pub(crate) unsafe fn prepare() {
    fill();
    // SAFETY: the caller's contract.
    unsafe { statics::declare() };
}

#[cfg(feature = "spaces")]
/// Fills what every program may need, so that children find it filled.
fn fill() {
    #[cfg(target_arch = "x86_64")]
    let _ = std::is_x86_feature_detected!("sse4.2");
    // Looks at the environment once; captures nothing unless that asks for it.
    let _ = std::backtrace::Backtrace::capture();
}
