//! Reads the installed header and writes C from it: a list of calls, one per function, another with
//! each pointer NULL in turn, another with each string no UTF-8, and for each function a call with
//! everything at random. So no test can forget a function that is new.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::tree;

/// An exported function.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub result: String,
    pub params: Vec<Param>,
}

#[derive(Debug)]
pub struct Param {
    pub kind: String,
    pub name: String,
}

/// The functions of the installed header.
pub fn functions() -> Vec<Function> {
    let path = tree::installed().join("include/smtpclient.h");
    let text = std::fs::read_to_string(path).expect("the installed header");
    let text = without_comments(&text).replace("SMTP_NODISCARD", "");
    let mut functions = Vec::new();
    for declaration in text.split("SMTP_API").skip(1) {
        let Some((declaration, _)) = declaration.split_once(';') else { continue };
        let Some((head, params)) = declaration.split_once('(') else { continue };
        let head = head.split_whitespace().collect::<Vec<_>>().join(" ");
        let (result, name) = split_name(&head);
        if !name.starts_with("smtp_") {
            continue;
        }
        let params = params.trim().trim_end_matches(')').split(',').map(str::trim);
        let params = params.filter(|param| *param != "void").map(|param| {
            let (kind, name) = split_name(&param.split_whitespace().collect::<Vec<_>>().join(" "));
            Param { kind, name }
        });
        functions.push(Function { name, result, params: params.collect() });
    }
    assert!(functions.len() > 50, "the header was not understood: {functions:#?}");
    functions
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        out.push_str(part.split_once("*/").map_or("", |(_, rest)| rest));
    }
    out
}

/// `const char *const *to` is the type `const char *const *` and the name `to`.
fn split_name(text: &str) -> (String, String) {
    let at = text.rfind([' ', '*']).map_or(0, |at| at + 1);
    (text[..at].trim().to_owned(), text[at..].to_owned())
}

/// An expression that is a good argument where nothing is connected. `c`, `l`, `t`, `x`, `e`, `k`,
/// `q` and `m` are the test's client, TLS policy, transaction, authentication exchange, envelope,
/// token source, token request and message; `r` is a report of a host that nothing listens at.
fn argument(param: &Param) -> &'static str {
    match (param.kind.as_str(), param.name.as_str()) {
        ("smtp_client *" | "const smtp_client *", _) => "c",
        ("smtp_tls *" | "const smtp_tls *", _) => "l",
        ("smtp_transaction *" | "const smtp_transaction *", _) => "t",
        ("smtp_auth_exchange *" | "const smtp_auth_exchange *", _) => "x",
        ("smtp_envelope *" | "const smtp_envelope *", _) => "e",
        ("smtp_token_source *" | "const smtp_token_source *", _) => "k",
        ("smtp_token_request *" | "const smtp_token_request *", _) => "q",
        ("smtp_report *" | "const smtp_report *", _) => "r",
        ("smtp_message *" | "const smtp_message *", _) => "m",
        ("smtp_transaction *const *", _) => "&t",
        ("const char *const *", "to") => "one_address",
        ("const char *const *", _) => "one_option",
        ("const char *", "names" | "mechanism") => "\"PLAIN\"",
        ("const char *", "content_type") => "\"text/plain\"",
        ("const char *", "option") => "\"KEYWORD=value\"",
        ("const char *", "name" | "user" | "password") => "\"name\"",
        ("const char *", "host") => "\"127.0.0.1\"",
        ("const char *", "address" | "sender" | "recipient" | "from" | "list") => "\"a@b.example\"",
        ("const char *", _) => "\"text\"",
        ("const void *", _) => "\"bytes\"",
        ("void *", _) => "user_data",
        ("size_t *", _) => "&length",
        ("int *", _) => "&number",
        ("size_t", "index") => "0",
        // Of one-element arrays and of "bytes".
        ("size_t", "length") => "5",
        ("size_t", _) => "1",
        ("int", "on" | "level" | "verify" | "protocol" | "port") => "1",
        ("int", "milliseconds") => "60000",
        ("int", "version") => "SMTP_TLS_VERSION_1_2",
        ("int", "fd") => "-1",
        ("int", _) => "1",
        ("int64_t", _) => "-1",
        ("smtp_debug_callback", _) => "a_debug_callback",
        ("smtp_destroy_callback", _) => "a_destroy_callback",
        ("smtp_audit_callback", _) => "an_audit_callback",
        ("smtp_progress_callback", _) => "a_progress_callback",
        ("smtp_completion_callback", _) => "a_completion_callback",
        ("smtp_auth_callback", _) => "an_auth_callback",
        ("smtp_read_callback", _) => "a_read_callback",
        ("smtp_token_callback", _) => "a_token_callback",
        ("smtp_write_callback", _) => "a_write_callback",
        (kind, name) => panic!("calls.rs knows no argument for \"{kind} {name}\""),
    }
}

