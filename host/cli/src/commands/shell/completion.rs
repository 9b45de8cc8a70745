//! The tokens that Tab offers at the prompt.

use super::command::CHANGES;
use super::help::{TOPICS, Topic};
use super::parser::is_separator;
use super::tokens::{to_token, tokenize};

/// Returns the possible tokens in place of the last token of `typed`, with the index where
/// that token starts. Returns `None` if the line cannot be completed.
pub(super) fn candidates(
    typed: &str,
    keys: impl FnOnce(&[u8]) -> Option<Vec<Vec<u8>>>,
) -> Option<(usize, Vec<String>)> {
    // The last token may have an opening quote and no closing one yet.
    let (mut tokens, open) = match tokenize(typed.as_bytes()) {
        Ok(tokens) => (tokens, false),
        Err(_) => (tokenize(format!("{typed}\"").as_bytes()).ok()?, true),
    };
    let (start, prefix) = if open || !typed.ends_with([' ', '\t']) {
        let last = tokens.pop();
        last.map_or((typed.len(), Vec::new()), |last| (last.start, last.bytes))
    } else {
        (typed.len(), Vec::new())
    };
    let names = |names: &mut dyn Iterator<Item = &'static str>| {
        names
            .filter(|name| name.as_bytes().starts_with(&prefix))
            .map(str::to_owned)
            .collect()
    };
    let commands = || names(&mut TOPICS.iter().map(|topic| topic.name));
    let Some(command) = tokens.first() else {
        return Some((start, commands()));
    };
    let mut topic = Topic::find(&command.bytes)?;
    if topic.name == "apply" {
        // Completes the last change like a line of its own.
        let separator = tokens
            .iter()
            .rposition(|token| is_separator(typed.as_bytes(), token));
        tokens.drain(..=separator.unwrap_or(0));
        let Some(change) = tokens.first() else {
            return Some((start, names(&mut CHANGES.into_iter())));
        };
        topic = Topic::find(&change.bytes).filter(|topic| CHANGES.contains(&topic.name))?;
    }
    let tokens = match (tokens.len(), topic.arguments) {
        (1, "[COMMAND]") => commands(),
        (1, arguments) if arguments.starts_with("KEY") || arguments == "[PREFIX]" => {
            keys(&prefix)?.iter().map(|key| to_token(key)).collect()
        }
        (_, "KEY…") => keys(&prefix)?.iter().map(|key| to_token(key)).collect(),
        _ => Vec::new(),
    };
    Some((start, tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what Tab offers in a map with three keys.
    fn offered(typed: &str) -> Option<(usize, Vec<String>)> {
        candidates(typed, |prefix| {
            let keys = [b"user:1".to_vec(), b"user 2".to_vec(), b"\xff".to_vec()];
            Some(
                keys.into_iter()
                    .filter(|key| key.starts_with(prefix))
                    .collect(),
            )
        })
    }

    fn tokens(tokens: &[&str]) -> Vec<String> {
        tokens.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn commands_are_offered_where_one_is_expected() {
        assert_eq!(offered("set"), Some((0, tokens(&["set", "set-if"]))));
        assert_eq!(offered("  tou"), Some((2, tokens(&["touch"]))));
        assert_eq!(
            offered("help del"),
            Some((5, tokens(&["delete", "delete-if"])))
        );
        assert_eq!(
            offered("").map(|(_, tokens)| tokens.len()),
            Some(TOPICS.len())
        );
        assert_eq!(offered("frob "), None);
    }

    #[test]
    fn keys_are_offered_as_tokens_where_one_is_expected() {
        let all = tokens(&["user:1", "\"user 2\"", "\"\\xff\""]);
        assert_eq!(offered("get "), Some((4, all.clone())));
        assert_eq!(
            offered("get use"),
            Some((4, tokens(&["user:1", "\"user 2\""])))
        );
        assert_eq!(offered("get \"user "), Some((4, tokens(&["\"user 2\""]))));
        assert_eq!(offered("get-many a "), Some((11, all)));
        assert_eq!(offered("scan user:"), Some((5, tokens(&["user:1"]))));
    }

    #[test]
    fn each_change_of_a_batch_is_completed_like_a_line() {
        assert_eq!(
            offered("apply "),
            Some((6, CHANGES.map(str::to_owned).to_vec()))
        );
        assert_eq!(offered("apply tou"), Some((6, tokens(&["touch"]))));
        assert_eq!(
            offered("apply touch user:"),
            Some((12, tokens(&["user:1"])))
        );
        assert_eq!(
            offered("apply set a 1 ; del"),
            Some((16, tokens(&["delete", "delete-if"])))
        );
        assert_eq!(
            offered("apply set a 1 ; delete user:"),
            Some((23, tokens(&["user:1"])))
        );
        assert_eq!(offered("apply set a "), Some((12, vec![])));
        assert_eq!(offered("apply get "), None);
    }

    #[test]
    fn nothing_is_offered_elsewhere() {
        assert_eq!(offered("set user:1 u"), Some((11, vec![])));
        assert_eq!(offered("len "), Some((4, vec![])));
        assert_eq!(offered("get \"a\\x"), None);
        assert_eq!(offered("get 'a"), None);
    }

    #[test]
    fn a_map_that_cannot_answer_offers_no_key() {
        assert_eq!(candidates("get a", |_| None), None);
    }
}
