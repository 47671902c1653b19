//! The standards that the header's comments name.

pub struct Standard {
    pub number: u32,
    pub title: &'static str,
    pub date: &'static str,
}

pub const STANDARDS: &[Standard] = &[
    of(2033, "Local Mail Transfer Protocol", "October 1996"),
    of(2034, "SMTP Service Extension for Returning Enhanced Error Codes", "October 1996"),
    of(
        2045,
        "Multipurpose Internet Mail Extensions (MIME) Part One: Format of Internet Message Bodies",
        "November 1996",
    ),
    of(
        2047,
        "MIME (Multipurpose Internet Mail Extensions) Part Three: Message Header Extensions for \
         Non-ASCII Text",
        "November 1996",
    ),
    of(2195, "IMAP/POP AUTHorize Extension for Simple Challenge/Response", "September 1997"),
    of(2387, "The MIME Multipart/Related Content-type", "August 1998"),
    of(2392, "Content-ID and Message-ID Uniform Resource Locators", "August 1998"),
    of(2920, "SMTP Service Extension for Command Pipelining", "September 2000"),
    of(
        3030,
        "SMTP Service Extensions for Transmission of Large and Binary MIME Messages",
        "December 2000",
    ),
    of(
        3207,
        "SMTP Service Extension for Secure SMTP over Transport Layer Security",
        "February 2002",
    ),
    of(3339, "Date and Time on the Internet: Timestamps", "July 2002"),
    of(3463, "Enhanced Mail System Status Codes", "January 2003"),
    of(3676, "The Text/Plain Format and DelSp Parameters", "February 2004"),
    of(3986, "Uniform Resource Identifier (URI): Generic Syntax", "January 2005"),
    of(4013, "SASLprep: Stringprep Profile for User Names and Passwords", "February 2005"),
    of(4422, "Simple Authentication and Security Layer (SASL)", "June 2006"),
    of(4616, "The PLAIN Simple Authentication and Security Layer (SASL) Mechanism", "August 2006"),
    of(4954, "SMTP Service Extension for Authentication", "July 2007"),
    of(
        5077,
        "Transport Layer Security (TLS) Session Resumption without Server-Side State",
        "January 2008",
    ),
    of(5246, "The Transport Layer Security (TLS) Protocol Version 1.2", "August 2008"),
    of(5321, "Simple Mail Transfer Protocol", "October 2008"),
    of(5322, "Internet Message Format", "October 2008"),
    of(
        5802,
        "Salted Challenge Response Authentication Mechanism (SCRAM) SASL and GSS-API Mechanisms",
        "July 2010",
    ),
    of(
        5890,
        "Internationalized Domain Names for Applications (IDNA): Definitions and Document Framework",
        "August 2010",
    ),
    of(5929, "Channel Bindings for TLS", "July 2010"),
    of(6531, "SMTP Extension for Internationalized Email", "February 2012"),
    of(
        6874,
        "Representing IPv6 Zone Identifiers in Address Literals and Uniform Resource Identifiers",
        "February 2013",
    ),
    of(7292, "PKCS #12: Personal Information Exchange Syntax v1.1", "July 2014"),
    of(7469, "Public Key Pinning Extension for HTTP", "April 2015"),
    of(7512, "The PKCS #11 URI Scheme", "April 2015"),
    of(
        7677,
        "SCRAM-SHA-256 and SCRAM-SHA-256-PLUS Simple Authentication and Security Layer (SASL) \
         Mechanisms",
        "November 2015",
    ),
    of(
        7628,
        "A Set of Simple Authentication and Security Layer (SASL) Mechanisms for OAuth",
        "August 2015",
    ),
    of(8058, "Signaling One-Click Functionality for List Email Headers", "January 2017"),
    of(
        8314,
        "Cleartext Considered Obsolete: Use of Transport Layer Security (TLS) for Email Submission \
         and Access",
        "January 2018",
    ),
    of(8446, "The Transport Layer Security (TLS) Protocol Version 1.3", "August 2018"),
    of(9266, "Channel Bindings for TLS 1.3", "July 2022"),
    of(9422, "The LIMITS SMTP Service Extension", "February 2024"),
    of(9525, "Service Identity in TLS", "November 2023"),
];

const fn of(number: u32, title: &'static str, date: &'static str) -> Standard {
    Standard { number, title, date }
}

/// Those that have these numbers; a number that is none of them is a fault of this list.
pub fn numbered(numbers: impl IntoIterator<Item = u32>) -> Vec<&'static Standard> {
    let find = |number| STANDARDS.iter().find(|standard| standard.number == number);
    let known = |number| find(number).unwrap_or_else(|| panic!("standards.rs lacks RFC {number}"));
    numbers.into_iter().map(known).collect()
}