/// How C is to look at a result.
fn result(function: &Function) -> &'static str {
    match function.result.as_str() {
        "int" => "CODE",
        "size_t" => "COUNT",
        "void" => "NOTHING",
        "const char *" => "TEXT",
        _ => "POINTER",
    }
}

/// The kind of handle that a function is about.
fn subject(function: &Function) -> &'static str {
    match function.params.first().map(argument) {
        Some("c") => "CLIENT",
        Some("l") => "TLS",
        Some("t") => "TRANSACTION",
        Some("x") => "EXCHANGE",
        Some("e") => "ENVELOPE",
        Some("r") => "REPORT",
        Some("m") => "MESSAGE",
        _ => "NONE",
    }
}

/// `X(subject, function, parameter, RESULT, call)`, where `changed` replaces one argument.
fn line(function: &Function, changed: Option<(usize, &str)>) -> String {
    let arguments = function.params.iter().enumerate().map(|(at, param)| match changed {
        Some((which, value)) if which == at => value,
        _ => argument(param),
    });
    let call = format!("{}({})", function.name, arguments.collect::<Vec<_>>().join(", "));
    let param = changed.map_or("none", |(which, _)| function.params[which].name.as_str());
    format!(
        "    X({}, {}, {param}, {}, {call}) \\\n",
        subject(function),
        function.name,
        result(function)
    )
}

fn header() -> String {
    let functions = functions();
    let mut all = String::new();
    let (mut nulls, mut texts, mut huge) = (String::new(), String::new(), String::new());
    for function in &functions {
        all.push_str(&line(function, None));
        for (at, param) in function.params.iter().enumerate() {
            if param.kind.ends_with('*') || param.kind.ends_with("_callback") {
                nulls.push_str(&line(function, Some((at, "NULL"))));
            }
            match param.kind.as_str() {
                "const char *" => texts.push_str(&line(function, Some((at, "\"a\\xff\"")))),
                "const char *const *" => texts.push_str(&line(function, Some((at, "one_bad")))),
                _ => {}
            }
            let sized = param.name != "index" && param.kind == "size_t";
            if sized {
                huge.push_str(&line(function, Some((at, "SIZE_MAX"))));
            }
        }
    }
    format!(
        "/* Generated from smtpclient.h by tests/c/calls.rs. */\n\
         /* X(subject, function, changed parameter, result, call) */\n\
         #define EVERY_CALL(X) \\\n{all}\n\
         #define EVERY_NULL(X) \\\n{nulls}\n\
         #define EVERY_BAD_TEXT(X) \\\n{texts}\n\
         #define EVERY_HUGE_LENGTH(X) \\\n{huge}\n"
    )
}

/// The kind of a handle, such as `smtp_client` of `const smtp_client *`.
fn handle(kind: &str) -> Option<&str> {
    let name = kind.trim_start_matches("const ").strip_suffix('*')?.trim_end();
    (name.starts_with("smtp_") && !name.contains(' ')).then_some(name)
}

