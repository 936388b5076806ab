//! What a writer does to the text of the events that it makes: secrets and private passages are masked before anything is written.
//!
//! Events of other replicas and of exports are taken as they are: they were masked where they were made, and a change would make
//! them differ between replicas. An old store is looked through by `doctor --secrets`.

use super::{Registers, Writer};
use crate::domain::event::Put;
use crate::domain::id::Uid;
use crate::domain::record::Record;
use crate::domain::{field, secret};
use crate::error::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// Whether secrets are masked, and which were. Clones share what they tell.
#[derive(Clone, Debug, Default)]
pub struct Masking {
    allows_secrets: bool,
    told: Arc<Mutex<Told>>,
}

/// By kind: hashes of the secrets, to count each once, however many registers had it.
type Told = BTreeMap<&'static str, BTreeSet<u64>>;

impl Masking {
    /// Masks private passages, and secrets unless they are allowed.
    #[must_use]
    pub fn new(allows_secrets: bool) -> Self {
        Self { allows_secrets, ..Self::default() }
    }

    /// The kinds of secret that were masked, and how many different ones of each.
    #[must_use]
    pub fn told(&self) -> Vec<(&'static str, usize)> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().map(|(kind, secrets)| (*kind, secrets.len())).collect()
    }

    /// The same as a line, if there was any: `1 secret masked (github-token)`.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        let told = self.told();
        let count: usize = told.iter().map(|(_, count)| count).sum();
        let kinds: Vec<&str> = told.iter().map(|(kind, _)| *kind).collect();
        let what = if kinds == [secret::PRIVATE_KIND] { "private passage" } else { "secret" };
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {what}{plural} masked ({})", kinds.join(", ")))
    }

    /// The text as it may be kept.
    #[must_use]
    pub fn text(&self, text: String) -> String {
        secret::mask_text(text, &mut |kind, secret| self.wants(kind, secret))
    }

    /// The registers as they may be kept: their values, and the names that hold text of people.
    #[must_use]
    pub fn registers(&self, set: Registers) -> Registers {
        let masked = set.into_iter().map(|(name, mut value)| {
            mask_register(&name, &mut value, &mut |kind, secret| self.wants(kind, secret));
            let is_plain = [field::LINK, field::CLAIM, field::ALSO].iter().any(|prefix| name.starts_with(prefix));
            (if is_plain { name } else { self.text(name) }, value)
        });
        masked.collect()
    }

    /// Whether this is masked; if so it is told afterwards.
    fn wants(&self, kind: &'static str, secret: &str) -> bool {
        if self.allows_secrets && kind != secret::PRIVATE_KIND {
            return false;
        }
        let mut hash = DefaultHasher::new();
        secret.hash(&mut hash);
        self.told.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default().insert(hash.finish());
        true
    }
}

/// The values of registers are text; what is in a blob already was masked when it was made.
fn mask_register(name: &str, value: &mut Value, wants: &mut dyn FnMut(&'static str, &str) -> bool) {
    if name != field::BODY || value.is_string() {
        secret::mask_value(name, value, wants);
    }
}

impl Writer {
    /// The registers as this writer keeps them, for those who compare before they put.
    #[must_use]
    pub fn masked(&self, set: Registers) -> Registers {
        self.masking.registers(set)
    }

    /// Sets registers to values that the record held before, or that were masked already: what was kept on purpose stays.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn put_as_is(&mut self, uid: Uid, set: Registers) -> Result<Record> {
        self.event(Put { uid, create: None, set, extra: BTreeMap::new() }, self.now())
    }

    /// The same for a text that is to become part of a value.
    #[must_use]
    pub fn masked_text(&self, text: String) -> String {
        self.masking.text(text)
    }
}
