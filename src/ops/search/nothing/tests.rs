//! Reasons, with a fake for similar words.
