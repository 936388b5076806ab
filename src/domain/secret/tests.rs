//! Every row has an example and a look-alike.
use super::*;
#[test]
fn smoke() {
    let id = format!("AKIA{}", "IOSFODNN7EXAMPLE");
    assert_eq!(mask(&format!("key {id} here")), "key [secret: aws-access-key] here");
}
