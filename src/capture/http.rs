//! HTTP/1.1 as Envoy's admin interface and istiod's debug interface speak it, over TCP or a Unix
//! socket.
//!
//! Blocking from outside; inside, one runtime on the calling thread, so that a single deadline
//! covers connecting, the head and every piece of the body. `exchange` needs nothing but a byte
//! stream: where that came from is `dial`'s business alone.

use std::{
    error::Error,
    fmt,
    future::{Future, poll_fn},
    io::{self, Read},
    path::PathBuf,
    pin::{Pin, pin},
    str::FromStr,
    task::Poll,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request,
    body::{Body as _, Buf, Bytes, Incoming},
    client::conn::http1,
    header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::Runtime,
    time::{Instant, sleep, timeout_at},
};
use url::{Host, Url};

use super::stop::Stop;

/// The largest body that is read, in bytes; a longer one is an error, never cut.
pub const MAX_BODY: u64 = 1 << 30;

/// How often a request is sent at most.
const TRIES: u32 = 3;

/// The pause before the second try; it doubles before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What passes by itself: too many requests, bad gateway, service unavailable, gateway timeout.
const PASSING_STATUSES: [u16; 4] = [429, 502, 503, 504];

/// The longest deadline; it keeps the clock's arithmetic from overflowing.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Where to ask: `http://host[:port][/base/path]` or `unix:/path/to.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// A name or an address, an IPv6 one without brackets.
        host: String,
        /// The port.
        port: u16,
        /// What comes before every path that is asked for; empty or `/…` without a slash at the
        /// end.
        base_path: String,
        /// What is sent as `Authorization`, of a URL with a user name or a password; it is never printed.
        credentials: Option<Credentials>,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// A user name and a password, as HTTP's basic authentication has them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials(String);

impl Credentials {
    /// Those of `url`, if it has any.
    fn of(url: &Url) -> Option<Self> {
        if url.username().is_empty() && url.password().is_none() {
            return None;
        }
        let mut text = percent_decoded(url.username());
        text.push(b':');
        text.extend(percent_decoded(url.password().unwrap_or_default()));
        Some(Self(format!("Basic {}", STANDARD.encode(text))))
    }

    /// The value of the `Authorization` header.
    fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.0).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Credentials {
    /// Nothing of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// What `%40` and the like stand for.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let digit = |at: usize| char::from(*more.get(at)?).to_digit(16);
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &more[2..];
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    bytes
}

impl Endpoint {
    /// The URL of `path_and_query` there.
    pub fn url(&self, path_and_query: &str) -> String {
        match self {
            Self::Tcp { .. } => format!("{self}{path_and_query}"),
            // As nginx has it: the socket's path ends at the colon.
            Self::Unix(_) => format!("{self}:{path_and_query}"),
        }
    }

    /// The value of the `Host` header.
    fn authority(&self) -> String {
        match self {
            Self::Tcp { host, port, .. } => {
                let mut authority = match host.contains(':') {
                    true => format!("[{host}]"),
                    false => host.clone(),
                };
                if *port != DEFAULT_PORT {
                    authority.push_str(&format!(":{port}"));
                }
                authority
            }
            Self::Unix(_) => "localhost".to_owned(),
        }
    }

    fn authorization(&self) -> Option<HeaderValue> {
        match self {
            Self::Tcp { credentials, .. } => credentials.as_ref()?.header(),
            Self::Unix(_) => None,
        }
    }

    fn target(&self, path_and_query: &str) -> String {
        match self {
            Self::Tcp { base_path, .. } => format!("{base_path}{path_and_query}"),
            Self::Unix(_) => path_and_query.to_owned(),
        }
    }
}

