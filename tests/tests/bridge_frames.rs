//! Frames that break RFC 6455, written byte by byte, and the close code each of them gets. The tests carry the numbers of
//! the list of hostile frames that the bridge is held to.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Result, ensure};
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::raw_http::{RequestHead, connect, read_answer};
use producer_core::bridge::{self, Command, MAX_FRAME_BYTES};

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const MASKED: u8 = 0x80;

fn serve() -> Result<Bridge> {
    Bridge::serve(page::small()?.path(), &[])
}

/// A WebSocket on which hello was said.
fn joined(bridge: &Bridge) -> Result<TcpStream> {
    let mut stream = connect(bridge)?;
    stream.write_all(&RequestHead::handshake(bridge).bytes())?;
    ensure!(read_answer(&mut stream)?.status == 101);
    stream.write_all(&frame(FIN | BINARY, &bridge::encode(&Command::Hello { resume: None })))?;
    Ok(stream)
}

/// A frame as clients must send it; a mask of zeros leaves the payload readable.
fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => frame.push(MASKED | length.to_be_bytes()[1]),
        Ok(length) => {
            frame.push(MASKED | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(MASKED | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Reads the bridge's frames until the one that closes; its code.
fn close_code(stream: &mut TcpStream) -> Result<u16> {
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                stream.read_exact(&mut length)?;
                usize::from(u16::from_be_bytes(length))
            }
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload)?;
        if head[0] == FIN | CLOSE {
            ensure!(length >= 2, "a close frame with a code");
            return Ok(u16::from_be_bytes([payload[0], payload[1]]));
        }
    }
}

/// What the bridge closes with after these bytes.
fn code_after(bridge: &Bridge, bytes: &[u8]) -> Result<u16> {
    let mut stream = joined(bridge)?;
    // Refused in mid-write, the rest cannot be written; the code counts.
    let _ = stream.write_all(bytes);
    close_code(&mut stream)
}

#[test]
fn row_20_to_22_frames_that_break_the_protocol_get_1002() -> Result<()> {
    let bridge = serve()?;
    let unmasked = [FIN | BINARY, 1, 0];
    assert_eq!(code_after(&bridge, &unmasked)?, 1002, "20: not masked");
    assert_eq!(code_after(&bridge, &frame(FIN | 0x40 | BINARY, b"x"))?, 1002, "21: a reserved bit");
    assert_eq!(code_after(&bridge, &frame(FIN | 3, b"x"))?, 1002, "21: a reserved opcode");
    assert_eq!(code_after(&bridge, &frame(FIN | PING, &[0; 126]))?, 1002, "22: a large control frame");
    assert_eq!(code_after(&bridge, &frame(PING, b"x"))?, 1002, "22: a control frame in parts");
    assert_eq!(code_after(&bridge, &frame(FIN | CONTINUATION, b"x"))?, 1002, "nothing to continue");
    Ok(())
}

#[test]
fn row_23_text_that_is_none_gets_1007() -> Result<()> {
    let bridge = serve()?;
    // U+20AC, whose third byte is another.
    let split = [frame(TEXT, &[0xe2, 0x82]), frame(FIN | CONTINUATION, &[0x41])].concat();
    assert_eq!(code_after(&bridge, &split)?, 1007);
    Ok(())
}

#[test]
fn row_24_a_frame_that_claims_to_be_endless_gets_1009_at_once() -> Result<()> {
    let bridge = serve()?;
    let mut head = vec![FIN | BINARY, MASKED | 127];
    head.extend((u64::MAX >> 1).to_be_bytes());
    head.extend([0; 4]);
    // Not a byte of it follows: whoever answers has not waited for any.
    assert_eq!(code_after(&bridge, &head)?, 1009);
    Ok(())
}

#[test]
fn row_25_a_message_over_the_limit_gets_1009_in_one_piece_or_in_many() -> Result<()> {
    let bridge = serve()?;
    assert_eq!(code_after(&bridge, &frame(FIN | BINARY, &vec![1; MAX_FRAME_BYTES + 1]))?, 1009);
    let mut parts = frame(BINARY, &[1]);
    for _ in 0..MAX_FRAME_BYTES / 4096 {
        parts.extend(frame(CONTINUATION, &[1; 4096]));
    }
    assert_eq!(code_after(&bridge, &parts)?, 1009);
    Ok(())
}

#[test]
fn row_27_a_close_that_no_one_may_send_gets_1002() -> Result<()> {
    let bridge = serve()?;
    for code in [999_u16, 1005, 1006, 1015, 5000] {
        assert_eq!(code_after(&bridge, &frame(FIN | CLOSE, &code.to_be_bytes()))?, 1002, "{code}");
    }
    assert_eq!(code_after(&bridge, &frame(FIN | CLOSE, &[3]))?, 1002, "half a code");
    assert_eq!(code_after(&bridge, &frame(FIN | CLOSE, &1000_u16.to_be_bytes()))?, 1000, "a right one is answered");
    Ok(())
}
