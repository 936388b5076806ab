//! A hit as it is told: the record, the piece of its text that matched, and what a reader must know before trusting it.

use super::layers::{Layer, Texts, Tokens};
use crate::domain::id::Uid;
use crate::domain::query::Query;
use crate::domain::record::Record;
use crate::domain::{field, terms};
use crate::error::Result;
use crate::index::{self, Hit};
use crate::ops::report::{Line, Reference};
use crate::ops::{Workspace, stale};
use crate::store::View;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// A found record.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The record.
    pub record: Line,
    /// A fragment with the matched words in brackets; empty in the layer of lines.
    pub snippet: String,
    /// The passage that matched, one line of about 60 tokens; in the layer of paragraphs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paragraph: Option<String>,
    /// The whole body, Markdown; in the layer of full texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How much of the text is here; less than asked for where a budget forbade it.
    pub layer: Layer,
    /// What reading it costs in each layer.
    pub tokens: Tokens,
    /// Higher is better; comparable within one answer only.
    pub score: f32,
    /// The parts of the score.
    pub parts: BTreeMap<String, f32>,
    /// Whether a file that it refers to has changed since.
    pub stale: bool,
    /// The references of which that is so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale_refs: Vec<Reference>,
    /// The id of what took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// Never leaves the machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    #[serde(skip)]
    texts: Texts,
}

impl Found {
    /// Shows as much of the text as `layer` says, as far as it was read.
    pub fn show(&mut self, layer: Layer) {
        let texts = &self.texts;
        self.snippet = if layer == Layer::Line { String::new() } else { texts.snippet.clone() };
        self.paragraph = (layer == Layer::Paragraph).then(|| texts.paragraph.clone());
        self.body = (layer == Layer::Full).then(|| texts.body.clone());
        self.layer = layer;
    }
}

/// The hits with what they tell.
///
/// # Errors
/// As the store says.
pub(super) fn all(
    view: &View,
    workspace: &Workspace,
    (query, hits): (&Query, &[Hit]),
    (layer, now): (Layer, DateTime<Utc>),
) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    for hit in hits {
        let Some((record, body)) = view.record_and_body(hit.uid)? else { continue };
        let mut stale_refs = stale::references(&record, &workspace.place);
        stale_refs.retain(|reference| reference.state.is_stale());
        let line = Line::of(view, &record, now)?;
        let snippet = index::snippet(query, record.title(), &body);
        let (texts, tokens) = Texts::new(&line, (snippet, body), (layer, now));
        let mut found = Found {
            record: line,
            snippet: String::new(),
            paragraph: None,
            body: None,
            layer,
            tokens,
            score: hit.score,
            parts: hit.parts.iter().map(|(name, part)| ((*name).to_owned(), *part)).collect(),
            stale: !stale_refs.is_empty(),
            stale_refs,
            superseded_by: successor(view, &record)?,
            private: record.flag(field::PRIVATE),
            texts,
        };
        found.show(layer);
        all.push(found);
    }
    Ok(all)
}

/// The id of the record that supersedes this one, if it is superseded.
fn successor(view: &View, record: &Record) -> Result<Option<String>> {
    if record.status() != "superseded" {
        return Ok(None);
    }
    let newer = view.first(&incoming(record.uid), 1)?;
    Ok(newer.first().map(|newer| newer.id().to_owned()))
}

fn incoming(uid: Uid) -> String {
    terms::incoming_term(uid, field::link::SUPERSEDES)
}
