//! What an agent should know of `state`: the text that hosts read as a skill, printed.

use serde::Serialize;

/// The skill, as `setup` installs it: a front matter with name and description, then the text.
pub const SKILL: &str = include_str!("SKILL.md");

/// The text.
#[derive(Clone, Debug, Serialize)]
pub struct PrimeReport {
    /// The skill without its front matter.
    pub text: String,
}

/// The text of the skill, without what only hosts read.
#[must_use]
pub fn prime() -> PrimeReport {
    let text = SKILL.split_once("\n---\n").map_or(SKILL, |(_, text)| text);
    PrimeReport { text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skill_keeps_to_what_hosts_read() {
        let (front, text) = SKILL.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
        let description = front.lines().find_map(|line| line.strip_prefix("description: ")).unwrap();
        assert!(front.starts_with("name: state\n") && description.len() < 1000, "{}", description.len());
        assert!(!description.contains(": "), "a colon ends a plain scalar of YAML");
        assert!(SKILL.lines().count() < 60 && !text.contains("commit ") && !text.contains("push"));
        assert_eq!(prime().text, text);
    }
}
