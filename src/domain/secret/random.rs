//! Whether a word looks as if chance had made it, or stands for something that is not there.

/// Bits a byte, 0 to 8, by the bytes' own frequencies.
#[allow(clippy::cast_precision_loss, reason = "a text is not so long")]
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let len = bytes.len() as f64;
    let share = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / len);
    share.map(|share| -share * share.log2()).sum()
}

/// What people write where a secret would be.
const FORMS: [&str; 14] = [
    "xxxx",
    "****",
    "....",
    "your_",
    "your-",
    "yourtoken",
    "yourkey",
    "changeme",
    "change-me",
    "placeholder",
    "redacted",
    "dummy",
    "not-a-real",
    "notreal",
];
/// And what they write where it has no shape of its own.
const FILLERS: [&str; 13] = [
    "change_me",
    "change-this",
    "____",
    "insert",
    "replace",
    "todo",
    "fixme",
    "1234567890",
    "abcdefghij",
    "abcdef123",
    "00000000",
    "removed",
    "example",
];

/// Whether it is a form to be filled in.
pub(super) fn is_form(value: &str) -> bool {
    holds(value, &FORMS) || value.contains('…') || value.contains("${")
}

/// Whether it says that the secret comes from elsewhere, or that one is to be filled in.
pub(super) fn is_placeholder(value: &str) -> bool {
    let is_elsewhere = value.starts_with(['$', '<', '{', '%', '[', '*', '(', '@', '#', '&', '~', '.', '/', '\\']);
    is_elsewhere && value.len() < 40 || is_form(value) || holds(value, &FILLERS)
}

fn holds(value: &str, words: &[&str]) -> bool {
    let lower = value.to_ascii_lowercase();
    value.len() <= 64 && words.iter().any(|word| lower.contains(word))
}

/// How often the class of characters changes: lower, upper, digit; what stands between words does not count.
fn changes(value: &str) -> usize {
    let class = |b: u8| match b {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 0,
    };
    let mut last = 0;
    let classes = value.bytes().map(class).filter(|class| *class > 0);
    classes.filter(|class| std::mem::replace(&mut last, *class) != *class).count().saturating_sub(1)
}

/// What a value is made of.
struct Makeup {
    lower: usize,
    upper: usize,
    digits: usize,
    /// Of those that stand in passwords but not in names.
    signs: usize,
    is_hex: bool,
}

impl Makeup {
    fn of(value: &str) -> Self {
        let count = |is: fn(&u8) -> bool| value.bytes().filter(is).count();
        Self {
            lower: count(u8::is_ascii_lowercase),
            upper: count(u8::is_ascii_uppercase),
            digits: count(u8::is_ascii_digit),
            signs: count(|b| b"!@#$%^&*+=?~".contains(b)),
            is_hex: value.bytes().all(|b| b.is_ascii_hexdigit()),
        }
    }

    fn classes(&self) -> usize {
        [self.lower, self.upper, self.digits, self.signs].iter().filter(|count| **count > 0).count()
    }
}

/// Whether chance has made it: mixed without the order of words, names, numbers, versions, dates, paths.
pub(super) fn is_random(value: &str) -> bool {
    let makeup = Makeup::of(value);
    let (len, changes) = (value.len(), changes(value));
    let letters = makeup.lower + makeup.upper;
    if !value.is_ascii() || len < 12 || makeup.digits == 0 && len < 20 || letters == 0 {
        return false;
    }
    let is_mixed = changes * 6 >= len && (makeup.digits >= 2 || changes * 5 >= len * 2);
    let wanted = if makeup.is_hex && len >= 32 { 2.8 } else { 3.0 };
    is_mixed && entropy(value.as_bytes()) >= wanted
}

/// Whether it may be the secret half of an AWS key: 40 letters of base64 without the order of words or of a digest.
pub(super) fn is_aws_secret(value: &str) -> bool {
    let (bytes, makeup) = (value.as_bytes(), Makeup::of(value));
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    bytes.len() == 40 && bytes.iter().all(is_part) && makeup.lower > 0 && makeup.upper > 0 && entropy(bytes) >= 4.2
}

/// Whether it is what rules for passwords ask for: letters with digits and signs among them.
pub(super) fn is_password(value: &str) -> bool {
    let makeup = Makeup::of(value);
    let is_long = value.len() >= 8 && value.len() <= 128;
    let is_mixed =
        makeup.classes() >= 3 || makeup.digits >= 2 && makeup.lower + makeup.upper >= 2 && changes(value) >= 2;
    is_long && makeup.digits + makeup.signs > 0 && is_mixed && entropy(value.as_bytes()) >= 2.5
}

/// Whether it is a digest of a commit or a file: they are no secrets wherever they stand.
pub(super) fn is_digest(value: &str) -> bool {
    let hex = value.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    hex && matches!(value.len(), 7..=12 | 40 | 64 | 128) || value.starts_with("sha256:") || value.starts_with("sha512-")
}

/// Whether it is a universally unique identifier.
pub(super) fn is_uuid(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(
            |(at, b)| {
                if matches!(at, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() }
            },
        )
}
