//! Who asked when: whoever asks again before there can be news is told so in a line.

use super::report::JobReport;
use crate::domain::job::Asked;
use crate::ops::Workspace;
use crate::process::job::JobDir;

/// Whether this session was told when to look again, it is not that late, and nothing was printed since. If not, it is
/// noted that it is told now.
pub(super) fn is_too_soon(workspace: &Workspace, dir: &JobDir, job: &JobReport) -> bool {
    let Some(look_again) = job.look_again.filter(|_| job.status == "running" && job.remarks.is_empty()) else {
        return false;
    };
    let (session, bytes) = (workspace.identity.session.clone(), job.bytes);
    if dir.asked().is_some_and(|asked| asked.is_too_soon(&session, bytes, workspace.now())) {
        return true;
    }
    dir.note_asked(&Asked { session, bytes, look_again });
    false
}
