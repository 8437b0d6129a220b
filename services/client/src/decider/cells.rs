//! When something last touched what decisions rest on.
//!
//! Each thing (a token, a secret, a key, a principal, a group, a resource) has a **cell**: the number of the newest change
//! that touched it. A decision remembers the cells of what it rests on. So invalidating is one number written per touched
//! thing, also for a group of a hundred thousand, and the fill rule is one comparison: a decision is good for the changes
//! applied so far if none of its cells has a number above its own `as_of`.
//!
//! Cells are a table of fixed size, found by a hash. Two things of one kind may share a cell; a change to one then also
//! makes decisions about the other be asked for again, which is slow and never wrong. In return the table needs no lock,
//! never grows, and nothing has to be remembered or forgotten per thing. Kinds have regions of their own, so that the many
//! changes to tokens never fall on the few cells that everybody rests on: a key, a large group, a resource.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::FixedState;
use smallvec::SmallVec;

use super::thing::Thing;
use crate::decision::RestsOn;

/// The place of a thing's cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot(u32);

/// The cells of what a decision rests on: six, and one for each group.
pub(super) type Spots = SmallVec<[Spot; 10]>;

/// The cell that everything rests on.
const ALL: Spot = Spot(0);

/// A stretch of the table: `1 << bits` cells.
#[derive(Clone, Copy, Debug)]
struct Region {
    start: u32,
    bits: u32,
}

impl Region {
    const fn after(previous: Self, bits: u32) -> Self {
        Self { start: previous.start + (1 << previous.bits), bits }
    }

    fn spot(self, hash: u64) -> Spot {
        let mask = (1_u64 << self.bits) - 1;
        Spot(self.start + u32::try_from(hash & mask).unwrap_or(0))
    }
}

/// Where each kind has its cells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    keys: Region,
    groups: Region,
    resources: Region,
    tokens: Region,
    jtis: Region,
    principals: Region,
}

/// Most and fewest bits of the regions for tokens, secrets and principals.
const MANY_BITS: std::ops::RangeInclusive<u32> = 8..=20;

impl Layout {
    /// A layout that takes at most about `bytes`, and never less than some 12 KiB.
    pub(super) fn within(bytes: u64) -> Self {
        // Three large regions and two of a sixteenth are 3.125 × 8 bytes × 2^bits.
        let cells = (bytes / 25).max(1);
        let many = cells.ilog2().clamp(*MANY_BITS.start(), *MANY_BITS.end());
        let (few, all) = (many.saturating_sub(4).max(6), Region { start: 0, bits: 0 });
        let keys = Region::after(all, 6);
        let groups = Region::after(keys, few);
        let resources = Region::after(groups, few);
        let tokens = Region::after(resources, many);
        let jtis = Region::after(tokens, many);
        Self { keys, groups, resources, tokens, jtis, principals: Region::after(jtis, many) }
    }

    fn cells(&self) -> usize {
        usize::try_from(self.principals.start + (1 << self.principals.bits)).unwrap_or(usize::MAX)
    }

    /// What a table of this layout takes.
    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.cells() * size_of::<AtomicU64>()).unwrap_or(u64::MAX)
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Cells {
    touched: Box<[AtomicU64]>,
    layout: Layout,
    hasher: FixedState,
}

impl Cells {
    /// A table in which nothing was touched yet.
    pub(super) fn new(layout: Layout, hasher: FixedState) -> Self {
        Self { touched: (0..layout.cells()).map(|_| AtomicU64::new(0)).collect(), layout, hasher }
    }

    /// The cells of all that a decision rests on.
    pub(super) fn of(&self, rests_on: &RestsOn) -> Spots {
        let own = [
            ALL,
            self.layout.keys.spot(self.hasher.hash_one(&rests_on.kid)),
            self.layout.resources.spot(self.hasher.hash_one(&rests_on.resource)),
            self.layout.tokens.spot(self.hasher.hash_one(rests_on.token_id)),
            self.layout.jtis.spot(self.hasher.hash_one(rests_on.jti)),
            self.layout.principals.spot(self.hasher.hash_one(rests_on.principal)),
        ];
        let groups = rests_on.groups.iter().map(|group| self.layout.groups.spot(self.hasher.hash_one(group)));
        own.into_iter().chain(groups).collect()
    }