/// The port of `http://` where a URL names none.
const DEFAULT_PORT: u16 = 80;

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { base_path, .. } => write!(f, "http://{}{base_path}", self.authority()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A text that is no [`Endpoint`].
///
/// What may hold a password or a token is not quoted.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidEndpoint {
    /// Neither form.
    #[error("invalid endpoint `{0}` (expected `http://host:port` or `unix:/path/to.sock`)")]
    Form(String),
    /// TLS is not spoken.
    #[error(
        "`{0}`: https is not supported (expected `http://host:port`, for instance through \
         `kubectl port-forward`)"
    )]
    Https(String),
    /// Something with an `@` that is no user name or password before a host.
    #[error(
        "a URL with an `@` that does not end a user name and a password (expected `http://host:port` or \
         `http://user:password@host:port`; write `/` in a password as %2F, `@` as %40, `:` as %3A)"
    )]
    UserInfo,
    /// A query or fragment.
    #[error(
        "a URL must not hold `?` or `#` (expected `http://host:port`; xdsnap adds the pages itself)"
    )]
    Query,
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || InvalidEndpoint::Form(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            let path = match path.strip_prefix("//") {
                Some(absolute) if absolute.starts_with('/') => absolute,
                Some(_) => return Err(form()),
                None => path,
            };
            return match path {
                "" => Err(form()),
                path => Ok(Self::Unix(path.into())),
            };
        }
        // First of all, for no later message may quote what these can hold.
        if text.contains(['?', '#']) {
            return Err(InvalidEndpoint::Query);
        }
        let url = Url::parse(text).map_err(|_| match text.contains('@') {
            true => InvalidEndpoint::UserInfo,
            false => form(),
        })?;
        let credentials = Credentials::of(&url);
        if text.matches('@').count() != usize::from(credentials.is_some()) {
            return Err(InvalidEndpoint::UserInfo);
        }
        let mut public = url.clone();
        // What has no host has no user name either, and stays as it is.
        let _ = public.set_username("").and(public.set_password(None));
        let public = match credentials {
            Some(_) => public.to_string(),
            None => text.to_owned(),
        };
        match url.scheme() {
            "http" => {}
            "https" => return Err(InvalidEndpoint::Https(public)),
            _ => return Err(InvalidEndpoint::Form(public)),
        }
        let host = match url.host().ok_or(InvalidEndpoint::Form(public))? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        Ok(Self::Tcp {
            host,
            port: url.port().unwrap_or(DEFAULT_PORT),
            base_path: url.path().trim_end_matches('/').to_owned(),
            credentials,
        })
    }
}

/// Why a request brought no answer, or not the whole of it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum HttpError {
    /// Nothing listens there.
    #[error("connection refused")]
    Refused,
    /// No connection, for another reason.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The capture was asked to end.
    #[error("interrupted")]
    Interrupted,
    /// The deadline passed.
    #[error("timed out after {0:?}")]
    Timeout(Duration),
    /// The connection ended before the head of an answer was there.
    #[error("connection closed before an answer came")]
    Closed,
    /// The connection ended within the body, after so many bytes of it.
    #[error("connection closed in the middle of the body, after {0} bytes")]
    Cut(u64),
    /// What came is not HTTP/1.1.
    #[error("the answer is not valid HTTP/1.1 ({0})")]
    BadAnswer(String),
    /// The body is longer than this many bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// What was asked for cannot stand in a request.
    #[error("invalid path `{0}`")]
    InvalidPath(String),
}

impl HttpError {
    /// Whether it may have passed when the request is sent again.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Refused | Self::Closed)
    }
}

/// Sends requests, one at a time and each on a connection of its own.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    timeout: Duration,
    stop: Stop,
}

impl Client {
    /// A client whose every request, from connecting to the end of the body and with all its tries,
    /// takes `timeout` at most (and a day, whatever is asked for).
    ///
    /// # Errors
    ///
    /// The operating system has no means left to wait for sockets (too many open files).
    pub fn new(timeout: Duration) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let timeout = timeout.min(MAX_TIMEOUT);
        Ok(Self {
            runtime,
            timeout,
            stop: Stop::default(),
        })
    }

    /// The same, but that from the moment on that `stop` is asked it fails with [`HttpError::Interrupted`].
    pub fn until(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Waits for `future` until `deadline`, and no longer than until the client is stopped.
    fn wait<F: Future>(&self, deadline: Instant, future: F) -> Result<F::Output, HttpError> {
        let outcome = self.runtime.block_on(async {
            let mut stopped = pin!(self.stop.asked());
            let mut future = pin!(timeout_at(deadline, future));
            poll_fn(|context| match stopped.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Err(HttpError::Interrupted)),
                Poll::Pending => future.as_mut().poll(context).map(Ok),
            })
            .await
        })?;
        outcome.map_err(|_| HttpError::Timeout(self.timeout))
    }

    /// Asks for `path_and_query` and returns when the head of the answer is there, whatever its
    /// status.
    ///
    /// What may pass (a refused or reset connection, no answer, status 429, 502, 503, 504) is tried
    /// three times. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// There is no answer: see [`HttpError`].
    pub fn get(
        &self,
        endpoint: &Endpoint,
        path_and_query: &str,
    ) -> Result<Response<'_>, HttpError> {
        let deadline = Instant::now() + self.timeout;
        let tries = async {
            let mut pause = FIRST_PAUSE;
            for _ in 1..TRIES {
                match ask(endpoint, path_and_query).await {
                    Ok(answer) if !answer.may_pass() => return Ok(answer),
                    Err(error) if !error.may_pass() => return Err(error),
                    Ok(_) | Err(_) => {}
                }
                sleep(pause).await;
                pause *= 2;
            }
            ask(endpoint, path_and_query).await
        };
        let answer = self.wait(deadline, tries)??;
        Ok(Response {
            status: answer.status,
            requested: answer.requested,
            body: Body::new(self, deadline, answer, MAX_BODY),
        })
    }
}

