//! A literal of JavaScript, as models write the arguments of a call: JSON, but for bare keys, other quotes, loose commas.

use serde_json::{Map, Value};
use std::iter::Peekable;
use std::str::Chars;

/// Deeper literals are not read.
const DEPTH_MAX: usize = 16;

/// The literal with which a text begins; `None` if it begins with anything that would have to be run.
pub(super) fn read(text: &str) -> Option<Value> {
    Reader { rest: text.chars().peekable() }.value(0)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_space();
        match *self.rest.peek().filter(|_| depth < DEPTH_MAX)? {
            '{' => self.object(depth),
            '[' => self.array(depth),
            '"' | '\'' | '`' => self.string().map(Value::String),
            _ => match self.word().as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                "null" | "undefined" => Some(Value::Null),
                "String.raw" => self.string().map(Value::String),
                number => number.parse::<serde_json::Number>().ok().map(Value::Number),
            },
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.rest.next();
        let mut found = Map::new();
        loop {
            match self.next_item()? {
                '}' => return self.rest.next().map(|_| Value::Object(found)),
                '"' | '\'' | '`' => {
                    let key = self.string()?;
                    found.insert(key, self.after_colon(depth)?);
                }
                _ => {
                    let key = self.word();
                    found.insert(Some(key).filter(|key| !key.is_empty())?, self.after_colon(depth)?);
                }
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.rest.next();
        let mut found = Vec::new();
        loop {
            match self.next_item()? {
                ']' => return self.rest.next().map(|_| Value::Array(found)),
                _ => found.push(self.value(depth + 1)?),
            }
        }
    }

    /// The first character of the next element, or the bracket that closes them.
    fn next_item(&mut self) -> Option<char> {
        self.skip_space();
        while self.rest.next_if_eq(&',').is_some() {
            self.skip_space();
        }
        self.rest.peek().copied()
    }

    fn after_colon(&mut self, depth: usize) -> Option<Value> {
        self.skip_space();
        self.rest.next_if_eq(&':')?;
        self.value(depth + 1)
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '-' | '+')) {
            word.push(c);
        }
        word
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.rest.next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        let mut text = String::new();
        loop {
            match self.rest.next()? {
                c if c == quote => return Some(text),
                '\\' => text.extend(self.escaped()?),
                c => text.push(c),
            }
        }
    }

    /// What an escape stands for: nothing, at the end of a line.
    fn escaped(&mut self) -> Option<Option<char>> {
        Some(match self.rest.next()? {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            '\n' => None,
            'u' => {
                let code: String = (0..4).map_while(|_| self.rest.next_if(char::is_ascii_hexdigit)).collect();
                u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)
            }
            c => Some(c),
        })
    }

    fn skip_space(&mut self) {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use serde_json::json;

    #[test]
    fn literals_are_read_as_models_write_them() {
        assert_eq!(read("{\"cmd\": \"a \\\"b\\\"\"});"), Some(json!({"cmd": "a \"b\""})));
        let loose = "{ cmd: 'cargo test', timeout_ms: 1000, plan: [{step: `a`, status: \"pending\",},], pty: true }";
        let strict =
            json!({"cmd": "cargo test", "timeout_ms": 1000, "plan": [{"step": "a", "status": "pending"}], "pty": true});
        assert_eq!(read(loose), Some(strict));
        assert_eq!(read("`*** Begin\\n\\u00e4\\\n*`)"), Some(json!("*** Begin\nä*")));
        for code in ["patch)", "{cmd}", "{...x}", "{a: f()}", "[", "", "'", "{a:"] {
            assert_eq!(read(code), None, "{code}");
        }
        assert_eq!(read(&"[".repeat(100_000)), None);
    }
}
