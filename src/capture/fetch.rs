//! One document: asked for, looked at, and handed over, or the reason why not noted.

use std::{
    fmt,
    io::{self, Cursor, Read},
};

use jiff::Timestamp;

use super::{
    http::{Client, Endpoint, HttpError, Response},
    sink::{Failure, Received, Request, Sink, SinkError},
};
use crate::model::{Document, ProxyId, Source};

/// The longest quotation of an answer, in characters.
const MAX_QUOTE: usize = 200;

/// How much of a body is looked at for its first line, in bytes.
const MAX_LOOK: u64 = 4096;

/// What a body must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
    /// Anything.
    Text,
}

impl Shape {
    fn first_byte(self) -> Option<u8> {
        match self {
            Self::Object => Some(b'{'),
            Self::Array => Some(b'['),
            Self::Text => None,
        }
    }
}

/// Asks one side for documents.
pub(super) struct Asker<'a> {
    pub(super) client: &'a Client,
    pub(super) endpoint: &'a Endpoint,
    pub(super) source: Source,
    pub(super) istiod: Option<&'a str>,
    pub(super) sink: &'a mut dyn Sink,
}

impl<'a> Asker<'a> {
    /// The request for `page`.
    pub(super) fn request(
        &self,
        proxy: Option<&ProxyId>,
        document: Document,
        part: Option<&str>,
        page: &str,
    ) -> Request {
        Request {
            source: self.source,
            istiod: self.istiod.map(str::to_owned),
            proxy: proxy.cloned(),
            document,
            part: part.map(str::to_owned),
            url: self.endpoint.url(page),
        }
    }

    /// Sends the `request` for `page` and looks at the first bytes of the answer.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        page: &str,
        shape: Shape,
    ) -> Result<Answer<'a>, Refusal> {
        self.sink.progress(request);
        let asked = Timestamp::now();
        let mut response = self
            .client
            .get(self.endpoint, page)
            .map_err(|error| Refusal::unheard(asked, None, &error))?;
        let (status, time) = (response.status, response.requested);
        if status != 200 {
            let text = quote(Vec::new(), &mut response.body());
            return Err(Refusal {
                cause: Cause::Status,
                status: Some(status),
                time,
                text,
            });
        }
        let cut = |error: io::Error| Refusal::unheard(time, Some(status), &error);
        let mut head = Vec::new();
        let first = first_byte(&mut response.body(), &mut head).map_err(cut)?;
        match shape.first_byte() {
            Some(expected) if first != Some(expected) => Err(Refusal {
                cause: Cause::Shape(shape),
                status: Some(status),
                time,
                text: quote(head, &mut response.body()),
            }),
            _ => Ok(Answer {
                received: Received {
                    status,
                    requested: time,
                },
                head,
                response,
            }),
        }
    }

    /// Hands an answer to the sink as it arrives.
    ///
    /// # Errors
    ///
    /// The sink can take nothing more.
    pub(super) fn hand_over(&mut self, request: &Request, answer: Answer<'_>) -> io::Result<()> {
        let Answer {
            received,
            head,
            mut response,
        } = answer;
        let body = Cursor::new(head).chain(response.body());
        self.hand_over_body(request, received, body)
    }

    /// As [`hand_over`](Self::hand_over), for a body that was read already.
    pub(super) fn hand_over_body(
        &mut self,
        request: &Request,
        received: Received,
        body: impl Read,
    ) -> io::Result<()> {
        let mut body = Watched { body, error: None };
        let outcome = self.sink.document(request, &received, &mut body);
        let reason = match (body.error, outcome) {
            // Whatever the sink made of it: the document is not whole.
            (Some(error), _) => error,
            (None, Ok(())) => return Ok(()),
            (None, Err(SinkError::Document(reason))) => reason,
            (None, Err(SinkError::Sink(error))) => return Err(error),
        };
        self.sink.failure(Failure::new(
            request,
            Some(received.requested),
            Some(received.status),
            reason,
        ));
        Ok(())
    }

    /// Notes that `request` was refused, for `reason`.
    pub(super) fn refused(&mut self, request: &Request, refusal: &Refusal, reason: String) {
        self.sink.failure(Failure::new(
            request,
            Some(refusal.time),
            refusal.status,
            reason,
        ));
    }

    /// Asks for a document and hands it over, or notes the refusal as it is.
    pub(super) fn fetch(&mut self, request: &Request, page: &str, shape: Shape) -> io::Result<()> {
        match self.ask(request, page, shape) {
            Ok(answer) => self.hand_over(request, answer),
            Err(refusal) => {
                self.refused(request, &refusal, refusal.reason());
                Ok(())
            }
        }
    }
}

