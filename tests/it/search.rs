//! What `search` answers: a line a hit and what matched, layers and budgets, pages and totals, and why there is nothing.

use crate::support::{Shell, Workspace, transcript};
use serde_json::{Value, json};
use state::domain::text::estimate_tokens;

/// A body of several passages, one of which is about walruses.
fn body() -> String {
    let filler = "Nothing of interest stands in this passage, which is here to make the text long. ".repeat(8);
    format!("# Heading\n\n{filler}\n\nA walrus rests on `ice` while it waits for the tide to come.\n\n{filler}\n")
}

fn stocked(count: usize) -> Workspace {
    let workspace = Workspace::new();
    let line =
        |number| json!({"kind": "note", "title": format!("seal {number}"), "body": "in the sea"}).to_string() + "\n";
    workspace.ok_with(&["add", "-"], &(0..count).map(line).collect::<String>());
    workspace
}

/// The commands that an answer offers.
fn offered(text: &str) -> Vec<String> {
    let from = |line: &str| line.find("state search").map(|at| line[at..].to_owned());
    text.lines().filter_map(from).collect()
}

/// Runs an offered command as a person would who copies it into a shell.
#[track_caller]
fn pasted(shell: &Shell, command: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_state");
    let script = command.replacen("state", &format!("'{binary}'"), 1);
    let output = shell.program("sh").arg("-c").arg(&script).output().unwrap();
    assert!(output.status.success(), "{command}\n{}", transcript(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_hit_is_a_line_and_what_matched() {
    let workspace = Workspace::new();
    let finding = workspace.add_with("finding", "Where they rest", &["--body", &body()]);
    let text = workspace.ok(&["search", "walrus"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with(&finding) && lines[0].ends_with("now  finding  Where they rest"), "{text}");
    assert!(lines[1].starts_with("           ") && lines[1].contains("[walrus]"), "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 120), "{text}");
    assert!(!text.contains('\u{1b}'), "colour without a terminal");

    let task = workspace.add("task", "only a narwhal title");
    assert_eq!(workspace.ok(&["search", "narwhal"]).lines().count(), 1, "the snippet repeats the title");
    workspace.ok(&["done", &task]);
    assert!(workspace.ok(&["search", "narwhal"]).contains("task done  only"));
}

#[test]
fn a_hit_says_what_makes_it_doubtful() {
    let workspace = Workspace::new();
    workspace.write("src/lock.rs", "fn lock() {}\n");
    let old = workspace.add_with("finding", "the lock is per user", &["--ref", "src/lock.rs:1"]);
    workspace.write("src/lock.rs", "fn other() {}\n");
    let new = workspace.add_with("finding", "the lock is per process", &["--over", &old]);
    workspace.add_with("note", "a secret about the lock", &["--private"]);
    let text = workspace.ok(&["search", "lock"]);
    assert!(text.contains(&format!("finding superseded by {new}  the lock is per user")), "{text}");
    assert!(text.contains("stale: src/lock.rs:1 (changed since)"), "{text}");
    assert!(text.contains("note private  a secret"), "{text}");
    let report = workspace.json(&["search", "lock"]);
    let hit = report["hits"].as_array().unwrap().iter().find(|hit| hit["record"]["id"] == *old).unwrap();
    assert_eq!((&hit["stale"], &hit["superseded_by"]), (&json!(true), &json!(new)));
    assert_eq!(hit["stale_refs"][0]["path"], "src/lock.rs:1");
    assert!(hit["record"]["updated"].is_string() && hit["record"]["created"].is_string());
}

#[test]
fn layers_show_more_and_say_what_they_cost() {
    let workspace = Workspace::new();
    let long = body().repeat(3);
    let id = workspace.add_with("finding", "Where they rest", &["--body", &long]);
    let of = |layer: &str| workspace.json(&["search", "walrus", "--layer", layer])["hits"][0].clone();
    let (line, snippet, paragraph, full) = (of("line"), of("snippet"), of("paragraph"), of("full"));
    assert_eq!((&line["snippet"], &line["body"]), (&json!(""), &Value::Null));
    assert!(snippet["snippet"].as_str().unwrap().contains("[walrus]"));
    let shown = paragraph["paragraph"].as_str().unwrap();
    assert_eq!(shown, "A walrus rests on `ice` while it waits for the tide to come.");
    assert_eq!(full["body"].as_str().unwrap().trim(), long.trim());
    for hit in [&line, &snippet, &paragraph, &full] {
        let cost = |layer: &str| usize::try_from(hit["tokens"][layer].as_u64().unwrap()).unwrap();
        assert!(cost("line") < cost("paragraph") && cost("paragraph") < cost("full"), "{}", hit["tokens"]);
        assert!(cost("full") >= estimate_tokens(&long));
    }
    let text = workspace.ok(&["search", "walrus"]);
    assert!(text.contains(&format!(" tokens: state show {id})")), "{text}");
    assert_eq!(workspace.ok(&["search", "walrus", "--layer", "line"]).lines().count(), 1);
    let text = workspace.ok(&["search", "walrus", "--full"]);
    assert!(text.contains(&format!("``` text of {id}\n# Heading\n")) && text.ends_with("```\n"), "{text}");
    workspace.fails(2, &["search", "walrus", "--layer", "everything"]);
}

#[test]
fn no_text_closes_its_own_fence() {
    let workspace = Workspace::new();
    workspace.add_with("note", "fenced walrus", &["--body", "```\ncode\n```\n````\nmore\n````"]);
    let text = workspace.ok(&["search", "walrus", "--full"]);
    assert!(text.contains("\n````` text of ") && text.ends_with("\n`````\n"), "{text}");
}

#[test]
fn an_answer_stays_within_its_budget_and_says_how_to_go_on() {
    let workspace = Workspace::new();
    let lines: String = (0..30)
        .map(|number| json!({"kind": "note", "title": format!("walrus {number}"), "body": body()}).to_string() + "\n")
        .collect();
    workspace.ok_with(&["add", "-"], &lines);
    for budget in [100, 150, 300, 700, 1500, 6000] {
        for form in [&["--layer", "line"][..], &[], &["--layer", "paragraph"], &["--full"], &["--full", "--json"]] {
            let number = budget.to_string();
            let text = workspace.ok(&[&["search", "walrus", "-n", "20", "--budget", &number], form].concat());
            let cost = estimate_tokens(&text);
            assert!(cost <= budget, "{cost} tokens, {budget} allowed, {form:?}: {text}");
        }
    }
    let roomy = workspace.ok(&["search", "walrus", "--full", "--budget", "900"]);
    assert!(
        roomy.contains("```") && roomy.contains("left out for the budget") || roomy.contains("10 of 30"),
        "{roomy}"
    );
    assert!(workspace.ok(&["search", "walrus", "--budget", "1"]).contains("not one fits into 1 tokens"));

    let first = workspace.json(&["search", "walrus", "--budget", "1500"]);
    let next = first["next"].as_u64().unwrap();
    assert_eq!(next, first["hits"].as_array().unwrap().len() as u64);
    assert_eq!(next + first["cut"].as_u64().unwrap_or(0), 10);
    let all = workspace.search(&["walrus", "-n", "30"]);
    let rest = workspace.search(&["walrus", "--offset", &next.to_string()]);
    assert_eq!(rest[0], all[usize::try_from(next).unwrap()]);
}

#[test]
fn pages_follow_each_other_and_totals_are_honest() {
    let workspace = stocked(25);
    let first = workspace.ok(&["search", "seal"]);
    let more = offered(&first);
    assert!(first.contains("10 of 25; more: "), "{first}");
    let second = pasted(&workspace, &more[0]);
    assert!(second.contains("20 of 25; more: "), "{second}");
    let third = pasted(&workspace, &offered(&second)[0]);
    assert_eq!((third.matches("  note  ").count(), offered(&third).len()), (5, 0), "{third}");

    let beyond = workspace.ok(&["search", "seal", "--offset", "60"]);
    assert!(beyond.starts_with("25 in all, none from 60 on: state search seal"), "{beyond}");
    let none = workspace.json(&["search", "seal", "--limit", "0"]);
    assert_eq!((&none["total"], &none["hits"], &none["nothing"]), (&json!(25), &json!([]), &Value::Null));
    assert!(workspace.ok(&["search", "seal", "-n", "0"]).contains("25 in all, none shown at limit 0"));

    // The index has some, the tail the rest, one of them edited since.
    workspace.ok(&["catch-up"]);
    let edited = workspace.search(&["seal", "-n", "1"])[0].clone();
    workspace.ok(&["edit", &edited, "--title", "seal again"]);
    workspace.add("note", "seal of today");
    assert_eq!(workspace.json(&["search", "seal", "-n", "3"])["total"], 26);
}

#[test]
fn a_total_beyond_the_cap_is_never_less_than_what_is_shown() {
    let workspace = stocked(1030);
    for _ in 0..2 {
        assert!(workspace.ok(&["search", "seal", "-n", "1"]).contains("1 of 1,000+; more"));
        let deep = workspace.ok(&["search", "seal", "-n", "5", "--offset", "1010"]);
        assert!(deep.contains("1,015 of 1,015+; more"), "{deep}");
        let last = workspace.json(&["search", "seal", "-n", "50", "--offset", "1010"]);
        assert_eq!((&last["total"], &last["capped"], &last["next"]), (&json!(1030), &json!(false), &Value::Null));
        workspace.ok(&["catch-up"]);
    }
}

#[test]
fn every_offered_command_can_be_pasted() {
    let workspace = Workspace::new();
    for number in 0..3 {
        workspace.add("note", &format!("it's $HOME `here` \"two words\" {number} --no-verify"));
    }
    for query in
        ["it's $HOME", "\"two words\" -draft", "-draft words", "`here`", "--no-verify words", "$(touch pwned) words"]
    {
        let found = workspace.ok(&["search", "-n", "1", "--", query]);
        let next = offered(&found).pop().unwrap_or_else(|| panic!("no next page of {query}: {found}"));
        let page = pasted(&workspace, &next);
        assert!(page.contains("2 of 3; more"), "{query}: {next}: {page}");
        let nothing = workspace.ok(&["search", "--", &format!("{query} kind:decision")]);
        let wider = offered(&nothing).into_iter().next().unwrap_or_else(|| panic!("nothing wider: {nothing}"));
        assert!(pasted(&workspace, &wider).contains("  note  "), "{wider}");
    }
    assert!(!workspace.dir().join("pwned").exists(), "an offered command ran what the query says");
    let options = ["-n", "1", "--layer", "paragraph", "--explain", "--budget", "900"];
    let found = workspace.ok(&[&["search", "words"], &options[..]].concat());
    assert!(
        found.ends_with("state search --offset 1 -n 1 --layer paragraph --budget 900 --explain words\n"),
        "{found}"
    );
}

#[test]
fn an_offered_command_asks_the_same_store() {
    let (workspace, elsewhere) = (stocked(3), Workspace::empty());
    let store = workspace.store();
    let found = elsewhere.ok(&["search", "seal", "-n", "1", "--store", store.to_str().unwrap()]);
    assert!(pasted(&elsewhere, &offered(&found)[0]).contains("2 of 3; more"), "{found}");
}

#[test]
fn scores_and_the_query_are_explained() {
    let workspace = Workspace::new();
    workspace.add("finding", "the lock is per process");
    let query = "lock \"per process\" -draft kind:finding since:7d";
    let text = workspace.ok(&["search", query, "--explain"]);
    let taken = "Taken as any of lock; all of \"per process\"; none of draft; where kind:finding; since 20";
    assert!(text.starts_with(taken) && text.contains("score ") && text.contains("text "), "{text}");
    let report = workspace.json(&["search", query, "--explain"]);
    assert_eq!(report["taken"]["phrases"], json!(["per process"]));
    assert!(report["hits"][0]["parts"].as_object().unwrap().contains_key("text"));
    assert!(workspace.ok(&["search", "kind:finding", "--explain"]).contains("newest first"));
    assert_eq!(workspace.json(&["search", query])["taken"], Value::Null);
}
