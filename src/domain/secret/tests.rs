//! Every row has an example that is found and a look-alike that stays; the examples are in `fixtures/secrets/examples.tsv`.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Kind, text, and the secret's place in it.
struct Example {
    kind: &'static str,
    text: String,
    secret: Range<usize>,
}

/// The examples as they are published; in the file they are split, so that other scanners do not find them.
fn examples() -> Vec<Example> {
    let lines = include_str!("../../../fixtures/secrets/examples.tsv").lines().filter(|line| !line.starts_with('#'));
    let example = |line: &'static str| {
        let (kind, rest) = line.split_once('\t').unwrap();
        let (_, text) = rest.split_once('\t').unwrap();
        let text = text.replace('·', "").replace("\\\\n", "\0").replace("\\n", "\n").replace('\0', "\\n");
        let (before, rest) = text.split_once('«').unwrap();
        let (secret, after) = rest.split_once('»').unwrap();
        let place = before.len()..before.len() + secret.len();
        Example { kind, text: format!("{before}{secret}{after}"), secret: place }
    };
    lines.map(example).collect()
}

/// What looks like a secret and is none.
const LOOK_ALIKES: [&str; 70] = [
    "fix: mask tokens (#4821) in 3f786850e387550fdab836ed7e6dc881de23001b",
    "the secret 3f786850e387550fdab836ed7e6dc881de23001b",
    "impl Foo<Private> for Bar. Next step: Vec<Private>, then Map<private>",
    "#include <private>\n# include <private> too",
    "say \"use <private> to hide\" or `a <private> b`, `</private>` ends it",
    "```\n<private>\n```\nand on",
    "password reset v2.1.0-beta3, token refresh every 15m",
    "| token | string |\n| Password reset | 3 steps |",
    "Cookie: theme=dark; lang=en",
    "docker login -u me -p $PASSWORD; mysql -h db -proot",
    "token 3f786850e387550fdab836ed7e6dc881de23001b, digest sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "password: changeme",
    "PASSWORD=<your-password>",
    "DB_PASSWORD=${DB_PASSWORD}",
    "api_key: $API_KEY",
    "token=xxxxxxxxxxxxxxxxxxxxxxxx",
    "secret = os.environ[\"CLIENT_SECRET\"]",
    "let token = request.headers.get(\"x-token-2\")",
    "password = getPassword(user1, 42)",
    "token_count: 128000",
    "max_tokens = 200000",
    "tokenizer: gpt2-bpe-50257x",
    "secret_name: prod-db-4f2a-Xy",
    "access_token_url = https://example.com/oauth2/token",
    "private_key_path: ~/.ssh/id_ed25519_2024b",
    "key: usr_8fJ2kL9mQ4xZ7vB1",
    "public_key = AAAAB3NzaC1yc2EAAAADAQABAAABAQC7",
    "cache_key = user42-profile-v17-eu1",
    "the secret is to write tests first, then code 2x as fast",
    "auth: retry 3x with backoff500ms",
    "password: string = \"\"",
    "password: process.env.DB_PASS_2",
    "\"password\": \"********\"",
    "the token: AuthFlow2Handler rotates",
    "bearer authentication with libcurl 7.61.0",
    "Authorization: Bearer <token>",
    "Authorization: Bearer $TOKEN",
    "https://example.com:8080/@user/repo",
    "https://user@example.com/path",
    "postgres://user:password@localhost/db",
    "postgres://postgres:postgres@localhost:5432/test",
    "mongodb://$USER:$PASS@host",
    "git@github.com:owner/repo.git",
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUJ1Qj\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
    "a file that starts with -----BEGIN RSA PRIVATE KEY----- is a key",
    "eyJhbGciOiJIUzI1NiJ9 is the header of a JWT",
    "sk-learn, task-runner, risk-assessment-of-the-whole-plan-2024",
    "ghp_ is the prefix, ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx the form",
    "AKIA is how they start; AKIAXXXXXXXXXXXXXXXX too",
    "hf_transfer and hf_hub_download",
    "npm_config_registry=https://registry.npmjs.org",
    "npm_package_version_of_the_installed_module",
    "xoxb-your-bot-token-goes-here",
    "the prefix shpat_ and the prefix dop_v1_",
    "SG.example and SG-13",
    "key-value stores, key-3ax",
    "test_the_whole_thing_with_a_name_of_many_words",
    "live_reload_of_the_development_server",
    "re_render_all_components_of_the_page",
    "pa-rameter, fc-list, cio, ico-nography",
    "path/to/sl.rs and www.sl.se",
    "commit 1/1200000000000001 of the batch",
    "usage: tool -u user:group file",
    "machine learning login page password reset",
    "`<private>` is the tag, \"<private>\" too",
    "session 123e4567-e89b-12d3-a456-426614174000",
    "hooks.slack.com/services/ is the address",
    "sha512-9x8RZ0k3bY3aQW1uJm8m1O6KkQ== integrity",
    "Basic dXNl, basic authentication",
];