/// An answer with status 200 and the right first byte.
pub(super) struct Answer<'c> {
    pub(super) received: Received,
    /// What was read of the body.
    head: Vec<u8>,
    response: Response<'c>,
}

impl Answer<'_> {
    /// Reads the body whole.
    pub(super) fn read(mut self, limit: u64) -> Result<Vec<u8>, Refusal> {
        let Received { status, requested } = self.received;
        let mut body = self.head;
        // One byte more than allowed tells that there is more.
        let rest = (limit + 1).saturating_sub(body.len() as u64);
        self.response
            .body()
            .take(rest)
            .read_to_end(&mut body)
            .map_err(|error| Refusal::unheard(requested, Some(status), &error))?;
        match body.len() as u64 > limit {
            true => Err(Refusal::unheard(
                requested,
                Some(status),
                &HttpError::TooLarge(limit),
            )),
            false => Ok(body),
        }
    }
}

/// An answer that is not the document, or none at all.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) cause: Cause,
    /// The HTTP status, where there was one.
    pub(super) status: Option<u16>,
    pub(super) time: Timestamp,
    /// What went wrong, or what the answer says.
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The answer did not come, or not to its end.
    Http,
    /// A status other than 200.
    Status,
    /// Status 200, but not the shape asked for.
    Shape(Shape),
}

impl Refusal {
    fn unheard(time: Timestamp, status: Option<u16>, error: &dyn fmt::Display) -> Self {
        Self {
            cause: Cause::Http,
            status,
            time,
            text: error.to_string(),
        }
    }

    /// What to tell the user.
    pub(super) fn reason(&self) -> String {
        let what = match self.cause {
            Cause::Http => return self.text.clone(),
            Cause::Status => format!("answered {}", self.status.unwrap_or_default()),
            Cause::Shape(Shape::Array) => "the answer is no JSON array".to_owned(),
            Cause::Shape(_) => "the answer is no JSON object".to_owned(),
        };
        match self.text.as_str() {
            "" => what,
            text => format!("{what}: {text}"),
        }
    }
}

/// Remembers that reading failed: a sink's error then came from here.
struct Watched<R> {
    body: R,
    error: Option<String>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let outcome = self.body.read(buffer);
        if let Err(error) = &outcome
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.error = Some(error.to_string());
        }
        outcome
    }
}

/// Reads into `head` until there is a byte that is no JSON white space, and returns that.
fn first_byte(body: &mut impl Read, head: &mut Vec<u8>) -> io::Result<Option<u8>> {
    let mut buffer = [0; 512];
    // A body of white space alone has no first byte.
    while (head.len() as u64) < MAX_LOOK {
        let length = body.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        head.extend_from_slice(&buffer[..length]);
        let first = head.iter().find(|byte| !b" \t\r\n".contains(byte));
        if first.is_some() {
            return Ok(first.copied());
        }
    }
    Ok(None)
}

/// The first line of an answer, if it is a message: nothing of JSON is quoted, for that can be
/// configuration.
fn quote(mut head: Vec<u8>, body: &mut impl Read) -> String {
    let rest = MAX_LOOK.saturating_sub(head.len() as u64);
    // A message that breaks off is still worth quoting.
    let _ = body.take(rest).read_to_end(&mut head);
    let text = String::from_utf8_lossy(&head);
    let line = text
        .trim_start()
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end();
    if line.starts_with(['{', '[', '"']) {
        return String::new();
    }
    let mut chars = line.chars().filter(|c| !c.is_control());
    let mut quote: String = chars.by_ref().take(MAX_QUOTE).collect();
    if chars.next().is_some() {
        quote.push('…');
    }
    quote
}

#[test]
fn only_the_first_line_of_a_message_is_quoted() {
    let long = "x".repeat(300);
    for (body, expected) in [
        ("", String::new()),
        ("\n \n", String::new()),
        (
            "\n could not find @type 'a.b/c.D'\r\nsecond line",
            "could not find @type 'a.b/c.D'".to_owned(),
        ),
        ("404 page not found\n", "404 page not found".to_owned()),
        ("red \u{1b}[31malert", "red [31malert".to_owned()),
        ("[{\"password\": 1}]", String::new()),
        ("\"secret\"", String::new()),
        (&long, format!("{}…", "x".repeat(200))),
    ] {
        assert_eq!(quote(Vec::new(), &mut body.as_bytes()), expected);
    }
}
