//! The feed's counterexamples in words.

use super::link::Msg;
use super::state::{Action as A, State};
use super::{Change, Feed};
use crate::pair::Which;
use crate::story::Story;

impl Story for Feed {
    fn step(&self, was: &State, action: A, now: &State) -> String {
        match action {
            A::Tick => String::new(),
            A::Commit => self.commit_story(was, now),
            A::Read(i) => format!("{} sends a read of the head ({} there)", name(i), was.db.head),
            A::ReadDone(i) => format!("{} gets the answer and holds {}", name(i), now.replicas[i].mem.head),
            A::UpNonce(i) => format!("{} sends identity a nonce", name(i)),
            A::UpPush(i) => format!("identity puts change {} on its stream to {}", was.origin.head, name(i)),
            A::UpEcho(i) => format!("identity echoes the nonce to {} with head {}", name(i), was.origin.head),
            A::UpRecv(i) => up_receive_story(i, was, now),
            A::Nonce(i) => format!("the gateway sends {} a nonce", name(i)),
            A::Push(i) => format!("{} puts invalidation {} on the stream", name(i), was.replicas[i].mem.head),
            A::Echo(i) => {
                let r = &was.replicas[i];
                format!("{} echoes the nonce: head {}, evidence {} old", name(i), r.mem.head, self.evidence(r))
            }
            A::Recv(i) => receive_story(i, was, now),
            A::Ask(i) => format!("the gateway asks {}", name(i)),
            A::Answer(i) => format!("{} answers from its memory: as_of {}", name(i), was.replicas[i].mem.head),
            A::Settle if now.decider.cache != was.decider.cache => "the gateway receives the allow and keeps it".into(),
            A::Settle => "the gateway receives the answer and does not keep it".into(),
            A::Cut(i) => format!("the stream from {} breaks and is resumed at {}", name(i), was.decider.pos),
            A::StartOver(i) => {
                format!("the gateway starts over with {} at {}: cache empty", name(i), was.replicas[i].mem.head)
            }
            A::Crash(i) => format!("{} is killed and starts again", name(i)),
            A::Sleep => "the gateway's machine is suspended".into(),
            A::Wake => "the gateway's machine resumes".into(),
        }
    }

    fn ending(&self, st: &State) -> String {
        let [cached, _] = self.allows(st);
        let how =
            if cached.is_some() { "from its cache under a lease it holds live" } else { "on the answer that arrives" };
        match st.revoked {
            Some(age) => {
                let least = if age > self.s { "at least " } else { "" };
                format!("a request comes: ALLOWED {how}, {least}{age} ticks after the reply")
            }
            None => format!("a request comes: ALLOWED {how}"),
        }
    }
}

impl Feed {
    fn commit_story(&self, was: &State, now: &State) -> String {
        let whose = if self.hop { "identity" } else { "the token database" };
        let head = if self.hop { now.origin.head } else { now.db.head };
        match self.script.get(usize::from(was.step)) {
            Some(Change::Revoke) => format!("REVOKE commits at {whose} as {head}; the reply leaves"),
            Some(Change::Enable) => format!("the token is enabled again at {whose}"),
            Some(Change::Other) => format!("another change commits as {head}"),
            Some(Change::Restore) => format!("the database is restored from the backup: head {head} again"),
            None => "nothing commits".into(),
        }
    }
}

fn name(i: Which) -> String {
    format!("token-{}", i.number())
}

fn up_receive_story(i: Which, was: &State, now: &State) -> String {
    match was.replicas[i].up.first() {
        Some(Msg::Change(at)) => format!("{} writes identity's change {} into the projection", name(i), at.head),
        Some(Msg::Echo(..)) | None if now.replicas[i].up_age < was.replicas[i].up_age => {
            format!("{} receives identity's echo: its lease is {} old", name(i), now.replicas[i].up_age)
        }
        Some(Msg::Echo(..)) | None => format!("{} receives identity's echo: it renews nothing", name(i)),
    }
}

fn receive_story(i: Which, was: &State, now: &State) -> String {
    match was.replicas[i].down.first() {
        Some(Msg::Change(at)) => format!("the gateway applies {} from {}", at.head, name(i)),
        Some(Msg::Echo(..)) | None if now.decider.lease < was.decider.lease => {
            format!("the gateway receives {}'s echo: lease is {} old", name(i), now.decider.lease)
        }
        Some(Msg::Echo(..)) | None => format!("the gateway receives {}'s echo: it renews nothing", name(i)),
    }
}
