//! Code hosts, registries, builds; and what stands in headers and commands.

use super::super::{address, random};
use super::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::new("github-token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], 40, r"gh[pousr]_[A-Za-z0-9_]{36,}"),
    Rule::new("github-token", &["github_pat_"], 60, r"github_pat_[A-Za-z0-9_]{50,}"),
    Rule::new(
        "gitlab-token",
        &[
            "glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-",
            "glsoat-", "glffct-", "glwt-",
        ],
        24,
        r"gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-[A-Za-z0-9_.-]{18,}",
    ),
    Rule::new("gitlab-token", &["gr1348941"], 29, r"GR1348941[A-Za-z0-9_-]{20}"),
    Rule::new("bitbucket-password", &["atbb"], 30, r"ATBB[A-Za-z0-9]{26,60}"),
    Rule::new("gitea-token", &["gto_"], 40, r"gto_[a-z0-9]{36,64}"),
    Rule::new("npm-token", &["npm_"], 40, r"npm_[A-Za-z0-9]{36}"),
    Rule::new("pypi-token", &["pypi-"], 60, r"pypi-AgE[A-Za-z0-9_-]{50,}"),
    Rule::new("crates-token", &["cio"], 35, r"cio[A-Za-z0-9]{32}\b").entropy(3.5),
    Rule::new("rubygems-token", &["rubygems_"], 57, r"rubygems_[a-f0-9]{48}"),
    Rule::new("nuget-key", &["oy2"], 46, r"oy2[a-z0-9]{43}\b"),
    Rule::new("clojars-token", &["clojars_"], 68, r"(?i:clojars)_[a-z0-9]{60}"),
    Rule::new("docker-token", &["dckr_pat_", "dckr_oat_"], 36, r"dckr_[po]at_[A-Za-z0-9_-]{27,40}"),
    Rule::new("artifactory-key", &["akcp"], 60, r"AKCp[A-Za-z0-9]{56,80}"),
    Rule::new("artifactory-token", &["cmvmd"], 64, r"cmVmd[A-Za-z0-9]{59}"),
    Rule::new("circleci-token", &["ccipat_", "cciprj_"], 50, r"CCIP(?:AT|RJ)_[A-Za-z0-9]{20,30}_[a-f0-9]{40}"),
    Rule::new("buildkite-token", &["bkua_", "bkaj_"], 45, r"bk(?:ua|aj)_[A-Za-z0-9]{40}"),
    Rule::new("sonar-token", &["sqp_", "squ_", "sqa_"], 44, r"sq[pua]_[a-f0-9]{40}"),
    Rule::new(
        "sourcegraph-token",
        &["sgp_", "slk_"],
        44,
        r"(?:sgp_(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}|slk_[a-f0-9]{64})",
    ),
    Rule::new("octopus-key", &["api-"], 30, r"API-[A-Z0-9]{26,34}\b").entropy(3.2),
    Rule::new("postman-key", &["pmak-"], 60, r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    Rule::new("prefect-token", &["pnu_"], 40, r"pnu_[A-Za-z0-9]{36}"),
    Rule::new("unkey-key", &["unkey_"], 24, r"unkey_[A-Za-z0-9]{20,60}"),
    Rule::new("jwt", &["eyj"], 40, r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{10,}").strict(),
    Rule::new("jwt", &["zxlk"], 60, r"ZXlK[A-Za-z0-9+/=]{56,}"),
    Rule::new(
        "authorization",
        &["authorization"],
        13,
        r#"(?i:authorization)["'\\]{0,4}\s{0,4}[:=]\s{0,4}["'\\]{0,4}(?i:basic|bearer|token|bot|apikey|api-key|digest|ssws|negotiate)\s{1,4}([A-Za-z0-9._~+/=:-]{12,})"#,
    ),
    Rule::new("bearer-token", &["bearer"], 6, r"(?i:bearer)(?:[ \t]{1,4}|%20|\+)([A-Za-z0-9._~+/=-]{20,})")
        .entropy(3.2)
        .judge(|_, token| random::is_random(token)),
    Rule::new("okta-token", &["ssws"], 4, r"SSWS\s{1,4}([A-Za-z0-9_-]{20,64})"),
    Rule::new(
        "netrc-password",
        &["machine"],
        7,
        r"machine\s{1,8}\S{1,60}\s{1,8}login\s{1,8}\S{1,60}\s{1,8}password\s{1,8}(\S{4,})",
    )
    .judge(|_, password| random::is_password(password)),
    Rule::new(
        "command-password",
        &["-u ", "-u'", "-u\"", "-u=", "--user"],
        2,
        r#"-(?:u|-user)[= ]\s{0,4}["']?[^\s:"'/$<=]{1,64}:([^\s"'$<{/*;]{6,64})["'\s]"#,
    )
    .entropy(2.2)
    .judge(is_login),
    Rule::new(
        "command-password",
        &["docker login", "podman login", "registry login"],
        6,
        r#"(?:docker|podman|registry) login[^\n;|&]{0,120}?\s-p[= ]\s{0,4}["']?([^\s"'$<]{6,})"#,
    )
    .entropy(2.2)
    .judge(|_, password| is_mixed(password)),
    Rule::new(
        "command-password",
        &["mysql ", "mysqldump ", "mysqladmin ", "mariadb ", "mariadb-dump "],
        5,
        r#"(?:mysql(?:dump|admin)?|mariadb(?:-dump)?)\s[^\n;|&]{0,120}?-p["']?([^\s"'$<-][^\s"'$<]{5,})"#,
    )
    .entropy(2.2)
    .judge(|_, password| is_mixed(password)),
    Rule::new(
        "sql-password",
        &["identified"],
        10,
        r#"(?i:identified\s{1,4}(?:with\s{1,4}\S{1,40}\s{1,4})?by)\s{1,4}(?i:password\s{1,4})?\\{0,2}["']([^"'\n\\]{6,128})\\{0,2}["']"#,
    )
    .entropy(2.2)
    .judge(|_, password| is_mixed(password)),
    Rule::new(
        "cookie",
        &["cookie"],
        6,
        r#"(?i:cookie)["'\\]{0,4}\s{0,4}:\s{0,4}["'\\]{0,4}([A-Za-z0-9_.-]{1,64}=[^\s;"'\\]*(?:;[ \t]?[A-Za-z0-9_.-]{1,64}=[^\s;"'\\]*)*)"#,
    )
    .judge(|_, cookie| cookie.split([';', '=']).any(|part| part.len() >= 16 && random::is_random(part))),
    Rule::new("sshpass-password", &["sshpass"], 7, r#"sshpass\s{1,4}-p\s{0,4}["']?([^\s"'$<]{4,})"#).entropy(1.5),
];

/// Whether it is a password and not the word.
fn is_mixed(password: &str) -> bool {
    (random::is_password(password) || random::is_random(password)) && !random::is_placeholder(password)
}

/// Whether `-u user:` is followed by a password and not by the word.
fn is_login(before: &str, password: &str) -> bool {
    let user = before.trim_end_matches(':').rsplit([' ', '=', '"', '\'']).next().unwrap_or("");
    !address::is_trivial(user, password) && !random::is_placeholder(password)
}