#[test]
fn published_examples_are_found() {
    let missed: Vec<String> = examples()
        .iter()
        .filter(|example| {
            let covers =
                |found: &Found| found.range.start <= example.secret.start && example.secret.end <= found.range.end;
            !find(&example.text).iter().any(covers)
        })
        .map(|example| example.text.chars().take(60).collect())
        .collect();
    let all = examples().len();
    assert!(all >= 120 && missed.len() * 20 < all, "{} of {all} missed: {missed:#?}", missed.len());
}

#[test]
fn every_kind_has_an_example_that_is_told_by_its_name() {
    let mut told = BTreeSet::from([PRIVATE_KIND]);
    for example in examples() {
        told.extend(find(&example.text).iter().map(|found| found.kind).filter(|kind| *kind == example.kind));
    }
    let untold: Vec<_> = kinds().into_iter().filter(|kind| !told.contains(kind)).collect();
    assert!(untold.is_empty(), "{untold:?}");
}

#[test]
fn look_alikes_stay() {
    for text in LOOK_ALIKES {
        assert!(matches!(mask(text), Cow::Borrowed(_)), "{text}: {}", mask(text));
    }
}

#[test]
fn no_row_takes_a_mention_or_a_form_for_a_secret() {
    for rule in rules::all() {
        for keyword in rule
            .keywords
            .iter()
            .map(|keyword| keyword.to_uppercase())
            .chain(rule.keywords.iter().map(ToString::to_string))
        {
            for rest in [
                "",
                " is what it starts with",
                "abc",
                "…",
                "<YOUR-KEY>",
                &"x".repeat(100),
                &"X".repeat(100),
                &"0".repeat(100),
            ] {
                let text = format!("use {keyword}{rest} there");
                assert_eq!(find(&text), [], "{}: {text}", rule.kind);
            }
        }
    }
}

#[test]
fn a_mark_is_readable_and_nothing_to_mask() {
    for kind in kinds() {
        assert!(kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && kind.len() < 40, "{kind}");
        for around in [
            "{}",
            "password={}",
            "\"token\": \"{}\"",
            "Authorization: Bearer {}",
            "https://u:{}@h",
            "{}=aB3dE5gH7jK9mN1p",
        ] {
            let text = around.replace("{}", &format!("[secret: {kind}]"));
            assert_eq!(mask(&text), text);
        }
    }
}

#[test]
fn only_the_secret_of_a_text_goes() {
    let id = ["AKIA", "IOSFODNN7EXAMPLE"].concat();
    assert_eq!(mask(&format!("key {id}, then text")), "key [secret: aws-access-key], then text");
    assert_eq!(mask("postgres://app:hunter2Abc9@db:5432/x"), "postgres://app:[secret: url-password]@db:5432/x");
    assert_eq!(mask("DB_PASSWORD='hunter2Abc9!' # dev"), "DB_PASSWORD='[secret: password]' # dev");
    assert_eq!(mask("漢 token: aB3dE5gH7jK9mN1pQ3 字"), "漢 token: [secret: token] 字");
    let fake_mark = format!("[secret: {id}]");
    assert_eq!(mask(&fake_mark), "[secret: [secret: aws-access-key]]");
}

