//! The messages of a topic, as entries of the map.

use std::time::Duration;

#[cfg(not(test))]
use localmap_client::LocalMap;
#[cfg(test)]
use localmap_client::in_process::LocalMap;
use localmap_client::{Error, Version};

/// The longest topic, in bytes. It fits into a key.
pub(crate) const MAX_TOPIC: usize = 100;
/// The longest message, in bytes.
pub(crate) const MAX_MESSAGE: usize = 64 << 10;

/// How long a message lives.
const LIFE: Duration = Duration::from_secs(60);

pub(crate) struct Feed {
    map: LocalMap,
    /// How the keys of all messages of the topic begin. A topic in a path has no space.
    prefix: String,
}

/// A message. Its version is higher than those of all earlier ones.
#[derive(Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) version: Version,
    text: String,
}

impl Feed {
    pub(crate) fn new(topic: &str) -> Self {
        Self {
            map: LocalMap::new(),
            prefix: format!("message {topic} "),
        }
    }

    pub(crate) fn publish(&self, text: &str) -> Result<(), Error> {
        // The number only makes the key unique. Requests that come at the same time get different
        // ones, because an increment is one operation.
        let number = self
            .map
            .increment("number", 1, localmap_client::Ttl::Never)?;
        self.map
            .set(format!("{}{number:x}", self.prefix), text, LIFE)
            .map(drop)
    }

    /// Returns the messages after the one with this version, in order.
    pub(crate) fn after(&self, version: Version) -> Vec<Message> {
        let all = self.map.scan(&self.prefix);
        let later = all.filter(|entry| entry.version > version);
        let mut messages: Vec<Message> = later
            .map(|entry| Message {
                version: entry.version,
                text: String::from_utf8_lossy(&entry.value).into_owned(),
            })
            .collect();
        messages.sort_by_key(|message| message.version);
        messages
    }
}

impl Message {
    /// Returns the message as a server-sent event.
    pub(crate) fn event(&self) -> String {
        let mut event = format!("id: {}\n", self.version);
        // Each of these ends a line of an event.
        for line in self.text.split(['\n', '\r']) {
            event += &format!("data: {line}\n");
        }
        event + "\n"
    }
}

#[cfg(test)]
mod tests {
    use localmap_client::in_process::{Limits, ManualClock};

    use super::*;

    fn feed(clock: &ManualClock) -> Feed {
        Feed {
            map: LocalMap::with_clock(Limits::default(), clock).expect("a map"),
            prefix: "message news ".to_owned(),
        }
    }

    fn texts(messages: &[Message]) -> Vec<&str> {
        messages
            .iter()
            .map(|message| message.text.as_str())
            .collect()
    }

    #[test]
    fn messages_come_in_order_once_and_live_for_a_minute() {
        let clock = ManualClock::new();
        let feed = feed(&clock);
        feed.publish("one").expect("room");
        clock.advance(Duration::from_secs(30));
        feed.publish("two").expect("room");
        let messages = feed.after(0);
        assert_eq!(texts(&messages), ["one", "two"]);
        assert_eq!(texts(&feed.after(messages[0].version)), ["two"]);
        assert!(feed.after(messages[1].version).is_empty());
        clock.advance(Duration::from_secs(30));
        assert_eq!(texts(&feed.after(0)), ["two"]);
    }

    #[test]
    fn a_message_of_several_lines_is_one_event() {
        let message = Message {
            version: 7,
            text: "tea\nmilk".to_owned(),
        };
        assert_eq!(message.event(), "id: 7\ndata: tea\ndata: milk\n\n");
    }
}
