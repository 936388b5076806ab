//! The power goes at every step of a run, and of what was not synced this or that survives.

use super::plate::{self, Step};
use super::{Lab, WORKLOAD, rounds};
use crate::domain::event::Event;
use std::collections::BTreeSet;

/// What was done to a disk, and when it was whole.
struct Run {
    start: Vec<u8>,
    steps: Vec<Step>,
    /// For each acknowledged transaction the number of steps before it was and the length of the log.
    acknowledged: Vec<(usize, usize)>,
    log: Vec<Event>,
}

impl Run {
    fn record(lab: &Lab) -> Self {
        let start = lab.plate().bytes();
        lab.plate().replace(start.clone());
        let mut acknowledged = vec![(0, lab.log().len())];
        for change in WORKLOAD {
            lab.store.write(change).unwrap();
            acknowledged.push((lab.plate().steps().len(), lab.log().len()));
        }
        Self { start, steps: lab.plate().steps(), acknowledged, log: lab.log() }
    }

    /// The lengths that the log may have if the power goes after so many steps: what was acknowledged, and perhaps the
    /// transaction in flight.
    fn lengths(&self, after: usize) -> [usize; 2] {
        let held = self.acknowledged.iter().rposition(|(steps, _)| *steps <= after).unwrap();
        let is_idle = self.acknowledged[held].0 == after;
        let next = if is_idle { held } else { held + 1 };
        [self.acknowledged[held].1, self.acknowledged[next].1]
    }
}

/// Which of the steps that were not synced survive, each with the number of its bytes that do.
type Fate = Vec<(usize, usize)>;

const WHOLE: usize = usize::MAX;

/// Several fates of the steps from `from` to `to`: none, all, every other, the ends, a torn one among them; and random
/// ones on request.
fn fates(from: usize, to: usize, dice: &mut Dice) -> Vec<Fate> {
    let whole = |kept: &dyn Fn(usize) -> bool| (from..to).filter(|at| kept(*at)).map(|at| (at, WHOLE)).collect();
    let torn = |victim: usize, bytes| (from..to).map(|at| (at, if at == victim { bytes } else { WHOLE })).collect();
    let last = to.saturating_sub(1);
    let mut fates: Vec<Fate> = vec![
        whole(&|_| false),
        whole(&|_| true),
        whole(&|at| at % 2 == 0),
        whole(&|at| at % 2 == 1),
        whole(&|at| at == from),
        whole(&|at| at == last),
        whole(&|at| at != from),
        torn(last, 2_048),
        torn(last, 512),
        torn(from, 512),
    ];
    for _ in 1..rounds(1) {
        let survivors: Vec<usize> = (from..to).filter(|_| dice.below(2) == 0).collect();
        fates.push(survivors.into_iter().map(|at| (at, [WHOLE, WHOLE, 512, 2_048][dice.below(4)])).collect());
    }
    fates
}

/// Repeatable random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit).unwrap()
    }
}

#[test]
fn what_was_acknowledged_survives_and_the_rest_is_whole_or_absent() {
    let lab = Lab::after(0);
    let run = Run::record(&lab);
    let (mut durable, mut synced) = (run.start.clone(), 0);
    let (mut seen, mut dice) = (BTreeSet::new(), Dice(1));
    for after in 0..=run.steps.len() {
        if after > 0 && matches!(run.steps[after - 1], Step::Sync) {
            run.steps[synced..after].iter().for_each(|step| plate::apply(&mut durable, step, WHOLE));
            synced = after;
        }
        for fate in fates(synced, after, &mut dice) {
            if !seen.insert((synced, run.lengths(after), fate.clone())) {
                continue;
            }
            let mut image = durable.clone();
            for (at, bytes) in &fate {
                plate::apply(&mut image, &run.steps[*at], *bytes);
            }
            lab.plate().replace(image);
            let what = format!("after {after} of {} steps, of those from {synced} survive {fate:?}", run.steps.len());
            assert_whole(&lab, &run, after, &what);
        }
    }
    eprintln!("{} disks after {} steps", seen.len(), run.steps.len());
    assert!(seen.len() > 500, "only {} disks", seen.len());
    let cut_after_its_commit = run
        .acknowledged
        .iter()
        .any(|(steps, _)| steps.checked_sub(1).is_some_and(|last| matches!(run.steps[last], Step::SetLen(_))));
    assert!(cut_after_its_commit, "no transaction gave space back");
}

#[track_caller]
fn assert_whole(lab: &Lab, run: &Run, after: usize, what: &str) {
    let log = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lab.log()));
    let log = log.unwrap_or_else(|_| panic!("{what}: the log cannot be read"));
    assert!(run.lengths(after).contains(&log.len()), "{what}: {} events, not {:?}", log.len(), run.lengths(after));
    assert!(log == run.log[..log.len()], "{what}: the log says something else");
    lab.assert_sound(what);
}

/// The file is renamed after it is built, so nothing of it may be on its way to the disk then.
#[test]
fn a_new_file_is_synced_before_it_gets_its_name() {
    let lab = Lab::after(0);
    assert!(matches!(lab.plate().steps().last(), Some(Step::Sync)), "init");
    for change in WORKLOAD {
        lab.store.write(change).unwrap();
    }
    let (old, log) = (lab.plate(), lab.log());
    old.replace(old.bytes());
    lab.store.rewrite(&mut |_, event| Ok(Some(event)), &|_, _| {}).unwrap();
    assert!(matches!(lab.plate().steps().last(), Some(Step::Sync)), "rewrite");
    assert!(old.steps().is_empty(), "a rewrite changed the file that it is to replace");
    assert!(lab.log() == log);
    lab.assert_sound("rewritten");
}

/// A sync fails, and the system forgets the pages that it could not write, but goes on showing them. What is built on
/// them and acknowledged must survive all the same.
#[test]
fn a_failed_sync_that_loses_its_pages_hurts_nobody() {
    let lab = Lab::after(3);
    let start = lab.plate().bytes();
    for at in 1.. {
        lab.plate().replace(start.clone());
        plate::fail_sync(at);
        let failed = lab.store.write(WORKLOAD[3]);
        plate::fail(None);
        if failed.is_ok() {
            assert!(at > 2, "a write syncs twice at least");
            break;
        }
        for change in &WORKLOAD[4..] {
            lab.store.write(change).unwrap();
            let (seen, log) = (lab.plate().bytes(), lab.log());
            let (steps, what) = (lab.plate().steps(), format!("sync {at} failed"));
            lab.plate().replace(durable(&start, &steps));
            assert!(lab.log() == log, "{what}: an acknowledged transaction is lost or half");
            lab.assert_sound(&what);
            lab.plate().restore(seen, steps);
        }
    }
}

/// What a power cut leaves if nothing survives that was not synced.
fn durable(start: &[u8], steps: &[Step]) -> Vec<u8> {
    let (mut image, mut waiting) = (start.to_vec(), Vec::new());
    for step in steps {
        match step {
            Step::Sync => waiting.drain(..).for_each(|step| plate::apply(&mut image, step, WHOLE)),
            Step::Lost => waiting.clear(),
            step => waiting.push(step),
        }
    }
    image
}
