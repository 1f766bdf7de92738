//! The shapes of trees that vectors are about, and how they come to be. The large ones are those that the working group's
//! format names.

use super::Size;

/// How a tree grows: from one member to so many, each of whom was added by a commit of the member before it; then by steps.
pub(super) struct Shape {
    pub(super) members: u32,
    pub(super) then: &'static [Step],
}

/// A change of a tree.
pub(super) enum Step {
    /// A commit with a path.
    Commit { by: u32, remove: &'static [u32], add: u32 },
    /// A commit without a path that adds someone.
    Add,
    /// A commit without a path that updates this leaf.
    Update(u32),
}

const fn full(members: u32) -> Shape {
    Shape { members, then: &[] }
}

const fn shaped(members: u32, then: &'static [Step]) -> Shape {
    Shape { members, then }
}

const fn removing(remove: &'static [u32], add: u32) -> Step {
    Step::Commit { by: 0, remove, add }
}

/// Of tree-validation.json, in the order of growing complexity.
pub(super) const VALIDATION: &[Shape] = &[
    full(2),
    full(4),
    full(8),
    full(32),
    // Internal blanks.
    shaped(8, &[removing(&[2, 3], 1)]),
    // Trailing blanks.
    full(3),
    full(5),
    full(7),
    full(33),
    // Internal and trailing blanks that parent hashes skip.
    shaped(8, &[removing(&[1, 2, 3], 0)]),
    full(34),
    // Unmerged leaves.
    shaped(7, &[Step::Add]),
    // Unmerged leaves below blanks that parent hashes skip.
    shaped(8, &[removing(&[2, 3], 0), Step::Add, Step::Commit { by: 5, remove: &[], add: 0 }, Step::Add]),
    // A leaf of an Update, a member alone on its side.
    shaped(5, &[Step::Update(1), Step::Commit { by: 4, remove: &[2, 3], add: 0 }]),
];

/// The same on trees of no more than eight leaves.
pub(super) const SMALL_VALIDATION: &[Shape] = &[
    full(2),
    shaped(5, &[removing(&[2, 3], 1)]),
    shaped(3, &[Step::Add]),
    shaped(5, &[removing(&[2, 3], 0), Step::Add, Step::Update(1)]),
];

/// Of treekem.json.
pub(super) const TREE_KEM: &[Shape] = &[
    full(2),
    full(3),
    full(4),
    full(5),
    full(6),
    full(7),
    full(8),
    shaped(8, &[removing(&[3], 0)]),
    shaped(8, &[removing(&[1, 2, 3], 0)]),
    shaped(7, &[Step::Add]),
    shaped(8, &[removing(&[2, 3], 0), Step::Add, Step::Commit { by: 5, remove: &[], add: 0 }, Step::Add]),
];

/// The same, small.
pub(super) const SMALL_TREE_KEM: &[Shape] = &[full(2), shaped(5, &[removing(&[1, 3], 0), Step::Add])];

/// The shape of a vector.
pub(super) fn of(size: Size, small: &'static [Shape], full: &'static [Shape], index: usize) -> &'static Shape {
    size.of(small, full).get(index).unwrap_or(const { &self::full(1) })
}
