//! Opening the index and matching a plan in it, on the calling thread, without writing anything.

use super::directory::Unlocked;
use super::failure::{reading, unreadable};
use super::near::Words;
use super::schema::{self, Facts, Fields};
use super::score::Statistics;
use super::{Coverage, rank, request};
use crate::domain::id::Uid;
use crate::error::Result;
use std::collections::BTreeSet;
use std::path::Path;
use tantivy::TantivyError;
use tantivy::collector::TopDocs;
use tantivy::columnar::Column;
use tantivy::postings::Postings;
use tantivy::query::{EnableScoring, Query};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, DocSet, Index, Order, ReloadPolicy, Searcher, SegmentReader, TERMINATED, Term};

/// An index up to this size is checksummed before every search; a larger one only by [`verify`].
const VERIFIED_BYTES_MAX: u64 = 4 << 20;

/// How often an index whose files vanish while it is opened is opened again.
const ATTEMPTS_MAX: usize = 5;

/// What the index in `dir` says that it covers; whether its files are whole only [`Opened::open`] and [`verify`] tell.
pub(super) fn coverage(dir: &Path) -> Result<Coverage> {
    retry(|| Ok(open_index(dir)?.1))
}

/// Reads every byte of the index and compares checksums.
pub(super) fn verify(dir: &Path) -> Result<()> {
    retry(|| checksum(&open_index(dir)?.0))
}

fn checksum(index: &Index) -> tantivy::Result<()> {
    match index.validate_checksum()?.into_iter().next() {
        None => Ok(()),
        Some(file) => Err(TantivyError::InternalError(format!("{} is damaged", file.display()))),
    }
}

fn retry<T>(mut attempt: impl FnMut() -> tantivy::Result<T>) -> Result<T> {
    let mut result = attempt();
    for _ in 1..ATTEMPTS_MAX {
        if result.is_ok() {
            break;
        }
        result = attempt();
    }
    result.map_err(reading)
}

/// The index in `dir` and what its commit covers, if this version wrote it.
pub(super) fn open_index(dir: &Path) -> tantivy::Result<(Index, Coverage)> {
    let index = Index::open(Unlocked::open(dir)?)?;
    let covered = index.load_metas()?.payload.as_deref().and_then(schema::coverage);
    match covered {
        Some(covered) if index.schema() == schema::schema().0 => Ok((index, covered)),
        _ => Err(TantivyError::InternalError("it is of another version".to_owned())),
    }
}

/// An index opened for one search.
pub(super) struct Opened {
    searcher: Searcher,
    /// By segment.
    uids: Vec<Uids>,
    fields: Fields,
}

/// A document of the index and what ranking needs to know about it.
pub(super) struct Found {
    pub address: DocAddress,
    /// The text score; 0 if the query has no words.
    pub score: f32,
    /// What the nearness of its words adds; only of the first [`rank::FACTORED`].
    pub near: f32,
    pub facts: Facts,
    /// Milliseconds since 1970.
    pub updated: i64,
}

impl Opened {
    /// Opens the index, which must go on from what the caller's tail starts at.
    pub(super) fn open(dir: &Path, base: &Coverage) -> Result<Self> {
        let (searcher, covered) = retry(|| {
            let (index, covered) = open_index(dir)?;
            if size(dir)? <= VERIFIED_BYTES_MAX {
                checksum(&index)?;
            }
            let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
            Ok((reader.searcher(), covered))
        })?;
        let goes_on = covered.log == base.log
            && (covered.position > base.position || covered.position == base.position && covered.hash == base.hash);
        if !goes_on {
            return Err(unreadable("it was replaced while it was read"));
        }
        let uids = searcher.segment_readers().iter().map(uids).collect::<tantivy::Result<_>>().map_err(reading)?;
        Ok(Self { searcher, uids, fields: schema::schema().1 })
    }

    /// The counts for scoring.
    pub(super) fn add_to(&self, statistics: &mut Statistics<'_>) -> tantivy::Result<()> {
        statistics.add_index(&self.searcher)
    }

    /// The first `limit` matches without those in `hidden`, and how many there are up to `total_max`.
    pub(super) fn matches(
        &self,
        statistics: &Statistics<'_>,
        hidden: &BTreeSet<Uid>,
        (limit, total_max): (usize, usize),
    ) -> tantivy::Result<(Vec<Found>, usize)> {
        let query = request::query(statistics.plan, &self.fields);
        let reach = limit + hidden.len();
        let top = self.top(&*query, statistics, reach)?;
        let complete = top.len() < reach;
        let near = self.nearness(statistics, &top[..with_ties(&top, rank::FACTORED + hidden.len())])?;
        let mut found = self.describe(&top, &near)?;
        if !hidden.is_empty() {
            let hides = |found: &Found| Ok(hidden.contains(&self.uid(found.address)?));
            let is_hidden = found.iter().map(hides).collect::<tantivy::Result<Vec<bool>>>()?;
            let mut is_hidden = is_hidden.into_iter();
            found.retain(|_| !is_hidden.next().unwrap_or(false));
        }
        let total = if complete { found.len() } else { self.count(&*query, hidden, total_max)? };
        found.truncate(limit);
        Ok((found, total))
    }

