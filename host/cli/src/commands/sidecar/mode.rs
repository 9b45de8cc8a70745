//! `--mode`: the mode of the socket.

/// Parses a mode in octal, such as `0600` or `660`.
pub(super) fn parse(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 && !text.starts_with('+') => Ok(mode),
        _ => Err("expected up to three octal digits such as 0600 or 0660".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal() {
        for (text, mode) in [("0600", 0o600), ("660", 0o660), ("0", 0), ("777", 0o777)] {
            assert_eq!(parse(text), Ok(mode), "{text}");
        }
        for bad in [
            "", "8", "rw", "-1", "+600", "0x180", "1000", "4600", "0o600",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
