//! Failures that only children with memory of their own can have: without the engine `spaces`
//! the types are there, so that the same programs compile, and no value of them exists.
use super::{FaultKind, LimitKind, Place};
use std::fmt;

/// No value has this type.
#[derive(Debug, Clone)]
enum Never {}

/// Types of failures with their methods, of which none is ever called.
macro_rules! absent {
    ($($(#[$meta:meta])* $name:ident {
        $($(#[$about:meta])* fn $method:ident() -> $result:ty;)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub struct $name(Never);

        impl $name {
            $($(#[$about])* pub fn $method(&self) -> $result {
                match self.0 {}
            })*
        }

        impl fmt::Display for $name {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {}
            }
        }
    )*};
}

absent! {
    /// Two children, or a child and its parent, changed the same file or name.
    FileConflict {
        /// The file, directory or name.
        fn path() -> &std::path::Path;
        /// The two children, in program order; nothing in place of the first stands for their
        /// parent.
        fn children() -> (Option<usize>, usize);
    }
    /// Two children changed the same byte.
    MergeConflict {
        /// Source lines at which the two wrote the byte.
        fn lines() -> [Option<String>; 2];
        /// The variable that it lies in.
        fn variable() -> Option<String>;
        /// The function whose local variable it is.
        fn function() -> Option<String>;
        /// The field or element.
        fn field() -> Option<String>;
        /// The type of the field.
        fn type_name() -> Option<String>;
        /// The three values as the type shows them.
        fn typed_values() -> Option<[String; 3]>;
        /// The two children by their paths.
        fn tasks() -> [Option<String>; 2];
        /// Address of the lowest conflicting byte.
        fn address() -> usize;
        /// Indices of the two children, lower first.
        fn children() -> (usize, usize);
        /// The byte at the snapshot, as the lower and as the higher child left it.
        fn values() -> (u8, u8, u8);
        /// The eight bytes around it.
        fn words() -> (u64, u64, u64);
        /// Whether the lower and the higher child freed the block around it.
        fn freed() -> (bool, bool);
        /// What lies at the address.
        fn what() -> Place;
        /// What to do about it.
        fn remedy() -> Option<String>;
        /// The whole report.
        fn report() -> String;
        /// The whole report for programs.
        fn json() -> String;
    }
    /// A child did not do the same when it ran once more.
    ChildDiffers {
        /// Index of the child.
        fn child() -> usize;
        /// Where it differs.
        fn address() -> Option<usize>;
        /// What lies there.
        fn what() -> Option<Place>;
    }
    /// A signal ended a child.
    ChildFault {
        /// Index of the child.
        fn child() -> usize;
        /// What is known of the cause.
        fn kind() -> FaultKind;
        /// The signal.
        fn signal() -> Option<i32>;
        /// The signal's name.
        fn signal_name() -> Option<String>;
        /// The signal's code.
        fn code() -> i32;
        /// The address that was touched.
        fn address() -> Option<usize>;
        /// What lies there.
        fn what() -> Option<Place>;
        /// Address of the instruction.
        fn instruction() -> usize;
        /// Function of the instruction.
        fn function() -> Option<String>;
        /// Source line of the instruction.
        fn location() -> Option<String>;
    }
    /// Confinement refused a system call.
    ForbiddenCall {
        /// Index of the child.
        fn child() -> usize;
        /// Number of the call.
        fn number() -> i64;
        /// Name of the call.
        fn name() -> Option<&'static str>;
        /// Its arguments.
        fn arguments() -> [u64; 6];
        /// The name that it was given.
        fn text() -> Option<&str>;
        /// What to do about it.
        fn remedy() -> &'static str;
        /// Address of the instruction.
        fn instruction() -> usize;
        /// Function of the instruction.
        fn function() -> Option<String>;
        /// Source line of the instruction.
        fn location() -> Option<String>;
    }
    /// A limit that a child or its construct exhausted.
    LimitReached {
        /// Index of the child.
        fn child() -> usize;
        /// Which limit.
        fn kind() -> LimitKind;
        /// What to do about it.
        fn remedy() -> &'static str;
    }
    /// A child whose worker was killed from outside.
    ChildKilled {
        /// Index of the child.
        fn child() -> usize;
        /// The signal.
        fn signal() -> Option<i32>;
        /// The signal's name.
        fn signal_name() -> Option<String>;
    }
}

impl MergeConflict {
    /// In place of a child's index: the parent.
    pub const PARENT: usize = usize::MAX;
}
