//! How a failure is told: every cause on a line of its own.

use std::io::Write;

/// Writes an error and all its causes, one a line, leaving out a cause that the line before has said already.
///
/// # Errors
/// Fails if the screen does.
pub fn tell(error: &anyhow::Error, screen: &mut dyn Write) -> std::io::Result<()> {
    let mut said = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if said.is_empty() {
            writeln!(screen, "error: {text}")?;
        } else if !said.ends_with(&text) {
            writeln!(screen, "  because: {text}")?;
        }
        said = text;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn each_cause_is_on_its_own_line_and_none_is_said_twice() {
        let error = Err::<(), _>(std::io::Error::other("the disk is full"))
            .context("cannot write a: the disk is full")
            .context("the token service did not start")
            .expect_err("an error");
        let mut screen = Vec::new();

        tell(&error, &mut screen).expect("a screen in memory");

        let text = String::from_utf8(screen).expect("text");
        assert_eq!(text, "error: the token service did not start\n  because: cannot write a: the disk is full\n");
    }
}
