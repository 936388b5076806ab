//! What is noted of the session that acts, event by event.

use super::HookInput;
use crate::domain::activity::{Activity, Background};
use crate::domain::{secret, text, transcript};
use crate::error::Result;
use crate::ops::Workspace;

/// Tokens of a request or message that are kept.
const REQUEST_TOKENS: usize = 200;
const MESSAGE_TOKENS: usize = 1000;
/// So many things that run beside the conversation are kept.
const BACKGROUND_MAX: usize = 20;
/// So many files that were edited last are kept.
const FILES_MAX: usize = 40;
/// Of a longer text only the beginning is looked at.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// Text as it may be kept: without secrets, without what is private, without what a terminal would obey.
pub(super) fn masked(text: &str) -> String {
    // Cleaned first: what a terminal would obey may stand inside a key.
    secret::mask(&text::clean_body(text)).into_owned()
}

/// The beginning and the end: what is asked for stands behind the log that it is about, what is left to do behind the rest.
fn short(text: &str, tokens: usize) -> Option<String> {
    let head = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    let kept = transcript::both_ends(&masked(head), tokens);
    Some(kept).filter(|kept| !text::is_blank(kept))
}

fn change(workspace: &Workspace, input: &HookInput, change: impl FnOnce(&mut Activity)) -> Result<()> {
    let activities = workspace.store.activities();
    // A prompt and a stop may come at the same moment.
    let _alone = activities.alone();
    let identity = &workspace.identity;
    let mut activity = activities.of(&identity.session).unwrap_or_default();
    let place = &workspace.place;
    activity.session.clone_from(&identity.session);
    activity.host.clone_from(&identity.actor);
    activity.process = identity.process.as_ref().map(ToString::to_string).or(activity.process);
    activity.branch.clone_from(&place.branch);
    activity.worktree.clone_from(&place.worktree);
    activity.root = place.root.to_string_lossy().into_owned();
    activity.transcript = input.transcript.as_deref().map(masked).or(activity.transcript);
    activity.seen_at = Some(workspace.now());
    activity.end = None;
    change(&mut activity);
    activities.note(&activity)
}

/// A session that begins is noted only if it is known already: most that begin are never asked anything.
pub(super) fn started(workspace: &Workspace, input: &HookInput) -> Result<()> {
    match workspace.store.activities().of(&workspace.identity.session) {
        Some(_) => seen(workspace, input),
        None => Ok(()),
    }
}

pub(super) fn seen(workspace: &Workspace, input: &HookInput) -> Result<()> {
    change(workspace, input, |_| {})
}

/// What its host was told, or told itself, is no request, and one that says only `go on` means the one before it.
pub(super) fn asked(workspace: &Workspace, input: &HookInput, request: &str) -> Result<()> {
    let now = workspace.now();
    let Some(request) = transcript::request(request).and_then(|request| short(&request, REQUEST_TOKENS)) else {
        return seen(workspace, input);
    };
    change(workspace, input, |activity| {
        match &activity.request {
            None => activity.request = Some(request),
            Some(first) if request == *first => activity.last_request = None,
            Some(_) if transcript::is_nod(&request) => {}
            Some(_) => activity.last_request = Some(request),
        }
        activity.asked_at = Some(now);
    })
}

/// Files that were edited, relative to the worktree.
pub(super) fn edited(workspace: &Workspace, input: &HookInput, files: &[String]) -> Result<()> {
    change(workspace, input, |activity| {
        activity.files.retain(|held| !files.contains(held));
        activity.files.extend(files.iter().cloned());
        let more = activity.files.len().saturating_sub(FILES_MAX);
        activity.files.drain(..more);
    })
}

/// What is said on the way is kept, and answers nothing yet.
pub(super) fn said(workspace: &Workspace, input: &HookInput, message: &str) -> Result<()> {
    change(workspace, input, |activity| {
        activity.last_message = short(message, MESSAGE_TOKENS).or(activity.last_message.take());
    })
}

pub(super) fn stopped(
    workspace: &Workspace,
    input: &HookInput,
    message: Option<&str>,
    background: &[Background],
) -> Result<()> {
    let now = workspace.now();
    change(workspace, input, |activity| {
        let message = message.and_then(|message| short(message, MESSAGE_TOKENS));
        // Some hosts tell the words before they tell the stop.
        activity.last_message = message.or(activity.last_message.take());
        activity.said_at = Some(now);
        activity.background = background.iter().take(BACKGROUND_MAX).map(cleaned).collect();
    })
}

fn cleaned(background: &Background) -> Background {
    let line = |text: &str| text::truncate_tokens(&text::clean_line(&masked(text)), 60);
    Background {
        id: line(&background.id),
        kind: line(&background.kind),
        what: line(&background.what),
        status: line(&background.status),
    }
}

pub(super) fn ended(workspace: &Workspace, input: &HookInput, reason: &str) -> Result<()> {
    // One that was never asked anything leaves nothing.
    if workspace.store.activities().of(&workspace.identity.session).is_none() {
        return Ok(());
    }
    change(workspace, input, |activity| activity.end = Some(text::clean_line(&masked(reason))))
}