/// The head of an answer, and its body to be read.
#[derive(Debug)]
pub struct Response<'c> {
    /// The HTTP status.
    pub status: u16,
    /// When it was asked, by the last try.
    pub requested: Timestamp,
    body: Body<'c>,
}

impl Response<'_> {
    /// The body. Its errors hold an [`HttpError`]; the deadline is that of the request.
    pub fn body(&mut self) -> impl Read {
        &mut self.body
    }
}

struct Body<'c> {
    client: &'c Client,
    deadline: Instant,
    connection: Connection,
    incoming: Incoming,
    /// What has arrived and was not read yet.
    chunk: Bytes,
    /// How much has arrived.
    arrived: u64,
    limit: u64,
    /// Stays, so that no reader takes what follows an error for the end.
    failed: Option<HttpError>,
}

impl<'c> Body<'c> {
    fn new(client: &'c Client, deadline: Instant, answer: Answer, limit: u64) -> Self {
        let too_large = answer.body.size_hint().lower() > limit;
        Self {
            client,
            deadline,
            connection: answer.connection,
            incoming: answer.body,
            chunk: Bytes::new(),
            arrived: 0,
            limit,
            failed: too_large.then_some(HttpError::TooLarge(limit)),
        }
    }

    /// The next piece, `None` at the end.
    fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        let frame = drive(&mut self.connection, self.incoming.frame());
        match self.client.wait(self.deadline, frame)? {
            None => Ok(None),
            Some(Err(error)) if is_end_of_connection(&error) => Err(HttpError::Cut(self.arrived)),
            Some(Err(error)) => Err(HttpError::BadAnswer(innermost(&error))),
            Some(Ok(frame)) => {
                let chunk = frame.into_data().unwrap_or_default();
                self.arrived += chunk.len() as u64;
                match self.arrived > self.limit {
                    true => Err(HttpError::TooLarge(self.limit)),
                    false => Ok(Some(chunk)),
                }
            }
        }
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            if let Some(error) = &self.failed {
                return Err(io::Error::other(error.clone()));
            }
            match self.next() {
                Ok(Some(chunk)) => self.chunk = chunk,
                Ok(None) => return Ok(0),
                Err(error) => self.failed = Some(error),
            }
        }
        let length = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("arrived", &self.arrived)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// The work behind an exchange, until there is none left.
type Connection = Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>;

/// An answer whose body has yet to arrive.
struct Answer {
    status: u16,
    requested: Timestamp,
    body: Incoming,
    connection: Connection,
}

impl Answer {
    /// As [`HttpError::may_pass`].
    fn may_pass(&self) -> bool {
        PASSING_STATUSES.contains(&self.status)
    }
}

/// Connects and asks once.
async fn ask(endpoint: &Endpoint, path_and_query: &str) -> Result<Answer, HttpError> {
    let requested = Timestamp::now();
    let stream = dial(endpoint).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => HttpError::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => HttpError::Closed,
        _ => HttpError::Connect(error.to_string()),
    })?;
    let target = endpoint.target(path_and_query);
    let authorization = endpoint.authorization();
    let (response, connection) =
        exchange(stream, &endpoint.authority(), authorization, &target).await?;
    Ok(Answer {
        status: response.status().as_u16(),
        requested,
        body: response.into_body(),
        connection,
    })
}

