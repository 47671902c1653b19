//! Standard error as a library may use it: a write neither waits nor raises a signal.
//!
//! What is on the other side of it, and who else uses it, is the host's affair. So no flag of the
//! shared descriptor and no signal's disposition is touched, and what cannot be written now is
//! dropped: the next line that can be says how much that was.

use std::os::fd::RawFd;

use super::sys;

/// Writes lines to standard error.
#[derive(Default)]
pub struct StandardError {
    /// The end of a line whose beginning has been written.
    rest: Vec<u8>,
    /// Lines dropped since the last that was written.
    dropped: u64,
}

impl StandardError {
    /// Writes a line (with its line end) as far as that can be done at once.
    pub fn write(&mut self, line: &[u8]) {
        self.write_to(libc::STDERR_FILENO, line);
    }

    fn write_to(&mut self, fd: RawFd, line: &[u8]) {
        let written = put(fd, &self.rest);
        self.rest.drain(..written);
        if !self.rest.is_empty() {
            self.dropped += 1;
            return;
        }
        let mut text = Vec::new();
        if self.dropped > 0 {
            let lines = if self.dropped == 1 { "line is" } else { "lines are" };
            text = format!("... {} {lines} missing here\n", self.dropped).into_bytes();
        }
        text.extend_from_slice(line);
        let written = put(fd, &text);
        if written == 0 {
            self.dropped += 1;
        } else {
            self.dropped = 0;
            self.rest = text.split_off(written);
        }
    }
}

/// How much of it could be written. A failure tells nobody anything: this is where it would be
/// told.
fn put(fd: RawFd, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        match sys::write_at_once(fd, &bytes[written..]) {
            Ok(count) if count > 0 => written += count,
            _ => break,
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    const LINE: &[u8] = b"reply: 250 fine\n";

    /// The two ends of a pipe: for reading, for writing.
    fn pipe() -> (File, File) {
        let [reader, writer] = sys::pipe().unwrap().map(File::from);
        (reader, writer)
    }

    /// Lines until one is dropped, and some more. How many were written.
    fn fill(output: &mut StandardError, fd: RawFd) -> usize {
        let mut written = 0;
        while output.dropped == 0 {
            output.write_to(fd, LINE);
            written += 1;
            assert!(written < 1_000_000, "it takes without end");
        }
        for _ in 0..6 {
            output.write_to(fd, LINE);
        }
        written - 1
    }

    /// Everything that was written arrives in whole lines, and a word on what was not.
    fn arrives(written: usize, text: &[u8]) {
        let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), written + 3);
        let (before, after) = lines.split_at(written);
        assert!(before.iter().all(|line| *line == LINE));
        assert_eq!(after, [&b"... 7 lines are missing here\n"[..], LINE, LINE]);
    }

    #[test]
    fn what_a_full_pipe_does_not_take_is_dropped_and_said_so() {
        let (mut reader, writer) = pipe();
        let mut output = StandardError::default();
        let fd = writer.as_raw_fd();
        let written = fill(&mut output, fd);
        let mut text = vec![0; 4 * 1024];
        reader.read_exact(&mut text).unwrap();
        output.write_to(fd, LINE);
        output.write_to(fd, LINE);
        drop(writer);
        reader.read_to_end(&mut text).unwrap();
        arrives(written, &text);
    }

    #[test]
    fn what_a_full_socket_does_not_take_is_dropped_and_said_so() {
        let (writer, mut reader) = UnixStream::pair().unwrap();
        let mut output = StandardError::default();
        let fd = writer.as_raw_fd();
        let written = fill(&mut output, fd);
        let (mut text, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        reader.set_nonblocking(true).unwrap();
        while let Ok(count) = reader.read(&mut buffer) {
            text.extend_from_slice(&buffer[..count]);
        }
        output.write_to(fd, LINE);
        output.write_to(fd, LINE);
        drop(writer);
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            text.extend_from_slice(&buffer[..count]);
        }
        arrives(written, &text);
    }

    /// Where the pipe cannot be opened a second time.
    #[test]
    fn without_a_descriptor_of_ones_own_only_what_surely_fits_is_written() {
        let (mut reader, mut writer) = pipe();
        let long = vec![b'x'; 2 * libc::PIPE_BUF];
        assert_eq!(sys::write_if_ready(writer.as_raw_fd(), &long).unwrap(), libc::PIPE_BUF);
        while sys::write_if_ready(writer.as_raw_fd(), &long).is_ok() {}
        reader.read_exact(&mut vec![0; libc::PIPE_BUF]).unwrap();
        writer.write_all(b"others write too").unwrap();
        drop(reader);
        let error = sys::write_if_ready(writer.as_raw_fd(), b"lost").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
    }

    #[test]
    fn a_long_line_follows_when_there_is_room() {
        let (mut reader, writer) = pipe();
        let mut output = StandardError::default();
        let long = [vec![b'x'; 100_000], b"\n".to_vec()].concat();
        output.write_to(writer.as_raw_fd(), &long);
        assert!(!output.rest.is_empty());
        let mut text = vec![0; long.len() - output.rest.len()];
        reader.read_exact(&mut text).unwrap();
        output.write_to(writer.as_raw_fd(), LINE);
        drop(writer);
        reader.read_to_end(&mut text).unwrap();
        assert_eq!(text, [&long, LINE].concat());
    }
}
