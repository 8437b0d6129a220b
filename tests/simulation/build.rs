//! Takes chance out of the standard library, for this crate's own programs and tests.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    let mut cargo = io::stdout();
    writeln!(cargo, "cargo::rerun-if-changed=no_chance.c")?;
    for object in cc::Build::new().file("no_chance.c").compile_intermediates() {
        writeln!(cargo, "cargo::rustc-link-arg={}", object.display())?;
    }
    Ok(())
}
