//! The resources that decisions in memory are about, each held once: few of them, and read by every look-up.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::FixedState;
use parking_lot::Mutex;

use crate::resource::Resource;

/// Fewer than this are never gone through.
const FEW: usize = 1024;

/// Resources, each once.
#[derive(Debug)]
pub(super) struct Resources(Mutex<Held>);

#[derive(Debug)]
struct Held {
    resources: HashSet<Arc<Resource>, FixedState>,
    /// When there are this many, those that no decision is about any more are let go.
    most: usize,
}

impl Resources {
    pub(super) fn new(hasher: FixedState) -> Self {
        Self(Mutex::new(Held { resources: HashSet::with_hasher(hasher), most: FEW }))
    }

    /// The one that equals `resource`.
    pub(super) fn one(&self, resource: &Resource) -> Arc<Resource> {
        let held = &mut *self.0.lock();
        if let Some(known) = held.resources.get(resource) {
            return Arc::clone(known);
        }
        if held.resources.len() >= held.most {
            held.resources.retain(|known| Arc::strong_count(known) > 1);
            held.most = (2 * held.resources.len()).max(FEW);
        }
        let new = Arc::new(resource.clone());
        held.resources.insert(Arc::clone(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(number: usize) -> Resource {
        Resource::parse(&format!("endpoints/e{number}")).expect("a resource")
    }

    #[test]
    fn equal_resources_are_one_and_those_that_nobody_needs_are_let_go() {
        let resources = Resources::new(FixedState::with_seed(1));
        let kept: Vec<_> = (0..600).map(|number| resources.one(&resource(number))).collect();
        assert!(Arc::ptr_eq(&kept[7], &resources.one(&resource(7))));

        (600..100_000).for_each(|number| drop(resources.one(&resource(number))));

        assert!(resources.0.lock().resources.len() <= 1_200);
        assert!(Arc::ptr_eq(&kept[7], &resources.one(&resource(7))), "what is needed stays");
    }
}
