//! The same message in other words: everything that protobuf's JSON, Envoy or istiod may spell in several ways.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value as Json};
use xdsnap::xds::{Field, Kind, Message, Special};

use super::dice::Dice;

/// Writes JSON that means the same as what it is given.
pub(crate) struct Respeller {
    pub(crate) dice: Dice,
    /// Whether this is an endpoint assignment as EDS sends it, in which Envoy fills in what was not sent.
    in_eds: bool,
}

impl Respeller {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            in_eds: false,
        }
    }

    /// A config dump, sections and elements included.
    pub(crate) fn dump(&mut self, dump: &Json) -> String {
        self.message(dump, Message::find("envoy.admin.v3.ConfigDump"))
    }

    /// A message; of one that is not known only the layout changes.
    fn message(&mut self, value: &Json, message: Option<&'static Message>) -> String {
        let Some(message) = message else {
            return self.plain(value);
        };
        match (message.special(), value) {
            (Special::Any, Json::Object(members)) => self.any(members),
            (Special::TypedStruct, Json::Object(members)) => {
                let members = self.typed_struct(members, message);
                self.object(members)
            }
            (Special::No, Json::Object(members)) => {
                let members = self.members(members, message);
                self.object(members)
            }
            (Special::Duration, Json::String(text)) => self.duration(text),
            (Special::Wrapper, value) => self.scalar(value, message.fields()[0].kind()),
            (Special::Struct | Special::Value | Special::ListValue, value) => self.plain(value),
            (_, value) => self.plain(value),
        }
    }

    fn object(&mut self, mut members: Vec<(String, String)>) -> String {
        self.dice.shuffle(&mut members);
        let members: Vec<String> = members
            .into_iter()
            .map(|(name, value)| format!("{}{}:{}", self.string(&name), self.blank(), value))
            .collect();
        format!("{{{}}}", members.join(&format!(",{}", self.blank())))
    }

    fn list(&mut self, mut items: Vec<String>, is_ordered: bool) -> String {
        if !is_ordered {
            self.dice.shuffle(&mut items);
        }
        format!("[{}]", items.join(","))
    }

    fn blank(&mut self) -> &'static str {
        const BLANKS: [&str; 5] = ["", "", "", " ", "\n  "];
        BLANKS[self.dice.below(BLANKS.len())]
    }

    /// The fields of `message`, and some that say nothing.
    fn members(
        &mut self,
        members: &Map<String, Json>,
        message: &'static Message,
    ) -> Vec<(String, String)> {
        let was_in_eds = self.in_eds;
        self.in_eds |= message.name() == "envoy.admin.v3.EndpointsConfigDump";
        let mut written = Vec::new();
        let mut set = Vec::new();
        for (name, value) in members {
            let Some(field) = message.field(name) else {
                written.push((name.clone(), self.plain(value)));
                continue;
            };
            set.push(field.name());
            let is_ordered =
                field.list_rule().ordered && !message.name().starts_with("envoy.admin.v3.");
            written.push((self.name(field), self.field(value, field, is_ordered)));
        }
        for field in message.fields() {
            if !set.contains(&field.name())
                && let Some(value) = self.nothing(message, field)
            {
                written.push((self.name(field), value));
            }
        }
        self.in_eds = was_in_eds;
        written
    }

    fn name(&mut self, field: &Field) -> String {
        (*self.dice.pick(&[field.name(), field.json_name()])).to_owned()
    }

    fn field(&mut self, value: &Json, field: &'static Field, is_ordered: bool) -> String {
        match value {
            Json::Object(members) if field.is_map() => {
                let each = members.iter();
                let members = each
                    .map(|(key, value)| (key.clone(), self.single(value, field.kind())))
                    .collect();
                self.object(members)
            }
            Json::Array(items) if field.is_repeated() => {
                let items = items.iter();
                let items = items.map(|item| self.single(item, field.kind())).collect();
                self.list(items, is_ordered)
            }
            value => self.single(value, field.kind()),
        }
    }

    fn single(&mut self, value: &Json, kind: Kind) -> String {
        match kind {
            Kind::Message(message) => self.message(value, Some(message)),
            kind => self.scalar(value, kind),
        }
    }

    /// What says no more of an absent field than its absence.
    fn nothing(&mut self, message: &Message, field: &Field) -> Option<String> {
        let filled: &[&str] = match (message.name(), field.name()) {
            ("envoy.config.core.v3.CidrRange", "prefix_len") => &["0"],
            _ if !self.in_eds => &[],
            ("envoy.config.endpoint.v3.ClusterLoadAssignment", "policy") => {
                &["{}", r#"{"overprovisioning_factor":140}"#]
            }
            ("envoy.config.endpoint.v3.LocalityLbEndpoints", "load_balancing_weight") => &["0"],
            ("envoy.config.endpoint.v3.LocalityLbEndpoints", "locality" | "metadata") => &["{}"],
            ("envoy.config.endpoint.v3.LbEndpoint", "load_balancing_weight") => &["1"],
            ("envoy.config.endpoint.v3.LbEndpoint", "metadata") => &["{}"],
            ("envoy.config.endpoint.v3.LbEndpoint", "health_status") => {
                &["\"HEALTHY\"", "\"UNKNOWN\""]
            }
            ("envoy.config.endpoint.v3.Endpoint", "health_check_config") => &["{}"],
            _ => &[],
        };
        if !filled.is_empty() && self.dice.once_in(2) {
            return Some((*self.dice.pick(filled)).to_owned());
        }
        if !self.dice.once_in(20) {
            return None;
        }
        if field.is_repeated() {
            return Some((*self.dice.pick(&["[]", "null"])).to_owned());
        }
        if field.is_map() {
            return Some((*self.dice.pick(&["{}", "null"])).to_owned());
        }
        let default = match field.kind() {
            // A null is a value of its own here.
            Kind::Message(message) if message.special() == Special::Value => return None,
            _ if field.has_presence() => "null",
            Kind::Bool => "false",
            Kind::Int32 | Kind::UInt32 | Kind::Int64 | Kind::UInt64 => {
                self.dice.pick(&["0", "\"0\""])
            }
            Kind::Float | Kind::Double => self.dice.pick(&["0", "0.0", "-0.0"]),
            Kind::String | Kind::Bytes => "\"\"",
            Kind::Enum(names) => match names.name_of(0) {
                Some(name) => return Some(self.string(name)),
                None => "0",
            },
            Kind::Message(_) => "null",
        };
        Some(default.to_owned())
    }

    fn any(&mut self, members: &Map<String, Json>) -> String {
        let Some(url) = members.get("@type").and_then(Json::as_str) else {
            return self.plain(&Json::Object(members.clone()));
        };
        let mut rest = members.clone();
        rest.remove("@type");
        let message = Message::find_url(url);
        let mut written = match message.map(|message| (message, message.special())) {
            None => self.plain_members(&rest),
            Some((message, Special::No)) => self.members(&rest, message),
            Some((message, Special::TypedStruct)) => self.typed_struct(&rest, message),
            Some((message, _)) => rest
                .iter()
                .map(|(name, value)| (name.clone(), self.message(value, Some(message))))
                .collect(),
        };
        written.push(("@type".to_owned(), self.url(url)));
        self.object(written)
    }

    /// Only the name after the last slash counts.
    fn url(&mut self, url: &str) -> String {
        let name = url.rsplit_once('/').map_or(url, |(_, name)| name);
        let host = *self.dice.pick(&["type.googleapis.com", "types.example/a"]);
        self.string(&format!("{host}/{name}"))
    }

    fn typed_struct(
        &mut self,
        members: &Map<String, Json>,
        message: &'static Message,
    ) -> Vec<(String, String)> {
        let url = ["type_url", "typeUrl"]
            .iter()
            .find_map(|name| members.get(*name));
        let Some(url) = url.and_then(Json::as_str) else {
            return self.members(members, message);
        };
        let mut written = Vec::new();
        for (name, value) in members {
            let Some(field) = message.field(name) else {
                continue;
            };
            let text = match field.name() {
                "type_url" => self.url(url),
                _ => self.message(value, Message::find_url(url)),
            };
            written.push((self.name(field), text));
        }
        written
    }

    fn scalar(&mut self, value: &Json, kind: Kind) -> String {
        match (kind, value) {
            (Kind::Int32 | Kind::UInt32 | Kind::Int64 | Kind::UInt64, value) => {
                let digits = match value {
                    Json::String(text) => text.clone(),
                    value => value.to_string(),
                };
                let is_small = digits
                    .parse::<i64>()
                    .is_ok_and(|number| number.abs() < 1 << 50);
                match self.dice.below(4) {
                    0 => format!("\"{digits}\""),
                    1 if is_small => format!("{digits}.0"),
                    _ => digits,
                }
            }
            (Kind::Float | Kind::Double, Json::Number(number)) => self.number(number),
            (Kind::Bytes, Json::String(text)) => self.bytes(text),
            (Kind::Enum(names), Json::String(name)) => match names.number(name) {
                Some(number) if self.dice.once_in(2) => number.to_string(),
                _ => self.string(name),
            },
            (_, value) => self.plain(value),
        }
    }

    fn bytes(&mut self, text: &str) -> String {
        let Ok(bytes) = STANDARD.decode(text) else {
            return self.string(text);
        };
        let spelled = match self.dice.below(4) {
            0 => STANDARD_NO_PAD.encode(bytes),
            1 => URL_SAFE.encode(bytes),
            2 => URL_SAFE_NO_PAD.encode(bytes),
            _ => text.to_owned(),
        };
        self.string(&spelled)
    }

    /// `1s` as `1.00s`, `0.250s` as `0.25s`.
    fn duration(&mut self, text: &str) -> String {
        let Some(seconds) = text.strip_suffix('s') else {
            return self.string(text);
        };
        let (whole, decimals) = seconds.split_once('.').unwrap_or((seconds, ""));
        let mut decimals = decimals.trim_end_matches('0').to_owned();
        while decimals.len() < 9 && self.dice.once_in(2) {
            decimals.push('0');
        }
        let point = if decimals.is_empty() { "" } else { "." };
        self.string(&format!("{whole}{point}{decimals}s"))
    }

    fn number(&mut self, number: &serde_json::Number) -> String {
        match (self.dice.below(3), number.as_f64()) {
            (0, Some(float)) => format!("{float:e}"),
            (1, Some(float)) => format!("{float:?}"),
            _ => number.to_string(),
        }
    }

    /// JSON of which nothing is known: only its layout may change.
    fn plain(&mut self, value: &Json) -> String {
        match value {
            Json::Object(members) => {
                let members = self.plain_members(members);
                self.object(members)
            }
            Json::Array(items) => {
                let items = items.iter().map(|item| self.plain(item)).collect();
                self.list(items, true)
            }
            Json::String(text) => self.string(text),
            Json::Number(number) => number.to_string(),
            value => value.to_string(),
        }
    }

    fn plain_members(&mut self, members: &Map<String, Json>) -> Vec<(String, String)> {
        let members = members.iter();
        members
            .map(|(name, value)| (name.clone(), self.plain(value)))
            .collect()
    }

    /// A string, of which a character may be escaped.
    fn string(&mut self, text: &str) -> String {
        let quoted = Json::from(text).to_string();
        if !self.dice.once_in(8) || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return quoted;
        }
        format!(
            "\"\\u{:04x}{}",
            u32::from(quoted.as_bytes()[1]),
            &quoted[2..]
        )
    }
}
