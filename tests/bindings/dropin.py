"""A stand-in for smtplib.SMTP over libsmtpclient by ctypes, without protocol logic of its own.

Big enough to show that one can be written: each method is one call, and each error code is the
smtplib exception that it stands for.
"""

import ctypes
import io
import smtplib
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p
from email.generator import BytesGenerator
from email.policy import SMTP as SMTP_POLICY

AUTH_CALLBACK = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)


def load(path):
    """The library with the signatures of its functions."""
    library = ctypes.CDLL(path)
    strings = POINTER(c_char_p)
    texts = (
        "smtp_client_last_error smtp_client_reply_text smtp_client_helo_response "
        "smtp_client_ehlo_response"
    ).split()
    library.smtp_client_new.restype = c_void_p
    library.smtp_tls_new.restype = c_void_p
    library.smtp_client_free.restype = library.smtp_tls_free.restype = None
    library.smtp_error_name.restype = c_char_p
    library.smtp_client_refused_count.restype = c_size_t
    library.smtp_client_extension_count.restype = c_size_t
    library.smtp_auth_exchange_challenge.restype = c_void_p
    for name in texts:
        getattr(library, name).restype = c_char_p
    for name in ("refused_address", "refused_text", "extension_name"):
        function = getattr(library, "smtp_client_" + name)
        function.argtypes, function.restype = [c_void_p, c_size_t], c_char_p
    library.smtp_client_refused_code.argtypes = [c_void_p, c_size_t]
    library.smtp_client_extension_params.restype = c_char_p
    library.smtp_client_mail.argtypes = [c_void_p, c_char_p, strings, c_size_t]
    library.smtp_client_rcpt.argtypes = [c_void_p, c_char_p, strings, c_size_t]
    library.smtp_client_data.argtypes = [c_void_p, c_char_p, c_size_t]
    library.smtp_client_auth.argtypes = [c_void_p, c_char_p, AUTH_CALLBACK, c_void_p]
    library.smtp_auth_exchange_challenge.argtypes = [c_void_p, POINTER(c_size_t)]
    library.smtp_auth_exchange_respond.argtypes = [c_void_p, c_char_p, c_size_t]
    library.smtp_client_sendmail.argtypes = library.smtp_client_send_message.argtypes = [
        c_void_p, c_char_p, strings, c_size_t, c_char_p, c_size_t,
        strings, c_size_t, strings, c_size_t,
    ]
    return library


def _array(values):
    values = [value.encode() for value in values]
    return (c_char_p * max(len(values), 1))(*values), len(values)


