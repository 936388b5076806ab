//! Clouds, hosts and their tools.

use super::super::{Found, random};
use super::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::new("aws-access-key", &["akia", "asia", "abia", "acca"], 20, r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}\b")
        .beside(aws_secret),
    Rule::new("aws-bedrock-key", &["absk"], 100, r"ABSK[A-Za-z0-9+/]{100,}={0,2}"),
    Rule::new("google-api-key", &["aiza"], 39, r"AIza[A-Za-z0-9_-]{35}"),
    Rule::new("google-oauth-secret", &["gocspx-"], 30, r"GOCSPX-[A-Za-z0-9_-]{24,32}"),
    Rule::new("google-access-token", &["ya29."], 30, r"ya29\.[A-Za-z0-9_-]{25,}"),
    Rule::new("google-refresh-token", &["1//0"], 40, r"1//0[A-Za-z0-9_-]{36,}"),
    Rule::new("google-push-key", &[":apa91"], 100, r"[A-Za-z0-9_-]{0,24}:APA91[A-Za-z0-9_-]{94,}").back(24),
    Rule::new("azure-storage-key", &["accountkey="], 60, r"(?i:AccountKey)=([A-Za-z0-9+/]{40,88}={0,2})"),
    Rule::new("azure-access-key", &["sharedaccesskey="], 50, r"(?i:SharedAccessKey)=([A-Za-z0-9+/]{38,88}={0,2})"),
    Rule::new("azure-sas", &["sig="], 40, r"sig=([A-Za-z0-9%+/]{36,120}(?:%3[Dd]|=){0,2})"),
    Rule::new(
        "azure-client-secret",
        &["0q~", "1q~", "2q~", "3q~", "4q~", "5q~", "6q~", "7q~", "8q~", "9q~"],
        37,
        r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}",
    )
    .back(3),
    Rule::new("azure-devops-token", &["azdo"], 84, r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}").back(76),
    Rule::new("azure-service-key", &["jqqj9"], 84, r"[A-Za-z0-9]{52}JQQJ9[9D][A-Za-z0-9]{26}").back(52),
    Rule::new("alibaba-access-key", &["ltai"], 16, r"LTAI[A-Za-z0-9]{12,30}\b"),
    Rule::new("tencent-secret-id", &["akid"], 36, r"AKID[A-Za-z0-9]{32}\b"),
    Rule::new(
        "yandex-key",
        &["aqvn", "ycaje", "yco"],
        30,
        r"(?:AQVN[A-Za-z0-9_-]{35,38}|YC(?:AJE|[OPMNL])[A-Za-z0-9_-]{35,38})",
    ),
    Rule::new("digitalocean-token", &["dop_v1_", "doo_v1_", "dor_v1_"], 71, r"do[opr]_v1_[a-f0-9]{64}"),
    Rule::new("heroku-api-key", &["hrku-"], 40, r"HRKU-[A-Za-z0-9_-]{35,64}"),
    Rule::new(
        "supabase-token",
        &["sbp_", "sb_secret_"],
        30,
        r"(?:sbp_(?:v0_)?[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,64})",
    ),
    Rule::new("cloudflare-ca-key", &["v1.0-"], 170, r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"),
    Rule::new("cloudflare-token", &["cfut_", "cfat_", "cfk_"], 40, r"cf(?:ut|at|k)_[A-Za-z0-9_-]{36,80}"),
    Rule::new(
        "fly-token",
        &["fo1_", "fm1_", "fm2_", "fm1a_", "fm1r_"],
        47,
        r"(?:fo1_[A-Za-z0-9_-]{43}|fm[12][ar]?_[A-Za-z0-9+/_-]{43,}={0,3})",
    ),
    Rule::new("netlify-token", &["nfp_", "nfc_", "nfo_", "nfu_", "nfb_"], 40, r"nf[pcoub]_[A-Za-z0-9_]{36}"),
    Rule::new("vercel-token", &["vcp_", "vci_", "vca_", "vcr_", "vck_"], 28, r"vc[piark]_[A-Za-z0-9_-]{24,80}"),
    Rule::new("planetscale-token", &["pscale_"], 40, r"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9_.=-]{32,64}"),
    Rule::new("vault-token", &["hvs.", "hvb.", "hvr."], 28, r"hv[sbr]\.[A-Za-z0-9_-]{24,}"),
    Rule::new("terraform-token", &[".atlasv1."], 80, r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}").back(14),
    Rule::new("pulumi-token", &["pul-"], 44, r"pul-[a-f0-9]{40}"),
    Rule::new(
        "doppler-token",
        &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."],
        46,
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{40,80}",
    ),
    Rule::new("infracost-key", &["ico-"], 36, r"ico-[A-Za-z0-9]{32}"),
    Rule::new("databricks-token", &["dapi", "dkea", "dose"], 36, r"d(?:api|kea|ose)[a-f0-9]{32}(?:-[0-9])?"),
    Rule::new("clickhouse-key", &["4b1d"], 42, r"4b1d[A-Za-z0-9]{38}\b"),
    Rule::new("openshift-token", &["sha256~"], 50, r"sha256~[A-Za-z0-9_-]{43}"),
    Rule::new("tailscale-key", &["tskey-"], 30, r"tskey-(?:[a-z]+-)?[A-Za-z0-9]{6,24}-[A-Za-z0-9]{16,64}"),
    Rule::new(
        "age-secret-key",
        &["age-secret-key-1", "age-plugin-"],
        60,
        r"AGE-(?:SECRET-KEY|PLUGIN-[A-Z0-9]{1,20})-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{40,90}",
    ),
    Rule::new("onepassword-token", &["ops_eyj"], 200, r"ops_eyJ[A-Za-z0-9+/_-]{200,}={0,3}"),
    Rule::new(
        "onepassword-secret-key",
        &["a3-"],
        36,
        r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
    ),
    Rule::new("scaleway-key", &["scwaaa", "scw"], 20, r"SCW[A-Z0-9]{17}\b").entropy(3.2),
    Rule::new("harness-token", &["sat.", "pat."], 60, r"[ps]at\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}"),
];

/// The key's secret stands near it without a name, as in a downloaded table.
fn aws_secret(text: &str, from: usize) -> Option<Found> {
    const NEAR: usize = 200;
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let near = &text.as_bytes()[from..text.len().min(from + NEAR)];
    let mut start = 0;
    while start < near.len() {
        let len = near[start..].iter().take_while(|b| is_part(**b)).count();
        let range = from + start..from + start + len;
        if text.get(range.clone()).is_some_and(random::is_aws_secret) {
            return Some(Found { kind: "aws-secret-key", range });
        }
        start += len + 1;
    }
    None
}
