//! The writers' counterexamples in words.

use super::Writers;
use super::state::{Action as A, State};
use crate::pair::{Pair, Which};
use crate::story::Story;

impl Story for Writers {
    fn step(&self, was: &State, action: A, _: &State) -> String {
        match action {
            A::Tick => String::new(),
            A::Begin(i) => format!("{} begins the transaction that REVOKES", name(i)),
            A::Commit(i) => format!("{}'s REVOKE commits", name(i)),
            A::Reply(i) => format!("{}'s reply leaves", name(i)),
            A::Repeat(i) => format!("asked again, {} finds the token revoked and replies so", name(i)),
            A::Crash(i) => format!("{} is killed", name(i)),
            A::Leave(i) => format!("{} shuts down and takes its row out", name(i)),
            A::Remove(i) => format!("{}'s row has lapsed and is taken out", name(i)),
            A::RenewRow(i) => format!("{} renews its row", name(i)),
            A::Join => "W3 registers".into(),
            A::Ack => "R acknowledges W3".into(),
            A::Activate => "W3 may write".into(),
            A::Restore => "the database is restored from a backup without these registrations".into(),
            A::Renew => {
                let seen = names(Pair { one: was.w.one.row, two: was.w.two.row });
                format!("R sends its renewal (it will read: writers {seen})")
            }
            A::RenewDone => "R gets the renewal's answer".into(),
            A::Drop(i) => format!("R leaves {} out, whose registration has lapsed", name(i)),
            A::AskWords => format!("R asks the writers it knows ({})", names(was.set)),
            A::Word(i) => format!("{} says that it wrote nothing more", name(i)),
            A::Vouch => format!("R vouches without the database: evidence {} old", was.asked.unwrap_or(0)),
            A::CrashR => "R is killed and starts again".into(),
        }
    }

    fn ending(&self, st: &State) -> String {
        format!("a request comes: ALLOWED on evidence {} old, {} ticks or more after the reply", st.own, self.s + 1)
    }
}

fn name(i: Which) -> &'static str {
    match i {
        Which::One => "W2",
        Which::Two => "W3",
    }
}

fn names(set: Pair<bool>) -> &'static str {
    match (set.one, set.two) {
        (false, false) => "no other writer",
        (true, false) => "W2",
        (false, true) => "W3",
        (true, true) => "W2 and W3",
    }
}
