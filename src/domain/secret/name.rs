//! What a name says of its value: `DB_PASSWORD` and `apiKey` hold secrets, `token_count` and `secret_name` do not.

/// What a name holds that may hold a secret.
pub(super) const KEYWORDS: [&str; 26] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "_pass",
    "_pwd",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "_key",
    "-key",
    "accountkey",
    "privatekey",
    "credential",
    "_auth",
    "\"auth\"",
    "api key",
    "access key",
    "secret access key",
    "secret key",
    "signing key",
    "encryption key",
];

/// Before `_key` or `-key`, which of a table or a cache are no secrets.
const KEY_OWNERS: [&str; 22] = [
    "api",
    "access",
    "accesskey",
    "private",
    "secret",
    "account",
    "auth",
    "authentication",
    "encryption",
    "encrypt",
    "signing",
    "sign",
    "master",
    "shared",
    "storage",
    "service",
    "admin",
    "app",
    "application",
    "client",
    "subscription",
    "license",
];

/// What a name ends with that says something about a secret, and is none.
const ABOUT: [&str; 62] = [
    "id",
    "ids",
    "count",
    "counts",
    "type",
    "types",
    "name",
    "names",
    "url",
    "uri",
    "path",
    "file",
    "dir",
    "hash",
    "digest",
    "sha",
    "size",
    "length",
    "len",
    "limit",
    "limits",
    "expiry",
    "expires",
    "expiration",
    "at",
    "in",
    "ttl",
    "age",
    "format",
    "field",
    "fields",
    "policy",
    "hint",
    "version",
    "status",
    "state",
    "prefix",
    "suffix",
    "env",
    "var",
    "header",
    "label",
    "ref",
    "arn",
    "max",
    "min",
    "kind",
    "scheme",
    "endpoint",
    "provider",
    "store",
    "manager",
    "scanner",
    "usage",
    "budget",
    "index",
    "regex",
    "pattern",
    "scope",
    "scopes",
    "fingerprint",
    "checksum",
];

/// Whether a name says that its value is a secret: `DB_PASSWORD`, `apiKey`; not `token_count`, `secret_name`.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    kind_of(name).is_some()
}

/// The kind of secret that a value of this name is.
pub(super) fn kind_of(name: &str) -> Option<&'static str> {
    let words = Words::of(name);
    let last = words.last(0)?;
    if ABOUT.contains(&last) || words.iter().any(|word| word == "public" || word.starts_with("tokeniz")) {
        return None;
    }
    let has = |part: &str| words.whole.contains(part);
    if ["password", "passwd", "passphrase", "passwort", "pwd"].iter().any(|word| has(word)) || last == "pass" {
        return Some("password");
    }
    if has("apikey") || is_owned_key(&words) || ["accesskey", "accountkey", "privatekey"].iter().any(|word| has(word)) {
        return Some("api-key");
    }
    if has("secret") {
        return Some("secret");
    }
    if has("token") && !has("tokens") {
        return Some("token");
    }
    (last.starts_with("credential") || last == "auth").then_some("credential")
}

/// Whether it names the secret half of an AWS key.
pub(super) fn is_of_aws_secret(name: &str) -> bool {
    let name = Words::of(name).whole;
    name.contains("secretaccesskey") || name.contains("aws") && name.contains("secret")
}

fn is_owned_key(words: &Words) -> bool {
    words.last(0) == Some("key") && words.last(1).is_some_and(|owner| KEY_OWNERS.contains(&owner))
}

/// The words of a name, lower case: `clientSecret`, `CLIENT_SECRET` and `client-secret` are the same.
struct Words {
    /// All of them, nothing between them.
    whole: String,
    /// Where each starts.
    starts: Vec<usize>,
}

impl Words {
    fn of(name: &str) -> Self {
        let mut words = Self { whole: String::with_capacity(name.len()), starts: Vec::with_capacity(8) };
        let (mut was_lower, mut is_new) = (false, true);
        for c in name.chars() {
            is_new |= !c.is_ascii_alphanumeric() || c.is_ascii_uppercase() && was_lower;
            if c.is_ascii_alphanumeric() {
                if std::mem::take(&mut is_new) {
                    words.starts.push(words.whole.len());
                }
                words.whole.push(c.to_ascii_lowercase());
            }
            was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        }
        words
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let ends = self.starts.iter().skip(1).copied().chain([self.whole.len()]);
        self.starts.iter().zip(ends).map(|(start, end)| &self.whole[*start..end])
    }

    /// The last word, or the one that many before it.
    fn last(&self, before: usize) -> Option<&str> {
        let at = self.starts.len().checked_sub(before + 1)?;
        let end = self.starts.get(at + 1).copied().unwrap_or(self.whole.len());
        Some(&self.whole[self.starts[at]..end])
    }
}
