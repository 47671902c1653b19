"""Runs the same sessions with smtplib and with the drop-in over libsmtpclient, compares what each
method gives or raises, and leaves the comparison of the wire to the server.

Usage: check.py LIBRARY CA HOST:PORT...   (one server per session, in the order of SESSIONS)
"""

import smtplib
import ssl
import sys
from email.message import EmailMessage

import dropin

LIBRARY, CA, *SERVERS = sys.argv[1:]
dropin.SMTP.library = dropin.load(LIBRARY)

TEXT = "From: a@a.example\r\nSubject: test\r\n\r\n.dot\r\n\r\nlast"
BARE = "Subject: test\n\n.dot\n\nlast\n"


def message():
    mail = EmailMessage()
    mail["From"] = "Some One <from@a.example>"
    mail["To"] = 'to@b.example, "Smith, J." <smith@b.example>'
    mail["Cc"] = "Group: one@c.example, bob@b.example;"
    mail["Bcc"] = "secret@b.example"
    mail["Subject"] = "a message"
    mail.set_content("Hello.\n.dot\n")
    return mail


def hello(smtp):
    yield smtp.helo
    yield smtp.ehlo, "other.example"
    yield lambda: smtp.esmtp_features
    yield smtp.has_extn, "SIZE"
    yield smtp.has_extn, "nothing"
    yield lambda: smtp.does_esmtp
    yield lambda: (smtp.helo_resp, smtp.ehlo_resp)
    yield smtp.ehlo_or_helo_if_needed


def commands(smtp):
    yield smtp.noop
    yield smtp.help
    yield smtp.help, "MAIL"
    yield smtp.verify, "Some One <a@b.example>"
    yield smtp.vrfy, "a"
    yield smtp.expn, "list"
    yield smtp.docmd, "NOOP"
    yield smtp.docmd, "XYZZY", "1 2"
    yield smtp.putcmd, "NOOP"
    yield smtp.getreply
    yield smtp.rset
    yield smtp.docmd, "NOOP", "a\r\nRSET"


def transaction(smtp):
    yield smtp.mail, "a@a.example"  # before EHLO: refused by the server
    yield smtp.ehlo
    yield smtp.mail, "Some One <a@a.example>", ["SIZE=50"]
    yield smtp.rcpt, "to@b.example", ["NOTIFY=NEVER"]
    yield smtp.rcpt, "bob@b.example"
    yield smtp.rcpt, "John"
    yield smtp.data, TEXT
    yield smtp.data, TEXT
    yield smtp.mail, "<>"
    yield smtp.mail, ""
    yield smtp.rset


def sending(smtp):
    yield smtp.sendmail, "a@a.example", "to@b.example", TEXT
    yield smtp.sendmail, "a@a.example", ["to@b.example", "bob@b.example"], BARE
    yield smtp.sendmail, "a@a.example", ["bob@b.example"], BARE
    yield smtp.sendmail, "refused@a.example", ["to@b.example"], BARE
    yield smtp.sendmail, "", ["to@b.example"], BARE, ["RET=HDRS"], ["NOTIFY=NEVER"]
    yield smtp.sendmail, "a@a.example", ["to@b.example"], b"x\r\n\xff\r\n"
    yield smtp.noop
    yield smtp.send_message, message()
    yield smtp.send_message, message(), "other@a.example", ["to@b.example"]
    yield smtp.noop


def only_helo(smtp):
    yield smtp.sendmail, "a@a.example", ["to@b.example"], TEXT, ["RET=HDRS"]
    yield lambda: (smtp.does_esmtp, smtp.esmtp_features)


def no_hello(smtp):
    yield smtp.sendmail, "a@a.example", ["to@b.example"], TEXT


def refused_data(smtp):
    yield smtp.sendmail, "a@a.example", ["to@b.example"], TEXT
    yield smtp.noop


def refused_message(smtp):
    yield smtp.sendmail, "a@a.example", ["to@b.example"], TEXT
    yield smtp.noop


def hangs_up(smtp):
    yield smtp.noop
    yield smtp.noop


def login(smtp):
    yield smtp.login, "user", "wrong"
    yield smtp.login, "user", "password"
    yield smtp.login, "user", "password"


def login_response(smtp):
    yield lambda: smtp.login("user", "password", initial_response_ok=False)


def plain(smtp):
    yield smtp.ehlo
    yield lambda: smtp.auth("PLAIN", lambda challenge=None: "\0user\0password")


def no_auth(smtp):
    yield smtp.login, "user", "password"


def strange_auth(smtp):
    yield smtp.login, "user", "password"


def starttls(smtp):
    if isinstance(smtp, smtplib.SMTP):
        context = ssl.create_default_context(cafile=CA)
        yield lambda: smtp.starttls(context=context)
    else:
        yield smtp.starttls, CA
    yield lambda: smtp.ehlo_resp
    yield smtp.sendmail, "a@a.example", "to@b.example", TEXT


SESSIONS = [
    hello, commands, transaction, sending, only_helo, no_hello, refused_data, refused_message,
    hangs_up, login, login_response, plain, no_auth, strange_auth, starttls,
]


def outcome(call):
    """What a call gives, or what it raises: the type, and the server's words."""
    try:
        return call()
    except smtplib.SMTPRecipientsRefused as error:
        return type(error), error.recipients
    except smtplib.SMTPSenderRefused as error:
        return type(error), error.smtp_code, error.smtp_error, error.sender
    except smtplib.SMTPResponseException as error:
        return type(error), error.smtp_code, error.smtp_error
    except (smtplib.SMTPException, ValueError, OSError) as error:
        return type(error)


def run(smtp, session):
    outcomes = []
    steps = session(smtp)
    for step in steps:
        call, *arguments = step if isinstance(step, tuple) else (step,)
        outcomes.append(outcome(lambda: call(*arguments)))
    outcomes.append(outcome(smtp.quit))
    return outcomes


def main():
    wrong = 0
    for session, server in zip(SESSIONS, SERVERS, strict=True):
        host, port = server.split(":")
        both = [
            run(kind(host, int(port), local_hostname="client.example", timeout=30), session)
            for kind in (smtplib.SMTP, dropin.SMTP)
        ]
        for step, (theirs, ours) in enumerate(zip(*both, strict=True)):
            if theirs != ours:
                wrong += 1
                print(f"{session.__name__} step {step + 1}: smtplib {theirs}, we {ours}")
    sys.exit(wrong)


main()
