//! Pictures of ratchet trees in text. A tree of up to [`MAX_DRAWN_LEAVES`] leaves is drawn node by node with the root on top;
//! a larger one level by level, or only counted.

use cenacle_codec::Opaque;
use cenacle_mls::{
    tree::{NodeIndex, RatchetTree, math},
    wire::{Credential, LeafIndex, Node, WireTree},
};

/// The widest tree that is drawn node by node, in leaves.
pub const MAX_DRAWN_LEAVES: u32 = 16;
/// The widest tree whose levels are drawn as a line of marks each, in leaves.
const MAX_MARKED_LEAVES: u32 = 128;
/// How wide a drawing may become, in columns.
const MAX_COLUMNS: usize = 128;
/// Narrowest and widest place for one leaf, in columns.
const CELL_COLUMNS: core::ops::RangeInclusive<usize> = 8..=20;

const KEYED: char = '●';
const BLANK: char = '_';

/// Draws a ratchet tree. Nodes with a key are `●` and the key's first two bytes, blank ones `_`; `+3,5` behind a parent
/// names the leaves that do not hold its private key. Below each leaf stand its member's name and its index.
///
/// ```text
///               ●c0c0
///         ╭───────┴───────╮
///      ●b0b0+1            _
///     ╭───┴───╮       ╭───┴───╮
///   ●a0a0   ●a1a1     _     ●a3a3
///   Alice    Bob            Dora
///     0       1       2       3
/// ```
#[must_use]
pub fn draw_tree(tree: &RatchetTree, names: impl Fn(LeafIndex) -> String) -> String {
    let node = |node| {
        let key = tree.encryption_key(node)?.0;
        Some(Keyed { key, unmerged: tree.parent(node).map_or(Vec::new(), |parent| parent.unmerged_leaves) })
    };
    Sketch { leaves: tree.leaf_width(), node: &node, name: &names }.draw()
}

/// Draws a tree that has not been checked, as well as it can be. Members are named by their basic credentials.
pub(crate) fn draw_wire_tree(tree: &WireTree) -> String {
    let nodes: Vec<_> = tree.nodes().collect();
    let at = |node: NodeIndex| nodes.get(usize::try_from(node.0).ok()?)?.as_ref();
    let keyed = |node| {
        Some(match at(node)? {
            Node::Leaf(leaf) => Keyed { key: leaf.encryption_key.0.clone(), unmerged: Vec::new() },
            Node::Parent(parent) => {
                Keyed { key: parent.encryption_key.0.clone(), unmerged: parent.unmerged_leaves.clone() }
            }
        })
    };
    let name = |leaf: LeafIndex| match at(leaf.node_index()) {
        Some(Node::Leaf(leaf)) => credential_name(&leaf.credential),
        Some(Node::Parent(_)) | None => String::new(),
    };
    let leaves = u32::try_from(nodes.len() / 2 + 1).ok().and_then(u32::checked_next_power_of_two);
    leaves.map_or_else(String::new, |leaves| Sketch { leaves, node: &keyed, name: &name }.draw())
}

/// What to call a member, if its credential is text.
fn credential_name(credential: &Credential) -> String {
    match credential {
        Credential::Basic(identity) => String::from_utf8(identity.to_vec()).unwrap_or_default(),
        Credential::X509(_) | Credential::Custom(..) => String::new(),
    }
}

/// A node that is not blank.
struct Keyed {
    key: Opaque,
    unmerged: Vec<LeafIndex>,
}

impl Keyed {
    fn label(&self) -> String {
        let key = self.key.get(..2).unwrap_or(&self.key);
        let unmerged: Vec<_> = self.unmerged.iter().map(LeafIndex::to_string).collect();
        let plus = if unmerged.is_empty() { "" } else { "+" };
        format!("{KEYED}{}{plus}{}", hex::encode(key), unmerged.join(","))
    }
}

/// What is to be drawn.
struct Sketch<'a> {
    leaves: u32,
    node: &'a dyn Fn(NodeIndex) -> Option<Keyed>,
    name: &'a dyn Fn(LeafIndex) -> String,
}

