//! Connects to the destination of a request: looks up its name, checks the addresses, and speaks
//! TLS if the scheme is `https`.

use super::allowed_host::{AllowedHost, Destination, allowing_address, allows_address};
use super::failure::{HttpFailure, HttpFailureReason, Reports};
use super::host::Host;
use super::tls::Tls;
use hyper::Method;
use hyper::http::uri::Scheme;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;
use wasmtime_wasi_http::Error;

/// The maximum time for connecting to one of several addresses.
const ATTEMPT: Duration = Duration::from_secs(5);

/// A connection, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The share of a request in those that a guest has at a time.
pub(super) type SharedPermit = Arc<OwnedSemaphorePermit>;

/// Connects to the destination of one request.
pub(super) struct Connector {
    pub(super) allowed: Arc<Vec<AllowedHost>>,
    pub(super) tls: Arc<Tls>,
    pub(super) lookups: Arc<Semaphore>,
    pub(super) reports: Arc<Reports>,
    pub(super) method: Method,
    pub(super) scheme: Scheme,
    pub(super) to: Destination,
}

impl Connector {
    /// Returns the host and, unless it is `default`, the port.
    pub(super) fn authority(&self) -> String {
        let Destination { host, port } = &self.to;
        let default = if self.is_tls() { 443 } else { 80 };
        if *port == default {
            host.to_string()
        } else {
            format!("{host}:{port}")
        }
    }

    fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Reports why the request fails.
    pub(super) fn report(&self, reason: HttpFailureReason) {
        self.reports.report(&HttpFailure {
            method: self.method.clone(),
            scheme: self.scheme.clone(),
            authority: self.authority(),
            reason,
        });
    }

    /// Connects to the first allowed address that can be reached. `permit` is the request's share
    /// of those that the guest has.
    pub(super) async fn connect(&self, permit: &SharedPermit) -> Result<Box<dyn Stream>, Error> {
        let addresses = self.addresses(permit).await?;
        let stream = connect_any(&addresses).await?;
        // Requests are written in one piece or flushed.
        let _ = stream.set_nodelay(true);
        if !self.is_tls() {
            return Ok(Box::new(stream));
        }
        let fail = |cause: String| self.report(HttpFailureReason::Tls { cause });
        let connector = self.tls.connector().map_err(|cause| {
            fail(cause);
            Error::ConfigurationError
        })?;
        let stream = connector.connect(self.server_name()?, stream).await;
        let stream = stream.map_err(|error| {
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
            if let Some(cause @ rustls::Error::InvalidCertificate(_)) = cause {
                fail(cause.to_string());
            }
            tls_error(&error, cause)
        })?;
        Ok(Box::new(stream))
    }

    /// Looks up the addresses of the host. Returns those that are allowed.
    async fn addresses(&self, permit: &SharedPermit) -> Result<Vec<SocketAddr>, Error> {
        let Destination { host, port } = &self.to;
        let mut addresses: Vec<SocketAddr> = match host {
            Host::Address(address) => vec![(*address, *port).into()],
            Host::Name(name) => self.look_up(name, *port, permit).await?,
        };
        let first = addresses.first().copied();
        let first = first.ok_or_else(|| unknown_name(&ErrorKind::NotFound.into()))?;
        addresses.retain(|address| allows_address(&self.allowed, &self.to, address.ip()));
        if addresses.is_empty() {
            let address = first.ip();
            let allow = allowing_address(&self.to, address);
            self.report(HttpFailureReason::AddressNotAllowed { address, allow });
            return Err(Error::DestinationIpProhibited);
        }
        Ok(addresses)
    }

    /// Looks up a name. The lookup goes on if the guest drops its request, and so does its share of
    /// what the guest may have at a time.
    async fn look_up(
        &self,
        name: &str,
        port: u16,
        permit: &SharedPermit,
    ) -> Result<Vec<SocketAddr>, Error> {
        let lookups = Arc::clone(&self.lookups).acquire_owned();
        let turn = lookups.await.map_err(|_| Error::InternalError(None))?;
        let (name, permit) = (name.to_owned(), Arc::clone(permit));
        let found = tokio::spawn(async move {
            let _until_it_ends = (turn, permit);
            let found = lookup_host((name.as_str(), port)).await;
            found.map(Iterator::collect)
        });
        let found = found.await.map_err(|_| Error::InternalError(None))?;
        found.map_err(|error| unknown_name(&error))
    }

    fn server_name(&self) -> Result<ServerName<'static>, Error> {
        match &self.to.host {
            Host::Address(address) => Ok(ServerName::from(*address)),
            Host::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|_| Error::HttpRequestUriInvalid)
            }
        }
    }
}

/// Connects to the first address that can be reached. Each but the last has little time, so that
/// the others are tried even if a network drops packets.
async fn connect_any(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut failure = Error::DestinationNotFound;
    for (index, address) in addresses.iter().enumerate() {
        let connecting = TcpStream::connect(address);
        let last = index + 1 == addresses.len();
        let connected = match last {
            true => connecting.await,
            false => match timeout(ATTEMPT, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(ErrorKind::TimedOut.into()),
            },
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = connect_error(&error),
        }
    }
    Err(failure)
}

fn unknown_name(error: &io::Error) -> Error {
    Error::DnsError {
        rcode: Some(error.to_string()),
        info_code: None,
    }
}

fn connect_error(error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Error::ConnectionTerminated,
        ErrorKind::TimedOut => Error::ConnectionTimeout,
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::AddrNotAvailable => Error::DestinationIpUnroutable,
        _ => Error::InternalError(Some(error.to_string())),
    }
}

fn tls_error(error: &io::Error, cause: Option<&rustls::Error>) -> Error {
    match cause {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        None if error.kind() == ErrorKind::UnexpectedEof => Error::ConnectionTerminated,
        None => connect_error(error),
    }
}
