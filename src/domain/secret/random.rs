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

/// What a value is made of.
#[derive(Default)]
pub(super) struct Makeup {
    len: usize,
    lower: usize,
    upper: usize,
    digits: usize,
    /// Of those that stand in passwords but not in names.
    signs: usize,
    /// How often the class changes: lower, upper, digit; what stands between words does not count.
    changes: usize,
    /// Bytes that are no digits of base 16.
    other: usize,
}

impl Makeup {
    pub(super) fn of(value: &str) -> Self {
        let (mut makeup, mut last) = (Self { len: value.len(), ..Self::default() }, 0);
        for byte in value.bytes() {
            let class = makeup.count(byte);
            makeup.changes += usize::from(class > 0 && last > 0 && class != last);
            makeup.other += usize::from(!byte.is_ascii_hexdigit());
            last = if class > 0 { class } else { last };
        }
        makeup
    }

    /// The class of a byte, counted.
    fn count(&mut self, byte: u8) -> u8 {
        let (class, count) = match byte {
            b'a'..=b'z' => (1, &mut self.lower),
            b'A'..=b'Z' => (2, &mut self.upper),
            b'0'..=b'9' => (3, &mut self.digits),
            b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'=' | b'?' | b'~' => (0, &mut self.signs),
            _ => return 0,
        };
        *count += 1;
        class
    }

    fn classes(&self) -> usize {
        [self.lower, self.upper, self.digits, self.signs].iter().filter(|count| **count > 0).count()
    }

    /// Whether chance has made the value that this is of: mixed without the order of words, names, numbers, versions, dates, paths.
    pub(super) fn is_random(&self, value: &str) -> bool {
        let (len, letters) = (self.len, self.lower + self.upper);
        if len < 12 || self.digits == 0 && len < 20 || letters == 0 {
            return false;
        }
        let is_mixed = self.changes * 6 >= len && (self.digits >= 2 || self.changes * 5 >= len * 2);
        let wanted = if self.other == 0 && len >= 32 { 2.8 } else { 3.0 };
        is_mixed && value.is_ascii() && entropy(value.as_bytes()) >= wanted
    }

    /// Whether the value is what rules for passwords ask for: letters with digits and signs among them.
    pub(super) fn is_password(&self, value: &str) -> bool {
        let letters = self.lower + self.upper;
        let is_mixed = self.classes() >= 3 || self.digits >= 2 && letters >= 2 && self.changes >= 2;
        let is_long = (8..=128).contains(&self.len);
        is_long && self.digits + self.signs > 0 && is_mixed && entropy(value.as_bytes()) >= 2.5
    }

    /// Whether it is a password without a doubt, wherever it stands: with signs, letters and digits.
    pub(super) fn is_clear_password(&self, value: &str) -> bool {
        self.signs > 0 && self.digits > 0 && self.classes() >= 3 && self.is_password(value)
    }
}

/// Whether chance has made it.
pub(super) fn is_random(value: &str) -> bool {
    Makeup::of(value).is_random(value)
}

/// Whether it is what rules for passwords ask for.
pub(super) fn is_password(value: &str) -> bool {
    Makeup::of(value).is_password(value)
}

/// Whether it may be the secret half of an AWS key: 40 letters of base64 without the order of words or of a digest.
pub(super) fn is_aws_secret(value: &str) -> bool {
    let bytes = value.as_bytes();
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let is_mixed = || bytes.iter().any(u8::is_ascii_lowercase) && bytes.iter().any(u8::is_ascii_uppercase);
    bytes.len() == 40 && bytes.iter().all(is_part) && is_mixed() && entropy(bytes) >= 4.2
}

/// Whether it is a digest of a commit or a file, which is a secret only where a name says so.
pub(super) fn is_digest(value: &str) -> bool {
    let hex = value.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    hex && matches!(value.len(), 7..=12 | 40 | 64 | 128) || is_labelled_digest(value)
}

/// Whether it says of itself that it is a digest.
pub(super) fn is_labelled_digest(value: &str) -> bool {
    value.starts_with("sha256:") || value.starts_with("sha512-")
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
