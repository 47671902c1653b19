"""What Python's email package reads in messages: for each file, a line for each fact, its values in
base64."""

import base64
import email
import email.policy
import sys


def tell(key, *values):
    print(key, *(base64.b64encode(octets(value)).decode() for value in values), sep="\t")


def octets(value):
    # The parser leaves bytes of a header in UTF-8 as surrogates.
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def addresses(message, field):
    for group in message[field].groups if message[field] else ():
        if group.display_name is not None:
            tell(f"{field} group", group.display_name)
        for one in group.addresses:
            tell(field, one.display_name, one.addr_spec)


def lines(text):
    return text.replace("\r\n", "\n")


def read(message, older):
    # The older interface must agree, but for quotes and brackets, which it takes off twice, and blanks.
    names = [[(part.get_filename() or "").strip('<>" ') for part in reading.walk()] for reading in (message, older)]
    if names[0] != names[1]:
        tell("names", *names)
    tell("Subject", message["Subject"] or "")
    for field in ("From", "To", "Cc", "Reply-To"):
        addresses(message, field)
    tell("Date", message["Date"].datetime.isoformat())
    tell("Message-ID", str(message["Message-ID"]).strip())
    tell("Comments", message["Comments"] or "")
    for part in message.walk():
        disposition = part.get_content_disposition()
        if part.get_content_maintype() == "multipart" or part.get_content_type() in ("text/plain", "text/html") and not disposition:
            continue
        if not disposition:
            continue  # of a message in the message
        if part.get_content_type() == "message/rfc822":
            data = part.get_payload(0).as_bytes(policy=email.policy.SMTP)
        else:
            data = part.get_payload(decode=True)
        name = part.get_filename() or ""
        tell("part", part.get_content_type(), disposition, name, part["Content-ID"] or "", data)
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        if body is not None and not body.get_content_disposition():
            tell(kind, lines(body.get_content()))
    for part in message.walk():
        for defect in part.defects:
            tell("defect", defect)
        for field in part.values():
            for defect in getattr(field, "defects", ()):
                if "on-ASCII" not in str(defect):  # RFC 6532
                    tell("defect", defect)


for path in sys.argv[1:]:
    print("=", path)
    with open(path, "rb") as file:
        content = file.read()
    read(email.message_from_bytes(content, policy=email.policy.default), email.message_from_bytes(content))
