//! What a server's answers make of a connection.

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

use super::*;
use crate::protocol::packet::append;
use crate::tls::socket::Socket;

/// In place of a text row's value.
const NULL: u8 = 0xFB;

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const OK_IN_TRANSACTION: &[u8] = &[0, 0, 0, 3, 0, 0, 0];
const ROWS_END: &[u8] = &[0xFE, 0, 0, 2, 0, 0, 0];

/// A connection whose server has already said `answers`, packet by packet, to the next command.
async fn answered_with(answers: &[&[u8]]) -> (Connection, UnixStream) {
    let (ours, mut servers) = UnixStream::pair().unwrap();
    let mut bytes = Vec::new();
    let mut sequence = SequenceId(1);
    for answer in answers {
        sequence = append(&mut bytes, sequence, answer);
    }
    servers.write_all(&bytes).await.unwrap();
    let stream = MaybeTls::Plain(Socket::unix(ours).unwrap());
    let buffer = ReadBuffer::default();
    (Connection::new(stream, buffer, 7, Capabilities::NONE, OK.to_vec()), servers)
}

#[tokio::test]
async fn a_reset_tells_the_servers_status_and_leaves_the_rest_as_it_was() {
    let (connection, mut server) = answered_with(&[OK_IN_TRANSACTION]).await;
    let connection = connection.reset().await.unwrap();
    assert!(connection.status().contains(StatusFlags::IN_TRANSACTION));
    assert_eq!((connection.activity(), connection.thread()), (Activity::AtRest, BackendThreadId(7)));
    assert_eq!(connection.login_ok(), OK);
    let mut command = [0; 5];
    server.read_exact(&mut command).await.unwrap();
    assert_eq!(command, [1, 0, 0, 0, 0x1F]);
}

#[tokio::test]
async fn an_answer_that_is_neither_ok_nor_an_error_is_no_success() {
    for answer in [&b"\x00"[..], b"", b"\x01", b"\xFF\x15"] {
        let (connection, _server) = answered_with(&[answer]).await;
        let reset = connection.reset().await;
        assert!(matches!(reset, Err(ControlError::Unexpected(_))), "{answer:?} {reset:?}");
    }
}

#[tokio::test]
async fn an_error_is_told_with_its_number() {
    let error = ServerError::new(1227, *b"42000", "no").encode(Capabilities::PROTOCOL_41);
    let (connection, _server) = answered_with(&[&error]).await;
    let answer = connection.execute("KILL CONNECTION 1").await;
    assert!(matches!(answer, Err(ControlError::Refused(error)) if error.code == 1227));
    let (connection, _server) = answered_with(&[&error]).await;
    let answer = connection.rows("SELECT 1").await;
    assert!(matches!(answer, Err(ControlError::Refused(error)) if error.code == 1227));
}

#[tokio::test]
async fn rows_are_text_or_null() {
    let (connection, _server) = answered_with(&[&[1], b"definition", b"\x01a", &[NULL], ROWS_END]).await;
    let (connection, rows) = connection.rows("SELECT …").await.unwrap();
    assert_eq!(rows, [Some(b"a".to_vec()), None]);
    assert_eq!(connection.status(), StatusFlags::AUTOCOMMIT);
}

#[tokio::test]
async fn the_column_is_defined_or_known_when_the_client_caches_definitions() {
    for head in [&[&[1, 1][..], b"definition"][..], &[&[1, 0]]] {
        let (connection, _server) = answered_with(&[head, &[b"\x01a", ROWS_END]].concat()).await;
        let (_, rows) = connection.rows("SELECT …").await.unwrap();
        assert_eq!(rows, [Some(b"a".to_vec())], "{head:?}");
    }
}

#[tokio::test]
async fn a_server_that_goes_on_sending_rows_is_not_listened_to_for_ever() {
    let row = [&[0xFC, 0x00, 0x80][..], &[b'x'; 0x8000]].concat();
    let (connection, _server) = answered_with(&[&[1], b"definition", &row, &row, &row]).await;
    assert!(matches!(connection.rows("SELECT 1").await, Err(ControlError::Unexpected(_))));
}

#[tokio::test]
async fn a_query_that_answers_with_something_else_than_one_column_has_no_rows() {
    for answer in [OK, &[2], &[0xFB, b'/', b'x']] {
        let (connection, _server) = answered_with(&[answer]).await;
        let rows = connection.rows("SELECT 1").await;
        assert!(matches!(rows, Err(ControlError::Unexpected(_))), "{answer:?} {rows:?}");
    }
}

#[test]
fn after_a_login_whose_ok_cannot_be_read_the_session_counts_as_unfinished() {
    let facts = Facts {
        thread: BackendThreadId(7),
        capabilities: Capabilities::NONE,
        status: StatusFlags::AUTOCOMMIT,
        certainty: Certainty::Told,
        activity: Activity::Busy,
        login_ok: Vec::new(),
        born: Instant::now(),
    };
    assert!(facts.logged_in(vec![0]).status.contains(StatusFlags::IN_TRANSACTION));
}
