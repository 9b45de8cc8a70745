//! What `run` says of a guest whose function `run` returned an error: WASI passes no message with
//! it, and most guests in Python and JavaScript print none.

/// Returns what usually causes the error of a guest that has a map, and what helps, in the language
/// of the component.
pub(super) fn hint(component: &[u8], has_map: bool) -> String {
    if !has_map {
        return "its function `run` returned an error, which has no message, and it printed nothing \
                to say why"
            .to_owned();
    }
    let language = Language::of(component);
    format!(
        "its function `run` returned an error, which has no message. The usual cause is an error of \
         the map, such as a full map or a key that is too long, which the guest did not handle: {}",
        language.advice()
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Python,
    JavaScript,
    Other,
}

impl Language {
    /// Recognises the runtime of a language by the name that its tool leaves in each component.
    fn of(component: &[u8]) -> Self {
        let has = |name: &str| {
            let mut parts = component.windows(name.len());
            parts.any(|part| part == name.as_bytes())
        };
        if has("componentize-py") {
            Self::Python
        } else if has("StarlingMonkey") || has("ComponentizeJS") {
            Self::JavaScript
        } else {
            Self::Other
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Python => "catch `componentize_py_types.Err` and print its `value` to sys.stderr",
            Self::JavaScript => {
                "catch what is thrown and print its `message`, or without localmap.js its \
                 `payload.tag`, with console.error"
            }
            Self::Other => "handle it, and print it to standard error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_in_the_language_of_the_component() {
        for (component, language) in [
            (
                &b"..processed-by\x01\x0fcomponentize-py\x06.."[..],
                Language::Python,
            ),
            (b"..StarlingMonkey..", Language::JavaScript),
            (b"..ComponentizeJS", Language::JavaScript),
            (b"..componentize-p", Language::Other),
            (b"", Language::Other),
        ] {
            assert_eq!(Language::of(component), language);
        }
    }
}
