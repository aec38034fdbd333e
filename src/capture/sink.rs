//! What a capture asks for, and where the answers go.

use std::io::{self, Read};

use jiff::Timestamp;

use crate::model::{Document, ProxyId, Source};

/// One document as asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who is asked.
    pub source: Source,
    /// Which istiod, where it was given a name.
    pub istiod: Option<String>,
    /// The proxy it is about; `None` for what is about istiod itself, and while an Envoy has not
    /// said who it is.
    pub proxy: Option<ProxyId>,
    /// What is asked for.
    pub document: Document,
    /// Which part of it, where the whole could not be had: `bootstrap`, the name of a list of the
    /// config dump, or such a name and `.masked`.
    pub part: Option<String>,
    /// The URL. It never holds credentials.
    pub url: String,
}

/// The head of an answer whose body is being handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The HTTP status.
    pub status: u16,
    /// When it was asked. When the body ended is the sink's to note.
    pub requested: Timestamp,
}

/// A document that was not captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Who was, or would have been, asked.
    pub source: Source,
    /// As in [`Request::istiod`].
    pub istiod: Option<String>,
    /// As in [`Request::proxy`].
    pub proxy: Option<ProxyId>,
    /// What is missing.
    pub document: Document,
    /// As in [`Request::part`].
    pub part: Option<String>,
    /// The URL.
    pub origin: String,
    /// When it was asked; `None` where it was not.
    pub time: Option<Timestamp>,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// Why, in one line. It may quote up to 200 characters of what the other side answered.
    pub reason: String,
}

impl Failure {
    /// The failure of `request`, for a reason known before it was sent.
    pub fn not_asked(request: &Request, reason: impl Into<String>) -> Self {
        Self::new(request, None, None, reason.into())
    }

    pub(super) fn new(
        request: &Request,
        time: Option<Timestamp>,
        status: Option<u16>,
        reason: String,
    ) -> Self {
        Self {
            source: request.source,
            istiod: request.istiod.clone(),
            proxy: request.proxy.clone(),
            document: request.document,
            part: request.part.clone(),
            origin: request.url.clone(),
            time,
            status,
            reason,
        }
    }
}

/// Takes what a capture brings in.
pub trait Sink {
    /// Takes one document, reading `body` to its end.
    ///
    /// # Errors
    ///
    /// An error of `body` is passed on as it is (`?` does): the capture knows that it came from
    /// there, calls [`failure`](Self::failure), and goes on. The sink then keeps nothing of that
    /// document. For its own errors see [`SinkError`].
    fn document(
        &mut self,
        request: &Request,
        received: &Received,
        body: &mut dyn Read,
    ) -> Result<(), SinkError>;

    /// Notes a document that was not captured.
    fn failure(&mut self, failure: Failure);

    /// Called before each request is sent.
    fn progress(&mut self, request: &Request);
}

/// Why a sink did not take a document.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// This document is not usable, for the reason given in one line: it is recorded as a failure,
    /// and the capture goes on.
    #[error("{0}")]
    Document(String),
    /// The sink can take nothing more (the disk is full): the capture stops.
    #[error(transparent)]
    Sink(#[from] io::Error),
}
