//! Stub
#![allow(missing_docs)]
use crate::domain::{id::Uid, query::Query}; use crate::error::{Error, Result}; use chrono::{DateTime,Utc}; use std::path::Path; use std::collections::BTreeSet;
pub struct Document { pub uid: Uid, pub id: String, pub kind: String, pub status: String, pub live: bool, pub title: String, pub body: String, pub key: Option<String>, pub tags: Vec<String>, pub paths: Vec<String>, pub session: Option<String>, pub actor: String, pub branch: Option<String>, pub created: DateTime<Utc>, pub updated: DateTime<Utc> }
#[derive(PartialEq)] pub struct Coverage { pub log: String, pub position: u64, pub hash: u64 }
pub struct Hit { pub uid: Uid, pub score: f32, pub snippet: String, pub parts: Vec<(&'static str, f32)> }
#[derive(Default)] pub struct Hits { pub hits: Vec<Hit>, pub total: usize, pub capped: bool }
pub struct Change { pub uid: Uid, pub document: Option<Document> }
#[derive(Clone,Copy)] pub struct Page { pub limit: usize, pub offset: usize, pub now: DateTime<Utc> }
pub struct Tail<'a>(BTreeSet<Uid>, &'a [Document]);
impl<'a> Tail<'a> { pub fn new(c: BTreeSet<Uid>, d: &'a [Document]) -> Self { Self(c,d) } }
pub struct Index; 
impl Index { pub fn at(_: &Path) -> Self { Self } pub fn coverage(&self) -> Option<Coverage> { None }
 pub fn search(&self, _q:&Query, _t:&Tail<'_>, _p:Page) -> Result<Hits> { Ok(Hits::default()) }
 pub fn search_tail(_q:&Query, _t:&Tail<'_>, _p:Page) -> Hits { Hits::default() }
 pub fn update(&self,_c:&Coverage,_i:&mut dyn Iterator<Item=Result<Change>>) -> Result<()> { Ok(()) }
 pub fn rebuild(&self,_c:&Coverage,_i:&mut dyn Iterator<Item=Result<Change>>) -> Result<()> { Ok(()) } }
pub fn is_unreadable(_e:&Error)->bool { false }
