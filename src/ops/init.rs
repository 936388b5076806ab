//! `init`: the store of this project, made where discovery looks for it.

use super::Workspace;
use crate::error::Result;
use serde::Serialize;
use std::path::PathBuf;

/// The report of `init`.
#[derive(Clone, Debug, Serialize)]
pub struct InitReport {
    /// Where the store is.
    pub store: PathBuf,
    /// Why it is there.
    pub why: String,
    /// Whether this call made it; it was there before otherwise.
    pub created: bool,
    /// Other stores that exist nearby and are passed over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PathBuf>,
}

/// Creates the store unless it exists.
///
/// # Errors
/// `Refused` if the place cannot be written, `Corrupt` if what is there is no store.
pub fn init(workspace: &Workspace) -> Result<InitReport> {
    let created = workspace.store.init()?;
    if !created {
        // A damaged store is there, but it is no use to say so and be content.
        workspace.read(|_| Ok(()))?;
    }
    Ok(InitReport {
        store: workspace.store.dir().to_owned(),
        why: workspace.location.why.sentence().to_owned(),
        created,
        passed_over: workspace.shadowed(),
    })
}
