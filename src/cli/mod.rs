//! The command line: parse arguments, call one operation, print its report. Nothing is decided here.
//!
//! Each verb has a file with its arguments (whose comments are the help) and the human text of its report; `--json` prints
//! the report itself. stdout is the product: text or JSON, never a log line; a closed pipe ends the command silently.
//!
//! Does not know: redb, tantivy, files. The process's environment comes in as [`Surroundings`].

#![allow(clippy::doc_markdown, reason = "the comments of arguments are the help, which shows them as they are")]

mod accept;
mod add;
mod change;
mod checkpoint;
mod completions;
mod demo;
mod doctor;
mod door;
mod erase;
mod eval;
mod export;
mod hook;
mod import;
mod init;
mod job;
mod list;
mod lookup;
mod mcp;
mod paint;
mod prime;
mod progress;
mod resume;
mod rule;
mod run;
mod search;
mod setup;
mod wait;
mod watch;
mod words;

use crate::error::{Error, Kind, Result};
use crate::ops::workspace::{Explicit, Identity, Masking, Surroundings};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use door::Door;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Wherever an ID is taken, a unique prefix of it or a record's key will do.
Exit codes: 0 done; 1 not so (not found, conflict, check failed); 2 wrong usage or no store;
3 busy, or the store cannot be written from here; 4 the store is damaged.
With --json every command prints one JSON document to stdout, described in its own --help;
errors go to stderr as {\"error\": {\"kind\", \"message\", \"hint\"}}.
Secrets in what is written (keys, tokens, passwords) are masked, and so is <private>…</private>;
then the document has \"masked\": [KIND] at its end. What rules have started (state run --on) is told on stderr,
or with --json as \"fired\": [{\"rule\", \"job\"?, \"name\"?, \"because\", \"held\"?}].";

/// The durable memory and work ledger of coding agents.
#[derive(Parser)]
#[command(name = "state", version, after_help = AFTER_HELP, max_term_width = 100, disable_help_subcommand = true)]
struct Args {
    /// Print the report as JSON.
    #[arg(long, global = true, overrides_with = "json")]
    json: bool,
    /// The store's directory, instead of the one that belongs to this place.
    #[arg(long, global = true, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The session that acts, instead of STATE_SESSION, the host's, or this terminal's.
    #[arg(long, global = true, value_name = "NAME")]
    session: Option<String>,
    /// The person or agent that acts, instead of STATE_ACTOR or the user.
    #[arg(long, global = true, value_name = "NAME")]
    actor: Option<String>,
    /// Keep secrets in the text that this command writes; else they are masked.
    #[arg(long, global = true, overrides_with = "allow_secret")]
    allow_secret: bool,
    /// What this command changes starts no rule: see state run --on.
    #[arg(long, global = true, overrides_with = "no_rules", hide_short_help = true)]
    no_rules: bool,
    #[command(subcommand)]
    verb: Verb,
}

/// The help of a verb is the comment of its arguments.
#[derive(Subcommand)]
enum Verb {
    Resume(resume::ResumeArgs),
    Search(search::SearchArgs),
    Show(lookup::ShowArgs),
    List(list::ListArgs),
    Ready(list::ReadyArgs),
    Log(lookup::LogArgs),
    Add(Box<add::AddArgs>),
    Edit(Box<change::EditArgs>),
    Link(change::LinkArgs),
    Start(change::StartArgs),
    #[command(about = "End records: a task is done, a blocker gone, a session over")]
    Done(change::EndArgs),
    Block(change::BlockArgs),
    #[command(about = "End records that are not wanted or no longer hold")]
    Drop(change::EndArgs),
    Undo(change::UndoArgs),
    Run(Box<run::RunArgs>),
    Wait(wait::WaitArgs),
    Accept(accept::AcceptArgs),
    Checkpoint(checkpoint::CheckpointArgs),
    Init(init::InitArgs),
    Setup(setup::SetupArgs),
    Import(import::ImportArgs),
    Doctor(doctor::DoctorArgs),
    Erase(erase::EraseArgs),
    Export(export::ExportArgs),
    Demo(demo::DemoArgs),
    Completions(completions::CompletionsArgs),
    /// Bring the search index up to date; started by other commands, detached.
    #[command(hide = true)]
    CatchUp,
    /// Look after a job; started by other commands, detached.
    #[command(hide = true)]
    Supervise {
        /// The job.
        id: String,
    },
    #[command(hide = true)]
    Hook(hook::HookArgs),
    Mcp(mcp::McpArgs),
    #[command(hide = true)]
    Prime(prime::PrimeArgs),
    #[command(hide = true)]
    Eval(eval::EvalArgs),
}

/// The doors that are not this one, which the program hands in: doors do not know each other.
#[derive(Clone, Copy)]
pub struct Doors {
    /// Answers one event of a host, whose name and store are given.
    pub hook: fn(&Surroundings, &str, Option<PathBuf>) -> Result<()>,
    /// Serves the model context protocol on stdin and stdout, for a store and in a name, until stdin ends.
    pub mcp: fn(&Surroundings, Option<PathBuf>, &Explicit) -> Result<()>,
}

/// Runs one command and returns the exit code.
pub fn run(process: Surroundings, doors: Doors) -> u8 {
    let args = match parse(process.args.clone()) {
        Ok(args) => args,
        Err(error) => return door::print_usage(error, wants_json(&process.args)),
    };
    let json = args.json;
    let who = Explicit { session: args.session, actor: args.actor };
    let known = Identity::find(&who, &*process.env);
    let mut door = Door::new(process, doors, (who, known), args.store, json);
    door.masking = Masking::new(args.allow_secret);
    door.rules.off = args.no_rules;
    let result = dispatch(&mut door, args.verb);
    let result = result.and_then(|()| door.finish());
    door.tell_rules();
    match result {
        Ok(()) => 0,
        Err(error) => door::print_error(&error, json),
    }
}

fn parse(args: Vec<OsString>) -> Result<Args, clap::Error> {
    if let Some(args) = supervisor(&args) {
        return Ok(args);
    }
    let mut command = Args::command();
    let args = words::options_first(&command, args);
    command.try_get_matches_from_mut(args).and_then(|matches| Args::from_arg_matches(&matches))
}

/// The words with which a supervisor is started. It lives for hours, in every job: what reads arguments stays out of its
/// memory.
fn supervisor(args: &[OsString]) -> Option<Args> {
    let [_, option, store, verb, id] = args else { return None };
    let id = id.to_str().filter(|_| option == "--store" && verb == "supervise")?.to_owned();
    Some(Args {
        json: false,
        store: Some(store.into()),
        session: None,
        actor: None,
        allow_secret: false,
        no_rules: false,
        verb: Verb::Supervise { id },
    })
}

/// Whether an answer is wanted as JSON, also where the arguments cannot be understood.
pub fn wants_json(args: &[OsString]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json")
}

/// Whether a host calls, also where the arguments cannot be understood: then the name of a host after `hook` tells.
pub fn is_hook(args: &[OsString]) -> bool {
    if !args.iter().any(|arg| arg == "hook") {
        return false;
    }
    let command = Args::command();
    let verb = words::verb(&command, args).and_then(|at| args[at].to_str()).unwrap_or_default();
    let is_host = |name: &OsString| name.to_str().is_some_and(|name| crate::ops::setup::Host::named(name).is_ok());
    let words: Vec<&OsString> = args.iter().skip(1).take_while(|arg| *arg != "--").collect();
    let names_host = || words.windows(2).any(|pair| pair[0] == "hook" && is_host(pair[1]));
    verb == "hook" || (command.find_subcommand(verb).is_none() && names_host())
}

fn dispatch(door: &mut Door, verb: Verb) -> Result<()> {
    match verb {
        Verb::Resume(args) => args.run(door),
        Verb::Search(args) => args.run(door),
        Verb::Show(args) => args.run(door),
        Verb::List(args) => args.run(door),
        Verb::Ready(args) => args.run(door),
        Verb::Log(args) => args.run(door),
        Verb::Add(args) => args.run(door),
        Verb::Edit(args) => args.run(door),
        Verb::Link(args) => args.run(door),
        Verb::Start(args) => args.run(door),
        Verb::Done(args) => args.run(door, crate::ops::done::End::Done),
        Verb::Block(args) => args.run(door),
        Verb::Drop(args) => args.run(door, crate::ops::done::End::Drop),
        Verb::Undo(args) => args.run(door),
        Verb::Run(args) => args.run(door),
        Verb::Wait(args) => args.run(door),
        Verb::Accept(args) => args.run(door),
        Verb::Checkpoint(args) => args.run(door),
        Verb::Init(args) => args.run(door),
        Verb::Setup(args) => args.run(door),
        Verb::Prime(_) => prime::PrimeArgs::run(door),
        Verb::Import(args) => args.run(door),
        Verb::Doctor(args) => args.run(door),
        Verb::Erase(args) => args.run(door),
        Verb::Export(args) => args.run(door),
        Verb::Demo(_) => demo::DemoArgs::run(door),
        Verb::Completions(args) => args.run(door),
        Verb::Eval(args) => args.run(door),
        Verb::Hook(args) => {
            args.run(door);
            Ok(())
        }
        Verb::Mcp(args) => args.run(door),
        Verb::Supervise { id } => crate::ops::job::supervise(&door.workspace()?, &id).map(drop),
        Verb::CatchUp => crate::ops::search::catch_up(&door.workspace()?, &|_, _| {}).map(|_| ()),
    }
}

/// Says that the program itself failed; what it was about to write was not written.
pub fn print_panic(panic: &(dyn std::any::Any + Send), json: bool) {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let why = text.unwrap_or("unknown cause").lines().next().unwrap_or("");
    let error = Error::new(Kind::Corrupt, "the store cannot be read: it is damaged, or this program is wrong")
        .hint(format!("keep the store's directory and restore a copy beside it; for a report: {why}"));
    door::print_error(&error, json);
}

/// Reads standard input for an argument that says `-`.
fn read_stdin() -> Result<String> {
    let mut bytes = Vec::new();
    let limit = crate::ops::parts::TEXT_BYTES_MAX as u64;
    std::io::Read::read_to_end(&mut std::io::Read::take(std::io::stdin().lock(), limit + 1), &mut bytes)
        .map_err(|e| Error::io("cannot read standard input", e))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(Kind::Usage, format!("standard input has more than {} MiB", limit / 1024 / 1024)));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An argument, or standard input if it says `-`.
fn text_or_stdin(text: String) -> Result<String> {
    if text == "-" { read_stdin() } else { Ok(text) }
}

/// Writes all of a text; `false` if nobody reads it any more.
fn write_all(mut to: impl Write, text: &str) -> Result<bool> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            Err(Error::new(Kind::Refused, "the command is done, but its answer cannot be written").because(error))
        }
    }
}
