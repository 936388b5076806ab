//! What a transaction has changed so far, for those who react to it before it is committed.

use super::writer::Writer;
use crate::domain::id::Uid;

impl Writer {
    /// The records that this transaction has created or in which it has set a register, each with the sequence of the
    /// last event that did. Events of other replicas do not count: they happened elsewhere.
    #[must_use]
    pub fn changed(&self, register: &str) -> Vec<(Uid, u64)> {
        let mut found: Vec<(Uid, u64)> = Vec::new();
        for (_, event) in &self.view.pending {
            let Some(put) = event.put().filter(|_| event.stamp.replica == self.view.meta.replica) else { continue };
            if put.create.is_some() || put.set.contains_key(register) {
                found.retain(|(uid, _)| *uid != put.uid);
                found.push((put.uid, event.seq));
            }
        }
        found
    }

    /// The log position of the first event of this transaction; the next one's if there is none yet.
    #[must_use]
    pub fn first_position(&self) -> u64 {
        self.view.pending.first().map_or(self.view.meta.next_position, |(position, _)| *position)
    }
}
