//! The name of a tenant.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The maximum length of the name of a tenant in bytes: 256.
pub const MAX_TENANT_NAME_LEN: usize = 256;

/// The name of a tenant: any 0 to [`MAX_TENANT_NAME_LEN`] bytes, such as the value of a header.
///
/// Two names are the same tenant only if all of their bytes are equal. Clones share the bytes. A name
/// is displayed with escapes for bytes that are not printable ASCII.
///
/// ```
/// use localmap::{MAX_TENANT_NAME_LEN, TenantName};
///
/// let name = TenantName::new(b"acme\n")?;
/// assert_eq!(name.as_bytes(), b"acme\n");
/// assert_eq!(name.to_string(), "acme\\n");
/// assert!(TenantName::new(&[0; MAX_TENANT_NAME_LEN + 1]).is_err());
/// # Ok::<(), localmap::TenantNameTooLong>(())
/// ```
#[derive(Clone)]
pub struct TenantName(Bytes);

/// Most names are short. They are compared without a look at another place in memory.
#[derive(Clone)]
enum Bytes {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Arc<[u8]>),
}

/// The maximum length of a short name, with which it takes no more memory than a long one.
const SHORT: usize = 22;

/// The error returned for a name of more than [`MAX_TENANT_NAME_LEN`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of the tenant has {len} bytes: use at most {MAX_TENANT_NAME_LEN}")]
#[non_exhaustive]
pub struct TenantNameTooLong {
    /// The length of the name, in bytes.
    pub len: usize,
}

impl TenantName {
    /// Creates a name. See [`TenantName`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`TenantNameTooLong`] if the name has more than [`MAX_TENANT_NAME_LEN`] bytes.
    pub fn new(name: &[u8]) -> Result<Self, TenantNameTooLong> {
        let len = name.len();
        if len > MAX_TENANT_NAME_LEN {
            return Err(TenantNameTooLong { len });
        }
        let mut bytes = [0; SHORT];
        let name = match (bytes.get_mut(..len), u8::try_from(len)) {
            (Some(short), Ok(len)) => {
                short.copy_from_slice(name);
                Bytes::Short { len, bytes }
            }
            _ => Bytes::Long(name.into()),
        };
        Ok(Self(name))
    }

    /// Returns the bytes of the name. See [`TenantName`] for an example.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Bytes::Long(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for TenantName {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for TenantName {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for TenantName {}

impl PartialOrd for TenantName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By the bytes.
impl Ord for TenantName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for TenantName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().escape_ascii().fmt(f)
    }
}

impl fmt::Debug for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_any_bytes_up_to_256() {
        for len in 0..=256 {
            let bytes = vec![b'/'; len];
            let name = TenantName::new(&bytes).expect("it is short enough");
            assert_eq!(name.as_bytes(), bytes);
        }
        let error = TenantName::new(&[0; 257]).expect_err("it is too long");
        assert_eq!(error.len, 257);
    }

    #[test]
    fn a_displayed_name_is_one_line_of_printable_text() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let name = TenantName::new(&all).expect("256 bytes");
        let shown = format!("{name} {name:?}");
        assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }
}