class SMTP:
    """smtplib.SMTP's methods and attributes."""

    library = None  # set before use
    protocol = 1

    def __init__(self, host="", port=0, local_hostname=None, timeout=None, source_address=None):
        self._client = c_void_p(self.library.smtp_client_new(self.protocol))
        lib = self.library
        # Byte for byte like smtplib on the wire: a command at a time, and the message by DATA.
        lib.smtp_client_set_pipelining(self._client, 0)
        lib.smtp_client_set_chunking(self._client, 0)
        if local_hostname is not None:
            self._check(lib.smtp_client_set_local_hostname(self._client, local_hostname.encode()))
        if timeout is not None:
            self._check(lib.smtp_client_set_timeout(self._client, int(timeout * 1000)))
        if source_address is not None:
            name, number = source_address
            self._check(lib.smtp_client_set_source_address(self._client, name.encode(), number))
        if host:
            self.connect(host, port)

    def __del__(self):
        self.library.smtp_client_free(self._client)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.quit()

    # Errors

    def _reply(self):
        text = self.library.smtp_client_reply_text(self._client)
        return self.library.smtp_client_reply_code(self._client), text

    def _refused(self):
        lib, client = self.library, self._client
        return {
            lib.smtp_client_refused_address(client, i).decode(): (
                lib.smtp_client_refused_code(client, i),
                lib.smtp_client_refused_text(client, i),
            )
            for i in range(lib.smtp_client_refused_count(client))
        }

    def _check(self, code, sender=None):
        if code >= 0:
            return code
        message = self.library.smtp_client_last_error(self._client).decode()
        name = self.library.smtp_error_name(code).decode().removeprefix("SMTP_E_")
        if name == "SENDER_REFUSED":
            ((address, (reply, text)),) = self._refused().items()
            raise smtplib.SMTPSenderRefused(reply, text, address)
        if name == "RECIPIENTS_REFUSED":
            raise smtplib.SMTPRecipientsRefused(self._refused())
        with_reply = {
            "CONNECT": smtplib.SMTPConnectError,
            "HELO": smtplib.SMTPHeloError,
            "AUTHENTICATION": smtplib.SMTPAuthenticationError,
            "DATA": smtplib.SMTPDataError,
            "RESPONSE": smtplib.SMTPResponseException,
        }
        if name in with_reply:
            raise with_reply[name](*self._reply())
        raise {
            "INVALID_ARGUMENT": ValueError,
            "MISUSE": ValueError,
            "BUSY": ValueError,
            "DISCONNECTED": smtplib.SMTPServerDisconnected,
            "NOT_SUPPORTED": smtplib.SMTPNotSupportedError,
            "NO_MECHANISM": smtplib.SMTPException,
            "TIMEOUT": TimeoutError,
            "IO": OSError,
        }.get(name, smtplib.SMTPException)(message)

    def _command(self, code):
        self._check(code)
        return self._reply()

    # Methods

    def connect(self, host="localhost", port=0, source_address=None):
        self._check(self.library.smtp_client_connect(self._client, host.encode(), port))
        return self._reply()

    def docmd(self, cmd, args=""):
        return self._command(self.library.smtp_client_docmd(self._client, cmd.encode(), args.encode()))

    def putcmd(self, cmd, args=""):
        self._check(self.library.smtp_client_putcmd(self._client, cmd.encode(), args.encode()))

    def getreply(self):
        return self._command(self.library.smtp_client_getreply(self._client))

    def helo(self, name=""):
        return self._command(self.library.smtp_client_helo(self._client, name.encode() or None))

    def ehlo(self, name=""):
        return self._command(self.library.smtp_client_ehlo(self._client, name.encode() or None))

    def ehlo_or_helo_if_needed(self):
        self._check(self.library.smtp_client_ehlo_or_helo_if_needed(self._client))

    def has_extn(self, name):
        return bool(self.library.smtp_client_has_extension(self._client, name.encode()))

    @property
    def does_esmtp(self):
        return bool(self.library.smtp_client_does_esmtp(self._client))

    @property
    def helo_resp(self):
        return self.library.smtp_client_helo_response(self._client)

    @property
    def ehlo_resp(self):
        return self.library.smtp_client_ehlo_response(self._client)

    @property
    def esmtp_features(self):
        lib, client = self.library, self._client
        names = [
            lib.smtp_client_extension_name(client, i)
            for i in range(lib.smtp_client_extension_count(client))
        ]
        return {
            name.decode().lower(): lib.smtp_client_extension_params(client, name).decode()
            for name in names
        }

    def noop(self):
        return self._command(self.library.smtp_client_noop(self._client))

    def rset(self):
        return self._command(self.library.smtp_client_rset(self._client))

    def help(self, args=""):
        return self._command(self.library.smtp_client_help(self._client, args.encode()))[1]

    def verify(self, address):
        return self._command(self.library.smtp_client_verify(self._client, address.encode()))

    vrfy = verify

    def expn(self, address):
        return self._command(self.library.smtp_client_expn(self._client, address.encode()))

    def mail(self, sender, options=()):
        code = self.library.smtp_client_mail(self._client, sender.encode(), *_array(options))
        return self._command(code)

    def rcpt(self, recip, options=()):
        code = self.library.smtp_client_rcpt(self._client, recip.encode(), *_array(options))
        return self._command(code)

    def data(self, msg):
        msg = msg.encode("ascii") if isinstance(msg, str) else msg
        return self._command(self.library.smtp_client_data(self._client, msg, len(msg)))

    def login(self, user, password, *, initial_response_ok=True):
        self.library.smtp_client_set_initial_response(self._client, int(initial_response_ok))
        self._check(self.library.smtp_client_login(self._client, user.encode(), password.encode()))
        return self._reply()

    def auth(self, mechanism, authobject, *, initial_response_ok=True):
        lib = self.library

        def step(exchange, _user):
            length = c_size_t()
            pointer = lib.smtp_auth_exchange_challenge(exchange, byref(length))
            challenge = None if pointer is None else ctypes.string_at(pointer, length.value)
            response = authobject(challenge) if challenge is not None else authobject()
            if response is not None:
                response = response.encode("ascii")
                lib.smtp_auth_exchange_respond(exchange, response, len(response))
            return 0

        lib.smtp_client_set_initial_response(self._client, int(initial_response_ok))
        self._check(lib.smtp_client_auth(self._client, mechanism.encode(), AUTH_CALLBACK(step), None))
        return self._reply()

    def starttls(self, cafile):
        lib = self.library
        tls = c_void_p(lib.smtp_tls_new())
        lib.smtp_tls_set_ca_file(tls, cafile.encode())
        lib.smtp_client_set_tls(self._client, tls)
        lib.smtp_tls_free(tls)
        self._check(lib.smtp_client_starttls(self._client))
        return self._reply()

    def sendmail(self, from_addr, to_addrs, msg, mail_options=(), rcpt_options=()):
        to_addrs = [to_addrs] if isinstance(to_addrs, str) else to_addrs
        msg = msg.encode("ascii") if isinstance(msg, str) else msg
        self._check(
            self.library.smtp_client_sendmail(
                self._client, from_addr.encode(), *_array(to_addrs), msg, len(msg),
                *_array(mail_options), *_array(rcpt_options),
            )
        )
        return self._refused()

    def send_message(self, msg, from_addr=None, to_addrs=None, mail_options=(), rcpt_options=()):
        flat = io.BytesIO()
        BytesGenerator(flat, policy=msg.policy.clone(**_line_ends())).flatten(msg)
        flat = flat.getvalue()
        to = (None, 0) if to_addrs is None else _array(to_addrs)
        self._check(
            self.library.smtp_client_send_message(
                self._client, from_addr and from_addr.encode(), *to, flat, len(flat),
                *_array(mail_options), *_array(rcpt_options),
            )
        )
        return self._refused()

    def quit(self):
        return self._command(self.library.smtp_client_quit(self._client))

    def close(self):
        self.library.smtp_client_close(self._client)


def _line_ends():
    return {"linesep": SMTP_POLICY.linesep}
