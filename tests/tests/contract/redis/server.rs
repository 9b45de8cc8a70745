//! The Redis side: a server on a socket in a temporary folder, which ends with the test.

use redis::{Connection, RedisError, ToRedisArgs, Value};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

use super::operation::{Answer, Datum, KEYS, Left, Operation, Side, key};

/// An hour in milliseconds.
const HOUR: u64 = 3_600_000;

pub(crate) struct Redis {
    server: Child,
    connection: Connection,
    _folder: TempDir,
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Redis {
    /// Starts a server. Returns `None` if Redis is not installed.
    pub(crate) fn start() -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        let socket = folder.path().join("redis");
        let mut server = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(folder.path())
            .arg("--unixsocket")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let output = server.stdout.take().expect("it is piped");
        let mut said = String::new();
        let mut output = BufReader::new(output);
        while !said.contains("ready to accept connections") {
            let line = output.read_line(&mut said).expect("it can be read");
            assert!(line > 0, "redis-server has ended: {said}");
        }
        // Wait until the server listens.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let address = format!("redis+unix://{}", socket.display());
        let client = redis::Client::open(address).expect("an address");
        Some(Self {
            server,
            connection: client.get_connection().expect("a connection"),
            _folder: folder,
        })
    }

    pub(crate) fn clear(&mut self) {
        self.must(&["FLUSHALL"]);
    }

    /// Sends one command.
    pub(crate) fn ask(&mut self, words: &[impl ToRedisArgs]) -> Result<Value, RedisError> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.connection)
    }

    fn must(&mut self, words: &[impl ToRedisArgs]) -> Value {
        self.ask(words).expect("no error of Redis")
    }

    fn number(&mut self, words: &[impl ToRedisArgs]) -> i64 {
        integer(&self.must(words))
    }

    fn get(&mut self, command: &str, number: u8) -> Option<Datum> {
        datum(self.must(&[command.as_bytes(), &key(number)]))
    }

    fn left(&mut self, number: u8) -> Left {
        match self.number(&[&b"PTTL"[..], &key(number)]) {
            -2 => Left::Absent,
            -1 => Left::Forever,
            left => Left::Hours((left.unsigned_abs() + HOUR / 2) / HOUR),
        }
    }

    /// Lets hours pass by shortening all TTLs.
    fn pass(&mut self, passed: u64) {
        let mut due = false;
        for number in 0..KEYS {
            let Left::Hours(left) = self.left(number) else {
                continue;
            };
            let left = left.saturating_sub(passed) * HOUR;
            due |= left == 0;
            // A due key expires in a millisecond, and the loop below waits for that.
            let left = left.max(1).to_string();
            let words = [b"PEXPIRE", &key(number)[..], left.as_bytes()];
            assert_eq!(self.number(&words), 1);
        }
        let start = self.now();
        while due && self.now() <= start + 2 {}
    }

    /// Returns the clock of Redis in milliseconds.
    fn now(&mut self) -> u64 {
        let Value::Array(time) = self.must(&["TIME"]) else {
            panic!("TIME has two parts");
        };
        let [seconds, micros] = &time[..] else {
            panic!("TIME has two parts: {time:?}");
        };
        text::<u64>(seconds) * 1000 + text::<u64>(micros) / 1000
    }

    fn set(&mut self, number: u8, datum: &Datum, ttl: Option<u64>, condition: &str) -> Value {
        let mut words = vec![b"SET".to_vec(), key(number), bytes(datum)];
        if let Some(hours) = ttl {
            let left = (hours * HOUR).to_string().into_bytes();
            words.extend([b"PX".to_vec(), left]);
        }
        if !condition.is_empty() {
            words.push(condition.as_bytes().to_vec());
        }
        self.must(&words)
    }

    fn increment(&mut self, number: u8, delta: i64, ttl: Option<u64>) -> Answer {
        // A new counter gets a TTL in a map, which takes two commands in Redis.
        if ttl.is_some() {
            self.set(number, &Datum::Counter(0), ttl, "NX");
        }
        let delta = delta.to_string();
        let words = [b"INCRBY", &key(number)[..], delta.as_bytes()];
        match self.ask(&words) {
            Ok(sum) => Answer::Sum(integer(&sum)),
            Err(error) => match error.detail() {
                Some("increment or decrement would overflow") => Answer::Overflow,
                Some("value is not an integer or out of range") => Answer::NotACounter,
                _ => panic!("{error}"),
            },
        }
    }

    fn keys(&mut self) -> BTreeSet<Vec<u8>> {
        let (mut keys, mut cursor) = (BTreeSet::new(), "0".to_owned());
        loop {
            let Value::Array(page) = self.must(&["SCAN", &cursor, "COUNT", "3"]) else {
                panic!("a page is an array");
            };
            let [next, Value::Array(given)] = &page[..] else {
                panic!("a page has two parts: {page:?}");
            };
            // SCAN may return a key twice.
            for key in given {
                let Value::BulkString(key) = key else {
                    panic!("a key is bytes: {key:?}");
                };
                keys.insert(key.clone());
            }
            cursor = text::<u64>(next).to_string();
            if cursor == "0" {
                return keys;
            }
        }
    }
}

