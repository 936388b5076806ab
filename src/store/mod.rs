//! The truth on disk: where it is and how its plain files are written.

pub mod files;
pub mod location;
