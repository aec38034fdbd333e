//! What verifying a bundle, or recovering what is intact of it, found: as text and as JSON.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    Style, escape, layout,
    page::{Ink, Line, Page, count},
};
use crate::bundle::{Finding, Level, MANIFEST_PATH, Rule};

/// The format of the JSON document.
const FORMAT: &str = "xdsnap.verify/v1";

/// How many findings are shown of those that say the same of several members.
const MOST: usize = 3;

/// The columns before the words of a finding.
const INDENT: usize = 8;

/// What is known of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The file as it was named.
    pub file: String,
    /// What its manifest says; none where that cannot be read.
    pub contents: Option<Contents>,
    /// What is wrong with it, or worth knowing.
    pub findings: Vec<Finding>,
    /// What was made of it, where that was asked for.
    pub recovered: Option<Recovered>,
}

/// What a manifest says, and how much of it is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The version of the format.
    pub version: String,
    /// The program that wrote the bundle.
    pub tool: String,
    /// How many documents there should be.
    pub members: usize,
    /// How many of them are what they were.
    pub intact: usize,
}

/// A bundle that was made of what is intact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Where it is.
    pub file: String,
    /// How many documents it holds.
    pub members: usize,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// What was found in bundles; `-o json`.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "xdsnap.verify/v1")]
struct Document<'a> {
    /// Always `xdsnap.verify/v1`.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The files in the order in which they were named, without those that are no bundles.
    files: Vec<File<'a>>,
}

/// A file.
#[derive(Serialize, JsonSchema)]
struct File<'a> {
    /// Its name as it was given.
    file: &'a str,
    /// `intact`: nothing is wrong. `irregular`: everything reads right, but something is against a rule of the format.
    /// `damaged`: something cannot be read, or is not what it was.
    #[schemars(extend("enum" = ["intact", "irregular", "damaged"]))]
    verdict: &'static str,
    /// What its manifest says. Absent where that cannot be read, or there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Bundle")]
    bundle: Option<Bundle<'a>>,
    /// What is wrong, or worth knowing.
    findings: Vec<Entry<'a>>,
    /// The bundle that was made of what is intact, with `--recover`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "New")]
    recovered: Option<New<'a>>,
}

/// A bundle.
#[derive(Serialize, JsonSchema)]
struct Bundle<'a> {
    /// The version of its format.
    version: &'a str,
    /// The program that wrote it.
    tool: &'a str,
    /// How many documents its manifest lists.
    members: usize,
    /// How many of these are what they were.
    intact: usize,
}

/// Something that is wrong, or worth knowing.
#[derive(Serialize, JsonSchema)]
struct Entry<'a> {
    /// `error`: something cannot be read, or is not what it was. `warning`: it reads right, but is against a rule.
    /// `note`: nothing is wrong.
    #[schemars(extend("enum" = ["note", "warning", "error"]))]
    level: &'static str,
    /// The part of the format that it is about.
    #[schemars(extend("enum" = ["member", "manifest", "archive", "frames", "seek-table", "version", "derived"]))]
    rule: &'static str,
    /// The path of the member that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    member: Option<&'a str>,
    /// What was found, in words.
    text: &'a str,
    /// What to do, in words; absent where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    remedy: Option<&'static str>,
}

/// The bundle that was made.
#[derive(Serialize, JsonSchema)]
struct New<'a> {
    /// Where it is.
    file: &'a str,
    /// How many documents it holds.
    members: usize,
    /// Its size in bytes.
    size_bytes: u64,
}

impl<'a> From<&'a Verified> for File<'a> {
    fn from(verified: &'a Verified) -> Self {
        Self {
            file: &verified.file,
            verdict: verified.verdict(),
            bundle: verified.contents.as_ref().map(|contents| Bundle {
                version: &contents.version,
                tool: &contents.tool,
                members: contents.members,
                intact: contents.intact,
            }),
            findings: verified
                .findings
                .iter()
                .map(|finding| Entry {
                    level: finding.level.as_str(),
                    rule: finding.rule.as_str(),
                    member: finding.member.as_deref(),
                    text: &finding.text,
                    remedy: verified.remedy(finding),
                })
                .collect(),
            recovered: verified.recovered.as_ref().map(|new| New {
                file: &new.file,
                members: new.members,
                size_bytes: new.size_bytes,
            }),
        }
    }
}

