//! What single steps of the data path cost, apart from any socket: `cargo bench --bench micro`.
//!
//! `cargo bench --bench micro -- sql` runs those whose names contain `sql`. The look-up in the cache has its place here,
//! once there is a cache. The pool's bench opens one connection to a scratch MariaDB and then lends it again and again.

mod framing;
mod pool;
mod response;
mod sql;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    framing::benches(&mut criterion);
    response::benches(&mut criterion);
    sql::benches(&mut criterion);
    if let Err(error) = pool::benches(&mut criterion) {
        eprintln!("pool: not measured: {error:#}");
    }
    criterion.final_summary();
}
