//! The message on its way out: behind DATA with dots stuffed (RFC 5321 section 4.5.2), or in
//! BDAT chunks (RFC 3030). Clean parts in memory are lent to the socket without a copy; the
//! rest passes through the encoder into the bounded output buffer.

use crate::error::{Error, Result};
use crate::wire::{LineEncoder, command};

use crate::session::output::{HIGH_WATER, Span};
use crate::session::queue::Awaited;
use crate::session::{End, Session};

use super::cursor::{Cursor, LEAST_ROOM, Progress};
use super::fate::{Fate, Stage};
use super::flight::Step;
use super::options;
use super::transaction::Transaction;

/// Below this a copy is cheaper than a second slice for the socket.
const LEND_FROM: usize = 16 * 1024;

/// The most of a message in memory that one BDAT carries, so that a refusal can stop the upload.
/// Where chunks cannot be pipelined the whole message is one.
const CHUNK: usize = 1024 * 1024;

/// SIZE= for MAIL (RFC 1870): octets as they will be sent; for a reader, what it announced.
pub(super) fn declared_size(transaction: &Transaction) -> Option<u64> {
    match transaction.survey {
        _ if is_binary(transaction) => transaction.size(),
        Some(survey) if !transaction.streams() => Some(survey.octets),
        _ => transaction.size(),
    }
}

pub(super) fn is_binary(transaction: &Transaction) -> bool {
    transaction.options.iter().any(options::is_binary)
}

impl Session {
    fn rewind(&mut self, stuff: bool) {
        let Some(flight) = self.mail.flights.back_mut() else { return };
        if flight.transaction.spent {
            // Another share of it was sent (RFC 9422).
            flight.transaction.read_again();
        }
        let transaction = &flight.transaction;
        let binary = is_binary(transaction);
        let clean = transaction
            .survey
            .is_some_and(|survey| survey.line_ends_ok && !(stuff && survey.dot_lines));
        let cursor = &mut self.mail.cursor;
        cursor.part = 0;
        cursor.offset = 0;
        cursor.binary = binary;
        cursor.verbatim = !transaction.streams() && (clean || binary);
        cursor.ahead = transaction.streams_clean();
        cursor.encoder = Some(LineEncoder::new(stuff));
        cursor.read.clear();
        cursor.taken = 0;
        cursor.ended = false;
        cursor.total = 0;
        flight.body_begins = self.output.end();
    }

    /// 354 came: the message follows.
    pub(super) fn start_body(&mut self) {
        self.rewind(true);
        // Pushed now and not at the end: a refusal may come while the body goes out.
        self.await_mail(Awaited::Final);
        if let Some(entry) = self.queue.back_mut() {
            entry.end = u64::MAX;
        }
        self.mail.step = Step::Body;
    }

    /// Ends a message that nobody is there to get.
    pub(super) fn send_lone_dot(&mut self) {
        self.output.complete(b".\r\n");
        self.trace.sent(b".\r\n");
        self.await_mail(Awaited::LoneDot);
        self.seal();
    }

    /// The whole message in the envelope's flight.
    pub(super) fn send_small(&mut self) {
        self.rewind(false);
        let Some(flight) = self.mail.flights.back() else { return };
        let transaction = &flight.transaction;
        let cursor = &mut self.mail.cursor;
        let Some(survey) = transaction.survey else { return };
        let buffer = self.output.buffer();
        let from = buffer.len();
        let parts = transaction.parts();
        if cursor.binary {
            command::bdat(buffer, (parts[0].len() + parts[1].len()) as u64, true);
        } else {
            command::bdat(buffer, survey.octets, true);
        }
        if cursor.verbatim {
            buffer.extend_from_slice(parts[0]);
            buffer.extend_from_slice(parts[1]);
            if !survey.ends_with_crlf && !cursor.binary {
                buffer.extend_from_slice(b"\r\n");
            }
        } else if let Some(mut encoder) = cursor.encoder.take() {
            for part in parts {
                let mut rest = part;
                while !rest.is_empty() {
                    let room = 2 * rest.len() + LEAST_ROOM;
                    rest = &rest[encoder.push(rest, buffer, room)..];
                }
            }
            encoder.finish(buffer);
        }
        self.trace.sent(&buffer[from..]);
        self.await_mail(Awaited::Final);
        self.end_data();
    }

