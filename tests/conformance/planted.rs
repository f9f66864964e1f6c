//! Errors that the interpreter makes on purpose: what random programs must be able to notice.

/// A planted error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// A merge looks at the child alone: what the parent changed is written over.
    ParentIgnored,
    /// Equal values of parent and child do not conflict.
    SameValueAgrees,
    /// Every write counts as a change, restored bytes as well.
    RestoredByteChanges,
    /// A merge that meets a conflict has written what lies below it.
    ConflictHalfMerged,
    /// The conflict reported is the highest one.
    HighestConflict,
    /// A merge leaves out the last byte of each page.
    LastByteUnmerged,
    /// A merge takes whole words: neighbours of a change are merged, too.
    WordsMerged,
    /// A merge makes the child's memory the new reference image.
    MergeMovesReference,
    /// Merge without a snapshot takes the memory of the child's creation for one.
    ReferenceFromCreation,
    /// A snapshot leaves out the last page of the heap block.
    LastPageNotSnapped,
    /// A second snapshot keeps the pages that the child changed.
    ChangesSurviveSnap,
    /// A second snapshot keeps the first reference image.
    ReferenceStays,
    /// A snapshot comes after the copy of the same put.
    SnapAfterCopy,
    /// The copy of a put counts as part of the reference image.
    CopyIntoReference,
    /// A page that the child has not changed shows what its parent writes after the start.
    LateWritesSeen,
    /// A copy of a put writes one byte less.
    CopyShort,
    /// A copy of a get comes before its merge.
    CopyBeforeMerge,
    /// A zero clears one byte more.
    ZeroLong,
    /// A zero clears whole pages.
    ZeroWholePages,
    /// Permissions bind nobody.
    PermIgnored,
    /// A snapshot does not give the child its parent's permissions.
    PermNotInherited,
    /// A merge writes where its parent may not write.
    MergeIgnoresPerm,
    /// A child started after its ret begins again.
    RestartsFromBeginning,
    /// New registers leave the thread-local as it was.
    LocalSurvivesRegs,
    /// A snapshot gives the child the parent's thread-local.
    LocalFollowsSnap,
    /// A killed child's memory is found by the next child of its id.
    KilledMemoryStays,
    /// The end of a child leaves its own children to the next of its id.
    SubtreeSurvives,
    /// New registers end the child's children.
    RegsEndSubtree,
    /// A snapshot ends the child's children.
    SnapEndsSubtree,
    /// A put that is refused has created the child.
    RefusedPutCreates,
    /// A child that failed can be merged.
    FailedChildMerges,
    /// A child that failed can be started with new registers alone.
    FailedChildRestarts,
    /// A get of a child that was never put finds one that was just created.
    UnknownIdFound,
    /// Changes of a grandchild that its parent merged are not the parent's own.
    GrandchildForgotten,
    /// Of children of a join that changed the same byte, the last one wins.
    LastSiblingWins,
    /// A join that fails has merged the children below the failing one.
    FailureMergesLower,
    /// What a child printed is delivered again by the next get.
    OutputStays,
    /// What a child printed comes before what its parent printed meanwhile.
    OutputBefore,
    /// A signal that a wait does not name is gone after it.
    OtherSignalLost,
}

/// All that random programs must find.
pub const ALL: [Planted; 38] = [
    Planted::ParentIgnored,
    Planted::SameValueAgrees,
    Planted::RestoredByteChanges,
    Planted::ConflictHalfMerged,
    Planted::HighestConflict,
    Planted::LastByteUnmerged,
    Planted::WordsMerged,
    Planted::MergeMovesReference,
    Planted::ReferenceFromCreation,
    Planted::LastPageNotSnapped,
    Planted::ChangesSurviveSnap,
    Planted::ReferenceStays,
    Planted::SnapAfterCopy,
    Planted::CopyIntoReference,
    Planted::LateWritesSeen,
    Planted::CopyShort,
    Planted::CopyBeforeMerge,
    Planted::ZeroLong,
    Planted::ZeroWholePages,
    Planted::PermIgnored,
    Planted::PermNotInherited,
    Planted::MergeIgnoresPerm,
    Planted::RestartsFromBeginning,
    Planted::LocalSurvivesRegs,
    Planted::LocalFollowsSnap,
    Planted::KilledMemoryStays,
    Planted::SubtreeSurvives,
    Planted::RegsEndSubtree,
    Planted::SnapEndsSubtree,
    Planted::RefusedPutCreates,
    Planted::FailedChildMerges,
    Planted::FailedChildRestarts,
    Planted::UnknownIdFound,
    Planted::GrandchildForgotten,
    Planted::LastSiblingWins,
    Planted::FailureMergesLower,
    Planted::OutputStays,
    Planted::OutputBefore,
];

/// What depends on time, which random programs have none of: rows alone can notice it.
pub const TIMED: [Planted; 1] = [Planted::OtherSignalLost];
