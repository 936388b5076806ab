//! Waiting before a job starts: for the ends of other jobs, then for a slot.

use super::dir::{JobDir, Standing};
use super::ears::{Heard, Mail};
use super::files::Durability;
use super::lock::Lock;
use super::recorder::News;
use super::slots;
use super::supervise::{Ending, Job};
use crate::domain::job::{After, Attempt, Exit, Outcome, State, Verdict};
use std::time::{Duration, Instant};

/// How soon a job is looked at again that nobody looks after; doubled up to the other.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// One job that is waited for.
struct Need {
    after: After,
    dir: JobDir,
    is_met: bool,
    /// A thread waits on its lock.
    is_watched: bool,
    pause: Duration,
    look_at: Option<Instant>,
}

impl Job {
    /// Until all that it needs has ended as wanted.
    ///
    /// # Errors
    /// How it ends without having started.
    pub(super) fn wait_for_needs(&mut self) -> Result<(), Ending> {
        let need = |after: &After| Need {
            after: after.clone(),
            dir: self.dir.sibling(&after.id),
            is_met: false,
            is_watched: false,
            pause: PAUSE,
            look_at: Some(Instant::now()),
        };
        let mut needs: Vec<Need> = self.spec.after.iter().map(need).collect();
        loop {
            for index in 0..needs.len() {
                self.look_at_need(&mut needs, index)?;
            }
            let open: Vec<String> =
                needs.iter().filter(|need| !need.is_met).map(|need| need.after.id.clone()).collect();
            if open.is_empty() {
                return Ok(());
            }
            self.note_waiting(open);
            let next = needs.iter().filter_map(|need| need.look_at).min();
            self.hear_of_needs(&mut needs, next)?;
        }
    }

    fn hear_of_needs(&mut self, needs: &mut [Need], until: Option<Instant>) -> Result<(), Ending> {
        let heard = self.listen_waiting(until)?;
        let now = Instant::now();
        let is_woken = !heard.commands.is_empty() || heard.mail.iter().any(|mail| matches!(mail, Mail::Settled));
        for need in needs.iter_mut().filter(|need| is_woken && need.look_at.is_some()) {
            need.look_at = Some(now);
        }
        for mail in heard.mail {
            if let Mail::Free(index) = mail
                && let Some(need) = needs.get_mut(index)
            {
                (need.is_watched, need.look_at) = (false, Some(now));
            }
        }
        Ok(())
    }

    fn look_at_need(&mut self, needs: &mut [Need], index: usize) -> Result<(), Ending> {
        let need = &mut needs[index];
        if need.is_met || need.look_at.is_none_or(|look_at| Instant::now() < look_at) {
            return Ok(());
        }
        need.look_at = None;
        match need.dir.standing() {
            Ok(Standing::Over(exit)) => need.decide(&exit)?,
            Ok(Standing::Lost(_)) => {
                need.decide(&Exit { attempts: vec![Attempt::default()], ..Exit::default() })?;
            }
            Ok(Standing::Gone) => return Err(Ending::skipped(format!("{} is not there any more", need.after.id))),
            Ok(Standing::Alive(_)) if need.is_watched => {}
            Ok(Standing::Alive(_)) => {
                let dir = need.dir.clone();
                let wait = move |sender: &super::ears::Sender| {
                    let _ = dir.wait_for_lock();
                    sender.send(Mail::Free(index));
                };
                need.is_watched = self.sender.spawn("need", wait).is_ok();
                if !need.is_watched {
                    need.look_later();
                }
            }
            Ok(Standing::Unarmed(_)) => {
                self.teller.tell(News::Orphaned(need.after.id.clone(), self.sender.clone()));
                need.look_later();
            }
            Err(_) => need.look_later(),
        }
        Ok(())
    }

    /// Until its group has a slot for it; the slot is free again when it is dropped.
    ///
    /// # Errors
    /// How it ends without having started.
    pub(super) fn wait_for_slot(&mut self) -> Result<Option<Lock>, Ending> {
        let Some(wanted) = self.spec.slots.clone() else { return Ok(None) };
        let group = self.dir.group_path(&wanted.group);
        let cannot = |error| Ending::failed(format!("the slots of {} cannot be used: {error}", wanted.group));
        slots::wait_in_thread(group, wanted.count, &self.sender).map_err(cannot)?;
        // A slot that is free comes at once, and is not worth a note.
        let mut soon = Some(Instant::now() + Duration::from_millis(20));
        loop {
            let heard = self.listen_waiting(soon)?;
            let slot =
                heard.mail.into_iter().find_map(|mail| if let Mail::Slot(slot) = mail { Some(slot) } else { None });
            if slot.is_some() {
                return Ok(slot);
            }
            self.note_waiting(vec![format!("slot {}", wanted.group)]);
            soon = None;
        }
    }

    /// As [`super::ears::Ears::listen`], before or between attempts: whoever wants it to stop has it at once.
    pub(super) fn listen_waiting(&mut self, until: Option<Instant>) -> Result<Heard, Ending> {
        let heard = self.ears.listen(None, until);
        match Ending::wanted_by(&heard) {
            Some((ending, _)) => Err(ending),
            None => Ok(heard),
        }
    }

    /// Writes down what it waits for, if that is news.
    pub(super) fn note_waiting(&mut self, waits_for: Vec<String>) {
        if self.status.state != State::Waiting || self.status.waits_for != waits_for {
            if self.status.state != State::Waiting {
                self.status.since = (self.world.clock)();
            }
            self.status.state = State::Waiting;
            self.status.waits_for = waits_for;
            self.write_status(Durability::Whole);
        }
    }
}

impl Need {
    fn look_later(&mut self) {
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSE_MAX);
        self.look_at = Some(Instant::now() + pause);
    }

    fn decide(&mut self, exit: &Exit) -> Result<(), Ending> {
        self.is_met = self.after.verdict(exit) == Verdict::Met;
        if self.is_met {
            return Ok(());
        }
        let label = self.dir.spec().ok().flatten().and_then(|spec| spec.label).map(|label| format!(" {label}"));
        let how = if exit.outcome == Outcome::Ok { "ended well" } else { exit.outcome.name() };
        let how = if exit.outcome == Outcome::Failed || exit.outcome == Outcome::Ok {
            how.to_owned()
        } else {
            format!("was {how}")
        };
        Err(Ending::skipped(format!("{}{} {how}", self.after.id, label.unwrap_or_default())))
    }
}
