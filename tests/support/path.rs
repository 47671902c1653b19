//! Strict reading of what follows `MAIL FROM:` and `RCPT TO:` (RFC 5321 4.1.2).

/// A path without its brackets, and the parameters behind it.
pub(super) struct Argument {
    pub path: String,
    pub params: Vec<String>,
}

/// Parses `<path> KEYWORD=value ...`; the error is a reply.
pub(super) fn parse(text: &[u8]) -> Result<Argument, String> {
    let syntax = |what: &str| format!("501 5.1.7 {what}");
    let text = std::str::from_utf8(text).map_err(|_| syntax("not UTF-8"))?;
    let rest = text.strip_prefix('<').ok_or_else(|| syntax("a path begins with <"))?;
    let end = closing(rest).ok_or_else(|| syntax("unbalanced path"))?;
    let (path, behind) = (&rest[..end], &rest[end + 1..]);
    if !behind.is_empty() && !behind.starts_with(' ') {
        return Err(syntax("no space behind the path"));
    }
    let params: Vec<String> = behind.split(' ').skip(1).map(str::to_owned).collect();
    if let Some(bad) = params.iter().find(|param| !is_param(param)) {
        return Err(format!("501 5.5.4 bad parameter {bad:?}"));
    }
    Ok(Argument { path: path.to_owned(), params })
}

/// Where the path's `>` is: the first outside a quoted string.
fn closing(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some(at),
            '<' | ' ' if !quoted => return None,
            _ => {}
        }
    }
    None
}

fn is_param(param: &str) -> bool {
    let (keyword, value) = match param.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (param, None),
    };
    let first = keyword.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = keyword.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let value = value.is_none_or(|value| {
        !value.is_empty() && value.bytes().all(|byte| byte > b' ' && byte != b'=')
    });
    first && rest && value
}

/// The value of a parameter, if it is there.
pub(super) fn value<'a>(params: &'a [String], keyword: &str) -> Option<&'a str> {
    params.iter().find_map(|param| {
        let (name, value) = param.split_once('=').unwrap_or((param, ""));
        name.eq_ignore_ascii_case(keyword).then_some(value)
    })
}