impl Sketch<'_> {
    fn draw(&self) -> String {
        if self.leaves <= MAX_DRAWN_LEAVES { self.nodes() } else { self.levels() }
    }

    /// The nodes of one level from left to right.
    fn level(&self, level: u32) -> impl Iterator<Item = NodeIndex> {
        let nodes = 0..math::node_count(self.leaves);
        nodes.map(NodeIndex).filter(move |node| node.level() == level)
    }

    fn label(&self, node: NodeIndex) -> String {
        (self.node)(node).map_or_else(|| BLANK.to_string(), |keyed| keyed.label())
    }

    fn nodes(&self) -> String {
        let names: Vec<_> = (0..self.leaves).map(|leaf| plain((self.name)(LeafIndex(leaf)))).collect();
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let most = MAX_COLUMNS / usize::try_from(self.leaves).unwrap_or(1).max(1);
        // Even, so that a parent stands exactly between its children.
        let cell = (longest + 2).clamp(*CELL_COLUMNS.start(), most.clamp(*CELL_COLUMNS.start(), *CELL_COLUMNS.end()));
        let cell = cell.next_multiple_of(2);

        let mut picture = String::new();
        for level in (0..self.leaves.ilog2() + 1).rev() {
            let mut line = Line::default();
            let mut branches = Line::default();
            for node in self.level(level) {
                let width = cell << level;
                line.centre(&self.label(node), centre(node, cell), width - 1);
                if let (Some(left), Some(right)) = (node.left(), node.right()) {
                    branches.branch(centre(left, cell), centre(node, cell), centre(right, cell));
                }
            }
            line.end(&mut picture);
            branches.end(&mut picture);
        }
        let (mut members, mut indices) = (Line::default(), Line::default());
        for (leaf, name) in (0..self.leaves).zip(names) {
            let leaf = LeafIndex(leaf);
            members.centre(&name, centre(leaf.node_index(), cell), cell - 1);
            indices.centre(&leaf.to_string(), centre(leaf.node_index(), cell), cell - 1);
        }
        members.end(&mut picture);
        indices.end(&mut picture);
        picture
    }

    fn levels(&self) -> String {
        let mut picture = String::new();
        let top = self.leaves.ilog2();
        for level in (0..=top).rev() {
            let name = if level == 0 { "leaves".to_owned() } else { format!("level {level}") };
            let marks: String =
                self.level(level).map(|node| if (self.node)(node).is_some() { KEYED } else { BLANK }).collect();
            let keyed = marks.chars().filter(|mark| *mark == KEYED).count();
            let unmerged: usize =
                self.level(level).filter_map(|node| (self.node)(node)).map(|keyed| keyed.unmerged.len()).sum();
            let nodes = marks.chars().count();
            let marks = if self.leaves <= MAX_MARKED_LEAVES { format!("  {marks}") } else { String::new() };
            let unmerged = if unmerged == 0 { String::new() } else { format!(", {unmerged} unmerged entries") };
            picture.push_str(&format!("{name:<9} {keyed:>6} of {nodes:<6} keyed{unmerged}{marks}\n"));
        }
        picture
    }
}

/// A name without anything that would break the drawing.
fn plain(name: String) -> String {
    if name.chars().any(char::is_control) { name.chars().filter(|letter| !letter.is_control()).collect() } else { name }
}

/// The column of a node: positions in the array form are evenly spaced.
fn centre(node: NodeIndex, cell: usize) -> usize {
    usize::try_from(node.0).unwrap_or(0).saturating_add(1).saturating_mul(cell / 2)
}

/// A line of text that is written out of order.
#[derive(Default)]
struct Line(Vec<char>);

impl Line {
    fn put(&mut self, column: usize, letter: char) {
        if self.0.len() <= column {
            self.0.resize(column + 1, ' ');
        }
        if let Some(slot) = self.0.get_mut(column) {
            *slot = letter;
        }
    }

    /// Writes `text` around `column`, cut to `width`.
    fn centre(&mut self, text: &str, column: usize, width: usize) {
        let length = text.chars().count();
        let shown: Vec<char> = if length > width {
            text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
        } else {
            text.chars().collect()
        };
        let start = column.saturating_sub(shown.len() / 2);
        for (offset, letter) in shown.into_iter().enumerate() {
            self.put(start + offset, letter);
        }
    }

    /// Draws the lines from a parent to its children.
    fn branch(&mut self, left: usize, parent: usize, right: usize) {
        for column in left..=right {
            self.put(column, '─');
        }
        self.put(left, '╭');
        self.put(parent, '┴');
        self.put(right, '╮');
    }

    /// Ends the line, unless nothing is on it.
    fn end(self, picture: &mut String) {
        let line: String = self.0.into_iter().collect();
        if !line.trim().is_empty() {
            picture.push_str(line.trim_end());
            picture.push('\n');
        }
    }
}
