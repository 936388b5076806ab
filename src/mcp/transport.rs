//! Lines of JSON on stdin and stdout, as the protocol wants them, more patient than the library: what comes before the
//! first request and is none is passed over, and a client that no longer reads is taken to be gone.

use rmcp::RoleServer;
use rmcp::model::JsonRpcMessage;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use std::io;
use std::sync::Arc;
use tokio::io::{Stdin, Stdout};
use tokio::sync::Notify;

/// stdin and stdout.
pub(super) struct Lines {
    inner: AsyncRwTransport<RoleServer, Stdin, Stdout>,
    /// Whether a request has come, which opens the conversation.
    is_open: bool,
    /// Told when an answer could not be written.
    unheard: Arc<Notify>,
}

impl Lines {
    pub(super) fn on_stdio() -> Self {
        let inner = AsyncRwTransport::new_server(tokio::io::stdin(), tokio::io::stdout());
        Self { inner, is_open: false, unheard: Arc::new(Notify::new()) }
    }
}

impl Transport<RoleServer> for Lines {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let (sent, unheard) = (self.inner.send(item), self.unheard.clone());
        async move {
            let sent = sent.await;
            if sent.is_err() {
                unheard.notify_one();
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            let message = tokio::select! {
                biased;
                () = self.unheard.notified() => None,
                message = self.inner.receive() => message,
            }?;
            self.is_open |= matches!(message, JsonRpcMessage::Request(_));
            if self.is_open {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}
