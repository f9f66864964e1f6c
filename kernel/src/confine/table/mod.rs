//! The rows of the confinement table, by topic.

mod descriptors;
mod files;
mod memory;
mod network;
mod processes;
mod signals;
mod system;
mod time;

use super::policy::Topic;

/// All topics, in the order of the document.
pub(super) const TOPICS: &[Topic] = &[
    time::TOPIC,
    files::TOPIC,
    descriptors::TOPIC,
    memory::TOPIC,
    processes::TOPIC,
    signals::TOPIC,
    network::TOPIC,
    system::TOPIC,
];
