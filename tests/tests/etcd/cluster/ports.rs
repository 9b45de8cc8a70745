//! Chooses ports.

use std::net::TcpListener;

/// Returns a free address of the loopback interface. Its port is below those that the system gives to
/// connections, so that none takes it while etcd is down.
pub(crate) fn free() -> String {
    let mut random = fastrand::Rng::new();
    loop {
        let address = format!("127.0.0.1:{}", random.u16(15_000..32_000));
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}
