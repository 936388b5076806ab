//! What the views must be: the fold of the log, checked by the store's own verifier.

use crate::support::Shell;
use state::store::Store;

/// Records, ids, histories, transactions and every secondary index must be what the log alone says.
#[track_caller]
pub fn assert_views_equal_a_fresh_fold(shell: &Shell) {
    let store = Store::at(&shell.store(), chrono::Utc::now, [0; 16]);
    assert_eq!(store.verify().unwrap().differences, [""; 0]);
}
