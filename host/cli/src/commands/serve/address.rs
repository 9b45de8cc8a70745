//! `--addr`: the address to listen on.

use anyhow::{Context, anyhow};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use tokio::net::TcpListener;

/// Listens on the first usable address of `addr`. Must be called within a runtime.
pub(super) fn bind(addr: &str) -> anyhow::Result<TcpListener> {
    let addrs: Vec<SocketAddr> = addr
        .to_socket_addrs()
        .with_context(|| format!("--addr {addr}: expected ADDRESS:PORT such as 127.0.0.1:8080"))?
        .collect();
    let mut refused = io::Error::from(ErrorKind::AddrNotAvailable);
    for addr in addrs {
        match localmap_serve::listen(addr) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    let hint = match refused.kind() {
        ErrorKind::AddrInUse => {
            ": another program listens there; choose another port with --addr, or port 0 for \
             a free one"
        }
        ErrorKind::PermissionDenied => ": choose a port from 1024 on",
        ErrorKind::AddrNotAvailable => ": this machine has no such address",
        _ => "",
    };
    Err(anyhow!(refused).context(format!("cannot listen on {addr}{hint}")))
}
