//! How a lock is held: by many readers, or by one writer.

use http::Method;
use std::fmt;

/// How a lock is held.
///
/// ```
/// use localmap_lease::Mode;
/// use http::Method;
///
/// assert_eq!(Mode::of_method(&Method::HEAD), Mode::Read);
/// assert_eq!(Mode::of_method(&Method::PATCH), Mode::Write);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// With other readers.
    Read,
    /// Alone.
    Write,
}

impl Mode {
    /// Returns the mode of a request with this method, if its rule names none: [`Read`](Self::Read) for
    /// the methods that [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1) calls safe,
    /// `GET`, `HEAD`, `OPTIONS` and `TRACE`, and [`Write`](Self::Write) for all others, such as `PUT`,
    /// `POST`, `DELETE` and `PATCH`. See [`Mode`] for an example.
    #[must_use]
    pub fn of_method(method: &Method) -> Self {
        match method.is_safe() {
            true => Self::Read,
            false => Self::Write,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}
