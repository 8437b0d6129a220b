//! Two of a kind, reached by a name that always leads somewhere.

use std::ops::{Index, IndexMut};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// The first.
    One,
    /// The second.
    Two,
}

impl Which {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::One, Self::Two];

    /// 1 or 2, as stories number them.
    pub fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// One of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair<T> {
    /// The first.
    pub one: T,
    /// The second.
    pub two: T,
}

impl<T: Copy> Pair<T> {
    /// The same twice.
    pub fn of(value: T) -> Self {
        Self { one: value, two: value }
    }
}

impl<T> Index<Which> for Pair<T> {
    type Output = T;

    fn index(&self, which: Which) -> &T {
        match which {
            Which::One => &self.one,
            Which::Two => &self.two,
        }
    }
}

impl<T> IndexMut<Which> for Pair<T> {
    fn index_mut(&mut self, which: Which) -> &mut T {
        match which {
            Which::One => &mut self.one,
            Which::Two => &mut self.two,
        }
    }
}