    fn spot(&self, thing: &Thing) -> Spot {
        let at = |region: Region, hash: u64| region.spot(hash);
        match thing {
            Thing::All => ALL,
            Thing::Key(kid) => at(self.layout.keys, self.hasher.hash_one(kid)),
            Thing::Group(group) => at(self.layout.groups, self.hasher.hash_one(group)),
            Thing::Resource(resource) => at(self.layout.resources, self.hasher.hash_one(resource)),
            Thing::Token(token) => at(self.layout.tokens, self.hasher.hash_one(token)),
            Thing::Jti(jti) => at(self.layout.jtis, self.hasher.hash_one(jti)),
            Thing::Principal(principal) => at(self.layout.principals, self.hasher.hash_one(principal)),
        }
    }

    /// Notes that change `number` touched `thing`.
    pub(super) fn touch(&self, thing: &Thing, number: u64) {
        if let Some(cell) = self.cell(self.spot(thing)) {
            cell.fetch_max(number, Ordering::Release);
        }
    }

    /// The newest change that touched one of these.
    pub(super) fn newest(&self, spots: &[Spot]) -> u64 {
        // A spot that this table does not have is none of its own: as if just touched.
        let touched = |spot: &Spot| self.cell(*spot).map_or(u64::MAX, |cell| cell.load(Ordering::Acquire));
        spots.iter().map(touched).max().unwrap_or(u64::MAX)
    }

    fn cell(&self, spot: Spot) -> Option<&AtomicU64> {
        self.touched.get(usize::try_from(spot.0).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::convert::tests::allow;
    use crate::id::{GroupId, TokenId};

    fn cells() -> Cells {
        Cells::new(Layout::within(1 << 20), FixedState::with_seed(7))
    }

    #[test]
    fn a_change_to_anything_that_a_decision_rests_on_is_seen_and_one_to_something_else_is_not() {
        let rests_on = allow().rests_on.expect("it rests on something");
        let touches = [
            Thing::All,
            Thing::Key(rests_on.kid.clone()),
            Thing::Group(rests_on.groups[0]),
            Thing::Resource(rests_on.resource.clone()),
            Thing::Token(rests_on.token_id),
            Thing::Jti(rests_on.jti),
            Thing::Principal(rests_on.principal),
        ];
        for touched in touches {
            let cells = cells();
            let spots = cells.of(&rests_on);
            cells.touch(&Thing::Token(TokenId::new(Uuid::from_u128(77))), 8);
            cells.touch(&Thing::Group(GroupId::new(Uuid::from_u128(77))), 8);
            assert_eq!(cells.newest(&spots), 0, "other things");

            cells.touch(&touched, 9);
            assert_eq!(cells.newest(&spots), 9, "{touched:?}");
            cells.touch(&touched, 3);
            assert_eq!(cells.newest(&spots), 9, "never back: {touched:?}");
        }
    }

    #[test]
    fn a_kind_never_falls_on_the_cells_of_another() {
        let (cells, rests_on) = (cells(), allow().rests_on.expect("it rests on something"));
        let shared = RestsOn { token_id: TokenId::new(Uuid::from_u128(u128::MAX)), ..rests_on };
        let spots = cells.of(&shared);

        for id in 0..200_000 {
            cells.touch(&Thing::Token(TokenId::new(Uuid::from_u128(id))), 5);
        }

        let others: Vec<Spot> = spots.iter().copied().filter(|spot| cells.newest(&[*spot]) == 0).collect();
        assert_eq!(others.len(), spots.len() - 1, "all but the token's own cell");
    }

    #[test]
    fn the_table_keeps_to_its_size() {
        for bytes in [0_u64, 1 << 16, 1 << 20, 4 << 20, 1 << 30] {
            let layout = Layout::within(bytes);
            assert!(layout.bytes() <= bytes.max(12 << 10), "{bytes}: {}", layout.bytes());
        }
        assert!(Layout::within(4 << 20).bytes() > 2 << 20, "and uses it");
    }

    #[test]
    fn a_spot_of_another_table_counts_as_just_touched() {
        assert_eq!(cells().newest(&[Spot(u32::MAX)]), u64::MAX);
        assert_eq!(cells().newest(&[]), u64::MAX, "what rests on nothing is nothing that is kept");
    }
}