    /// The envelope is accepted: a large message follows in chunks.
    pub(super) fn start_chunks(&mut self) {
        self.rewind(false);
        let lmtp = self.protocol.is_lmtp();
        if let Some(flight) = self.mail.flights.back_mut().filter(|one| lmtp && one.accepted > 1) {
            // RFC 2033 section 4.3: LAST gets a reply for each recipient, and behind a refused
            // chunk perhaps a single one. What cannot be counted must not go out.
            flight.pipelines = false;
        }
        self.mail.step = Step::Chunks;
    }

    pub(super) fn pump_body(&mut self) -> bool {
        let Some(flight) = self.mail.flights.back() else { return false };
        if self.mail.cursor.verbatim {
            let parts = flight.transaction.parts();
            let ends = flight.transaction.survey.is_some_and(|survey| survey.ends_with_crlf);
            if let Some(span) = self.mail.cursor.next_span(parts, usize::MAX) {
                self.put_span(span);
                return true;
            }
            let tail: &[u8] = if ends { b".\r\n" } else { b"\r\n.\r\n" };
            self.output.buffer().extend_from_slice(tail);
            self.trace.sent(tail);
        } else if self.mail.cursor.ahead {
            match self.read_ahead() {
                Ok((Progress::Full, span)) => {
                    self.put_span(span);
                    return true;
                }
                Ok((Progress::Starved, _)) => return self.starve(),
                Ok((Progress::Ended, _)) => {
                    self.output.buffer().extend_from_slice(b".\r\n");
                    self.trace.sent(b".\r\n");
                }
                Err(error) => {
                    self.give_up_data(error);
                    return false;
                }
            }
        } else {
            match self.encode_more() {
                Ok(Progress::Full) => return true,
                Ok(Progress::Starved) => return self.starve(),
                Ok(Progress::Ended) => {}
                Err(error) => {
                    self.give_up_data(error);
                    return false;
                }
            }
        }
        // The final reply answers the end of the data, which is known only now.
        let end = self.output.end();
        if let Some(entry) = self.queue.back_mut() {
            entry.end = end;
        }
        self.end_data();
        true
    }

    /// The next of a clean reader's message, to be put out as it is.
    fn read_ahead(&mut self) -> Result<(Progress, Span)> {
        let end = (Progress::Ended, Span::default());
        let Some(flight) = self.mail.flights.back_mut() else { return Ok(end) };
        let progress = self.mail.cursor.next_ahead(&mut flight.transaction)?;
        Ok((progress, Span { part: 0, from: 0, to: flight.transaction.head.len() }))
    }

    /// The reader has nothing now: what to wait for.
    fn starve(&mut self) -> bool {
        let reader = self.mail.flights.back().map(|flight| &flight.transaction);
        self.mail.starved = reader.and_then(|transaction| transaction.descriptor());
        false
    }

    /// Encodes until the buffer is full.
    fn encode_more(&mut self) -> Result<Progress> {
        let room = self.output.room().max(LEAST_ROOM);
        let Some(flight) = self.mail.flights.back_mut() else { return Ok(Progress::Ended) };
        let buffer = self.output.buffer();
        let from = buffer.len();
        let progress = self.mail.cursor.encode(&mut flight.transaction, buffer, room)?;
        self.trace.sent(&buffer[from..]);
        Ok(progress)
    }

    pub(super) fn pump_chunks(&mut self) -> bool {
        if self.mail.cursor.owes_line_end() {
            // The last span went out; the line end that the message lacks belongs to its chunk.
            self.output.complete(b"\r\n");
            self.trace.sent(b"\r\n");
            self.finish_chunks();
            return true;
        }
        if !self.may_follow() {
            return false;
        }
        let Some(flight) = self.mail.flights.back() else { return false };
        if flight.is_failed() {
            self.seal();
            return true;
        }
        match &self.mail.cursor {
            Cursor { verbatim: true, .. } => self.pump_span_chunk(),
            Cursor { ahead: true, .. } => self.pump_read_chunk(),
            _ => self.pump_encoded_chunk(),
        }
    }

    fn pump_read_chunk(&mut self) -> bool {
        let (progress, span) = match self.read_ahead() {
            Ok((Progress::Starved, _)) => return self.starve(),
            Ok(read) => read,
            Err(error) => return self.give_up_chunks(error),
        };
        let last = progress == Progress::Ended || self.mail.cursor.ended;
        let buffer = self.output.buffer();
        let from = buffer.len();
        command::bdat(buffer, (span.to - span.from) as u64, last);
        self.trace.sent(&buffer[from..]);
        self.put_span(span);
        self.await_mail(if last { Awaited::Final } else { Awaited::Chunk });
        if last {
            self.finish_chunks();
        }
        true
    }

