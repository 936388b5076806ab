//! How the binary is linked.

#[expect(clippy::disallowed_methods, reason = "a build script is told of its target by the environment")]
fn main() {
    println!("cargo:rerun-if-changed=.config/build.rs");
    // A process lives for two milliseconds. At a fixed address it starts in 1.5 ms instead of 1.8: a hundred pages of
    // addresses need no relocation. Rust's own checks guard memory, not a random address.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
