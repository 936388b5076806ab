//! The model context protocol: the verbs as tools of an agent, on stdin and stdout.
//!
//! The library `rmcp` speaks the protocol, in both of its eras; what it is told here is the verbs. A call opens the store,
//! does one thing and closes it; between calls nothing is held, so that the server may live as long as its host, and a
//! store that is made, moved or restored meanwhile is the one that the next call finds.
//!
//! | file | what it is |
//! |---|---|
//! | `transport` | lines of JSON on stdin and stdout, and their ends |
//! | `server` | which request is answered by what |
//! | `call` | one call: who calls, from where, with which store |
//! | `tools` | the table of tools; `schema` makes their definitions short |
//! | `resume`, `search`, `show`, `list`, `add`, `update` | one tool each: its arguments, whose comments are its definition |
//! | `print`, `cut` | records as text, and no more of it than wanted |
//! | `resources`, `prompts` | the same texts for people who pick them by hand |
//!
//! Tools answer with text alone: models see nothing else. The core is synchronous and so are its calls: they are answered
//! in the order in which they came.

mod add;
mod call;
mod cut;
mod job;
mod list;
mod print;
mod prompts;
mod resources;
mod resume;
mod run;
mod schema;
mod search;
mod server;
mod show;
mod tools;
mod transport;
mod update;

use crate::error::{Error, Result};
use crate::ops::workspace::{Explicit, Surroundings};
use rmcp::ServiceExt;
use server::Server;
use std::path::PathBuf;
use std::time::Duration;
use transport::Lines;

/// How long the end waits for what was begun beside the calls, as the start of a catch-up.
const LAST_MAX: Duration = Duration::from_millis(500);

/// Serves until stdin ends, stdout is closed, or the host goes away.
///
/// # Errors
/// `Refused` if the system has no room for a runtime. Whatever a client does is no error.
pub fn serve(surroundings: &Surroundings, store: Option<PathBuf>, explicit: &Explicit) -> Result<()> {
    let server = Server::new(surroundings, store, explicit);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|e| Error::io("cannot start the server", e))?;
    runtime.block_on(async {
        // A client that only looks whether the program starts closes stdin without a word.
        if let Ok(running) = server.serve(Lines::on_stdio()).await {
            drop(running.waiting().await);
        }
    });
    runtime.shutdown_timeout(LAST_MAX);
    Ok(())
}
