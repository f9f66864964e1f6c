//! A writer of JSON, for objects of one line.
use std::fmt::Write;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(u64),
    Text(String),
    List(Vec<Json>),
    /// Names and values, in order.
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    /// A text, or null.
    pub fn text(text: Option<impl Into<String>>) -> Json {
        text.map_or(Json::Null, |t| Json::Text(t.into()))
    }

    /// In one line, which ends without a newline.
    pub fn line(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Json::Number(n) => {
                let _ = write!(out, "{n}");
            }
            Json::Text(text) => quote(text, out),
            Json::List(all) => list(out, ['[', ']'], all, |v, out| v.write(out)),
            Json::Object(all) => list(out, ['{', '}'], all, |(name, value), out| {
                quote(name, out);
                out.push(':');
                value.write(out);
            }),
        }
    }
}

fn list<T>(out: &mut String, ends: [char; 2], all: &[T], each: impl Fn(&T, &mut String)) {
    out.push(ends[0]);
    for (i, v) in all.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(v, out);
    }
    out.push(ends[1]);
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c < ' ' || c == '\x7f' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line() {
        let all = Json::Object(vec![
            ("a", Json::Number(u64::MAX)),
            ("b", Json::List(vec![Json::Null, Json::Bool(true), Json::List(Vec::new())])),
            ("c", Json::text(Some("q\"\\\n\tä\x1b"))),
            ("d", Json::text(None::<String>)),
        ]);
        let wanted =
            r#"{"a":18446744073709551615,"b":[null,true,[]],"c":"q\"\\\n\u0009ä\u001b","d":null}"#;
        assert_eq!(all.line(), wanted);
    }
}
