//! Another head for a command that is longer than one packet.
//!
//! Packets of a long payload are full but for the last, so a head that is longer than the one it replaces moves every
//! border between them. Used where parameter types go into a long COM_STMT_EXECUTE; what fits one packet needs no more than
//! another length in its header. Streams: apart from the bytes by which the payload grows, nothing is held back.

use crate::protocol::packet::{HEADER_LEN, Header, MAX_PAYLOAD, SequenceId};

/// Moves the borders of one command's packets while they pass.
#[derive(Clone, Debug)]
pub struct Regroup {
    /// Bytes for the front of the next packet.
    carry: Vec<u8>,
    /// Bytes of the old head that are still to be left out.
    skip: usize,
    /// Bytes that the packet going out can still take.
    room: usize,
    /// That packet's length.
    len: usize,
    state: State,
    next: SequenceId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    /// So many bytes of the incoming packet are still to come, and it is the last one or not.
    Payload(usize, Place),
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Last,
    Before,
}

impl Regroup {
    /// Puts `head` in place of the first `skip` bytes of the payload. `head` must not be the shorter of the two.
    pub fn new(head: Vec<u8>, skip: usize) -> Self {
        Self { carry: head, skip, room: 0, len: 0, state: State::Header, next: SequenceId::default() }
    }

    /// Whether the whole command has passed.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Sequence id of the last packet that went out. The response goes on from there, not from what the client sent.
    pub fn last_sequence(&self) -> SequenceId {
        self.next.shifted(u8::MAX)
    }

    /// Takes packets from the front of `input`, headers included, and appends what goes out to `out`. Returns how many
    /// bytes were taken; what is left is part of a header, or comes after the command.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let mut rest = input;
        loop {
            match self.state {
                State::Done => break,
                State::Header => {
                    let Some(header) = Header::parse(rest) else { break };
                    rest = rest.get(HEADER_LEN..).unwrap_or_default();
                    self.begin(header, out);
                }
                State::Payload(0, place) => self.end(place, out),
                State::Payload(left, place) => {
                    let (now, after) = rest.split_at(rest.len().min(left));
                    if now.is_empty() {
                        break;
                    }
                    self.pass(now, out);
                    self.state = State::Payload(left - now.len(), place);
                    rest = after;
                }
            }
        }
        input.len() - rest.len()
    }

    fn begin(&mut self, header: Header, out: &mut Vec<u8>) {
        let place = if header.len == MAX_PAYLOAD { Place::Before } else { Place::Last };
        let new = header.len.saturating_sub(self.skip);
        let len = match place {
            Place::Before => MAX_PAYLOAD,
            Place::Last => MAX_PAYLOAD.min(self.carry.len() + new),
        };
        self.open(len, out);
        self.state = State::Payload(header.len, place);
    }

    /// Begins a packet of this length with what was carried over.
    fn open(&mut self, len: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&Header { len, sequence: self.next }.encode());
        self.next = self.next.next();
        let now = self.carry.len().min(len);
        out.extend(self.carry.drain(..now));
        (self.len, self.room) = (len, len - now);
    }

    fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let bytes = bytes.get(self.skipped(bytes.len())..).unwrap_or_default();
        let (now, later) = bytes.split_at(bytes.len().min(self.room));
        out.extend_from_slice(now);
        self.room -= now.len();
        self.carry.extend_from_slice(later);
    }

    fn skipped(&mut self, len: usize) -> usize {
        let skipped = self.skip.min(len);
        self.skip -= skipped;
        skipped
    }

    /// The incoming packet is over. Behind the last one goes what it had no room for; behind a full one there is always
    /// another packet, maybe an empty one.
    fn end(&mut self, place: Place, out: &mut Vec<u8>) {
        self.state = if place == Place::Before { State::Header } else { State::Done };
        if place == Place::Last && self.len == MAX_PAYLOAD {
            self.open(self.carry.len(), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::packet::append;

    fn regrouped(payload: &[u8], head: &[u8], skip: usize, piece: usize) -> Vec<u8> {
        let mut packets = Vec::new();
        append(&mut packets, SequenceId(0), payload);
        let mut regroup = Regroup::new(head.to_vec(), skip);
        let (mut buffer, mut out) = (Vec::new(), Vec::new());
        for bytes in packets.chunks(piece) {
            buffer.extend_from_slice(bytes);
            let taken = regroup.advance(&buffer, &mut out);
            buffer.drain(..taken);
        }
        assert!(regroup.is_done() && buffer.is_empty());
        out
    }

    #[test]
    fn packets_are_those_of_the_payload_with_the_new_head() {
        let head = b"a head that is longer";
        let growth = head.len() - 4;
        for len in [
            4,
            5,
            100,
            MAX_PAYLOAD - growth - 1,
            MAX_PAYLOAD - growth,
            MAX_PAYLOAD - 1,
            MAX_PAYLOAD,
            MAX_PAYLOAD + 7,
        ] {
            let payload: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0]).collect();
            let mut expected = Vec::new();
            let next = append(&mut expected, SequenceId(0), &[head, &payload[4..]].concat());
            for piece in [16 * 1024 - 1, 1 << 20, 1 << 25] {
                assert!(regrouped(&payload, head, 4, piece) == expected, "{len} bytes in pieces of {piece}");
            }
            let mut regroup = Regroup::new(head.to_vec(), 4);
            let mut packets = Vec::new();
            append(&mut packets, SequenceId(0), &payload);
            regroup.advance(&packets, &mut Vec::new());
            assert_eq!(regroup.last_sequence().next(), next);
        }
    }

    #[test]
    fn a_short_command_may_come_byte_by_byte_and_what_follows_it_is_left() {
        let mut whole = regrouped(b"old values", b"newer", 3, 1);
        assert_eq!(whole.split_off(HEADER_LEN), b"newer values");
        let mut regroup = Regroup::new(b"newer".to_vec(), 3);
        assert_eq!(regroup.advance(b"\x03\0\0\0old\x01\0\0\0x", &mut Vec::new()), 7);
    }
}
