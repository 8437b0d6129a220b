//! Text of others made harmless for a terminal, and cut at a bound.
//!
//! Names, descriptions and messages come from whoever wrote them. No character of theirs may move the cursor, change colours,
//! turn the direction of text, or hide: what could is shown as its code point.

/// The text for a terminal, on one line: what could lead astray is escaped, what is longer than `limit` characters is cut.
#[must_use]
pub fn plain(text: &str, limit: usize) -> String {
    let mut told = String::with_capacity(text.len());
    for (at, character) in text.chars().enumerate() {
        if at == limit {
            told.push('…');
            break;
        }
        if is_hostile(character) {
            told.extend(character.escape_unicode());
        } else {
            told.push(character);
        }
    }
    told
}

/// JSON for a terminal: the same characters as escapes of JSON itself (RFC 8259 §7), so that it stays the same document.
#[must_use]
pub fn plain_json(json: &str) -> String {
    let mut told = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        // Line breaks of the layout are the only control characters that JSON holds unescaped.
        if is_hostile(character) && character != '\n' {
            for unit in character.encode_utf16(&mut units) {
                told.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            told.push(character);
        }
    }
    told
}

/// Control characters, what turns the direction of text (UAX #9), what has no width, and the line and paragraph separators.
fn is_hostile(character: char) -> bool {
    let invisible = matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    character.is_control() || invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_lead_a_terminal_astray_is_shown_as_its_code_point() {
        let hostile = "a\u{1b}[2J\r\n\u{9b}31m\u{202e}b\u{200b}\u{7f}\u{e0041}";

        let told = plain(hostile, 100);

        assert_eq!(told, "a\\u{1b}[2J\\u{d}\\u{a}\\u{9b}31m\\u{202e}b\\u{200b}\\u{7f}\\u{e0041}");
    }

    #[test]
    fn ordinary_text_of_any_script_stays_as_it_is() {
        for text in ["Zoë – 東京", "café", "العربية", "🙂"] {
            assert_eq!(plain(text, 100), text);
        }
    }

    #[test]
    fn text_is_cut_at_its_bound() {
        assert_eq!(plain(&"x".repeat(1000), 5), "xxxxx…");
        assert_eq!(plain("xxxxx", 5), "xxxxx");
    }

    #[test]
    fn json_stays_the_same_document() {
        let value = serde_json::json!({ "name": "a\u{1b}\u{9b}\u{202e}\u{e0041}\u{7f}b" });

        let told = plain_json(&serde_json::to_string_pretty(&value).expect("JSON"));

        assert!(told.chars().all(|character| character == '\n' || !is_hostile(character)), "{told}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&told).expect("JSON"), value);
    }
}
