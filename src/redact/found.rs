//! What becomes of what was found: counted, or named by its place.

use super::cut::{Counts, Cut};

/// How much of a key stands in a path, in characters.
const LONGEST_KEY: usize = 200;

/// What a secret was found as, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where: `configs[1].dynamic_listeners[0].error_state.details`, with members whose names are no plain words as
    /// `["odd.name"]`, and keys that are secrets themselves as what stands for them. In what is text, `line 12`.
    pub path: String,
    /// The rule that it goes by.
    pub rule: &'static str,
}

/// Is told what a walk comes by. Whoever does not want to know where pays nothing for it.
pub(super) trait Log {
    /// Whether it is after names alone, which reasons have none of.
    const IS_FOR_NAMES: bool = false;

    /// The value of the member `key` follows, up to [`Log::leave`].
    fn enter_member(&mut self, _key: &str) {}

    /// The item at `index` follows, up to [`Log::leave`].
    fn enter_item(&mut self, _index: usize) {}

    /// What was entered last ends.
    fn leave(&mut self) {}

    /// A text stays as it is.
    fn kept(&mut self, _text: &str) {}

    /// A value, or a part of one, goes by `rule`.
    fn gone(&mut self, rule: &'static str);

    /// Parts go of `text`, which is a document that is no JSON.
    fn gone_of_text(&mut self, _text: &str, cuts: &[Cut]) {
        cuts.iter().for_each(|cut| self.gone(cut.rule));
    }
}

impl Log for Counts {
    fn gone(&mut self, rule: &'static str) {
        self.count(rule);
    }
}

/// Counts, and names the place of each.
pub(super) struct Finder<'a> {
    pub(super) counts: Counts,
    pub(super) found: &'a mut dyn FnMut(&Found),
    path: String,
    /// Where each level of the path begins.
    levels: Vec<usize>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(found: &'a mut dyn FnMut(&Found)) -> Self {
        Self {
            counts: Counts::default(),
            found,
            path: String::new(),
            levels: Vec::new(),
        }
    }
}

impl Log for Finder<'_> {
    fn enter_member(&mut self, key: &str) {
        self.levels.push(self.path.len());
        let shortened: String;
        let key = match key.char_indices().nth(LONGEST_KEY) {
            None => key,
            Some((end, _)) => {
                shortened = format!("{}…", &key[..end]);
                &shortened
            }
        };
        match is_plain_word(key) {
            true => {
                if !self.path.is_empty() {
                    self.path.push('.');
                }
                self.path.push_str(key);
            }
            // As JSON spells it, so that nothing in it ends it.
            false => {
                self.path
                    .push_str(&format!("[{}]", serde_json::Value::from(key)));
            }
        }
    }

    fn enter_item(&mut self, index: usize) {
        self.levels.push(self.path.len());
        self.path.push_str(&format!("[{index}]"));
    }

    fn leave(&mut self) {
        let length = self.levels.pop().unwrap_or_default();
        self.path.truncate(length);
    }

    fn gone(&mut self, rule: &'static str) {
        self.counts.count(rule);
        let path = self.path.clone();
        (self.found)(&Found { path, rule });
    }

    fn gone_of_text(&mut self, text: &str, cuts: &[Cut]) {
        let (mut line, mut at) = (1, 0);
        for cut in cuts {
            let start = cut.range.start;
            line += text[at..start].matches('\n').count();
            at = start;
            self.counts.count(cut.rule);
            (self.found)(&Found {
                path: format!("line {line}"),
                rule: cut.rule,
            });
        }
    }
}

fn is_plain_word(key: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    key.bytes().next().is_some_and(is_letter)
        && key
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

#[test]
fn a_path_is_read_like_code() {
    let mut paths = Vec::new();
    let mut keep = |found: &Found| paths.push(found.path.clone());
    let mut finder = Finder::new(&mut keep);
    finder.enter_member("configs");
    finder.enter_item(1);
    finder.enter_member("@type");
    finder.gone("r");
    finder.leave();
    finder.enter_member("odd \"name\"");
    finder.enter_member("x_1");
    finder.gone("r");
    finder.leave();
    finder.leave();
    finder.gone("r");
    let cut = |start| Cut {
        range: start..start + 1,
        rule: "r",
        replacement: String::new(),
    };
    finder.gone_of_text("a\nb\nc", &[cut(0), cut(4)]);
    assert_eq!(finder.counts.total(), 5);
    assert_eq!(
        paths,
        [
            r#"configs[1]["@type"]"#,
            r#"configs[1]["odd \"name\""].x_1"#,
            "configs[1]",
            "line 1",
            "line 3"
        ]
    );
}
