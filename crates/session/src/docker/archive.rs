//! Copying without anything in the image: the Engine reads an archive out of one volume, and writes it into another.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client as Http;

use super::Engine;
use super::client::{Error, lost, refusal};
use super::copier::{Copier, Done, Job};
use super::transport::{self, Connector};

impl Engine {
    /// Begins to copy what one container has of the source into what another one has of the target, at the same path, so that
    /// the directory itself is in the archive, too. There are two: while the Engine reads from one, nobody writes into it.
    pub fn begin_stream(&self, reader: &Copier, writer: &Copier) -> Job {
        let (address, from, to) = (self.endpoint.address.clone(), reader.id.clone(), writer.id.clone());
        Job(self.runtime.spawn(async move { stream(&address, &from, &to).await }))
    }
}

async fn stream(address: &str, from: &str, to: &str) -> Result<Done, Error> {
    let authority = transport::authority(address);
    let at = |id: &str, path: &str| format!("http://{authority}/containers/{id}/archive?path={path}");
    let reader: Http<Connector, http_body_util::Empty<hyper::body::Bytes>> = transport::unlimited(address);
    let request = Request::builder().uri(at(from, "/prism-from")).body(http_body_util::Empty::new());
    let archive = reader.request(request.map_err(lost)?).await.map_err(lost)?;
    if !archive.status().is_success() {
        return Err(refusal(archive).await);
    }
    let writer: Http<Connector, Incoming> = transport::unlimited(address);
    let request = Request::builder()
        .method(Method::PUT)
        .uri(at(to, "/"))
        .header(CONTENT_TYPE, "application/x-tar")
        .body(archive.into_body());
    let written = writer.request(request.map_err(lost)?).await.map_err(lost)?;
    if !written.status().is_success() {
        return Err(refusal(written).await);
    }
    written.into_body().collect().await.map_err(lost)?;
    Ok(Done::default())
}