/// Any stream of bytes in both directions.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn dial(endpoint: &Endpoint) -> io::Result<Box<dyn Stream>> {
    match endpoint {
        Endpoint::Tcp { host, port, .. } => {
            Ok(Box::new(TcpStream::connect((host.as_str(), *port)).await?))
        }
        #[cfg(unix)]
        Endpoint::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Sends one GET over `stream` and waits for the head of the answer.
async fn exchange(
    stream: impl Stream + 'static,
    host: &str,
    authorization: Option<HeaderValue>,
    target: &str,
) -> Result<(hyper::Response<Incoming>, Connection), HttpError> {
    let mut request = Request::get(target);
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request
        .header(HOST, host)
        .header(
            USER_AGENT,
            concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")),
        )
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| HttpError::InvalidPath(target.to_owned()))?;
    let no_answer = |error: hyper::Error| match error.is_canceled() || is_end_of_connection(&error)
    {
        true => HttpError::Closed,
        false => HttpError::BadAnswer(innermost(&error)),
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(no_answer)?;
    let mut connection: Connection = Some(Box::pin(connection));
    let response = drive(&mut connection, sender.send_request(request)).await;
    Ok((response.map_err(no_answer)?, connection))
}

/// Waits for `future` while `connection` does the work behind it.
///
/// Not a task of its own: dropping an answer closes its connection at once.
async fn drive<F: Future>(connection: &mut Connection, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        // Whatever ended the connection reaches `future` too.
        if let Some(working) = connection
            && working.as_mut().poll(context).is_ready()
        {
            *connection = None;
        }
        future.as_mut().poll(context)
    })
    .await
}

