//! A load balancer of the simplest kind: says something first, then passes bytes on.

use std::io::{self, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use super::wire::Endpoint;

/// Where one connection to 127.0.0.1:`port` can be had that begins with `preamble`.
pub fn with_preamble(port: u16, preamble: &[u8]) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap().port();
    let preamble = preamble.to_vec();
    thread::spawn(move || {
        let client = listener.accept().unwrap().0;
        let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        server.write_all(&preamble).unwrap();
        let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || pass(&from, &to));
        pass(&server, &client);
    });
    Endpoint::Tcp(here)
}

fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
