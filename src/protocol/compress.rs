//! The compressed protocol: packets inside zlib frames (CLIENT_COMPRESS).
//!
//! A frame has a seven-byte header: length of its body, a sequence id of its own, and the length of the body once
//! inflated, 0 when it was not compressed. MariaDB: "0-packet", section "Compressed packet".

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::protocol::packet::{Header, SequenceId};

/// Bytes of a frame's header.
const FRAME_HEADER_LEN: usize = 7;

/// Most that is put into one frame.
const FRAME_LEN: usize = 64 * 1024;

/// Bodies shorter than this are sent as they are, as MariaDB does (`MIN_COMPRESS_LENGTH`).
const WORTH_COMPRESSING: usize = 150;

/// A frame that cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a compressed packet cannot be inflated")]
pub struct BadFrame;

/// Both directions of one compressed connection.
#[derive(Debug)]
pub struct Frames {
    sequence: SequenceId,
    deflate: Compress,
    inflate: Decompress,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            sequence: SequenceId::default(),
            deflate: Compress::new(Compression::fast(), true),
            inflate: Decompress::new(true),
        }
    }
}

impl Frames {
    /// Inflates the frame at the front of `input` to the end of `out`. Returns the bytes it took, or `None` while the
    /// frame is not there as a whole. A frame inflates to at most 16 MiB, whatever it says.
    ///
    /// # Errors
    /// [`BadFrame`] when the body is no zlib stream of the length it claims.
    pub fn read(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, BadFrame> {
        let Some((header, rest)) = input.split_first_chunk::<FRAME_HEADER_LEN>() else { return Ok(None) };
        let [a, b, c, sequence, x, y, z] = *header;
        let (body, inflated) = (len([a, b, c]), len([x, y, z]));
        let Some(body) = rest.get(..body) else { return Ok(None) };
        self.sequence = SequenceId(sequence).next();
        if inflated == 0 {
            out.extend_from_slice(body);
        } else {
            self.inflate(body, inflated, out)?;
        }
        Ok(Some(FRAME_HEADER_LEN + body.len()))
    }

    /// Appends frames with all of `bytes` to `out`.
    pub fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for chunk in bytes.chunks(FRAME_LEN) {
            let start = out.len();
            out.extend_from_slice(&[0; FRAME_HEADER_LEN]);
            let inflated = if self.deflate(chunk, out) { chunk.len() } else { 0 };
            if inflated == 0 {
                out.truncate(start + FRAME_HEADER_LEN);
                out.extend_from_slice(chunk);
            }
            let body = out.len() - start - FRAME_HEADER_LEN;
            let [x, y, z, ..] = inflated.to_le_bytes();
            let header = Header { len: body, sequence: self.sequence }.encode();
            let header = header.into_iter().chain([x, y, z]);
            out.iter_mut().skip(start).zip(header).for_each(|(place, byte)| *place = byte);
            self.sequence = self.sequence.next();
        }
    }

    fn inflate(&mut self, body: &[u8], inflated: usize, out: &mut Vec<u8>) -> Result<(), BadFrame> {
        let end = out.len() + inflated;
        out.reserve_exact(inflated);
        self.inflate.reset(true);
        // Room for one byte more than announced would show a longer stream; the capacity is what bounds it.
        let status = self.inflate.decompress_vec(body, out, FlushDecompress::Finish);
        match status {
            Ok(Status::StreamEnd) if out.len() == end => Ok(()),
            _ => Err(BadFrame),
        }
    }

    /// Appends `chunk` deflated. `false` when that is not worth it.
    fn deflate(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> bool {
        if chunk.len() < WORTH_COMPRESSING {
            return false;
        }
        let start = out.len();
        out.reserve_exact(chunk.len());
        self.deflate.reset();
        let status = self.deflate.compress_vec(chunk, out, FlushCompress::Finish);
        matches!(status, Ok(Status::StreamEnd)) && out.len() - start < chunk.len()
    }
}

fn len([a, b, c]: [u8; 3]) -> usize {
    usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(frames: &mut Frames, mut input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(taken) = frames.read(input, &mut out).unwrap() {
            input = &input[taken..];
        }
        assert!(input.is_empty());
        out
    }

    #[test]
    fn what_is_written_is_read_back_small_and_large() {
        for size in [0, 1, WORTH_COMPRESSING, FRAME_LEN, FRAME_LEN * 2 + 1] {
            let bytes: Vec<u8> = (0..size).map(|i| u8::try_from(i % 7).unwrap()).collect();
            let mut wire = Vec::new();
            Frames::default().write(&bytes, &mut wire);
            assert_eq!(read_all(&mut Frames::default(), &wire), bytes);
        }
    }

    #[test]
    fn the_answer_continues_the_sequence_of_the_question() {
        let mut frames = Frames::default();
        frames.read(&[1, 0, 0, 4, 0, 0, 0, b'x'], &mut Vec::new()).unwrap();
        let mut out = Vec::new();
        frames.write(b"y", &mut out);
        assert_eq!(out, [1, 0, 0, 5, 0, 0, 0, b'y']);
    }

    #[test]
    fn a_frame_that_inflates_to_another_length_than_it_says_is_refused() {
        let mut wire = Vec::new();
        Frames::default().write(&[b'a'; 1000], &mut wire);
        for lie in [999_u16, 1001, 1] {
            let mut lying = wire.clone();
            lying[4..6].copy_from_slice(&lie.to_le_bytes());
            assert_eq!(Frames::default().read(&lying, &mut Vec::new()), Err(BadFrame));
        }
    }

    proptest! {
        #[test]
        fn random_frames_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Frames::default().read(&bytes, &mut Vec::new());
        }
    }
}
