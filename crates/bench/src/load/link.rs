//! One HTTP/1.1 connection, without a pool or a task of its own.

use std::{
    convert::Infallible,
    future::pending,
    net::SocketAddr,
    pin::pin,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    StatusCode,
    client::conn::http1::{Connection, SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, select, time::timeout_at};

use super::{failure::Failure, request::Template};

/// How long one connection may take to open; beyond it a lost SYN has been repeated twice.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// An open connection on which no call has been made yet.
pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    driver: Connection<TokioIo<TcpStream>, Full<Bytes>>,
}

/// A complete answer, of which only the size was kept.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) received_bytes: usize,
}

impl Link {
    pub(super) async fn open(address: SocketAddr, deadline: Instant) -> Result<Self, Failure> {
        let connected = timeout_at(deadline.into(), TcpStream::connect(address)).await;
        let stream = connected.map_err(|_| Failure::Timeout)?.map_err(|error| Failure::of_connect(&error))?;
        stream.set_nodelay(true).map_err(|error| Failure::of_connect(&error))?;
        let (sender, driver) =
            handshake(TokioIo::new(stream)).await.map_err(|error| Failure::of_call(&error))?;
        Ok(Self { sender, driver })
    }

    /// Lets `talk` use the connection, and closes it afterwards. The connection is driven in the task of
    /// `talk`: a task of its own would cost two more wake-ups for each call.
    pub(super) async fn converse<T>(self, talk: impl AsyncFnOnce(&mut SendRequest<Full<Bytes>>) -> T) -> T {
        let Self { mut sender, driver } = self;
        let driven = pin!(async move {
            // How the connection ends shows in the call under way, or in the next one's `ready`.
            let _ = driver.await;
            pending::<Infallible>().await
        });
        select! {
            biased;
            never = driven => match never {},
            result = talk(&mut sender) => result,
        }
    }
}

/// Makes one call and drains its answer frame by frame.
pub(super) async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    template: &Template,
) -> Result<Answer, Failure> {
    let response = sender.send_request(template.request()).await.map_err(|error| Failure::of_call(&error))?;
    let status = response.status();
    let mut body = response.into_body();
    let mut received_bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::of_call(&error))?;
        received_bytes += frame.data_ref().map_or(0, Bytes::len);
    }
    Ok(Answer { status, received_bytes })
}