#[test]
fn private_passages_go_nested_unclosed_and_in_any_case() {
    let cases = [
        ("a <private>b</private> c", "a [private] c"),
        ("a <PRIVATE>b <private>c</private> d</Private> e", "a [private] e"),
        ("a <PRIVATE>b", "a <PRIVATE>b"),
        ("a <private >b</private > c", "a [private] c"),
        ("a:<private reason=\"x\">b</private> c", "a:[private] c"),
        ("x\n<private why='y'>b", "x\n[private]"),
        ("Vec<Private> and <private>b</private> c", "Vec<Private> and [private] c"),
        ("<private>a Vec<private> b</private> c", "[private] c"),
        ("`<private>` and <private>b `</private>` c</private> d", "`<private>` and [private] d"),
        ("```\n<private>b</private>\n```", "```\n[private]\n```"),
        ("a <private>b\nand the rest", "a [private]"),
        ("a </private> b", "a </private> b"),
        ("<private></private><private>x</private>", "[private][private]"),
    ];
    for (text, kept) in cases {
        assert_eq!((mask(text).as_ref(), strip_private(text).as_ref()), (kept, kept));
    }
    assert_eq!(mask("<private>password=hunter2Abc9</private>"), "[private]");
    assert!(matches!(strip_private("a < b"), Cow::Borrowed(_)));
}

#[test]
fn a_private_key_goes_whole_or_as_far_as_it_goes() {
    let line = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MhgHcTz6sE2I2yPB";
    let key = format!("{}RSA PRIVATE KEY-----\n{line}\n{line}\n", "-----BEGIN ");
    assert_eq!(mask(&format!("a\n{key}-----END RSA PRIVATE KEY-----\nb")), "a\n[secret: private-key]\nb");
    assert_eq!(mask(&format!("a\n{key}and so on.\nb")), "a\n[secret: private-key]\nand so on.\nb");
    let escaped = key.replace('\n', "\\n");
    assert_eq!(mask(&format!("{{\"k\":\"{escaped}\"}}")), "{\"k\":\"[secret: private-key]\\n\"}");
}

#[test]
fn fields_of_values_are_masked_by_their_names() {
    let mut value = serde_json::json!({"user": "me", "password": "hunter2Abc9", "list": [{"api_key": "aB3dE5gH7jK9mN1pQ3"}], "n": 1});
    let mut told = Vec::new();
    mask_value("data", &mut value, &mut |kind, _| {
        told.push(kind);
        true
    });
    let masked = serde_json::json!({"user": "me", "password": "[secret: password]", "list": [{"api_key": "[secret: api-key]"}], "n": 1});
    assert_eq!((value, told), (masked, vec!["api-key", "password"]));
}

#[test]
fn a_private_key_goes_with_the_numbers_of_its_lines() {
    let line = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MhgHcTz6sE2I2yPB";
    for sign in ["→", "\t", ": ", " | "] {
        let lines = ["-----BEGIN RSA PRIVATE KEY-----", line, line, "-----END RSA PRIVATE KEY-----"];
        let numbered = lines.iter().enumerate().map(|(at, line)| format!("{:>6}{sign}{line}\n", at + 1));
        assert_eq!(mask(&numbered.collect::<String>()), format!("     1{sign}[secret: private-key]\n"));
    }
}

