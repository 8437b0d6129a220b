//! Takes chance out of the standard library, for this crate's own programs and tests.

fn main() {
    println!("cargo::rerun-if-changed=no_chance.c");
    for object in cc::Build::new().file("no_chance.c").compile_intermediates() {
        println!("cargo::rustc-link-arg={}", object.display());
    }
}