impl Side for Redis {
    fn perform(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Pass(hours) => {
                self.pass(*hours);
                Answer::Done
            }
            Operation::Get(key) => Answer::Datum(self.get("GET", *key)),
            Operation::GetMany(keys) => {
                let mut words = vec![b"MGET".to_vec()];
                words.extend(keys.iter().map(|key| self::key(*key)));
                let Value::Array(values) = self.must(&words) else {
                    panic!("MGET answers an array");
                };
                Answer::Data(values.into_iter().map(datum).collect())
            }
            Operation::Contains(key) => self.truth("EXISTS", *key),
            Operation::Take(key) => Answer::Datum(self.get("GETDEL", *key)),
            Operation::Set(key, datum, ttl) => {
                self.set(*key, datum, *ttl, "");
                Answer::Done
            }
            Operation::SetIfAbsent(key, datum, ttl) => {
                Answer::Truth(self.set(*key, datum, *ttl, "NX") == Value::Okay)
            }
            Operation::SetIfPresent(key, datum, ttl) => {
                Answer::Truth(self.set(*key, datum, *ttl, "XX") == Value::Okay)
            }
            Operation::Increment(key, delta, ttl) => self.increment(*key, *delta, *ttl),
            Operation::Expire(key, hours) => {
                let span = (hours * HOUR).to_string();
                let words = [b"PEXPIRE", &self::key(*key)[..], span.as_bytes()];
                Answer::Truth(self.number(&words) == 1)
            }
            Operation::Persist(key) => self.truth("PERSIST", *key),
            Operation::Delete(key) => self.truth("DEL", *key),
            Operation::Keys => Answer::Keys(self.keys()),
            Operation::Clear => {
                self.clear();
                Answer::Done
            }
        }
    }

    fn state(&mut self, number: u8) -> (Option<Datum>, Left) {
        (self.get("GET", number), self.left(number))
    }
}

impl Redis {
    fn truth(&mut self, command: &str, number: u8) -> Answer {
        Answer::Truth(self.number(&[command.as_bytes(), &key(number)]) == 1)
    }
}

fn integer(value: &Value) -> i64 {
    let Value::Int(number) = value else {
        panic!("not a number: {value:?}");
    };
    *number
}

fn text<T: std::str::FromStr>(value: &Value) -> T {
    let Value::BulkString(bytes) = value else {
        panic!("not text: {value:?}");
    };
    let number = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.parse().ok());
    number.expect("a number in text")
}

fn bytes(datum: &Datum) -> Vec<u8> {
    match datum {
        Datum::Counter(number) => number.to_string().into_bytes(),
        Datum::Bytes(bytes) => bytes.clone(),
    }
}

fn datum(value: Value) -> Option<Datum> {
    let bytes = match value {
        Value::Nil => return None,
        Value::BulkString(bytes) => bytes,
        other => panic!("not a value: {other:?}"),
    };
    let number = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.parse().ok());
    Some(number.map_or(Datum::Bytes(bytes), Datum::Counter))
}
