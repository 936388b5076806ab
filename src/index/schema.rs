//! What is kept of a record in the index, and the payload of a commit.

use super::{Coverage, Document, tokenizer};
use crate::domain::id::Uid;
use crate::domain::query::Facet;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tantivy::schema::{FAST, Field, IndexRecordOption, NumericOptions, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::{TantivyDocument, Term};

/// The version of schema and analysis; an index of another one counts as missing.
pub(super) const VERSION: u32 = 3;

/// How often the title is counted: a word in it says as much as this many in the body. See `rank` for the measurements.
const TITLE_WEIGHT: usize = 3;

/// The statuses by which a filter asks whether a record is over.
const LIVE: &str = "live";
const ENDED: &str = "ended";

/// The fields of the index.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    /// Everything that is searched for words, see [`texts`].
    pub text: Field,
    /// The uid in hex: what a record is deleted by.
    pub uid: Field,
    /// The upper and lower half of the uid, readable by document number.
    pub halves: [Field; 2],
    /// `kind:task`, `path:src/a.rs` and so on: what filters match.
    pub facets: Field,
    /// [`Facts`] as a number, readable by document number.
    pub facts: Field,
    /// Milliseconds since 1970.
    pub updated: Field,
}

/// Names of the fields that are read by document number.
pub(super) const HALVES: [&str; 2] = ["uid_upper", "uid_lower"];
/// See [`Fields::facts`].
pub(super) const FACTS: &str = "facts";
/// See [`Fields::updated`].
pub(super) const UPDATED: &str = "updated";

/// The schema and its fields.
pub(super) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(tokenizer::NAME)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let text = TextOptions::default().set_indexing_options(indexing);
    let fields = Fields {
        text: builder.add_text_field("text", text),
        uid: builder.add_text_field("uid", STRING),
        halves: HALVES.map(|name| builder.add_u64_field(name, FAST)),
        facets: builder.add_text_field("facets", STRING),
        facts: builder.add_u64_field(FACTS, FAST),
        updated: builder.add_i64_field(UPDATED, NumericOptions::default().set_fast()),
    };
    (builder.build(), fields)
}

/// What is searched for words, one value after the other in one field: the title, several times over, names (id, key, tags,
/// paths), and the body. That is BM25F: counts and lengths are those of a weighted sum of fields, and a word costs one
/// list of postings instead of one a field.
pub(super) fn texts(document: &Document) -> Vec<Cow<'_, str>> {
    let single = [Some(document.id.as_str()), document.key.as_deref()];
    let tags = document.tags.iter().map(String::as_str);
    let mut names: Vec<&str> = single.into_iter().flatten().chain(tags).collect();
    names.extend(path_components(&document.paths));
    let mut texts = vec![Cow::Borrowed(document.title.as_str()); TITLE_WEIGHT];
    texts.extend([Cow::Owned(names.join(" ")), Cow::Borrowed(document.body.as_str())]);
    texts
}

/// The directories and files of paths, each once: a directory is not what a record is about because it changed ten files there.
fn path_components(paths: &[String]) -> Vec<&str> {
    let mut components = Vec::new();
    for component in paths.iter().flat_map(|path| path.split('/')) {
        if !components.contains(&component) {
            components.push(component);
        }
    }
    components
}

/// The properties that filters match, normalized.
pub(super) fn facets(document: &Document) -> Vec<(Facet, String)> {
    let of = |facet: Facet, value: &str| (facet, facet.normalize(value));
    let mut facets = vec![of(Facet::Kind, &document.kind), of(Facet::By, &document.actor)];
    facets.push(of(Facet::Status, &document.status));
    facets.push(of(Facet::Status, if document.live { LIVE } else { ENDED }));
    facets.extend(document.tags.iter().map(|tag| of(Facet::Tag, tag)));
    facets.extend(document.paths.iter().map(|path| of(Facet::Path, path)));
    facets.extend(document.session.iter().map(|session| of(Facet::By, session)));
    facets.extend(document.branch.iter().map(|branch| of(Facet::Branch, branch)));
    facets.extend(document.key.iter().map(|key| of(Facet::Key, key)));
    facets
}

/// What ranking looks at besides the text, in one number: reading several columns for 200 records took most of a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Whether it is over, and how.
    pub standing: Standing,
    /// What its kind is worth, see [`Worth`].
    pub worth: Worth,
    /// Bytes of title and body, at most [`Facts::SIZE_MAX`].
    pub size: u64,
    /// See [`Document::place`].
    pub place: u64,
}

/// Whether a record is over, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Live,
    Done,
    /// Superseded or dropped: it no longer holds.
    Void,
}

/// How often records of a kind are what a search is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// Automatic.
    Less,
    Plain,
    /// Learned or settled.
    More,
}