/// Whether the other side went away, as opposed to saying something wrong.
fn is_end_of_connection(error: &hyper::Error) -> bool {
    let io_kind = causes(error)
        .find_map(|error| error.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    error.is_incomplete_message()
        || matches!(
            io_kind,
            Some(
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
            )
        )
}

/// What an error says at its root; the layers above only repeat that HTTP failed.
fn innermost(error: &hyper::Error) -> String {
    causes(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

fn causes(error: &hyper::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_prints_as_it_was_written_and_a_page_is_added_to_it() {
        for (text, printed, url) in [
            (
                "http://127.0.0.1:15000",
                "http://127.0.0.1:15000",
                "http://127.0.0.1:15000/certs",
            ),
            (
                "http://[::1]:15000/",
                "http://[::1]:15000",
                "http://[::1]:15000/certs",
            ),
            (
                "http://envoy.local",
                "http://envoy.local",
                "http://envoy.local/certs",
            ),
            (
                "http://localhost:8001/api/v1/namespaces/shop/pods/web:15000/proxy/",
                "http://localhost:8001/api/v1/namespaces/shop/pods/web:15000/proxy",
                "http://localhost:8001/api/v1/namespaces/shop/pods/web:15000/proxy/certs",
            ),
            (
                "unix:/run/a.sock",
                "unix:/run/a.sock",
                "unix:/run/a.sock:/certs",
            ),
            (
                "unix:///run/a.sock",
                "unix:/run/a.sock",
                "unix:/run/a.sock:/certs",
            ),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), printed);
            assert_eq!(endpoint.url("/certs"), url);
            assert_eq!(printed.parse(), Ok(endpoint));
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_and_no_credential_is_repeated() {
        for (text, expected) in [
            ("127.0.0.1:15000", "invalid endpoint `127.0.0.1:15000`"),
            ("localhost:15000", "invalid endpoint `localhost:15000`"),
            ("", "invalid endpoint ``"),
            ("unix:", "invalid endpoint `unix:`"),
            ("unix://run/a.sock", "invalid endpoint `unix://run/a.sock`"),
            ("ftp://host", "invalid endpoint `ftp://host`"),
            ("http://host:99999", "invalid endpoint `http://host:99999`"),
            (
                "https://host:15000",
                "`https://host:15000`: https is not supported",
            ),
            (
                "https://me:hunter2@host",
                "`https://host/`: https is not supported",
            ),
            ("ftp://me:hunter2@host", "invalid endpoint `ftp://host/`"),
            ("me:hunter2@host:1", "a URL with an `@`"),
            ("http://me:hunter2/@host", "a URL with an `@`"),
            ("http://me:1/hunter2@host", "a URL with an `@`"),
            ("http://me:hun@ter2@host", "a URL with an `@`"),
            ("http://host/hunter2@x", "a URL with an `@`"),
            ("http://me:hunter2@host:99999", "a URL with an `@`"),
            ("http://host/?token=hunter2", "a URL must not hold `?`"),
            ("http://host/#hunter2", "a URL must not hold `?`"),
        ] {
            let message = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn credentials_are_sent_and_never_printed() {
        for (text, header) in [
            ("http://me:hunter2@host:1/base", "me:hunter2"),
            ("HTTP://me@host:1/base", "me:"),
            ("http://:p%40ss%2F%zz@host:1/base", ":p@ss/%zz"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), "http://host:1/base");
            assert_eq!(endpoint.url("/certs"), "http://host:1/base/certs");
            let expected = format!("Basic {}", STANDARD.encode(header));
            assert_eq!(endpoint.authorization().unwrap(), expected.as_str());
            let debug = format!("{endpoint:?} {:?}", endpoint.authorization());
            assert!(
                !debug.contains("hunter2") && !debug.contains(&expected),
                "{debug}"
            );
        }
        let plain: Endpoint = "http://host:1".parse().unwrap();
        assert!(plain.authorization().is_none());
    }

    /// What reading the body says, when the other side of a plain stream has sent `sent` and
    /// closed.
    #[cfg(unix)]
    fn read(sent: &[u8], limit: u64) -> Result<String, String> {
        use std::io::Write;

        let client = Client::new(Duration::from_secs(60)).unwrap();
        let deadline = Instant::now() + client.timeout;
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        theirs.write_all(sent).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        ours.set_nonblocking(true).unwrap();
        let (response, connection) = client
            .runtime
            .block_on(async {
                let stream = tokio::net::UnixStream::from_std(ours).unwrap();
                exchange(stream, "localhost", None, "/").await
            })
            .map_err(|error| error.to_string())?;
        let answer = Answer {
            status: response.status().as_u16(),
            requested: Timestamp::now(),
            body: response.into_body(),
            connection,
        };
        let mut body = Body::new(&client, deadline, answer, limit);
        let mut text = String::new();
        let outcome = body.read_to_string(&mut text);
        if outcome.is_err() {
            assert!(
                body.read(&mut [0]).is_err(),
                "an error must not turn into an end"
            );
        }
        outcome.map(|_| text).map_err(|error| error.to_string())
    }

    #[cfg(unix)]
    #[test]
    fn a_body_arrives_whole_or_with_the_reason_why_not() {
        let head = "HTTP/1.1 200 OK\r\n";
        for (sent, expected) in [
            ("content-length: 4\r\n\r\nabcd", Ok("abcd")),
            (
                "content-length: 4\r\n\r\nab",
                Err("connection closed in the middle of the body, after 2 bytes"),
            ),
            (
                "content-length: 5\r\n\r\nabcde",
                Err("the body is larger than 4 bytes"),
            ),
            (
                "transfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n",
                Ok("abcd"),
            ),
            (
                "transfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
                Err("connection closed in the middle of the body, after 2 bytes"),
            ),
            (
                "transfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
                Err("the body is larger than 4 bytes"),
            ),
            (
                "transfer-encoding: chunked\r\n\r\nxy\r\nab\r\n",
                Err(
                    "the answer is not valid HTTP/1.1 (Invalid chunk size line: missing size digit)",
                ),
            ),
            ("\r\nabcd", Ok("abcd")),
            ("\r\nabcde", Err("the body is larger than 4 bytes")),
        ] {
            let outcome = read(format!("{head}{sent}").as_bytes(), 4);
            let outcome = outcome.as_deref().map_err(String::as_str);
            assert_eq!(outcome, expected, "{sent:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_comes_before_a_body_is_an_answer_or_the_reason_why_not() {
        for (sent, expected) in [
            ("", "connection closed before an answer came"),
            ("HTTP/1.1 200 O", "connection closed before an answer came"),
            (
                "SSH-2.0-OpenSSH_9.2\r\n\r\n",
                "the answer is not valid HTTP/1.1 (",
            ),
        ] {
            let message = read(sent.as_bytes(), 4).unwrap_err();
            assert!(message.starts_with(expected), "{sent:?}: {message}");
        }
    }
}
