//! Where each constant, type and callback is explained. Which pages there are, their titles and
//! their functions are the header's own groups.

pub const ERRORS: &str = "smtpclient-errors";
pub const EXAMPLES: &str = "smtpclient-examples";

/// How names begin, the page that explains them, and for constants their heading there. The longest
/// that fits counts.
pub const PLACES: &[(&str, &str, &str)] = &[
    ("SMTP_OK", ERRORS, "Codes"),
    ("SMTP_E_", ERRORS, "Codes"),
    ("SMTP_PENDING", ERRORS, "Codes"),
    ("SMTP_DETAIL_", ERRORS, "Details"),
    ("smtp_result", ERRORS, ""),
    ("SMTP_TLS_VERIFY_", "smtpclient-tls", "What is verified"),
    ("SMTP_TLS_VERSION_", "smtpclient-tls", "Versions"),
    ("SMTP_TLS_INFO_", "smtpclient-connection", "Facts of a TLS connection"),
    ("smtp_tls", "smtpclient-tls", ""),
    ("SMTP_PROTOCOL_", "smtpclient-client", "Protocols"),
    ("SMTP_TIMEOUT_", "smtpclient-client", "Time limits"),
    ("smtp_client", "smtpclient-client", ""),
    ("SMTP_SECURITY_", "smtpclient-setup", "Security"),
    ("SMTP_REPORT_", "smtpclient-report", "Facts"),
    ("SMTP_ADVICE_", "smtpclient-report", "Kinds of advice"),
    ("smtp_report", "smtpclient-report", ""),
    ("SMTP_DEBUG_", "smtpclient-observe", "Directions of a transcript"),
    ("SMTP_AUDIT_", "smtpclient-observe", "Events of an audit"),
    ("smtp_debug_callback", "smtpclient-observe", ""),
    ("smtp_audit_callback", "smtpclient-observe", ""),
    ("smtp_progress_callback", "smtpclient-observe", ""),
    ("smtp_completion_callback", "smtpclient-observe", ""),
    ("smtp_destroy_callback", "smtpclient-observe", ""),
    ("smtp_auth", "smtpclient-auth", ""),
    ("SMTP_TOKEN_", "smtpclient-token", "Reasons of a request"),
    ("smtp_token", "smtpclient-token", ""),
    ("smtp_transaction", "smtpclient-transaction", ""),
    ("smtp_read_callback", "smtpclient-message", ""),
    ("SMTP_PHASE_", "smtpclient-next-try", "Phases"),
    ("SMTP_NEXT_", "smtpclient-next-try", "What to do next"),
    ("SMTP_REMAINING_", "smtpclient-next-try", "Who remains"),
    ("smtp_message", "smtpclient-mime", ""),
    ("smtp_write_callback", "smtpclient-mime", ""),
    ("smtp_envelope", "smtpclient-envelope", ""),
    ("SMTP_RECIPIENT_", "smtpclient-recipient", "What became of a recipient"),
];

pub fn place(name: &str) -> (&'static str, &'static str) {
    let fitting = PLACES.iter().filter(|(beginning, ..)| name.starts_with(beginning));
    let longest = fitting.max_by_key(|(beginning, ..)| beginning.len());
    let (_, page, heading) = longest.unwrap_or_else(|| panic!("pages.rs has no place for {name}"));
    (page, heading)
}

/// The programs of examples-c, the simplest first.
pub const PROGRAMS: &[&str] = &[
    "send",
    "send_message",
    "send_report",
    "lmtp_deliver",
    "verify_address",
    "probe",
    "debug_trace",
    "custom_auth",
    "send_oauth2",
    "queue",
    "loop_poll",
    "loop_libuv",
    "loop_libevent",
    "loop_glib",
];
