//! Which pages there are, and what each holds.

/// A page about a group of functions. It begins with the function `first` in the header, and ends
/// where the next group begins, so that every function has its page.
pub struct Group {
    pub page: &'static str,
    pub title: &'static str,
    pub first: &'static str,
    /// How the names of its constants, types and callbacks begin.
    pub others: &'static [&'static str],
}

pub const GROUPS: &[Group] = &[
    Group {
        page: "smtpclient-thread-error",
        title: "the last error of a thread, and what an error is called",
        first: "smtp_last_error",
        others: &[],
    },
    Group {
        page: "smtpclient-version",
        title: "version and features of the library",
        first: "smtp_client_version",
        others: &[],
    },
    Group {
        page: "smtpclient-tls",
        title: "whom to trust and what to show over TLS",
        first: "smtp_tls_new",
        others: &["smtp_tls", "SMTP_TLS_"],
    },
    Group {
        page: "smtpclient-client",
        title: "make a client and set it up",
        first: "smtp_client_new",
        others: &["smtp_client", "SMTP_PROTOCOL_", "SMTP_TIMEOUT_"],
    },
    Group {
        page: "smtpclient-observe",
        title: "see, count and forbid what a client does",
        first: "smtp_client_set_debug_level",
        others: &[
            "smtp_debug_",
            "smtp_audit_",
            "smtp_progress_",
            "smtp_completion_",
            "smtp_destroy_",
            "SMTP_DEBUG_",
            "SMTP_AUDIT_",
        ],
    },
    Group {
        page: "smtpclient-connection",
        title: "connect, secure and end a connection",
        first: "smtp_client_connect",
        others: &[],
    },
    Group {
        page: "smtpclient-command",
        title: "single SMTP commands",
        first: "smtp_client_helo",
        others: &[],
    },
    Group {
        page: "smtpclient-auth",
        title: "log in",
        first: "smtp_client_login",
        others: &["smtp_auth_"],
    },
    Group {
        page: "smtpclient-mail",
        title: "send mail",
        first: "smtp_client_sendmail",
        others: &[],
    },
    Group {
        page: "smtpclient-transaction",
        title: "one mail transaction and its outcome",
        first: "smtp_transaction_new",
        others: &["smtp_transaction", "smtp_read_", "SMTP_RECIPIENT_"],
    },
    Group {
        page: "smtpclient-envelope",
        title: "sender and recipients of a message",
        first: "smtp_envelope_new",
        others: &["smtp_envelope"],
    },
    Group {
        page: "smtpclient-reply",
        title: "the last error and reply, and what the server offers",
        first: "smtp_client_last_error",
        others: &[],
    },
    Group {
        page: "smtpclient-recipient",
        title: "what became of each recipient",
        first: "smtp_client_refused_count",
        others: &[],
    },
];