    fn top(
        &self,
        query: &dyn Query,
        statistics: &Statistics<'_>,
        reach: usize,
    ) -> tantivy::Result<Vec<(f32, DocAddress)>> {
        let top = TopDocs::with_limit(reach.max(1));
        if statistics.plan.is_by_score() {
            return self.searcher.search_with_statistics_provider(query, &top.order_by_score(), statistics);
        }
        let newest = top.order_by_fast_field::<i64>(schema::UPDATED, Order::Desc);
        let newest = self.searcher.search(query, &newest)?;
        Ok(newest.into_iter().map(|(_, address)| (0.0, address)).collect())
    }

    /// What the places of the query's words add to each of some documents.
    fn nearness(&self, statistics: &Statistics<'_>, top: &[(f32, DocAddress)]) -> tantivy::Result<Vec<f32>> {
        let words = Words::new(statistics.plan, statistics);
        let mut gains = vec![0.0; top.len()];
        if !words.have_pairs() || !statistics.plan.is_by_score() {
            return Ok(gains);
        }
        let mut order: Vec<usize> = (0..top.len()).collect();
        order.sort_unstable_by_key(|at| top[*at].1);
        for of_segment in order.chunk_by(|a, b| top[*a].1.segment_ord == top[*b].1.segment_ord) {
            let segment = &self.searcher.segment_readers()[top[of_segment[0]].1.segment_ord as usize];
            let docs: Vec<u32> = of_segment.iter().map(|at| top[*at].1.doc_id).collect();
            let terms = words.numbers().map(|number| statistics.term(number));
            let places = terms.map(|term| self.places(segment, &term, &docs)).collect::<tantivy::Result<Vec<_>>>()?;
            for (doc, at) in of_segment.iter().enumerate() {
                gains[*at] = words.gain(|word| &places[word][doc]);
            }
        }
        Ok(gains)
    }

    /// The positions of a term in each of some documents, which are in order.
    fn places(&self, segment: &SegmentReader, term: &Term, docs: &[u32]) -> tantivy::Result<Vec<Vec<u32>>> {
        let mut places = vec![Vec::new(); docs.len()];
        let list = segment.inverted_index(self.fields.text)?;
        let Some(mut postings) = list.read_postings(term, IndexRecordOption::WithFreqsAndPositions)? else {
            return Ok(places);
        };
        for (doc, places) in docs.iter().zip(&mut places) {
            if postings.doc() < *doc {
                postings.seek(*doc);
            }
            if postings.doc() == *doc {
                postings.positions(places);
            }
        }
        Ok(places)
    }

    fn describe(&self, top: &[(f32, DocAddress)], near: &[f32]) -> tantivy::Result<Vec<Found>> {
        let columns = self.searcher.segment_readers().iter().map(|segment| {
            let fast = segment.fast_fields();
            Ok((fast.u64(schema::FACTS)?, fast.i64(schema::UPDATED)?))
        });
        let columns = columns.collect::<tantivy::Result<Vec<_>>>()?;
        let near = near.iter().copied().chain(std::iter::repeat(0.0));
        let found = top.iter().zip(near).map(|((score, address), near)| {
            let (facts, updated) = &columns[address.segment_ord as usize];
            let facts = Facts::unpack(facts.first(address.doc_id).unwrap_or(0));
            let updated = updated.first(address.doc_id).unwrap_or(0);
            Found { address: *address, score: *score, near, facts, updated }
        });
        Ok(found.collect())
    }

    /// The identity of a document.
    pub(super) fn uid(&self, address: DocAddress) -> tantivy::Result<Uid> {
        uid(&self.uids[address.segment_ord as usize], address.doc_id)
    }

    /// Counts matches until there are more than `total_max`.
    fn count(&self, query: &dyn Query, hidden: &BTreeSet<Uid>, total_max: usize) -> tantivy::Result<usize> {
        let weight = query.weight(EnableScoring::disabled_from_searcher(&self.searcher))?;
        let mut total = 0;
        for (ord, segment) in self.searcher.segment_readers().iter().enumerate() {
            let uids = &self.uids[ord];
            let mut matches = weight.scorer(segment, 1.0)?;
            let mut doc = matches.doc();
            while doc != TERMINATED && total <= total_max {
                let counts = !segment.is_deleted(doc) && (hidden.is_empty() || !hidden.contains(&uid(uids, doc)?));
                total += usize::from(counts);
                doc = matches.advance();
            }
        }
        Ok(total)
    }
}

/// How many are among the first `count` or as good as the last of them: which of equals comes first is not decided here.
fn with_ties(top: &[(f32, DocAddress)], count: usize) -> usize {
    let Some((last, _)) = count.checked_sub(1).and_then(|at| top.get(at)) else { return top.len() };
    count + top[count..].iter().take_while(|(score, _)| *score >= last * 0.999).count()
}

/// The bytes of the files in `dir`.
fn size(dir: &Path) -> tantivy::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        // A file that is gone meanwhile has no size.
        bytes += entry?.metadata().map_or(0, |metadata| metadata.len());
    }
    Ok(bytes)
}

/// The halves of the uids of a segment, by document number.
type Uids = [Column<u64>; 2];

fn uids(segment: &SegmentReader) -> tantivy::Result<Uids> {
    let fast = segment.fast_fields();
    Ok([fast.u64(schema::HALVES[0])?, fast.u64(schema::HALVES[1])?])
}

fn uid([upper, lower]: &Uids, doc: u32) -> tantivy::Result<Uid> {
    let uid = upper.first(doc).zip(lower.first(doc)).map(|(upper, lower)| schema::uid_of(upper, lower));
    uid.ok_or_else(|| TantivyError::InternalError("a document without uid".to_owned()))
}
