//! Misbehaviour by name, for programs that choose it on a command line: `ACTION-at-POINT[-N]`.

use std::time::Duration;

use super::engine::Engine;
use super::script::Script;

/// The short names and what they stand for.
const SHORT: &[(&str, &str)] = &[
    ("mute", "mute-at-greeting"),
    ("bad-greeting", "garbage-at-greeting"),
    ("long-line", "long-line-at-ehlo"),
    ("endless", "endless-at-ehlo"),
    ("close-after-data", "close-at-end-of-data"),
    ("early-reply", "early-reply-at-data"),
];

/// The engine with that misbehaviour, or why there is none of that name. `pause` is drip's.
pub fn apply(engine: Engine, name: &str, pause: Duration) -> Result<Engine, String> {
    match name {
        "drip" => return Ok(engine.pace(1, pause)),
        "split" => return Ok(engine.pace(1, Duration::ZERO)),
        "inject-starttls" => {
            let script = Script::new().send("220 2.0.0 go\r\n250 2.0.0 injected\r\n").start_tls();
            return Ok(engine.at("STARTTLS", 1, script));
        }
        _ => {}
    }
    let name = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long);
    let (action, rest) = name.split_once("-at-").ok_or_else(|| format!("no mode {name:?}"))?;
    let (point, time) = match rest.rsplit_once('-') {
        Some((point, time)) if time.bytes().all(|byte| byte.is_ascii_digit()) => {
            (point, time.parse().unwrap_or(0))
        }
        _ => (rest, 0),
    };
    let point = point.to_ascii_uppercase();
    let good = usual(&point);
    let script = Script::new();
    let script = match action {
        "close" => script.cut(),
        "reset" => script.reset(),
        "half-close" => script.half_close().mute(),
        "mute" => script.mute(),
        "freeze" => script.freeze(),
        "drip" => script.pace(1, pause).reply(&format!("{good} this takes a while")).mute(),
        "stall" => script.reply(&format!("{good} and no more")).mute(),
        "freeze-body" => script.reply("354 go ahead").freeze(),
        "abandon" => script.reply("354 go ahead").read_bytes(1000).cut(),
        "no-lf" => script.send(format!("{good} que")).cut(),
        "endless" => script.endless(format!("{good}-and so on\r\n")),
        "early-reply" if point == "DATA" => {
            script.reply("354 go ahead").read_bytes(1000).reply("552 5.3.4 enough").mute()
        }
        "early-reply" => script.reply("552 5.3.4 enough").mute(),
        _ => return Ok(engine.answer(&point, time, &answer(action, good)?)),
    };
    Ok(engine.at(&point, time, script))
}

/// The actions that are a reply.
fn answer(action: &str, good: &str) -> Result<String, String> {
    Ok(match action {
        "garbage" => "this is no SMTP".to_owned(),
        "long-line" => format!("{good} {}", "x".repeat(8193 - 4)),
        "mixed-codes" => format!("{good}-one\n550 two"),
        "two-replies" => format!("{good} one\n{good} and one more"),
        "nul" => format!("{good} a\0b"),
        "bad-code" => "999 no such code".to_owned(),
        "421" => "421 4.3.2 service shutting down".to_owned(),
        code if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()) => {
            let class = if code.starts_with(['2', '4', '5']) { &code[..1] } else { "5" };
            format!("{code} {class}.0.0 as asked for")
        }
        other => return Err(format!("no misbehaviour {other:?}")),
    })
}

/// The code of the usual reply at a point.
fn usual(point: &str) -> &'static str {
    match point {
        "GREETING" | "STARTTLS" => "220",
        "DATA" => "354",
        "QUIT" => "221",
        "AUTH" => "235",
        _ => "250",
    }
}
