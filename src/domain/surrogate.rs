//! Halves of characters in JSON: programs that cut texts at 16-bit units write escapes such as `\ud83d` alone, which no
//! strict parser reads. One of them must not cost the whole text.

use std::borrow::Cow;

/// Bytes of one escape, `\ud83d`.
const ESCAPE: usize = 6;

/// The JSON with U+FFFD for every half of a surrogate pair that stands alone.
#[must_use]
pub fn mend(json: &str) -> Cow<'_, str> {
    let (mut at, mut mended) = (0, Cow::Borrowed(json));
    while let Some(next) = json.as_bytes()[at..].iter().position(|byte| *byte == b'\\') {
        at += next;
        match (unit(json, at), unit(json, at + ESCAPE)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 2 * ESCAPE,
            (Some(0xD800..=0xDFFF), _) => {
                mended.to_mut().replace_range(at..at + ESCAPE, r"\ufffd");
                at += ESCAPE;
            }
            // An escaped backslash begins no escape.
            _ => at = (at + 2).min(json.len()),
        }
    }
    mended
}

/// The 16-bit unit of the escape that stands here.
fn unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.as_bytes().get(at..at + ESCAPE)?.strip_prefix(br"\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_are_replaced() {
        for whole in ["", r#"{"a":"b\n"}"#, r"\ud83d\ude00 \u00e9", r"\\ud83d", r"x\", r"\ud83", "a€\\"] {
            assert_eq!(mend(whole), whole);
        }
        for (broken, mended) in [
            (r#"{"a":"b \ud83d"}"#, r#"{"a":"b \ufffd"}"#),
            (r"\ud83d\ud83d\ude00\ude00", r"\ufffd\ud83d\ude00\ufffd"),
            (r"\\\uDE00€", r"\\\ufffd€"),
        ] {
            assert_eq!(mend(broken), mended);
        }
    }
}
