//! The way to the Engine: a socket or an address, and an end to what it may answer.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::Full;
use hyper::Uri;
use hyper::body::{Body, Bytes};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service;

/// No answer is longer: ten thousand containers are listed in less. What goes on after that is no Engine's.
const LIMIT: usize = 64 << 20;

/// Prepares to connect to the Engine at an address.
pub(super) fn client(address: &str) -> Client<Connector, Full<Bytes>> {
    connecting(address, LIMIT)
}

/// The same without an end to what is answered: for data, which are nobody's to hold.
pub(super) fn unlimited<B>(address: &str) -> Client<Connector, B>
where
    B: Body + Send,
    B::Data: Send,
{
    connecting(address, usize::MAX)
}

fn connecting<B>(address: &str, limit: usize) -> Client<Connector, B>
where
    B: Body + Send,
    B::Data: Send,
{
    let to = match address.strip_prefix("unix://") {
        Some(path) => To::Socket(path.into()),
        None => To::Host,
    };
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(Connector { to, limit })
}

/// Returns the host and port that a request to an address names.
pub(super) fn authority(address: &str) -> &str {
    match address.split_once("://") {
        Some(("tcp" | "http", place)) => place.split('/').next().unwrap_or(place),
        _ => "localhost",
    }
}

#[derive(Debug, Clone)]
enum To {
    Socket(PathBuf),
    /// What the request names.
    Host,
}

#[derive(Debug, Clone)]
pub(super) struct Connector {
    to: To,
    /// How much an answer may have.
    limit: usize,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Limited>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Limited>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (to, limit) = (self.to.clone(), self.limit);
        Box::pin(async move {
            let socket: Box<dyn Socket> = match to {
                To::Socket(path) => Box::new(UnixStream::connect(path).await?),
                To::Host => {
                    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
                    let socket = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
                    socket.set_nodelay(true)?;
                    Box::new(socket)
                }
            };
            Ok(TokioIo::new(Limited { socket, came: 0, limit }))
        })
    }
}

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// A connection that ends when an answer does not.
pub(super) struct Limited {
    socket: Box<dyn Socket>,
    /// What came since something was last asked.
    came: usize,
    limit: usize,
}

impl Connection for Limited {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Limited {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.came > self.limit {
            let end = format!("its answer is longer than {} MiB", self.limit >> 20);
            return Poll::Ready(Err(io::Error::other(end)));
        }
        let before = into.filled().len();
        let done = Pin::new(&mut self.socket).poll_read(context, into);
        self.came += into.filled().len() - before;
        done
    }
}

impl AsyncWrite for Limited {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.came = 0;
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
