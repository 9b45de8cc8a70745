//! The prefix of a mirror, as a range of keys of etcd.

/// A prefix, and the range of keys that have it.
#[derive(Debug, Clone)]
pub(crate) struct Prefix {
    bytes: Vec<u8>,
}

impl Prefix {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { bytes }
    }

    /// Returns the first key of the range. etcd has no empty key: all of its keys begin at `\0`.
    pub(crate) fn first(&self) -> Vec<u8> {
        match self.bytes.is_empty() {
            true => vec![0],
            false => self.bytes.clone(),
        }
    }

    /// Returns the key before which the range ends. `\0` means that it does not end, for etcd.
    pub(crate) fn end(&self) -> Vec<u8> {
        let mut end = self.bytes.clone();
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                return end;
            }
        }
        vec![0]
    }

    /// Returns the key of etcd for a key of the mirror.
    pub(crate) fn key(&self, key: &[u8]) -> Vec<u8> {
        [&self.bytes, key].concat()
    }

    /// Returns the key of the mirror for a key of etcd; `None` if that does not have the prefix.
    pub(crate) fn strip<'a>(&self, key: &'a [u8]) -> Option<&'a [u8]> {
        key.strip_prefix(self.bytes.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    #[test]
    fn a_range_has_the_keys_with_the_prefix_and_no_others() {
        let range = |prefix: &[u8]| {
            let prefix = Prefix::new(prefix);
            (prefix.first(), prefix.end())
        };
        assert_eq!(range(b"/a/"), (b"/a/".to_vec(), b"/a0".to_vec()));
        assert_eq!(range(b"a\xff\xff"), (b"a\xff\xff".to_vec(), b"b".to_vec()));
        assert_eq!(range(b"\xff"), (b"\xff".to_vec(), b"\0".to_vec()));
        assert_eq!(range(b""), (b"\0".to_vec(), b"\0".to_vec()));
    }

    #[test]
    fn keys_lose_and_get_the_prefix() {
        let prefix = Prefix::new("/a/");
        assert_eq!(prefix.strip(b"/a/key"), Some(&b"key"[..]));
        assert_eq!(prefix.strip(b"/a/"), Some(&b""[..]));
        assert_eq!(prefix.strip(b"/b/key"), None);
        assert_eq!(prefix.key(b"key"), b"/a/key");
    }
}
