//! The calls that write one key.

use super::Tenant;
use crate::entry::{Condition, Ttl, Version};
use crate::error::Error;
use bytes::Bytes;
use localmap_sidecar_proto as proto;

/// # Writes
impl Tenant {
    /// Stores `value` under `key` and returns its version. Replaces a present value and its TTL.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Rejected`] if the key or the TTL is invalid, the value is too large, or the
    /// map is full. For others see [`Tenant`].
    pub async fn set(
        &self,
        key: impl AsRef<[u8]>,
        value: impl Into<Bytes>,
        ttl: Ttl,
    ) -> Result<Version, Error> {
        use proto::set_response::Result as Kind;
        let request = proto::SetRequest {
            tenant: self.name.to_string(),
            key: Bytes::copy_from_slice(key.as_ref()),
            value: value.into(),
            ttl: ttl.to_proto(),
        };
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.set(request).await
            });
        match response.await?.result {
            Some(Kind::Version(version)) => Ok(version),
            Some(Kind::Rejected(rejected)) => Err(Error::Rejected(rejected.into())),
            None => Err(Error::protocol("no result")),
        }
    }

    /// Stores `value` under `key` if `condition` holds, and returns its version.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Rejected`] with [`Conflict`](crate::RejectionReason::Conflict) if the
    /// condition does not hold, and for the reasons of [`set`](Self::set). For others see
    /// [`Tenant`].
    pub async fn set_if(
        &self,
        key: impl AsRef<[u8]>,
        value: impl Into<Bytes>,
        ttl: Ttl,
        condition: Condition,
    ) -> Result<Version, Error> {
        use proto::set_if_response::Result as Kind;
        let request = proto::SetIfRequest {
            tenant: self.name.to_string(),
            key: Bytes::copy_from_slice(key.as_ref()),
            value: value.into(),
            ttl: ttl.to_proto(),
            condition: Some(condition.to_proto()),
        };
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.set_if(request).await
            });
        match response.await?.result {
            Some(Kind::Version(version)) => Ok(version),
            Some(Kind::Rejected(rejected)) => Err(Error::Rejected(rejected.into())),
            None => Err(Error::protocol("no result")),
        }
    }

    /// Adds `delta` to a counter and returns the sum. An absent counter is 0 and gets the TTL; a
    /// present one keeps its deadline. The value of a counter is 8 bytes in little-endian order.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Rejected`] if the value is no counter, the sum does not fit into an `i64`,
    /// and for the reasons of [`set`](Self::set). For others see [`Tenant`].
    pub async fn increment(
        &self,
        key: impl AsRef<[u8]>,
        delta: i64,
        ttl: Ttl,
    ) -> Result<i64, Error> {
        use proto::increment_response::Result as Kind;
        let request = proto::IncrementRequest {
            tenant: self.name.to_string(),
            key: Bytes::copy_from_slice(key.as_ref()),
            delta,
            ttl: ttl.to_proto(),
        };
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.increment(request).await
            });
        match response.await?.result {
            Some(Kind::Sum(sum)) => Ok(sum),
            Some(Kind::Rejected(rejected)) => Err(Error::Rejected(rejected.into())),
            None => Err(Error::protocol("no result")),
        }
    }

    /// Gives an entry a new TTL, counted from now, and keeps its value and its version. Returns
    /// `true` if the key was present.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Rejected`] if the key or the TTL is invalid, or the map is full. For others
    /// see [`Tenant`].
    pub async fn touch(&self, key: impl AsRef<[u8]>, ttl: Ttl) -> Result<bool, Error> {
        use proto::touch_response::Result as Kind;
        let request = proto::TouchRequest {
            tenant: self.name.to_string(),
            key: Bytes::copy_from_slice(key.as_ref()),
            ttl: ttl.to_proto(),
        };
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.touch(request).await
            });
        match response.await?.result {
            Some(Kind::Present(present)) => Ok(present),
            Some(Kind::Rejected(rejected)) => Err(Error::Rejected(rejected.into())),
            None => Err(Error::protocol("no result")),
        }
    }

    /// Deletes `key` and returns its value; `None` if it was absent.
    ///
    /// # Errors
    ///
    /// See [`Tenant`].
    pub async fn take(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, Error> {
        let request = proto::TakeRequest {
            tenant: self.name.to_string(),
            key: Bytes::copy_from_slice(key.as_ref()),
        };
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.take(request).await
            });
        Ok(response.await?.value)
    }

    /// Deletes `key`. Returns `true` if it was present.
    ///
    /// # Errors
    ///
    /// See [`Tenant`].
    pub async fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.delete_version(key.as_ref(), None).await
    }

    /// Deletes `key` if its value has this version.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Rejected`] with [`Conflict`](crate::RejectionReason::Conflict) if the value
    /// has another version or the key is absent. For others see [`Tenant`].
    pub async fn delete_if(&self, key: impl AsRef<[u8]>, version: Version) -> Result<(), Error> {
        self.delete_version(key.as_ref(), Some(version)).await?;
        Ok(())
    }

    async fn delete_version(&self, key: &[u8], version: Option<Version>) -> Result<bool, Error> {
        use proto::delete_response::Result as Kind;
        let request = proto::DeleteRequest {
            tenant: self.name.to_string(),
            key: Bytes::copy_from_slice(key),
            version,
        };
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.delete(request).await
            });
        match response.await?.result {
            Some(Kind::Present(present)) => Ok(present),
            Some(Kind::Rejected(rejected)) => Err(Error::Rejected(rejected.into())),
            None => Err(Error::protocol("no result")),
        }
    }
}
