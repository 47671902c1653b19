//! Where parts of a certificate stand in its DER (RFC 5280 section 4.1).

use std::ops::Range;

use der::{Decode, Header, Reader, SliceReader, Tag};

pub(super) struct Parts {
    pub subject: Range<usize>,
    /// SubjectPublicKeyInfo.
    pub public_key: Range<usize>,
}

/// Finds them without parsing the rest, which takes OpenSSL a hundred times as long.
pub(super) fn of(certificate: &[u8]) -> der::Result<Parts> {
    let mut reader = SliceReader::new(certificate)?;
    // Into Certificate and TBSCertificate.
    for _ in 0..2 {
        Header::decode(&mut reader)?.tag.assert_eq(Tag::Sequence)?;
    }
    if reader.peek_byte() == Some(VERSION) {
        reader.tlv_bytes()?;
    }
    for _serial_signature_issuer_validity in 0..4 {
        reader.tlv_bytes()?;
    }
    let mut next = || {
        let start = usize::try_from(reader.position())?;
        reader.tlv_bytes().map(|bytes| start..start + bytes.len())
    };
    Ok(Parts { subject: next()?, public_key: next()? })
}

/// The tag of the version, which certificates of the first have not.
const VERSION: u8 = 0xa0;
