//! Borrowing a connection that suits, and giving it back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use criterion::Criterion;
use sealock::app::scratch::{Options, ScratchServer};
use sealock::auth::BackendSecret;
use sealock::backend::Backend;
use sealock::backend::connector::{Login, Terms};
use sealock::config::Config;
use sealock::config::model::Secret;
use sealock::pool::acquire::wanted;
use sealock::pool::key::{Key, Sharing, Slot};
use sealock::pool::shelf::Shelf;
use sealock::pool::{Bounds, Lease, Pool, Request, Wish};
use sealock::session::{Baseline, SessionState};
use sealock::telemetry::Registry;

const USER: &str = "bench";
const PATIENCE: Duration = Duration::from_secs(10);

/// A pool, and what a session that asks it for connections brings along.
struct Borrower {
    pool: Arc<Pool>,
    shelf: Arc<Shelf>,
    backend: Arc<Backend>,
    login: Arc<Login>,
    terms: Terms,
    bounds: Bounds,
    state: SessionState,
    baseline: Arc<Baseline>,
}

pub fn benches(criterion: &mut Criterion) -> anyhow::Result<()> {
    let account = format!("CREATE USER {USER}@localhost IDENTIFIED BY '{USER}'");
    let options = Options { statements: vec![account], ..Options::default() };
    let server = ScratchServer::start(&options, &mut |_| {})?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut borrower = Borrower::at(&server)?;
    runtime.block_on(async {
        let mut lease = borrower.borrow().await?;
        let shared = lease.connection().and_then(|connection| connection.shared());
        borrower.baseline = Arc::clone(&shared.context("not a shared connection")?.baseline);
        lease.release();
        anyhow::Ok(())
    })?;
    let mut group = criterion.benchmark_group("pool");
    group.bench_function("borrow and release", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                match borrower.borrow().await {
                    Ok(lease) => lease.release(),
                    Err(error) => eprintln!("{error:#}"),
                }
            });
        });
    });
    group.finish();
    Ok(())
}

impl Borrower {
    fn at(server: &ScratchServer) -> anyhow::Result<Self> {
        let registry = Arc::new(Registry::new());
        let config = configuration(server)?;
        let backend = config.backends.first().context("no backend")?;
        let backend = Arc::new(Backend::build(backend, &registry, None)?);
        let pool = Arc::new(Pool::new(&registry));
        let slot = Slot { backend: backend.name().to_owned(), account: USER.into() };
        let secret = BackendSecret::Password(Secret::new(USER.into()));
        Ok(Self {
            shelf: pool.shelf(&slot),
            pool,
            backend,
            login: Arc::new(Login { user: USER.into(), secret }),
            terms: Terms { collation: 45, max_packet: 1 << 24, ..Terms::default() },
            bounds: BOUNDS,
            state: SessionState::default(),
            baseline: Arc::default(),
        })
    }

    async fn borrow(&self) -> anyhow::Result<Lease> {
        let request = self.request();
        let key: Key = wanted(&request, Sharing::Shared);
        let wish = Wish { state: &self.state, baseline: &self.baseline, last: None };
        Ok(self.pool.borrow(&self.shelf, &request, &self.login, &key, wish, PATIENCE).await?)
    }

    fn request(&self) -> Request<'_> {
        Request {
            backend: &self.backend,
            account: USER.as_bytes(),
            terms: &self.terms,
            origin: None,
            row: None,
            generation: 1,
            bounds: self.bounds,
            replaces: None,
        }
    }
}

const BOUNDS: Bounds = Bounds {
    max_connections: 1,
    max_idle: 1,
    min_idle: 1,
    max_statements: 1,
    idle_timeout: Duration::from_secs(600),
    max_lifetime: Duration::from_secs(3600),
    kill_timeout: Duration::from_secs(5),
};

fn configuration(server: &ScratchServer) -> anyhow::Result<Config> {
    let socket = server.socket();
    let text = format!(
        "[[listener]]\nbind = \"127.0.0.1:0\"\n[[backend]]\nname = \"db1\"\naddress = \"unix:{}\"\n",
        socket.display()
    );
    Ok(Config::parse(&text, Path::new("micro.toml"))?)
}
