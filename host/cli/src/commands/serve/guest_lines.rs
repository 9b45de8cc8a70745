//! Collects what a guest writes into lines, and names the request of each.

use bytes::{Bytes, BytesMut};

/// The maximum part of a line that is kept until the line ends.
pub(super) const MAX_LINE: usize = 4 << 10;

/// Text that a guest has written, of which only whole lines are passed on.
pub(super) struct GuestLines {
    /// What has not been passed on yet.
    text: BytesMut,
    /// What each line begins with. If it is empty, lines are not changed.
    prefix: String,
    /// Whether a line has been split and its end has not been written yet.
    split: bool,
}

impl GuestLines {
    /// Creates an empty text. `request` is the number that each line begins with.
    pub(super) fn new(request: Option<u64>) -> Self {
        Self {
            text: BytesMut::new(),
            prefix: request.map(|id| format!("[{id}] ")).unwrap_or_default(),
            split: false,
        }
    }

    /// Adds text.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
        // The end of a line whose last part has been passed on as a line.
        if self.split && !self.text.is_empty() {
            self.split = false;
            if self.text.starts_with(b"\n") {
                let _ = self.text.split_to(1);
            }
        }
    }

    /// Returns `true` if everything has been passed on.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Takes all complete lines, or a part of a line that is too long to keep. Returns `None` if
    /// there is no such line yet.
    pub(super) fn take_ready(&mut self) -> Option<Bytes> {
        let ready = match self.text.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.text.len() >= MAX_LINE => self.text.len(),
            None => return None,
        };
        Some(self.take(ready))
    }

    /// Takes everything.
    pub(super) fn take_all(&mut self) -> Option<Bytes> {
        match self.text.len() {
            0 => None,
            all => Some(self.take(all)),
        }
    }

    fn take(&mut self, len: usize) -> Bytes {
        let text = self.text.split_to(len).freeze();
        if self.prefix.is_empty() {
            return text;
        }
        let mut lines = BytesMut::with_capacity(text.len() + self.prefix.len());
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            lines.extend_from_slice(self.prefix.as_bytes());
            lines.extend_from_slice(line);
        }
        if !text.ends_with(b"\n") {
            lines.extend_from_slice(b"\n");
            self.split = true;
        }
        lines.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is passed on after each of these writes, and at the end.
    fn passed(request: Option<u64>, writes: &[&[u8]]) -> Vec<String> {
        let mut lines = GuestLines::new(request);
        let mut passed = Vec::new();
        let mut add = |bytes: Option<Bytes>| {
            passed.extend(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
        };
        for write in writes {
            lines.push(write);
            add(lines.take_ready());
        }
        add(lines.take_all());
        passed
    }

    #[test]
    fn each_line_names_its_request() {
        let writes: [&[u8]; 4] = [b"a\nb", b"c", b"\n\n", b"end"];
        assert_eq!(
            passed(Some(7), &writes),
            ["[7] a\n", "[7] bc\n[7] \n", "[7] end\n"]
        );
        assert_eq!(passed(None, &writes), ["a\n", "bc\n\n", "end"]);
        assert!(passed(Some(7), &[b""]).is_empty());
    }

    #[test]
    fn a_long_line_is_split_into_lines() {
        let long = [b'x'; MAX_LINE];
        let line = format!("[7] {}\n", "x".repeat(MAX_LINE));
        // The end of the line is not an empty line.
        let writes: [&[u8]; 3] = [&long, b"\n", b"next\n"];
        assert_eq!(passed(Some(7), &writes), [line.as_str(), "[7] next\n"]);
        let writes: [&[u8]; 2] = [&long, b"rest\n\n"];
        assert_eq!(
            passed(Some(7), &writes),
            [line.as_str(), "[7] rest\n[7] \n"]
        );
        let unchanged = passed(None, &[&long, b"\n"]);
        assert_eq!(unchanged.concat().len(), MAX_LINE + 1);
    }
}
