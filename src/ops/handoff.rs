//! The handoff of a session that wrote none.

use super::Workspace;
use crate::domain::activity::Activity;
use crate::domain::id::Uid;
use crate::error::Result;

/// Stub: replaced at the merge.
pub fn leave(_workspace: &Workspace, _session: Uid, _activity: &Activity) -> Result<Option<String>> {
    Ok(None)
}