impl Verified {
    fn verdict(&self) -> &'static str {
        match self.findings.iter().map(|finding| finding.level).max() {
            None | Some(Level::Note) => "intact",
            Some(Level::Warning) => "irregular",
            Some(Level::Error) => "damaged",
        }
    }

    fn number(&self, level: Level) -> usize {
        let of_level = self.findings.iter().filter(|found| found.level == level);
        of_level.count()
    }

    /// What to do about a finding.
    fn remedy(&self, finding: &Finding) -> Option<&'static str> {
        match (&self.recovered, finding.level, finding.rule) {
            (_, Level::Note, Rule::Version) => Some("use a newer release to read all of it"),
            (_, Level::Note, _) => None,
            (Some(_), Level::Warning, _) => Some("the new bundle is without that"),
            (Some(_), Level::Error, _) => Some("it is not in the new bundle"),
            (None, Level::Warning, Rule::Derived) => Some(
                "nothing is lost, nor does it change what is shown; `--recover NEW` makes it anew",
            ),
            (None, Level::Warning, Rule::Manifest) => Some("report it to who made the bundle"),
            (None, Level::Warning, _) => Some("`--recover NEW` writes it anew"),
            (None, Level::Error, _) => Some("`--recover NEW` saves what is intact"),
        }
    }
}

/// Writes what was found in one file: a line for each finding, and the verdict.
///
/// # Errors
///
/// Where `out` fails.
pub fn verify(out: &mut dyn Write, verified: &Verified, style: Style) -> io::Result<()> {
    let mut page = Page::new(out, style);
    let same = |a: &Finding, b: &Finding| (a.level, a.rule, &a.text) == (b.level, b.rule, &b.text);
    for group in verified.findings.chunk_by(same) {
        let shown = match style.full {
            true => group.len(),
            false => group.len().min(MOST),
        };
        for finding in &group[..shown] {
            self::finding(&mut page, verified, finding)?;
        }
        if shown < group.len() {
            page.folded(INDENT, &format!("{} more of these", group.len() - shown))?;
        }
    }
    page.line(Line::new(0).with(Ink::Plain, verdict(verified, style)))
}

fn finding(page: &mut Page<'_>, verified: &Verified, finding: &Finding) -> io::Result<()> {
    let style = page.style;
    let (ink, level) = match finding.level {
        Level::Error => (Ink::Removed, "error"),
        Level::Warning => (Ink::Warning, "warning"),
        Level::Note => (Ink::Faint, "note"),
    };
    let place = match &finding.member {
        Some(member) => escape::name(member, style),
        None => place(finding.rule).to_owned(),
    };
    let mut text = escape::sentence(&finding.text, style);
    if let Some(remedy) = verified.remedy(finding) {
        text.push_str("; ");
        text.push_str(remedy);
    }
    let line = Line::new(0)
        .with(ink, format!("{level:INDENT$}"))
        .with(Ink::Plain, format!("{place}:"));
    page.sentence(line, Ink::Plain, &text, INDENT)
}

/// Writes how many of several files are intact.
///
/// # Errors
///
/// Where `out` fails.
pub fn verify_total(out: &mut dyn Write, verified: &[Verified]) -> io::Result<()> {
    let intact = verified.iter().filter(|file| file.verdict() == "intact");
    writeln!(out, "{} of {} files intact", intact.count(), verified.len())
}

fn place(rule: Rule) -> &'static str {
    match rule {
        Rule::Member => "members",
        Rule::Manifest => MANIFEST_PATH,
        Rule::Archive => "archive",
        Rule::Frames => "frames",
        Rule::SeekTable => "seek table",
        Rule::Version => "format",
        Rule::Derived => "derived data",
    }
}

fn verdict(verified: &Verified, style: Style) -> String {
    let documents = |number| count(number, "document", "documents");
    let mut parts = Vec::new();
    let subject = match &verified.recovered {
        Some(new) => {
            parts.push(match &verified.contents {
                Some(contents) => {
                    let all = documents(contents.members);
                    format!("{} of {all} recovered", new.members)
                }
                None => format!("{} recovered", documents(new.members)),
            });
            if verified.number(Level::Error) == 0 {
                parts.push("nothing lost".to_owned());
            }
            &new.file
        }
        None => {
            parts.push(verified.verdict().to_owned());
            if let Some(contents) = &verified.contents {
                let all = documents(contents.members);
                parts.push(match contents.members - contents.intact {
                    0 => all,
                    _ => format!("{} of {all} intact", contents.intact),
                });
                let version = escape::sentence(&contents.version, style);
                parts.push(format!("format {version}"));
            }
            &verified.file
        }
    };
    for (level, one, many) in [
        (Level::Error, "error", "errors"),
        (Level::Warning, "warning", "warnings"),
        (Level::Note, "note", "notes"),
    ] {
        match verified.number(level) {
            0 => {}
            number => parts.push(count(number, one, many)),
        }
    }
    format!("{}: {}", escape::name(subject, style), parts.join(", "))
}

/// Writes what was found as one JSON document, a finding per line.
///
/// # Errors
///
/// Where `out` fails.
pub fn verify_json(out: &mut dyn Write, verified: &[Verified]) -> io::Result<()> {
    let document = Document {
        format: FORMAT,
        files: verified.iter().map(File::from).collect(),
    };
    layout::write(out, &document, layout::Layout::breaking(3, 4))?;
    out.write_all(b"\n")
}

/// The JSON Schema of what [`verify_json`] writes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Document>()
}
