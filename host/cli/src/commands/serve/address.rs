//! `--addr`: the address to listen on.

use anyhow::{Context, anyhow, bail};
use localmap_telemetry::AdminAddress;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use tokio::net::{TcpListener, TcpSocket};

/// An address that is taken, but on which clients are refused until the server listens.
pub(super) struct TakenAddress<'a> {
    socket: TcpSocket,
    addr: &'a str,
}

impl<'a> TakenAddress<'a> {
    /// Takes the first usable address of `addr`.
    pub(super) fn take(addr: &'a str) -> anyhow::Result<Self> {
        let addrs: Vec<SocketAddr> = addr
            .to_socket_addrs()
            .with_context(|| {
                format!("--addr {addr}: expected ADDRESS:PORT such as 127.0.0.1:8080")
            })?
            .collect();
        let mut refused = io::Error::from(ErrorKind::AddrNotAvailable);
        for one in addrs {
            match localmap_serve::bind(one) {
                Ok(socket) => return Ok(Self { socket, addr }),
                Err(error) => refused = error,
            }
        }
        Err(explain(refused, addr))
    }

    /// Fails if `addr` is the admin address, too: then the server would find itself listening there.
    pub(super) fn check_admin(addr: &str, admin: Option<&AdminAddress>) -> anyhow::Result<()> {
        let admin = admin.and_then(|admin| admin.to_string().parse::<SocketAddr>().ok());
        let addrs = addr.to_socket_addrs().into_iter().flatten();
        for (one, admin) in addrs.zip(admin.into_iter().cycle()) {
            let same_ip = one.ip() == admin.ip()
                || one.ip().is_unspecified() && one.is_ipv4() == admin.is_ipv4();
            if same_ip && one.port() == admin.port() && admin.port() != 0 {
                bail!(
                    "--addr {addr} and --admin {admin} are the same: choose another port for one"
                );
            }
        }
        Ok(())
    }

    /// Listens. Must be called within a runtime. Fails if another program has begun to listen.
    pub(super) fn listen(self) -> anyhow::Result<TcpListener> {
        let listener = self.socket.listen(localmap_serve::BACKLOG);
        listener.map_err(|error| explain(error, self.addr))
    }
}

/// Adds what to do about an address that is not usable.
fn explain(error: io::Error, addr: &str) -> anyhow::Error {
    let hint = match error.kind() {
        ErrorKind::AddrInUse => {
            ": another program listens there; choose another port with --addr, or port 0 for \
             a free one"
        }
        ErrorKind::PermissionDenied => ": choose a port from 1024 on",
        ErrorKind::AddrNotAvailable => ": this machine has no such address",
        _ => "",
    };
    anyhow!(error).context(format!("cannot listen on {addr}{hint}"))
}