/// A declaration that draws an argument; the functions are those of `random_world.h`.
fn drawn(function: &Function, at: usize) -> String {
    let Param { kind, name } = &function.params[at];
    let array = |at: usize| function.params[at].kind.ends_with("const *");
    let value = match kind.as_str() {
        "const char *const *" => {
            return format!(
                "const char *{name}_room[ELEMENTS];\n    \
                 const char *const *{name} = any_texts({name}_room, \"{name}\");"
            );
        }
        "smtp_transaction *const *" => {
            return format!(
                "smtp_transaction *{name}_room[ELEMENTS];\n    \
                 smtp_transaction *const *{name} = any_transactions({name}_room);"
            );
        }
        "const char *" => format!("any_text(\"{name}\")"),
        "const void *" => "any_bytes()".to_owned(),
        "void *" => "any_datum()".to_owned(),
        "size_t *" => "any_place()".to_owned(),
        "int *" => "any_number()".to_owned(),
        "size_t" if name == "index" => "any_index()".to_owned(),
        "size_t" if at > 0 && array(at - 1) => "any_count()".to_owned(),
        "size_t" => "any_length()".to_owned(),
        // What a message is written from is waited for without a time limit.
        "int" if function.name.contains("attachment") => "any_source()".to_owned(),
        "int" => format!("any_int(\"{name}\")"),
        "int64_t" => "any_int64()".to_owned(),
        callback if callback.ends_with("_callback") => format!("any_{callback}()"),
        other => match handle(other) {
            Some(handle) => format!("({handle} *)any_handle(KIND_{handle})"),
            None => panic!("calls.rs draws no argument for \"{kind} {name}\""),
        },
    };
    format!("{kind} {name} = {value};")
}

/// `random_NAME()`, which makes one call with everything at random and judges its result.
fn random(function: &Function) -> String {
    let Function { name, result, params } = function;
    let of_kind = |wanted: &str| params.iter().find(|param| param.kind == wanted);
    let draws: String =
        (0..params.len()).map(|at| format!("    {}\n", drawn(function, at))).collect();
    let names: Vec<_> = params.iter().map(|param| param.name.as_str()).collect();
    let call = format!("{name}({})", names.join(", "));
    let subject = params.first().filter(|param| handle(&param.kind).is_some());
    let subject =
        subject.map_or("NULL".to_owned(), |param| format!("(const void *){}", param.name));
    let mut before = format!("    struct call call = begin(\"{name}\", {subject});\n");
    if let (Some(data), Some(destroy)) = (of_kind("void *"), of_kind("smtp_destroy_callback")) {
        before += &format!("    expect_destroy({}, {});\n", data.name, destroy.name);
    }
    if let Some(kind) = name.strip_suffix("_free") {
        before += &format!("    forget(KIND_{kind}, {});\n", names[0]);
    }
    let end = match result.as_str() {
        "int" => format!("end_code(&call, {call});"),
        "size_t" => format!("end_count(&call, {call});"),
        "void" => format!("{call};\n    end(&call);"),
        "const char *" => format!("end_text(&call, {call});"),
        "const void *" | "void *" => format!("end_pointer(&call, {call});"),
        other => match handle(other) {
            Some(handle) => format!("end_new(&call, KIND_{handle}, {call});"),
            None => panic!("calls.rs knows no way to judge \"{other}\""),
        },
    };
    format!("static void random_{name}(void) {{\n{draws}{before}    {end}\n}}\n")
}

fn random_header() -> String {
    let functions = functions();
    let mut text = "/* Generated from smtpclient.h by tests/c/calls.rs. */\n".to_owned();
    text.extend(functions.iter().map(random));
    text +=
        "static const struct function { const char *name; void (*run)(void); } functions[] = {\n";
    text.extend(functions.iter().map(|one| format!("    {{\"{0}\", random_{0}}},\n", one.name)));
    text + "};\n"
}

/// The directory with the generated `calls.h` and `random.h`.
pub fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = tree::scratch("c-generated");
        std::fs::create_dir_all(&directory).expect("a directory for generated C");
        for (name, text) in [("calls.h", header()), ("random.h", random_header())] {
            // Another test process may be writing the same: nobody must see half of it.
            let unfinished = directory.join(format!("{name}.{}", std::process::id()));
            std::fs::write(&unfinished, text).expect(name);
            std::fs::rename(unfinished, directory.join(name)).expect(name);
        }
        directory
    })
}