    /// The body reader failed behind BDAT: no last chunk follows.
    fn give_up_chunks(&mut self, error: Error) -> bool {
        if let Some(flight) = self.mail.flights.back_mut() {
            flight.fate = Fate::Failed { stage: Stage::Local, error };
        }
        self.seal();
        true
    }

    fn pump_span_chunk(&mut self) -> bool {
        let Some(flight) = self.mail.flights.back() else { return false };
        let most = if flight.pipelines { CHUNK } else { usize::MAX };
        let parts = flight.transaction.parts();
        let survey = flight.transaction.survey.unwrap_or_default();
        let cursor = &mut self.mail.cursor;
        let Some(span) = cursor.next_span(parts, most) else { return false };
        let last = cursor.is_at_end(parts);
        let adds = last && !survey.ends_with_crlf && !cursor.binary;
        let length = (span.to - span.from) as u64 + if adds { 2 } else { 0 };
        let buffer = self.output.buffer();
        let from = buffer.len();
        command::bdat(buffer, length, last);
        self.trace.sent(&buffer[from..]);
        self.put_span(span);
        self.await_mail(if last { Awaited::Final } else { Awaited::Chunk });
        if adds {
            self.mail.cursor.ended = true;
        } else if last {
            self.finish_chunks();
        }
        true
    }

    fn finish_chunks(&mut self) {
        let end = self.output.end();
        if let Some(entry) = self.queue.back_mut() {
            entry.end = end;
        }
        self.end_data();
    }

    fn pump_encoded_chunk(&mut self) -> bool {
        let Some(flight) = self.mail.flights.back_mut() else { return false };
        let transaction = &mut flight.transaction;
        let cursor = &mut self.mail.cursor;
        let pending = self.output.len();
        let chunk = self.output.chunk(|buffer| cursor.encode(transaction, buffer, HIGH_WATER));
        let (progress, any) = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return self.give_up_chunks(error),
        };
        if !any {
            return self.starve();
        }
        if self.trace.is_on() {
            self.trace.sent(&self.output.encoded()[pending..]);
        }
        if progress == Progress::Ended {
            self.await_mail(Awaited::Final);
            self.end_data();
        } else {
            self.await_mail(Awaited::Chunk);
        }
        true
    }

    /// The body reader failed behind DATA: the message must not be delivered cut short, and only
    /// closing before the final dot prevents it.
    fn give_up_data(&mut self, error: Error) {
        if let Some(flight) = self.mail.flights.back_mut() {
            flight.fate = Fate::Failed { stage: Stage::Local, error: error.clone() };
        }
        let error = error.in_context("the message reader failed, so the connection was closed");
        self.end(error, End::Lost);
    }

    fn put_span(&mut self, span: Span) {
        if span.to - span.from >= LEND_FROM {
            return self.output.lend(span);
        }
        let Some(flight) = self.mail.flights.back() else { return };
        let bytes = &flight.transaction.parts()[span.part][span.from..span.to];
        self.trace.sent(bytes);
        self.output.buffer().extend_from_slice(bytes);
    }

    fn end_data(&mut self) {
        let end = self.output.end();
        if let Some(flight) = self.mail.flights.back_mut() {
            flight.data_ends = Some(end);
        }
        self.seal();
    }

    pub(in crate::session) fn trace_lent(&mut self, sent: usize) {
        let encoded = self.output.encoded().len();
        let lent = self.mail.lent(self.output.lent());
        if sent > encoded {
            let bytes = lent[..sent - encoded].to_vec();
            self.trace.sent(&bytes);
        }
    }

    /// How much of the message in transmission went out, and its size if known.
    pub fn progress(&self) -> Option<(u64, Option<u64>)> {
        let flight = self.mail.flights.back().filter(|flight| flight.body_begins > 0)?;
        let sent = self.output.total_sent();
        let end = flight.data_ends.unwrap_or(u64::MAX);
        let body = sent.min(end).checked_sub(flight.body_begins)?;
        Some((
            body,
            flight
                .data_ends
                .map(|end| end - flight.body_begins)
                .or(declared_size(&flight.transaction)),
        ))
    }
}
