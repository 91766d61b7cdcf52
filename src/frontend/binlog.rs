//! A replica that reads the binlog: from then on the connection is a stream in both directions (semi-synchronous
//! replicas acknowledge), with no command to wait for and nothing to translate.

use std::future::poll_fn;

use tokio::io::AsyncWriteExt as _;

use crate::frontend::client::Incoming;
use crate::frontend::error::SessionEnd;
use crate::frontend::session::Session;
use crate::pool::close_reason::CloseReason;

impl Session {
    /// Relays COM_BINLOG_DUMP and everything after it until one side closes or the proxy drains.
    pub(super) async fn stream_binlog(&mut self, incoming: Incoming) -> Result<(), SessionEnd> {
        self.forward(incoming).await?;
        self.lease.taint(CloseReason::Streamed);
        let ahead = self.client.buffer.take();
        let connection = self.lease.connection().ok_or(SessionEnd::BackendClosed)?;
        connection.send(&ahead).await.map_err(|error| SessionEnd::BackendLost(Some(error)))?;
        let early = connection.buffer.take();
        self.client.send(&early).await?;
        let (wake, phase) = (&mut self.wake, &self.frontend.phase);
        let draining = poll_fn(|cx| wake.as_mut().poll(cx).map(|()| phase.is_draining()));
        let copied = tokio::io::copy_bidirectional(self.client.stream_mut(), connection.stream_mut());
        let end = tokio::select! {
            _ = draining => SessionEnd::Draining,
            _ = copied => SessionEnd::StreamEnded,
        };
        let _ = connection.stream_mut().shutdown().await;
        Err(end)
    }
}
