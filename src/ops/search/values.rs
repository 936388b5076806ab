//! Values of filters that are near one that no record has: a misspelt kind, the tag that is called a little differently.

use super::parts;
use crate::domain::id::Uid;
use crate::domain::kind::{self, KINDS};
use crate::domain::query::{Facet, Filter};
use crate::domain::record::Record;
use crate::domain::{field, terms, text};
use crate::error::Result;
use crate::ops::list::id_of;
use crate::store::View;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// The newest records of each kind in which values are looked for.
const SAMPLED: usize = 200;

/// Records whose tag begins with the same letter that are looked at.
const SAME_LETTER: usize = 500;

/// How many are named.
const NEAR_MAX: usize = 3;

/// Filters that hold of some record and are written almost like this one, nearest first; `met` are records to look at
/// beside the newest ones.
///
/// # Errors
/// As the store says.
pub(super) fn near(view: &View, filter: &Filter, met: &[Uid]) -> Result<Vec<String>> {
    let held: BTreeSet<String> = match filter.facet {
        Facet::Kind => KINDS.iter().flat_map(|kind| [kind.name, kind.plural]).map(str::to_owned).collect(),
        Facet::Status => statuses(),
        facet => values(view, (facet, &filter.value), met)?,
    };
    if filter.facet == Facet::Kind && kind::find(&filter.value).is_some() || held.contains(&filter.value) {
        return Ok(Vec::new());
    }
    let near = nearest(&filter.value, &held, filter.facet);
    Ok(near.into_iter().map(|value| parts::filter_text(filter.facet, value)).collect())
}

fn statuses() -> BTreeSet<String> {
    let all = KINDS.iter().flat_map(|kind| kind.statuses).copied();
    all.chain(["live", "ended"]).map(str::to_owned).collect()
}

/// The values that a sample of the records has.
fn values(view: &View, (facet, value): (Facet, &str), met: &[Uid]) -> Result<BTreeSet<String>> {
    let mut values = BTreeSet::new();
    let mut met = met.to_vec();
    if let (Facet::Tag, Some(letter)) = (facet, value.chars().next()) {
        let enough = met.len() + SAME_LETTER;
        view.scan_terms(&terms::tag_term(&letter.to_string()), |uid| {
            met.push(uid);
            Ok(if met.len() < enough { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
    }
    for uid in met {
        if let Some(record) = view.record(uid)? {
            values.extend(of(view, &record, facet)?);
        }
    }
    for kind in &KINDS {
        for record in view.first(&terms::kind_term(kind.name), SAMPLED)? {
            values.extend(of(view, &record, facet)?);
        }
    }
    Ok(values)
}

fn of(view: &View, record: &Record, facet: Facet) -> Result<Vec<String>> {
    let one = |value: Option<&str>| value.map(|value| facet.normalize(value)).into_iter().collect();
    Ok(match facet {
        Facet::Kind | Facet::Status => Vec::new(),
        Facet::Tag => record.tags().map(|tag| facet.normalize(tag)).collect(),
        Facet::Path => record.elements(field::REF).map(|(path, _)| facet.normalize(path_of(path))).collect(),
        Facet::Branch => one(record.text(field::BRANCH)),
        Facet::Key => one(record.text(field::KEY)),
        Facet::By => {
            let birth = record.birth.as_ref();
            let session = birth.and_then(|birth| birth.session).map(|uid| id_of(view, uid)).transpose()?;
            birth.map(|birth| birth.actor.clone()).into_iter().chain(session).map(|by| facet.normalize(&by)).collect()
        }
    })
}

/// A reference without its lines.
fn path_of(reference: &str) -> &str {
    match reference.rsplit_once(':') {
        Some((path, lines)) if lines.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => path,
        _ => reference,
    }
}

/// Those that are misspelt so, then those that contain it or that it contains.
fn nearest<'a>(value: &str, held: &'a BTreeSet<String>, facet: Facet) -> Vec<&'a str> {
    let distance = (value.chars().count() / 3).clamp(1, 2);
    let mut near: Vec<&str> = text::nearest(value, held.iter().map(String::as_str), distance).into_iter().collect();
    let within = |held: &&str| held.contains(value) || facet != Facet::Path && held.len() > 2 && value.contains(*held);
    let mut others: Vec<&str> =
        held.iter().map(String::as_str).filter(within).filter(|one| !near.contains(one)).collect();
    others.sort_by_key(|one| one.len().abs_diff(value.len()));
    near.extend(others);
    near.truncate(NEAR_MAX);
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_values_are_misspelt_or_contain_it() {
        let held: BTreeSet<String> =
            ["auth", "authentication", "src/auth/token.rs", "ui"].into_iter().map(str::to_owned).collect();
        assert_eq!(nearest("atuh", &held, Facet::Tag), ["auth"]);
        assert_eq!(nearest("authen", &held, Facet::Tag), ["auth", "authentication"]);
        assert_eq!(nearest("token.rs", &held, Facet::Path), ["src/auth/token.rs"]);
        assert_eq!(nearest("database", &held, Facet::Tag), [""; 0]);
        assert_eq!(nearest("x", &held, Facet::Tag), [""; 0]);
    }

    #[test]
    fn kinds_and_statuses_are_known_without_records() {
        assert_eq!(nearest("opne", &statuses(), Facet::Status), ["open"]);
    }
}
