//! A network between the proxy and the server that stalls, and breaks in the middle of packets.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::support::chance::Chance;

/// Passes bytes on to a server, as long as the weather is good.
pub struct Network {
    port: u16,
    weather: Arc<Weather>,
}

/// How things are for all connections at this moment.
struct Weather {
    stalled: Mutex<bool>,
    changed: Condvar,
    /// Pieces of a thousand that end their connection half-way.
    cuts: AtomicUsize,
    /// Bytes towards the server after which the next connection is cut that exceeds them.
    left: AtomicUsize,
    over: AtomicBool,
    cut: AtomicUsize,
}

/// How long a direction may wait before it looks whether the other has ended.
const GLANCE: Duration = Duration::from_millis(20);

/// No limit to the bytes.
const UNLIMITED: usize = usize::MAX;

impl Network {
    /// In front of the server at 127.0.0.1:`server`.
    pub fn towards(server: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let weather = Arc::new(Weather {
            stalled: Mutex::new(false),
            changed: Condvar::new(),
            cuts: AtomicUsize::new(0),
            left: AtomicUsize::new(UNLIMITED),
            over: AtomicBool::new(false),
            cut: AtomicUsize::new(0),
        });
        let accepts = Arc::clone(&weather);
        thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                if accepts.over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(client) = client else { continue };
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                connect(&accepts, client, server, seed, number as u64);
            }
        });
        Self { port, weather }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Nothing is passed on any more until [`Self::clear`].
    pub fn stall(&self) {
        *self.weather.stalled.lock().unwrap() = true;
    }

    /// Good weather.
    pub fn clear(&self) {
        self.weather.cuts.store(0, Ordering::Relaxed);
        *self.weather.stalled.lock().unwrap() = false;
        self.weather.changed.notify_all();
    }

    /// So many of a thousand pieces are the last of their connection, and only the beginning of them arrives.
    pub fn cut_at_random(&self, of_thousand: usize) {
        self.weather.cuts.store(of_thousand, Ordering::Relaxed);
    }

    /// So many bytes go on to the server; with the next its connection is cut.
    pub fn cut_after(&self, bytes: usize) {
        self.weather.left.store(bytes, Ordering::Relaxed);
    }

    /// How many connections were cut.
    pub fn cuts(&self) -> usize {
        self.weather.cut.load(Ordering::Relaxed)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.weather.over.store(true, Ordering::Relaxed);
        if let Ok(mut stalled) = self.weather.stalled.lock() {
            *stalled = false;
        }
        self.weather.changed.notify_all();
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// One direction of one connection.
struct Stream {
    weather: Arc<Weather>,
    ended: Arc<AtomicBool>,
    from: TcpStream,
    to: TcpStream,
    direction: Direction,
    chance: Chance,
}

fn connect(weather: &Arc<Weather>, client: TcpStream, server: TcpStream, seed: u64, number: u64) {
    let ended = Arc::new(AtomicBool::new(false));
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(GLANCE)).unwrap();
    }
    let clones = (client.try_clone().unwrap(), server.try_clone().unwrap());
    for (from, to, direction) in
        [(client, server, Direction::ToServer), (clones.1, clones.0, Direction::ToClient)]
    {
        let chance = Chance::new(seed, number, direction as u64);
        let (weather, ended) = (Arc::clone(weather), Arc::clone(&ended));
        thread::spawn(move || {
            let ends = Arc::clone(&ended);
            Stream { weather, ended, from, to, direction, chance }.flow();
            ends.store(true, Ordering::Relaxed);
        });
    }
}

impl Stream {
    /// Passes on until one side or the weather ends it.
    fn flow(&mut self) {
        let mut buffer = [0; 16 * 1024];
        while !self.ended.load(Ordering::Relaxed) && !self.weather.over.load(Ordering::Relaxed) {
            let read = match self.from.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => read,
                Err(error) if is_nothing_yet(&error) => continue,
                Err(_) => return,
            };
            self.weather.wait_out();
            let passes = self.let_pass(read);
            if self.to.write_all(&buffer[..passes]).is_err() {
                return;
            }
            if passes < read {
                self.weather.cut.fetch_add(1, Ordering::Relaxed);
                return self.cut();
            }
        }
    }

    /// How many of these bytes the weather lets pass.
    fn let_pass(&mut self, bytes: usize) -> usize {
        if self.direction == Direction::ToServer {
            let left = self.weather.left.load(Ordering::Relaxed);
            if left < bytes {
                self.weather.left.store(UNLIMITED, Ordering::Relaxed);
                return left;
            }
            if left != UNLIMITED {
                self.weather.left.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
        let unlucky = self.chance.below(1000) < self.weather.cuts.load(Ordering::Relaxed);
        if unlucky { self.chance.below(bytes) } else { bytes }
    }

    /// Ends the connection on both sides: by a reset, or as if nothing were the matter.
    fn cut(&mut self) {
        if self.chance.percent(70) {
            for stream in [&self.from, &self.to] {
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
            }
        }
    }
}

impl Weather {
    fn wait_out(&self) {
        let mut stalled = self.stalled.lock().unwrap();
        while *stalled {
            stalled = self.changed.wait(stalled).unwrap();
        }
    }
}

fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
