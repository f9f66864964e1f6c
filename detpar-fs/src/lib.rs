//! Files and standard streams for deterministic children.