#[test]
fn a_secret_is_found_whatever_is_around_it() {
    let (word, hex) = ("aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA1cE", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b");
    let sets: [(&str, &[&str]); 3] = [
        (
            "Kz7!mN1pQ3sT",
            &["**Password:** `{}`", "| password | {} |", "password\t{}", "IDENTIFIED BY '{}'", "WITH PASSWORD '{}'"],
        ),
        (
            word,
            &[
                "https://{}@github.com/a/b",
                "api key: {}",
                "the API key is {}",
                "docker login -u me -p {}",
                "mysql -uroot -p{} db",
                "Cookie: lang=en; sessionid={}",
                "<add key=\"ApiKey\" value=\"{}\"/>",
                "- name: API_KEY\n  value: {}",
                "API_TOKEN=\n{}",
                "password%3D{}",
            ],
        ),
        (hex, &["\"secret\": \"{}\"", "token: {}"]),
    ];
    for (secret, around) in sets {
        for around in around {
            let masked = mask(&around.replace("{}", secret)).into_owned();
            assert!(masked.contains(MARK) && !masked.contains(secret), "{around}: {masked}");
        }
    }
    let aws = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    for around in ["AWS_SECRET_ACCESS_KEY=\n", "secret access key: "] {
        assert_eq!(mask(&format!("{around}{aws}")), format!("{around}[secret: aws-secret-key]"));
    }
}

#[test]
fn what_nobody_sees_in_a_secret_does_not_hide_it() {
    let (head, tail) = ("AKIAIOSF", "ODNN7EXAMPLE");
    for unseen in
        ["\u{200b}", "\u{ad}", "\u{200d}", "\u{2060}", "\u{feff}", "\u{202e}", "\0", "\u{8}", "\u{200b}\u{ad}"]
    {
        let text = format!("{unseen}a{unseen} {head}{unseen}{tail} {unseen}b 漢{unseen}");
        let masked = format!("{unseen}a{unseen} [secret: aws-access-key] {unseen}b 漢{unseen}");
        assert_eq!(mask(&text), masked);
        assert_eq!(mask(&masked), masked);
    }
}

#[test]
fn each_byte_is_judged_at_most_a_few_times() {
    let pieces = [
        "password=",
        "a_token_",
        "a_token_=b",
        "tokentokentoken=",
        "word ",
        "Comment: -----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n\n",
        "private-lines:",
    ];
    for piece in pieces {
        let text = piece.repeat(50_000 / piece.len());
        let (_, judged) = scanner::scan_counted(&text);
        assert!(judged <= 4 * text.len(), "{piece:?}: {judged} of {}", text.len());
    }
}

#[test]
fn no_text_takes_more_than_a_linear_look() {
    // Quadratic work would take hours on these, not seconds.
    let pieces = [
        "sk-",
        "sk-proj-",
        "-eyJ",
        "password=",
        "password=\"",
        "token: a",
        "://a:b",
        "-----BEGIN A PRIVATE KEY-----",
        "<private>",
        "[secret: ",
        "authorization: basic ",
        "eyJaaaaaaaaaa.",
        "secret",
        "_key\\",
        "AKIAAAAAAAAAAAAAAAAA",
        "private-lines:",
        "Comment: -----BEGIN PRIVATE KEY-----\n",
        "\"<private>",
        "a<private>",
        "cookie: a=b;",
    ];
    for piece in pieces {
        let text = piece.repeat(400_000 / piece.len());
        assert!(mask(&text).len() <= text.len() * 3);
    }
}

/// Texts with the beginnings, ends and neighbours of secrets.
fn fragments() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        Just("AKIAIOSFODNN7EXAMPLE".to_owned()),
        Just("password=".to_owned()),
        Just("\"token\": \"".to_owned()),
        Just("aB3dE5gH7jK9mN1pQ3".to_owned()),
        Just("://u:pW9x@h".to_owned()),
        Just("<private>".to_owned()),
        Just("</private>".to_owned()),
        Just("[secret: token]".to_owned()),
        Just("Authorization: Bearer ".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0Z3V\n".to_owned()),
        Just("\"".to_owned()),
        Just(" ".to_owned()),
        Just("\n".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(words, 0..12).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn masking_twice_is_masking_once(text in fragments()) {
        let once = mask(&text).into_owned();
        prop_assert_eq!(mask(&once), once.as_str());
    }

    #[test]
    fn what_is_found_is_in_order_and_between_characters(text in fragments()) {
        let mut end = 0;
        for found in find(&text) {
            prop_assert!(end <= found.range.start && found.range.start < found.range.end);
            prop_assert!(text.get(found.range.clone()).is_some());
            end = found.range.end;
        }
    }
}
