//! Reading a password or a token: from a terminal without showing it, from a file of this user's alone, or from standard
//! input. Never from the command line, which every process of the machine can read.

use std::path::Path;

use passgate_kit::client::SecretString;
use passgate_kit::keyfile::read_secret;

use super::failure::Failure;
use super::screen::Screen;

/// Reads a secret from `file` (`-` is the next line of standard input), or asks for it where a person sits; else it is the
/// next line of standard input.
///
/// # Errors
/// If it cannot be read, or is empty.
pub fn read(screen: &mut Screen, file: Option<&Path>, prompt: &str) -> Result<SecretString, Failure> {
    match file {
        Some(file) if file != Path::new("-") => return Ok(read_secret(file)?),
        None if screen.is_interactive() => return typed(prompt),
        Some(_) | None => {}
    }
    let line = screen.next_line()?;
    if line.is_empty() {
        return Err(Failure::Usage(format!("{prompt}: nothing is on standard input")));
    }
    Ok(SecretString::new(line))
}

/// Reads a new secret; where it is typed, twice.
///
/// # Errors
/// As [`read`]; if the two differ.
pub fn read_new(screen: &mut Screen, file: Option<&Path>, prompt: &str) -> Result<SecretString, Failure> {
    let secret = read(screen, file, prompt)?;
    if file.is_none() && screen.is_interactive() {
        let again = typed(&format!("{prompt}, again"))?;
        if again.expose() != secret.expose() {
            return Err(Failure::Usage("the two passwords differ: repeat".to_owned()));
        }
    }
    Ok(secret)
}

fn typed(prompt: &str) -> Result<SecretString, Failure> {
    let failed = |source| Failure::Local { what: "cannot read from the terminal".to_owned(), source };
    let secret = rpassword::prompt_password(format!("{prompt}: ")).map(SecretString::new).map_err(failed)?;
    if secret.expose().is_empty() {
        return Err(Failure::Usage(format!("{prompt}: nothing was typed")));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::super::screen::testing;
    use super::*;

    #[test]
    fn lines_of_standard_input_are_read_one_after_the_other() {
        let (mut screen, _, aside) = testing::piped("old one\nnew one\n");

        let old = read(&mut screen, None, "Password").expect("the first line");
        let new = read_new(&mut screen, Some(Path::new("-")), "New password").expect("the second line");

        assert_eq!((old.expose(), new.expose()), ("old one", "new one"));
        assert_eq!(aside.text(), "", "nobody is asked");
        assert!(read(&mut screen, None, "Password").is_err(), "nothing is left");
    }

    #[test]
    fn a_file_that_others_can_read_holds_no_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        std::fs::write(&file, "open to all\n").expect("written");
        std::os::unix::fs::symlink(&file, folder.path().join("link")).expect("linked");
        let (mut screen, _, _) = testing::screen(None);

        assert!(matches!(read(&mut screen, Some(&folder.path().join("link")), "Password"), Err(Failure::File(_))));
    }
}
