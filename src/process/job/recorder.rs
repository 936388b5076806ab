//! What the ledger is told. It may be slow or busy, so a thread of its own tells it, in order.

use super::ears::{Mail, Sender};
use crate::domain::job::{Exit, Status};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// Takes note of what happens to a job. Nothing here can fail: what is not noted is read from the files by whoever comes
/// by. All calls come from one thread, in order.
pub trait Recorder: Send {
    /// The first attempt runs, or the wait for work elsewhere has begun.
    fn started(&mut self, status: &Status);
    /// A pattern found a line, and `left_out` lines before it that were too many to tell.
    fn matched(&mut self, line: &str, left_out: u64);
    /// It takes long, is silent for longer than ever, wants a terminal: one of these words, once each.
    fn odd(&mut self, what: &str);
    /// A job that this one waits for was never started and nobody looks after it: it is to be armed again.
    fn orphaned(&mut self, id: &str);
    /// It has ended: `exit.json` is written and the lock is free, so that others may have noted it already.
    fn ended(&mut self, exit: &Exit);
}

/// What is to be told.
pub(super) enum News {
    Started(Box<Status>),
    Matched(String, u64),
    Odd(&'static str),
    Orphaned(String, Sender),
    Ended(Box<Exit>),
}

/// Tells a recorder, in a thread that begins with the first news.
pub(super) struct Teller {
    recorder: Option<Box<dyn Recorder>>,
    news: Option<mpsc::Sender<News>>,
    thread: Option<JoinHandle<()>>,
}

impl Teller {
    pub(super) fn new(recorder: impl Recorder + 'static) -> Self {
        Self { recorder: Some(Box::new(recorder)), news: None, thread: None }
    }

    /// Tells it soon. Without a thread nothing is told, and the files have it all.
    pub(super) fn tell(&mut self, news: News) {
        if let Some(mut recorder) = self.recorder.take() {
            let (sender, receiver) = mpsc::channel();
            let tell = move || receiver.into_iter().for_each(|news| pass(recorder.as_mut(), news));
            self.thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(tell).ok();
            self.news = Some(sender);
        }
        if let Some(sender) = &self.news {
            // A recorder that panicked hears no more.
            let _ = sender.send(news);
        }
    }

    /// Waits until all is told.
    pub(super) fn finish(mut self) {
        self.news = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn pass(recorder: &mut dyn Recorder, news: News) {
    match news {
        News::Started(status) => recorder.started(&status),
        News::Matched(line, left_out) => recorder.matched(&line, left_out),
        News::Odd(what) => recorder.odd(what),
        News::Orphaned(id, sender) => {
            recorder.orphaned(&id);
            sender.send(Mail::Settled);
        }
        News::Ended(exit) => recorder.ended(&exit),
    }
}
