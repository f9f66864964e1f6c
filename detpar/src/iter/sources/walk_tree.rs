//! The nodes of a tree.
//!
//! The caller takes the tree apart from the root down, level by level, until there are enough
//! subtrees for all leaves of a parallel call; children walk the subtrees. What is cut where is a
//! function of the tree.
use crate::iter::bridged::{unindexed_by_inner, unindexed_by_method};
use crate::iter::{IntoParallelIterator, ParallelIterator, width};
use std::fmt::{self, Debug, Formatter};

/// As many subtrees are enough.
const ENOUGH: usize = width::USUAL;

/// No more levels are taken apart: a tree may be a list.
const LEVELS: usize = 16;

/// Nodes in the order of a walk.
enum Entry<S> {
    Node(S),
    /// A node and all below it.
    Tree(S),
}

/// The tree as entries. `parents_first` is the order of the walk.
fn entries<S, I: IntoIterator<Item = S>>(
    root: S,
    children_of: &impl Fn(&S) -> I,
    parents_first: bool,
) -> Vec<Entry<S>> {
    let (mut entries, mut trees) = (vec![Entry::Tree(root)], 1);
    for _ in 0..LEVELS {
        if trees == 0 || trees >= ENOUGH {
            break;
        }
        trees = 0;
        let mut next = Vec::with_capacity(2 * entries.len());
        for entry in entries {
            let Entry::Tree(node) = entry else {
                next.push(entry);
                continue;
            };
            let below = children_of(&node);
            let mut node = Some(Entry::Node(node));
            next.extend(node.take_if(|_| parents_first));
            let before = next.len();
            next.extend(below.into_iter().map(Entry::Tree));
            trees += next.len() - before;
            next.extend(node);
        }
        entries = next;
    }
    entries
}

/// Walks the subtree of an entry.
struct Walk<'a, S, B, I: IntoIterator> {
    /// `None` once it walks.
    start: Option<Entry<S>>,
    /// The way down: nodes that are yielded when they are left, and those of their children that
    /// are to come.
    way: Vec<(Option<S>, I::IntoIter)>,
    children_of: &'a B,
    parents_first: bool,
}

impl<S, B, I> Walk<'_, S, B, I>
where
    B: Fn(&S) -> I,
    I: IntoIterator<Item = S>,
{
    /// Goes down to a node; yields it where that is its turn.
    fn enter(&mut self, node: S) -> Option<S> {
        let below = (self.children_of)(&node).into_iter();
        let (now, later) = if self.parents_first { (Some(node), None) } else { (None, Some(node)) };
        self.way.push((later, below));
        now
    }
}

impl<S, B, I> Iterator for Walk<'_, S, B, I>
where
    B: Fn(&S) -> I,
    I: IntoIterator<Item = S>,
{
    type Item = S;

    fn next(&mut self) -> Option<S> {
        let mut found = match self.start.take() {
            Some(Entry::Node(node)) => Some(node),
            Some(Entry::Tree(root)) => self.enter(root),
            None => None,
        };
        while found.is_none() {
            let (_, below) = self.way.last_mut()?;
            found = match below.next() {
                Some(child) => self.enter(child),
                None => self.way.pop()?.0,
            };
        }
        found
    }
}

/// A tree and the order in which it is walked.
struct Tree<S, B> {
    /// `None` once it runs.
    root: Option<S>,
    children_of: B,
    parents_first: bool,
}

impl<S, B> Tree<S, B> {
    fn inner<I>(&mut self) -> impl ParallelIterator<Item = S>
    where
        S: Send,
        B: Fn(&S) -> I + Send + Sync,
        I: IntoIterator<Item = S>,
    {
        let (children_of, parents_first) = (&self.children_of, self.parents_first);
        let walk = move |entry| Walk::<S, B, I> {
            start: Some(entry),
            way: Vec::new(),
            children_of,
            parents_first,
        };
        let root = self.root.take();
        let entries = root.map_or(Vec::new(), |root| entries(root, children_of, parents_first));
        entries.into_par_iter().flat_map_iter(walk)
    }
}

unindexed_by_method!(
    [S: Send, B: Fn(&S) -> I + Send + Sync, I: IntoIterator<Item = S>] Tree<S, B>, S
);

/// A parallel iterator that walks a tree.
macro_rules! walker {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[must_use = "a parallel iterator does nothing until it is consumed"]
        pub struct $name<S, B> {
            inner: Tree<S, B>,
        }

        unindexed_by_inner!([S: Send, B: Fn(&S) -> I + Send + Sync, I: IntoIterator<Item = S>] $name<S, B>, S);

        impl<S: Debug, B> Debug for $name<S, B> {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                let root = &self.inner.root;
                f.debug_struct(stringify!($name)).field("root", root).finish_non_exhaustive()
            }
        }
    };
}

walker!(
    /// Parallel iterator over the nodes of a tree; see [`walk_tree`].
    WalkTree
);

/// Walks a tree from `root`, in the order of [`walk_tree_prefix`]. (rayon promises no order.)
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let below = |n: &u32| if *n < 3 { vec![2 * n + 1, 2 * n + 2] } else { vec![] };
///     assert_eq!(detpar::iter::walk_tree(0, below).sum::<u32>(), 21);
/// }
/// ```
pub fn walk_tree<S, B, I>(root: S, children_of: B) -> WalkTree<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S, IntoIter: DoubleEndedIterator>,
{
    WalkTree { inner: Tree { root: Some(root), children_of, parents_first: true } }
}

walker!(
    /// Parallel iterator over the nodes of a tree, parents first; see [`walk_tree_prefix`].
    WalkTreePrefix
);

/// Walks a tree from `root`: a node, then all below its first child, and so on.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let below = |n: &u32| if *n < 3 { vec![2 * n + 1, 2 * n + 2] } else { vec![] };
///     let v: Vec<u32> = detpar::iter::walk_tree_prefix(0, below).collect();
///     assert_eq!(v, [0, 1, 3, 4, 2, 5, 6]);
/// }
/// ```
pub fn walk_tree_prefix<S, B, I>(root: S, children_of: B) -> WalkTreePrefix<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S, IntoIter: DoubleEndedIterator>,
{
    WalkTreePrefix { inner: Tree { root: Some(root), children_of, parents_first: true } }
}

walker!(
    /// Parallel iterator over the nodes of a tree, children first; see [`walk_tree_postfix`].
    WalkTreePostfix
);

/// Walks a tree from `root`: all below the first child of a node, and so on, then the node.
///
/// ```
/// use detpar::prelude::*;
///
/// #[detpar::main]
/// fn main() {
///     let below = |n: &u32| if *n < 3 { vec![2 * n + 1, 2 * n + 2] } else { vec![] };
///     let v: Vec<u32> = detpar::iter::walk_tree_postfix(0, below).collect();
///     assert_eq!(v, [3, 4, 1, 5, 6, 2, 0]);
/// }
/// ```
pub fn walk_tree_postfix<S, B, I>(root: S, children_of: B) -> WalkTreePostfix<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S>,
{
    WalkTreePostfix { inner: Tree { root: Some(root), children_of, parents_first: false } }
}
