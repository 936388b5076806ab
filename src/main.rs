//! The program: the only reader of arguments, environment, clock and randomness.

use chrono::{DateTime, Utc};
use state::cli::{self, Doors};
use state::ops::workspace::Surroundings;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::OnceLock;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let args: Vec<_> = std::env::args_os().collect();
    let json = cli::wants_json(&args);
    let doors = Doors { hook: state::hook::answer, mcp: state::mcp::serve };
    // A host takes any other end of a hook for the agent's fault, or stops its work.
    let is_hook = cli::is_hook(&args);
    match std::panic::catch_unwind(|| cli::run(surroundings(), doors)) {
        _ if is_hook => ExitCode::SUCCESS,
        Ok(code) => ExitCode::from(code),
        Err(panic) => {
            cli::print_panic(panic.as_ref(), json);
            ExitCode::from(4)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "main is where the environment is read")]
fn surroundings() -> Surroundings {
    let env = |name: &str| std::env::var(name).ok();
    Surroundings {
        args: std::env::args_os().collect(),
        env: Box::new(env),
        state_dir: std::env::var_os("STATE_DIR").filter(|dir| !dir.is_empty()).map(Into::into),
        cwd: std::env::current_dir().unwrap_or_default(),
        temp: std::env::temp_dir(),
        program: std::env::current_exe().unwrap_or_else(|_| "state".into()),
        clock: now,
        seed: seed(),
        terminals: (std::io::stdout().is_terminal(), std::io::stderr().is_terminal()),
    }
}

/// The wall clock; `STATE_TEST_CLOCK` (RFC 3339) stops it, so that tests are exact.
#[expect(clippy::disallowed_methods, reason = "main is where the clock is read")]
fn now() -> DateTime<Utc> {
    static STOPPED: OnceLock<Option<DateTime<Utc>>> = OnceLock::new();
    let stopped = STOPPED.get_or_init(|| std::env::var("STATE_TEST_CLOCK").ok()?.parse().ok());
    stopped.unwrap_or_else(Utc::now)
}

/// Random bits of this process; `STATE_TEST_SEED` fixes them, so that the ids of tests are exact.
#[expect(clippy::disallowed_methods, reason = "main is where randomness is read")]
fn seed() -> [u8; 16] {
    let fixed = std::env::var("STATE_TEST_SEED").ok().and_then(|text| text.parse::<u128>().ok());
    fixed
        .unwrap_or_else(|| {
            let mut bits = [0; 16];
            // The kernel's generator is there on every supported system; without it the clock still tells processes apart.
            match rustix::rand::getrandom(&mut bits[..], rustix::rand::GetRandomFlags::empty()) {
                Ok(16) => u128::from_ne_bytes(bits),
                _ => u128::from(std::process::id()) << 96 ^ u128::try_from(Utc::now().timestamp_micros()).unwrap_or(0),
            }
        })
        .to_be_bytes()
}
