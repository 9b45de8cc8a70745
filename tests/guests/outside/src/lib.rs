//! Commands that use what a sandbox can grant: outgoing HTTP, `wasi:config` and `wasi:logging`.

mod bindings;
mod fetch;

use bindings::wasi::{config0_2_0_draft, config0_2_0_draft_2024_09_27, config0_2_0_rc_1};
use bindings::wasi::{logging, logging0_1_0_draft};
use fetch::{Options, fetch, fetch_all};

/// Runs a command. Returns its result, or `error: CODE`.
pub fn run(args: &[&str]) -> String {
    let done = match args {
        ["get", url] => fetch(url, &Options::default()),
        ["method", method, url] => fetch(
            url,
            &Options {
                method,
                ..Options::default()
            },
        ),
        ["post", url, body] => fetch(
            url,
            &Options {
                method: "POST",
                body,
                ..Options::default()
            },
        ),
        ["header", name, value, url] => fetch(
            url,
            &Options {
                header: Some((name, value)),
                ..Options::default()
            },
        ),
        // Ends if the server does not answer, or does not go on, for so long.
        ["within", millis, url] => fetch(
            url,
            &Options {
                millis: millis.parse().ok(),
                ..Options::default()
            },
        ),
        // The number of bytes instead of the body.
        ["length", url] => fetch(
            url,
            &Options {
                length: true,
                ..Options::default()
            },
        ),
        ["all", url, count] => fetch_all(url, count.parse().unwrap_or(0)),
        ["config", name] => config(name),
        ["config-all"] => Ok(format!("{:?}", config0_2_0_rc_1::store::get_all())),
        ["log", level, context, message] => {
            log(level, context, message);
            Ok("logged".to_owned())
        }
        ["stderr", text] => {
            eprintln!("{text}");
            Ok("written".to_owned())
        }
        _ => Err(format!("no such command: {args:?}")),
    };
    done.unwrap_or_else(|error| format!("error: {error}"))
}

/// Reads a value through each draft.
fn config(name: &str) -> Result<String, String> {
    let values = [
        config0_2_0_rc_1::store::get(name).map_err(|error| format!("{error:?}"))?,
        config0_2_0_draft::store::get(name).map_err(|error| format!("{error:?}"))?,
        config0_2_0_draft::runtime::get(name).map_err(|error| format!("{error:?}"))?,
        config0_2_0_draft_2024_09_27::store::get(name).map_err(|error| format!("{error:?}"))?,
    ];
    let [first, rest @ ..] = &values;
    if rest.iter().any(|value| value != first) {
        return Err(format!("the drafts differ: {values:?}"));
    }
    Ok(format!("{first:?}"))
}

fn log(level: &str, context: &str, message: &str) {
    use logging::logging as old;
    use logging0_1_0_draft::logging as new;
    match level {
        "trace" => new::log(new::Level::Trace, context, message),
        "debug" => new::log(new::Level::Debug, context, message),
        "info" => new::log(new::Level::Info, context, message),
        "warn" => new::log(new::Level::Warn, context, message),
        "error" => new::log(new::Level::Error, context, message),
        "critical" => new::log(new::Level::Critical, context, message),
        _ => old::log(old::Level::Info, context, message),
    }
}
