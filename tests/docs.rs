//! The migration guide names every part of smtplib, and nothing that the header does not have.

const GUIDE: &str = include_str!("../docs/smtplib.md");
const HEADER: &str = include_str!("../include/smtpclient.h");

/// Public names of CPython 3.11's `smtplib`: of the module, of its classes and their instances.
const NAMES: &str = "SMTP SMTP_SSL LMTP SMTPException SMTPNotSupportedError SMTPServerDisconnected \
    SMTPResponseException SMTPSenderRefused SMTPRecipientsRefused SMTPDataError SMTPConnectError \
    SMTPHeloError SMTPAuthenticationError quoteaddr quotedata SMTP_PORT SMTP_SSL_PORT LMTP_PORT CRLF \
    auth auth_cram_md5 auth_login auth_plain close connect data docmd ehlo ehlo_or_helo_if_needed \
    expn getreply has_extn helo help login mail noop putcmd quit rcpt rset send send_message sendmail \
    set_debuglevel starttls verify vrfy debuglevel default_port does_esmtp ehlo_msg ehlo_resp \
    esmtp_features file helo_resp sock command_encoding local_hostname timeout source_address user \
    password smtp_code smtp_error sender recipients initial_response_ok mail_options rcpt_options \
    keyfile certfile context";

/// What looks like an identifier in `text`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[test]
fn the_guide_covers_smtplib() {
    // Only what stands in the column of smtplib counts.
    let column: Vec<&str> =
        GUIDE.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next()).collect();
    let exceptions = GUIDE.lines().filter_map(|line| line.split('|').nth(3));
    let named: Vec<&str> = column.into_iter().chain(exceptions).flat_map(words).collect();
    for name in NAMES.split_whitespace() {
        assert!(named.contains(&name), "docs/smtplib.md says nothing of smtplib's {name}");
    }
}

#[test]
fn the_guide_names_what_exists() {
    let declared: Vec<&str> = words(HEADER).collect();
    let ours = words(GUIDE).filter(|word| {
        let foreign = NAMES.split_whitespace().any(|name| name == *word);
        (word.starts_with("smtp_") || word.starts_with("SMTP_")) && !foreign
    });
    // "SMTP_E_*" stands for the codes.
    for word in ours.filter(|word| *word != "SMTP_E_") {
        assert!(declared.contains(&word), "docs/smtplib.md names {word}, smtpclient.h does not");
    }
}

#[test]
fn the_guide_names_every_error() {
    let codes = words(HEADER).filter(|word| word.starts_with("SMTP_E_"));
    for code in codes {
        assert!(words(GUIDE).any(|word| word == code), "docs/smtplib.md says nothing of {code}");
    }
}
