//! What setup cannot do for the user: approve, trust, restart.

use super::host::{Host, Places, Scope};
use super::{Action, Change, SetupInput, SetupReport, State};
use crate::ops::workspace::{Place, Surroundings};
use crate::store::location::{self, Request};
use std::path::PathBuf;

/// What is left to do or to know, in the order of importance.
pub(super) fn steps(
    surroundings: &Surroundings,
    input: SetupInput,
    places: &Places,
    report: &SetupReport,
) -> Vec<String> {
    match input.action {
        Action::Check => Vec::new(),
        Action::Remove => after_removal(input, report),
        Action::Install => {
            let mut steps = of_host(surroundings, input);
            steps.extend(of_machine((surroundings, input), places, report));
            steps
        }
    }
}

fn after_removal(input: SetupInput, report: &SetupReport) -> Vec<String> {
    if report.files.iter().all(|file| file.change == Change::None) {
        return vec![format!("nothing of state was in {}", input.host.title())];
    }
    vec![format!("sessions of {} that run already keep what they read at their start", input.host.title())]
}

fn of_host(surroundings: &Surroundings, input: SetupInput) -> Vec<String> {
    let mut steps: Vec<String> = general(input.host).iter().map(|step| (*step).to_owned()).collect();
    if input.host == Host::Codex {
        steps.push(codex_sandbox(surroundings));
    }
    steps.extend(special(input.host, input.scope).map(str::to_owned));
    if input.scope == Scope::Project {
        steps.push("these files name a path of this machine: think before you share them with others".to_owned());
    }
    steps
}

fn general(host: Host) -> &'static [&'static str] {
    match host {
        Host::Claude => &[
            "Claude Code runs hooks only in a folder that you trust: it asks when it starts there",
            "sessions that run already see hooks at once, the MCP server after a restart",
        ],
        Host::Codex => {
            &["approve the hooks in Codex: start it and type /hooks; until then it skips them without a word"]
        }
        Host::Gemini => &["restart Gemini CLI: it reads hooks and servers when it starts"],
        Host::OpenCode => &["restart OpenCode: it reads plugins and servers when it starts"],
        Host::Cursor => &[
            "restart Cursor, and see that the server `state` is switched on under Settings, MCP",
            "made from Cursor's documents, not yet seen running",
        ],
        Host::Copilot => &[
            "restart Copilot CLI or VS Code: they read hooks and servers when they start",
            "made from GitHub's documents, not yet seen running",
        ],
    }
}

fn special(host: Host, scope: Scope) -> Option<&'static str> {
    match (host, scope) {
        (Host::Claude, Scope::Project) => Some("approve the server of the project when Claude Code asks, or in /mcp"),
        (Host::Codex, Scope::Project) => Some("Codex reads .codex only in a project that you trust"),
        (Host::Gemini, Scope::Project) => Some("Gemini CLI warns once about new hooks of a project"),
        (Host::Cursor, Scope::User) => Some(
            "Cursor does not always show a hook's briefing; a rule in the repository helps: state setup cursor --project",
        ),
        _ => None,
    }
}

/// Hooks and servers of Codex run outside of its sandbox, the model's shell inside.
fn codex_sandbox(surroundings: &Surroundings) -> String {
    let store = store(surroundings);
    let folder = store.as_ref().map_or_else(|| "/PATH/OF/THE/STORE".to_owned(), |dir| dir.display().to_string());
    format!(
        "in Codex's sandbox the shell can read with state, not write; hooks and MCP can. To let the shell write, add to \
         config.toml:\n  [sandbox_workspace_write]\n  writable_roots = [{}]",
        super::value::quoted(&folder)
    )
}

fn store(surroundings: &Surroundings) -> Option<PathBuf> {
    let request = Request {
        explicit: None,
        environment: surroundings.state_dir.clone(),
        cwd: surroundings.cwd.clone(),
        git_common: Place::around(&surroundings.cwd).git_common,
    };
    location::find(&request).ok().map(|location| location.dir)
}

fn of_machine(
    (surroundings, input): (&Surroundings, SetupInput),
    places: &Places,
    report: &SetupReport,
) -> Vec<String> {
    let mut steps = Vec::new();
    if places.found(input.host).is_none() {
        steps.push(format!(
            "{} was not found on this machine; what was written will be picked up once it is installed",
            input.host.title()
        ));
    }
    if input.scope == Scope::User || store(surroundings).is_none() {
        steps.push("a repository is remembered once it has a store; in each repository: state init".to_owned());
    }
    if places.program("state").is_none() {
        steps.push(format!("`state` is not in PATH: agents can use it through MCP, and as {}", report.program));
    }
    let moved = report.files.iter().any(|file| file.state == State::Moved);
    if moved && input.host == Host::Codex {
        steps.push("the path of the program is another one: Codex wants its hooks approved again".to_owned());
    }
    steps
}
