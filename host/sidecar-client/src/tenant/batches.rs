//! The calls that change several keys, or have a guest do it.

use super::Tenant;
use crate::change::{Change, Outcome};
use crate::connection::check_len;
use crate::error::{Error, guest_has_failed};
use bytes::Bytes;
use localmap_sidecar_proto as proto;
use prost::Message;

/// # Batches and guests
impl Tenant {
    /// Makes all changes or none of them, in order, and returns an outcome for each.
    ///
    /// ```no_run
    /// # use localmap_sidecar_client::{Error, Tenant};
    /// # async fn example(tenant: Tenant) -> Result<(), Error> {
    /// use localmap_sidecar_client::{Change, Outcome, Ttl};
    ///
    /// let outcomes = tenant
    ///     .apply([
    ///         Change::Delete { key: "cart:7".into() },
    ///         Change::Increment { key: "orders".into(), delta: 1, ttl: Ttl::Default },
    ///     ])
    ///     .await?;
    /// assert_eq!(outcomes, [Outcome::Deleted(true), Outcome::Counter(1)]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Error::Rejected`] if a change was rejected, with its
    /// [`index`](crate::Rejection#structfield.index). For others see [`Tenant`].
    pub async fn apply(
        &self,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<Vec<Outcome>, Error> {
        let request = proto::ApplyRequest {
            tenant: self.name.to_string(),
            changes: changes.into_iter().map(Into::into).collect(),
        };
        let changes = request.changes.len();
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.apply(request).await
            });
        let response = response.await?;
        if let Some(rejected) = response.rejected {
            return Err(Error::Rejected(rejected.into()));
        }
        if response.outcomes.len() != changes {
            return Err(Error::protocol("outcomes of other changes"));
        }
        response
            .outcomes
            .into_iter()
            .map(TryInto::try_into)
            .collect()
    }

    /// Calls a guest of the sidecar with `request`, and returns its response. The guest runs in a
    /// new instance, in a sandbox, next to the map of this tenant. The sidecar allows it more time
    /// than a client waits by default: see
    /// [`ClientOptions::timeout`](crate::ClientOptions::timeout).
    ///
    /// # Errors
    ///
    /// Returns [`Error::Guest`] if the guest returned an error, [`Error::GuestFailed`] if it
    /// trapped or took too long, [`Error::LimitReached`] if too many calls of guests are running,
    /// and [`Error::NoGuest`] if the sidecar has no guest of this name. For others see [`Tenant`].
    pub async fn call_guest(
        &self,
        guest: impl Into<String>,
        request: impl Into<Bytes>,
    ) -> Result<Bytes, Error> {
        use proto::call_guest_response::Result as Kind;
        let request = proto::CallGuestRequest {
            tenant: self.name.to_string(),
            guest: guest.into(),
            request: request.into(),
        };
        check_len(request.encoded_len())?;
        let response = self.connection.connected(|mut maps| {
            let request = request.clone();
            async move {
                match maps.call_guest(request).await {
                    Ok(response) => Ok(Ok(response.into_inner())),
                    Err(status) if guest_has_failed(&status) => Ok(Err(status)),
                    Err(status) => Err(status),
                }
            }
        });
        let response = response.await?.map_err(|status| Error::GuestFailed {
            message: status.message().to_owned(),
        })?;
        match response.result {
            Some(Kind::Response(response)) => Ok(response),
            Some(Kind::Error(message)) => Err(Error::Guest { message }),
            None => Err(Error::protocol("no result")),
        }
    }
}
