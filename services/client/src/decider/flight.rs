//! Equal questions, asked once.
//!
//! The first one to ask starts a flight, which is a task of its own: whoever goes away cancels nobody, and its deadline is
//! nobody's in particular. Who joins gets the same answer, and checks it for itself when it comes (rule 3).

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::known::Answer;
use crate::action::Action;
use crate::resource::Resource;
use crate::source::Undecidable;

/// What a flight is about. Questions that must not be older than different marks are different questions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Route {
    pub(super) digest: [u8; 32],
    pub(super) resource: Resource,
    pub(super) action: Action,
    pub(super) mark: Option<String>,
}

/// How a flight ended.
pub(super) type Outcome = Result<Answer, Undecidable>;

/// The questions being asked.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Route, watch::Receiver<Option<Outcome>>>>);

/// The right to end a flight. Dropped without an outcome, as when the process stops, it ends without one.
#[derive(Debug)]
pub(super) struct Landing {
    flights: Arc<Flights>,
    route: Route,
    outcome: watch::Sender<Option<Outcome>>,
}

/// A seat in a flight.
#[derive(Debug)]
pub(super) struct Seat(watch::Receiver<Option<Outcome>>);

impl Flights {
    /// Takes a seat in the flight that is under way, or in a new one, which the caller then has to see to its end. `None` if
    /// `most` are under way.
    pub(super) fn board(self: &Arc<Self>, route: Route, most: usize) -> Option<(Seat, Option<Landing>)> {
        let mut flights = self.0.lock();
        if let Some(under_way) = flights.get(&route) {
            return Some((Seat(under_way.clone()), None));
        }
        if flights.len() >= most {
            return None;
        }
        let (outcome, seat) = watch::channel(None);
        flights.insert(route.clone(), seat.clone());
        Some((Seat(seat), Some(Landing { flights: Arc::clone(self), route, outcome })))
    }

    /// How many are under way.
    pub(super) fn count(&self) -> usize {
        self.0.lock().len()
    }
}

impl Landing {
    /// Ends the flight. Who asks from now on starts another.
    pub(super) fn land(self, outcome: Outcome) {
        self.flights.0.lock().remove(&self.route);
        self.outcome.send_replace(Some(outcome));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock();
        // After landing, another flight may be under way on this route.
        if flights.get(&self.route).is_some_and(|seat| seat.same_channel(&self.outcome.subscribe())) {
            flights.remove(&self.route);
        }
    }
}

impl Seat {
    /// Waits for the end of the flight.
    pub(super) async fn outcome(mut self) -> Outcome {
        let outcome = self.0.wait_for(Option::is_some).await;
        outcome.ok().and_then(|outcome| outcome.clone()).unwrap_or(Err(Undecidable::Unreachable(None)))
    }
}
