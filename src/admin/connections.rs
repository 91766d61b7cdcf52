//! Connections to the admin endpoint, and how much of the proxy they may take up.
//!
//! Everybody on this machine may be able to connect, so a connection is never there for nothing: it has to ask in time, it
//! ends at an age, and there are only so many. Who comes when all are taken waits in the kernel's queue; the file
//! descriptors that clients of the databases need are not used up.
//!
//! Dropping the future of [`serve`] cuts off every connection.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::tasks;

/// What connections may take up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time.
    pub(super) connections: usize,
    /// Time for the head of a request, counted from the accept or the answer before.
    pub(super) header_timeout: Duration,
    /// Age from which a connection only gets to the end of the answer under way.
    pub(super) lifetime: Duration,
    /// Time for that last answer.
    pub(super) last_answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            header_timeout: Duration::from_secs(10),
            lifetime: Duration::from_secs(60),
            last_answer: Duration::from_secs(10),
        }
    }
}

/// Serves `router` until `shutdown` is done and the answers under way are given.
pub(super) async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let (ending, watched) = watch::channel(());
    let connections = tasks::Group::default();
    let accepting = async {
        let slots = Arc::new(Semaphore::new(limits.connections));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let (io, _) = listener.accept().await;
            connections
                .spawn("admin connection", converse(io, router.clone(), limits, watched.clone(), slot));
        }
    };
    tokio::select! {
        () = shutdown => {}
        () = accepting => {}
    }
    drop((listener, ending));
    connections.settle(limits.last_answer).await;
}

/// Serves one connection until it ends, gets too old, or `ending` has lost its sender.
async fn converse<I>(
    io: I,
    router: Router,
    limits: Limits,
    mut ending: watch::Receiver<()>,
    _slot: OwnedSemaphorePermit,
) where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    let connection = server.serve_connection(TokioIo::new(io), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = ending.changed() => {}
        () = sleep(limits.lifetime) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(limits.last_answer, connection).await;
}

#[cfg(test)]
mod tests {
    use std::io;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio::sync::{mpsc, oneshot};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;

    const LIMITS: Limits = Limits {
        connections: 2,
        header_timeout: Duration::from_secs(3),
        lifetime: Duration::from_secs(20),
        last_answer: Duration::from_secs(5),
    };
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: sealock\r\n\r\n";
    const SMALL: usize = 1024;
    const LARGE: usize = 1024 * 1024;

    /// A listener whose connections are pipes, so that time can be paused.
    struct Door(mpsc::UnboundedReceiver<DuplexStream>);

    impl Listener for Door {
        type Io = DuplexStream;
        type Addr = ();

        async fn accept(&mut self) -> (DuplexStream, ()) {
            match self.0.recv().await {
                Some(io) => (io, ()),
                None => std::future::pending().await,
            }
        }

        fn local_addr(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A served endpoint with [`LIMITS`].
    struct Served {
        door: mpsc::UnboundedSender<DuplexStream>,
        stop: Option<oneshot::Sender<()>>,
        task: JoinHandle<()>,
    }

    impl Served {
        fn start() -> Self {
            let (door, knocks) = mpsc::unbounded_channel();
            let (stop, stopped) = oneshot::channel::<()>();
            let router = Router::new()
                .route("/", get(|| async { "answered" }))
                .route("/large", get(|| async { "x".repeat(LARGE) }));
            let shutdown = async move {
                let _ = stopped.await;
            };
            let task = tasks::spawn("admin", serve(Door(knocks), router, LIMITS, shutdown));
            Self { door, stop: Some(stop), task }
        }

        fn connect(&self) -> DuplexStream {
            let (ours, theirs) = tokio::io::duplex(SMALL);
            self.door.send(theirs).unwrap();
            ours
        }

        fn stop(&mut self) {
            self.stop.take().unwrap().send(()).unwrap();
        }
    }

    async fn is_answered(stream: &mut DuplexStream) -> bool {
        let mut answer = [0; SMALL];
        let read = timeout(Duration::from_secs(1), stream.read(&mut answer)).await;
        matches!(read, Ok(Ok(length)) if answer[..length].ends_with(b"answered"))
    }

    /// How long it takes until the other side closes.
    async fn until_closed(stream: &mut DuplexStream) -> Duration {
        let start = Instant::now();
        let _ = stream.read_to_end(&mut Vec::new()).await;
        start.elapsed()
    }

    fn about(seconds: u64, measured: Duration) -> bool {
        (Duration::from_secs(seconds)..Duration::from_millis(1000 * seconds + 100)).contains(&measured)
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_ask_in_time_is_closed() {
        let served = Served::start();
        for sent in [&b""[..], &REQUEST[..REQUEST.len() - 2]] {
            let mut stream = served.connect();
            stream.write_all(sent).await.unwrap();
            let measured = until_closed(&mut stream).await;
            assert!(about(3, measured), "{measured:?} after {sent:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_asked_once_may_ask_again_for_as_long() {
        let served = Served::start();
        let mut stream = served.connect();
        for _ in 0..3 {
            stream.write_all(REQUEST).await.unwrap();
            assert!(is_answered(&mut stream).await);
            sleep(Duration::from_secs(2)).await;
        }
        assert!(about(1, until_closed(&mut stream).await));
    }

    #[tokio::test(start_paused = true)]
    async fn over_the_limit_one_waits_until_another_leaves() {
        let served = Served::start();
        let mut streams = [served.connect(), served.connect(), served.connect()];
        for stream in &mut streams {
            stream.write_all(REQUEST).await.unwrap();
        }
        let [first, second, third] = &mut streams;
        assert!(is_answered(first).await && is_answered(second).await);
        assert!(!is_answered(third).await);
        let [first, _second, mut third] = streams;
        drop(first);
        assert!(is_answered(&mut third).await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_reads_is_cut_off_at_an_age() {
        let served = Served::start();
        let mut stream = served.connect();
        stream.write_all(b"GET /large HTTP/1.1\r\nhost: sealock\r\n\r\n").await.unwrap();
        sleep(LIMITS.lifetime + LIMITS.last_answer + Duration::from_secs(1)).await;
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await.unwrap();
        assert!(got.len() <= SMALL, "{} bytes", got.len());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_under_way_is_given_when_the_endpoint_ends() {
        let mut served = Served::start();
        let (mut idle, mut busy) = (served.connect(), served.connect());
        busy.write_all(b"GET /large HTTP/1.1\r\nhost: sealock\r\n\r\n").await.unwrap();
        busy.read_u8().await.unwrap();
        served.stop();
        assert!(until_closed(&mut idle).await.is_zero());
        let mut got = Vec::new();
        busy.read_to_end(&mut got).await.unwrap();
        assert!(got.len() > LARGE, "{} bytes", got.len());
        served.task.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_is_dropped_leaves_no_connection() {
        let served = Served::start();
        let mut stream = served.connect();
        stream.write_all(REQUEST).await.unwrap();
        assert!(is_answered(&mut stream).await);
        served.task.abort();
        assert!(until_closed(&mut stream).await.is_zero());
    }
}
