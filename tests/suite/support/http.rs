//! Both ends of HTTP/1.1 with nothing but the standard library: a server that answers, and fails,
//! as it is told, and one GET.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// What a request meets.
#[derive(Clone)]
pub(crate) enum Answer {
    /// A status and a whole body.
    Whole(u16, Vec<u8>),
    /// Status 200 and a body in these chunks.
    Chunked(Vec<Vec<u8>>),
    /// Status 200, the head of the whole body and half of it, then the connection is closed.
    Half(Vec<u8>),
    /// As `Half`, but the connection stays open.
    StallHalfway(Vec<u8>),
    /// The connection is closed without a byte.
    Close,
    /// Nothing, and the connection stays open.
    Stall,
}

impl Answer {
    /// Status 200 and `body`.
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Whole(200, body.into())
    }
}

/// A server on a loopback port, until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    /// The answers to each path and query, in turn; the last one stays. All else is answered 404.
    routes: Mutex<HashMap<String, Vec<Answer>>>,
    requests: Mutex<Vec<String>>,
    stopping: AtomicBool,
}

impl Server {
    pub(crate) fn start<P: Into<String>>(
        routes: impl IntoIterator<Item = (P, Vec<Answer>)>,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let routes = routes
            .into_iter()
            .map(|(path, answers)| (path.into(), answers));
        let state = Arc::new(State {
            routes: Mutex::new(routes.collect()),
            requests: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopping.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&shared);
                // A client that has gone away is no failure of the server.
                thread::spawn(move || stream.and_then(|stream| shared.serve(stream)));
            }
        });
        Self {
            address,
            state,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked for, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread up.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let path = read_request(&mut stream)?;
        let answer = {
            let mut routes = self.routes.lock().unwrap();
            match routes.get_mut(&path) {
                None => Answer::Whole(404, b"404 page not found\n".to_vec()),
                Some(answers) if answers.len() > 1 => answers.remove(0),
                Some(answers) => answers[0].clone(),
            }
        };
        self.requests.lock().unwrap().push(path);
        let head = |status: u16, length: usize| {
            format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nlocation: /\r\n\r\n")
        };
        match answer {
            Answer::Whole(status, body) => {
                stream.write_all(head(status, body.len()).as_bytes())?;
                stream.write_all(&body)
            }
            Answer::Chunked(chunks) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
                for chunk in chunks {
                    write!(stream, "{:x}\r\n", chunk.len())?;
                    stream.write_all(&chunk)?;
                    stream.write_all(b"\r\n")?;
                }
                stream.write_all(b"0\r\n\r\n")
            }
            Answer::Half(body) => {
                stream.write_all(head(200, body.len()).as_bytes())?;
                stream.write_all(&body[..body.len() / 2])
            }
            Answer::StallHalfway(body) => {
                stream.write_all(head(200, body.len()).as_bytes())?;
                stream.write_all(&body[..body.len() / 2])?;
                wait_for_end(&mut stream)
            }
            Answer::Close => Ok(()),
            Answer::Stall => wait_for_end(&mut stream),
        }
    }
}

/// Reads a request's head, and returns its path and query.
fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 64 * 1024 {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    Ok(path.to_owned())
}

/// Until the client has gone away.
fn wait_for_end(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

/// Sends a GET over `stream`, and returns the body of the answer.
pub(crate) fn get(mut stream: impl Read + Write, path_and_query: &str) -> io::Result<String> {
    write!(
        stream,
        "GET {path_and_query} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        true => join_chunks(body).ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
        false => Ok(body.to_owned()),
    }
}

fn join_chunks(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (length, after) = rest.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.push_str(after.get(..length)?);
        rest = after.get(length + 2..)?;
    }
}