impl Facts {
    /// Sizes are kept up to this.
    pub(super) const SIZE_MAX: u64 = 255;

    pub(super) fn of(document: &Document) -> Self {
        let worth = match document.kind.as_str() {
            "finding" | "decision" => Worth::More,
            "session" | "checkpoint" | "job" | "lease" => Worth::Less,
            _ => Worth::Plain,
        };
        let standing = match document.status.as_str() {
            "superseded" | "dropped" => Standing::Void,
            _ if document.live => Standing::Live,
            _ => Standing::Done,
        };
        let size = ((document.title.len() + document.body.len()) as u64).min(Self::SIZE_MAX);
        Self { standing, worth, size, place: document.place }
    }

    /// From the lowest bit: standing 2, worth 2, size 8, place.
    fn pack(self) -> u64 {
        let standing = match self.standing {
            Standing::Live => 0,
            Standing::Done => 1,
            Standing::Void => 2,
        };
        let worth = match self.worth {
            Worth::Less => 0,
            Worth::Plain => 1,
            Worth::More => 2,
        };
        self.place << 12 | self.size << 4 | worth << 2 | standing
    }

    pub(super) fn unpack(bits: u64) -> Self {
        let standing = match bits & 3 {
            0 => Standing::Live,
            1 => Standing::Done,
            _ => Standing::Void,
        };
        let worth = match bits >> 2 & 3 {
            0 => Worth::Less,
            1 => Worth::Plain,
            _ => Worth::More,
        };
        Self { standing, worth, size: bits >> 4 & Self::SIZE_MAX, place: bits >> 12 }
    }
}

/// The text under which a property is indexed.
pub(super) fn facet_text(facet: Facet, value: &str) -> String {
    format!("{}:{value}", facet.name())
}

/// What tantivy is given of a document.
pub(super) fn to_tantivy(fields: &Fields, document: &Document) -> TantivyDocument {
    let mut out = TantivyDocument::default();
    for text in texts(document) {
        out.add_text(fields.text, text);
    }
    for (facet, value) in facets(document) {
        out.add_text(fields.facets, facet_text(facet, &value));
    }
    out.add_text(fields.uid, document.uid.to_string());
    for (field, half) in fields.halves.iter().zip(halves(document.uid)) {
        out.add_u64(*field, half);
    }
    out.add_u64(fields.facts, Facts::of(document).pack());
    out.add_i64(fields.updated, document.updated.timestamp_millis());
    out
}

/// The term that identifies a record.
pub(super) fn uid_term(fields: &Fields, uid: Uid) -> Term {
    Term::from_field_text(fields.uid, &uid.to_string())
}

fn halves(uid: Uid) -> [u64; 2] {
    let bytes = uid.as_u128().to_be_bytes();
    let (upper, lower) = bytes.split_at(8);
    [upper, lower].map(|half| half.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
}

/// The uid of its two halves.
pub(super) fn uid_of(upper: u64, lower: u64) -> Uid {
    Uid::from_u128(u128::from(upper) << 64 | u128::from(lower))
}

/// A commit's payload.
#[derive(Serialize, Deserialize)]
struct Payload {
    version: u32,
    log: String,
    position: u64,
    hash: u64,
}

/// The payload of a commit that covers the log up to `to`.
pub(super) fn payload(to: &Coverage) -> String {
    let payload = Payload { version: VERSION, log: to.log.clone(), position: to.position, hash: to.hash };
    serde_json::to_string(&payload).expect("a struct of numbers and a string has a JSON form")
}

/// What a commit covers, if this version wrote it.
pub(super) fn coverage(payload: &str) -> Option<Coverage> {
    let payload: Payload = serde_json::from_str(payload).ok()?;
    let Payload { version, log, position, hash } = payload;
    (version == VERSION).then_some(Coverage { log, position, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_survives_its_halves() {
        let uid = Uid::from_u128(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
        let [upper, lower] = halves(uid);
        assert_eq!((upper, uid_of(upper, lower)), (0x0123_4567_89ab_cdef, uid));
    }

    #[test]
    fn a_payload_of_another_version_covers_nothing() {
        let to = Coverage { log: "l".to_owned(), position: 7, hash: u64::MAX };
        assert_eq!(coverage(&payload(&to)), Some(to.clone()));
        assert_eq!(coverage(&payload(&to).replace(&format!("\"version\":{VERSION}"), "\"version\":0")), None);
        assert_eq!(coverage("{"), None);
    }

    #[test]
    fn facts_survive_packing() {
        for standing in [Standing::Live, Standing::Done, Standing::Void] {
            for worth in [Worth::Less, Worth::Plain, Worth::More] {
                let facts = Facts { standing, worth, size: 255, place: 1 << 40 | 3 };
                assert_eq!(Facts::unpack(facts.pack()), facts);
            }
        }
    }
}
