//! Walks the chapters: calls, compares each answer with the right one, and shows both.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use super::call::{self, Answer};
use super::step::{Call, Chapter, Outcome, Step};
use super::world::World;

/// How the walk went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Steps whose answer was the right one.
    pub right: usize,
    /// Steps whose answer was not.
    pub wrong: usize,
}

/// Walks all chapters, also past a wrong answer, and shows each step on `screen`.
///
/// # Errors
/// Fails if the screen does, or if a step needs what a wrong answer did not give.
pub async fn walk(chapters: &[Chapter], world: &mut World, screen: &mut (dyn Write + Send)) -> Result<Score> {
    let mut score = Score::default();
    for chapter in chapters {
        writeln!(screen, "\n{}\n{}", chapter.title, "─".repeat(chapter.title.chars().count()))?;
        for step in &chapter.steps {
            let (answer, took) = take(step, world).await.with_context(|| format!("step \"{}\"", step.title))?;
            let right = step.expect.is(&answer.outcome);
            show(step, &answer, took, right, screen)?;
            if right { score.right += 1 } else { score.wrong += 1 }
        }
    }
    Ok(score)
}

async fn take(step: &Step, world: &mut World) -> Result<(Answer, Duration)> {
    let began = Instant::now();
    let answer = match &step.call {
        Call::Rpc(rpc) => call::rpc(rpc, world).await?,
        Call::Http(request) => call::http(request, world).await?,
        Call::Wait(time) => {
            tokio::time::sleep(*time).await;
            Answer { called: format!("{} s pass", time.as_secs()), outcome: Outcome::Good, said: String::new() }
        }
    };
    Ok((answer, began.elapsed()))
}

fn show(step: &Step, answer: &Answer, took: Duration, right: bool, screen: &mut dyn Write) -> Result<()> {
    let mark = if right { '✓' } else { '✗' };
    writeln!(screen, "\n {mark} {}", step.title)?;
    writeln!(screen, "     → {}", answer.called)?;
    let outcome = &answer.outcome;
    match answer.said.as_str() {
        "" => writeln!(screen, "     ← {outcome}   ({} ms)", took.as_millis())?,
        said => writeln!(screen, "     ← {outcome}: {said}   ({} ms)", took.as_millis())?,
    }
    if !right {
        writeln!(screen, "       wrong: it should have been {}", step.expect)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::step::Expect;
    use super::*;

    #[test]
    fn a_wrong_answer_says_what_was_expected() {
        let step =
            Step { title: "no token", call: Call::Wait(Duration::ZERO), expect: Expect::Status(401, "TOKEN_MISSING") };
        let answer = Answer { called: "GET /".to_owned(), outcome: Outcome::Good, said: String::new() };
        let mut screen = Vec::new();

        show(&step, &answer, Duration::ZERO, false, &mut screen).expect("a screen in memory");

        let text = String::from_utf8(screen).expect("text");
        assert!(text.contains("✗ no token") && text.contains("should have been 401 TOKEN_MISSING"), "{text}");
    }
}
