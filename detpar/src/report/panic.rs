//! A child that panicked.
use std::fmt;

/// A child's panic.
///
/// ```
/// use detpar::JoinError;
///
/// #[detpar::main]
/// fn main() {
///     let failed = detpar::try_join(|| 1, || -> u8 { panic!("no input") });
///     let Err(JoinError::Panic(panic)) = failed else { unreachable!() };
///     assert_eq!((panic.child(), panic.message()), (1, Some("no input")));
///     assert!(panic.location().is_some_and(|at| at.contains(".rs:")));
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ChildPanic(Box<Panic>);

#[derive(Debug, Clone)]
struct Panic {
    child: usize,
    message: Option<String>,
    location: Option<String>,
}

impl ChildPanic {
    pub(crate) fn new(child: usize, message: Option<String>, location: Option<String>) -> Self {
        ChildPanic(Box::new(Panic { child, message, location }))
    }

    /// The same of another child.
    pub(crate) fn of_child(mut self, child: usize) -> Self {
        self.0.child = child;
        self
    }

    /// Index of the child.
    pub fn child(&self) -> usize {
        self.0.child
    }

    /// The message; nothing where the payload was no string, since only strings cross.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Where it panicked, `file:line:column`, where that is known.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// The payload with which the parent's panic continues this one.
    pub(crate) fn into_payload(self) -> Result<String, Self> {
        let ChildPanic(mut panic) = self;
        panic.message.take().ok_or(ChildPanic(panic))
    }
}

impl fmt::Display for ChildPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "child {} panicked", self.child())?;
        if let Some(location) = self.location() {
            write!(f, " at {location}")?;
        }
        write!(f, ": {}", self.message().unwrap_or("non-string payload"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics() {
        let full = ChildPanic::new(0, Some("m".into()), Some("f.rs:1:2".into()));
        assert_eq!(full.to_string(), "child 0 panicked at f.rs:1:2: m");
        assert_eq!(full.into_payload().ok().as_deref(), Some("m"));
        let none = ChildPanic::new(1, None, None);
        assert_eq!(none.to_string(), "child 1 panicked: non-string payload");
        assert!(none.into_payload().is_err());
    }
}
