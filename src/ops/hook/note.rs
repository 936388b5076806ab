//! What is noted of the session that acts, event by event.

use super::HookInput;
use crate::domain::activity::{Activity, Background};
use crate::domain::{secret, text};
use crate::error::Result;
use crate::ops::Workspace;

/// Tokens of a request or message that are kept.
const REQUEST_TOKENS: usize = 200;
const MESSAGE_TOKENS: usize = 1000;
/// So many things that run beside the conversation are kept.
const BACKGROUND_MAX: usize = 20;

/// Text as it may be kept: without secrets, without what is private, without what a terminal would obey.
pub(super) fn masked(text: &str) -> String {
    // Cleaned first: what a terminal would obey may stand inside a key.
    secret::mask(&text::clean_body(text)).into_owned()
}

fn short(text: &str, tokens: usize) -> Option<String> {
    // No text of more bytes fits, so that a long one need not be cleaned whole.
    let head = &text[..text.floor_char_boundary(tokens * 64)];
    let kept = text::truncate_tokens(&masked(head), tokens);
    Some(kept).filter(|kept| !text::is_blank(kept))
}

fn change(workspace: &Workspace, input: &HookInput, change: impl FnOnce(&mut Activity)) -> Result<()> {
    let activities = workspace.store.activities();
    let identity = &workspace.identity;
    let mut activity = activities.of(&identity.session).unwrap_or_default();
    let place = &workspace.place;
    activity.session.clone_from(&identity.session);
    activity.host.clone_from(&identity.actor);
    activity.process = identity.process.as_ref().map(ToString::to_string).or(activity.process);
    activity.branch.clone_from(&place.branch);
    activity.worktree.clone_from(&place.worktree);
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

pub(super) fn asked(workspace: &Workspace, input: &HookInput, request: &str) -> Result<()> {
    let now = workspace.now();
    let request = short(request, REQUEST_TOKENS);
    if request.is_none() {
        return seen(workspace, input);
    }
    change(workspace, input, |activity| {
        match &activity.request {
            None => activity.request = request,
            Some(first) if request.as_ref() != Some(first) => activity.last_request = request,
            Some(_) => activity.last_request = None,
        }
        activity.asked_at = Some(now);
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
        activity.last_message = message.and_then(|message| short(message, MESSAGE_TOKENS));
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
