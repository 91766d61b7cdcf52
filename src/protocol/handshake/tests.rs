//! Packets captured from MariaDB 10.11.19 and its own client, and every way of spoiling them.

use proptest::prelude::*;

use super::*;
use crate::protocol::capabilities::Capabilities;

const GREETING_10_11: &str = "0a352e352e352d31302e31312e31392d4d6172696144422d302b6465623132753100050000007d3426633f50574200\
    fef7080200ff81150000000000001d000000242a496e6e5c65654d32507d006d7973716c5f6e61746976655f70617373776f726400";

const GREETING_11_8: &str = "0a31312e382e362d4d6172696144422d302b646562313375312066726f6d2044656269616e002500000063702c277d655e2c\
    00feff2d0200ff81150000000000003d0000005a656a664151522975333b6f006d7973716c5f6e61746976655f70617373776f726400";

/// `mariadb -unat -psecret` of MariaDB 10.11.19, Connector/C 3.3.20.
const RESPONSE_10_11: &str = "84a2bf000000100021000000000000000000000000000000000000001d0000006e61740014d33fd68293868448edee65\
    6d7912d170ebe158136d7973716c5f6e61746976655f70617373776f7264007f035f6f73054c696e75780c5f636c69656e745f6e616d650a6c69626d617269\
    616462045f7069640531383331310f5f636c69656e745f76657273696f6e06332e332e3230095f706c6174666f726d067838365f36340c70726f677261\
    6d5f6e616d65056d7973716c0c5f7365727665725f686f7374093132372e302e302e31";

const SWITCH_TO_ED25519_10_11: &str =
    "fe636c69656e745f6564323535313900b1890f10d3beb5c0616cffcc8fca8ab8601687dad9b3b6c53e468b8b2d011b63";

const SWITCH_TO_NATIVE_10_11: &str =
    "fe6d7973716c5f6e61746976655f70617373776f726400706a43514a5e7c775e4f5333443d43774e617c6c00";

fn captured(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter_map(|c| char::from(c).to_digit(16)?.try_into().ok()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn the_greeting_of_mariadb_10_11_is_read_and_written_back() {
    let bytes = captured(GREETING_10_11);
    let greeting = Greeting::parse(&bytes).unwrap();
    assert_eq!(greeting.version, b"5.5.5-10.11.19-MariaDB-0+deb12u1");
    assert_eq!(greeting.connection_id, 5);
    assert_eq!(&greeting.salt, b"}4&c?PWB$*Inn\\eeM2P}");
    assert_eq!(greeting.plugin, plugin::NATIVE_PASSWORD);
    assert_eq!((greeting.collation, greeting.status), (8, 2));
    assert!(greeting.capabilities.contains(Capabilities::EXTENDED_METADATA));
    assert_eq!(greeting.encode(), bytes);
}

#[test]
fn the_greeting_of_mariadb_11_8_is_read_and_written_back() {
    let bytes = captured(GREETING_11_8);
    let greeting = Greeting::parse(&bytes).unwrap();
    assert!(greeting.version.starts_with(b"11.8.6-MariaDB"));
    assert!(greeting.capabilities.contains(Capabilities::BULK_UNIT_RESULTS | Capabilities::SSL));
    assert_eq!(greeting.encode(), bytes);
}

#[test]
fn the_response_of_the_mariadb_10_11_client_is_read_and_written_back() {
    let bytes = captured(RESPONSE_10_11);
    let response = HandshakeResponse::parse(&bytes).unwrap();
    assert_eq!(response.user, b"nat");
    assert_eq!(response.auth_response.len(), 20);
    assert_eq!((response.schema.as_ref(), response.plugin.as_deref()), (None, Some(plugin::NATIVE_PASSWORD)));
    assert!(response.attributes.as_ref().unwrap().starts_with(b"\x03_os\x05Linux"));
    assert!(response.capabilities.contains(Capabilities::CACHE_METADATA | Capabilities::SESSION_TRACK));
    assert!(!response.capabilities.contains(Capabilities::DEPRECATE_EOF));
    assert_eq!(response.encode(), bytes);
    assert_eq!(FirstPacket::parse(&bytes), Ok(FirstPacket::Response(response)));
}

#[test]
fn switches_to_another_plugin_are_read_and_written_back() {
    for (hex, name, data) in [
        (SWITCH_TO_ED25519_10_11, plugin::ED25519, 32),
        (SWITCH_TO_NATIVE_10_11, plugin::NATIVE_PASSWORD, 21),
    ] {
        let bytes = captured(hex);
        let switch = AuthSwitch::parse(&bytes).unwrap();
        assert_eq!((switch.plugin.as_slice(), switch.data.len()), (name, data));
        assert_eq!(switch.encode(), bytes);
    }
}

#[test]
fn a_lone_0xfe_asks_for_the_old_password_scheme() {
    let switch = AuthSwitch::parse(&[0xfe]).unwrap();
    assert_eq!(switch.plugin, plugin::OLD_PASSWORD);
    assert_eq!(switch.encode(), [0xfe]);
}

#[test]
fn an_error_in_place_of_a_greeting_is_the_servers_refusal() {
    let refused = Greeting::parse(b"\xff\x10\x04Too many connections");
    let error = ServerError::new(1040, *b"HY000", "Too many connections");
    assert_eq!(refused, Err(HandshakeError::Refused(error)));
}

#[test]
fn a_request_for_tls_is_recognised_by_its_flag_and_nothing_behind_it_is_believed() {
    let mut response = HandshakeResponse::parse(&captured(RESPONSE_10_11)).unwrap();
    response.capabilities.insert(Capabilities::SSL);
    let whole = response.encode();
    let expected = SslRequest { capabilities: response.capabilities, max_packet: 0x0010_0000, collation: 33 };
    assert_eq!(FirstPacket::parse(&whole), Ok(FirstPacket::SslRequest(expected)));
    assert_eq!(FirstPacket::parse(&whole[..32]), Ok(FirstPacket::SslRequest(expected)));
    assert_eq!(expected.encode(), whole[..32]);
    assert_eq!(HandshakeResponse::parse(&whole), Ok(response));
}

#[test]
fn what_mariadb_10_11_calls_a_bad_handshake_is_one() {
    let attributes_cut =
        [&[0x00, 0x82, 0x18, 0][..], &[0; 28], b"empty\0", &[0], b"x\0", &[32], b"abc"].concat();
    let null_as_length = [&[0x00, 0x82, 0x20, 0][..], &[0; 28], b"empty\0", &[0xfb]].concat();
    let schema_missing = [&[0x08, 0x82, 0x00, 0][..], &[0; 28], b"empty\0", &[0]].concat();
    let user_unterminated = [&[0x00, 0x82, 0x00, 0][..], &[0; 28], b"empty"].concat();
    for packet in [vec![], vec![1], attributes_cut, null_as_length, schema_missing, user_unterminated] {
        assert!(matches!(HandshakeResponse::parse(&packet), Err(HandshakeError::Truncated(_))), "{packet:?}");
    }
}

#[test]
fn what_mariadb_10_11_lets_pass_is_let_pass() {
    let plugin_unterminated =
        [&[0x00, 0x82, 0x08, 0][..], &[0; 28], b"u\0", &[0], b"mysql_native_password"].concat();
    assert_eq!(
        HandshakeResponse::parse(&plugin_unterminated).unwrap().plugin.unwrap(),
        plugin::NATIVE_PASSWORD
    );
    let schema_unterminated = [&[0x08, 0x82, 0x00, 0][..], &[0; 28], b"u\0", &[0], b"test"].concat();
    assert_eq!(HandshakeResponse::parse(&schema_unterminated).unwrap().schema.unwrap(), b"test");
    let schema_empty = [&[0x08, 0x82, 0x00, 0][..], &[0; 28], b"u\0", &[0], &[0]].concat();
    assert_eq!(HandshakeResponse::parse(&schema_empty).unwrap().schema, None);
    let more_behind = [&[0x00, 0x82, 0x10, 0][..], &[0; 28], b"u\0", &[0], &[4], b"\x01a\x01bZZZ"].concat();
    assert_eq!(HandshakeResponse::parse(&more_behind).unwrap().attributes.unwrap(), b"\x01a\x01b");
    let not_prefixed = [&[0x00, 0x02, 0x00, 0][..], &[0; 28], b"u\0", b"\0"].concat();
    assert_eq!(HandshakeResponse::parse(&not_prefixed).unwrap().auth_response, b"");
}

#[test]
fn a_client_from_before_4_1_is_told_apart_from_garbage() {
    assert_eq!(FirstPacket::parse(b"\x01\x00\x00\x00\x01empty\0"), Err(HandshakeError::Old));
}

#[test]
fn an_answer_over_255_bytes_is_announced_as_a_long_one() {
    let mut response = HandshakeResponse::parse(&captured(RESPONSE_10_11)).unwrap();
    response.capabilities.remove(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA);
    response.auth_response = vec![7; 300];
    let read = HandshakeResponse::parse(&response.encode()).unwrap();
    assert_eq!(read.auth_response, response.auth_response);
}

#[test]
fn change_user_needs_every_negotiated_field_as_mariadb_10_11_does() {
    let flags = Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH;
    let full = b"\x11empty\0\0\0\x2d\0mysql_native_password\0";
    let parsed = ChangeUser::parse(full, flags).unwrap();
    assert_eq!((parsed.user.as_slice(), parsed.collation), (b"empty".as_slice(), Some(45)));
    assert_eq!(parsed.encode(flags), full);
    assert!(ChangeUser::parse(&full[..full.len() - 1], flags).is_ok());
    for short in [
        &b"\x11"[..],
        b"\x11empty",
        b"\x11empty\0",
        b"\x11empty\0\0",
        b"\x11empty\0\0x",
        b"\x11empty\0\0\0",
        b"\x11empty\0\0\0\x2d\0",
    ] {
        assert!(ChangeUser::parse(short, flags).is_err(), "{short:?}");
    }
    let old = ChangeUser::parse(b"\x11empty\0\0\0", flags.without(Capabilities::PLUGIN_AUTH)).unwrap();
    assert_eq!((old.collation, old.plugin), (None, None));
}

#[test]
fn plugin_data_is_read_with_and_without_its_prefix() {
    let asked = |data: &[u8]| AuthPacket::More(AuthMoreData { data: data.to_vec() });
    assert_eq!(AuthPacket::parse(b"\x01\x03"), Ok(asked(b"\x03")));
    assert_eq!(AuthPacket::parse(b"\x04Password: "), Ok(asked(b"\x04Password: ")));
    assert_eq!(AuthPacket::parse(b"\0\0\0\x02\0\0\0"), Ok(AuthPacket::Ok));
    assert_eq!(AuthPacket::parse(b""), Err(HandshakeError::Truncated("first byte")));
}

#[test]
fn no_debug_output_shows_an_authentication_response() {
    let mut response = HandshakeResponse::parse(&captured(RESPONSE_10_11)).unwrap();
    response.auth_response = b"Tr0ub4dor".to_vec();
    let shown = format!("{response:?}");
    assert!(shown.contains("nat") && !shown.contains("Tr0ub4dor") && !shown.contains("84, 114, 48"));
}

#[test]
fn no_truncation_of_a_captured_packet_panics() {
    let flags = Capabilities::from_bits(u64::MAX);
    for hex in
        [GREETING_10_11, GREETING_11_8, RESPONSE_10_11, SWITCH_TO_ED25519_10_11, SWITCH_TO_NATIVE_10_11]
    {
        let bytes = captured(hex);
        for len in 0..bytes.len() {
            parse_every_way(&bytes[..len], flags);
        }
    }
    let response = captured(RESPONSE_10_11);
    let accepted = (0..response.len()).filter(|len| HandshakeResponse::parse(&response[..*len]).is_ok());
    assert_eq!(accepted.count(), 0);
}

fn parse_every_way(bytes: &[u8], flags: Capabilities) {
    let _ = Greeting::parse(bytes);
    let _ = FirstPacket::parse(bytes);
    let _ = HandshakeResponse::parse(bytes);
    let _ = ChangeUser::parse(bytes, flags);
    let _ = AuthPacket::parse(bytes);
    let _ = AuthSwitch::parse(bytes);
    let _ = AuthMoreData::parse(bytes);
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(1..=255_u8, 1..40)
}

fn maybe<T: Clone + std::fmt::Debug>(inner: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(inner)
}

fn blob(limit: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..limit)
}

proptest! {
    #[test]
    fn any_bytes_are_answered_with_a_value_or_an_error(mut bytes in blob(300), flags: u64, front in prop_oneof![
        Just(vec![]), Just(vec![10]), Just(b"\x0a5\0".to_vec()), Just(vec![0x00, 0x82, 0xff, 0x01]), Just(vec![0x11]), Just(vec![0xfe]), Just(vec![0xff]),
    ]) {
        bytes.splice(0..0, front);
        parse_every_way(&bytes, Capabilities::from_bits(flags));
    }

    #[test]
    fn a_greeting_with_any_salt_length_is_answered(salt_len: u8, extra in blob(300)) {
        let mut bytes = captured(GREETING_10_11);
        let at = bytes.len() - 22 - 13 - 4 - 6 - 1;
        prop_assert_eq!(bytes[at], 21);
        bytes[at] = salt_len;
        bytes.extend(extra);
        if let Ok(greeting) = Greeting::parse(&bytes) {
            prop_assert_eq!(&greeting.salt, b"}4&c?PWB$*Inn\\eeM2P}");
        }
    }

    #[test]
    fn responses_survive_the_round_trip(
        bits in any::<u64>(), max_packet: u32, collation: u8, user in name(), auth_response in blob(600),
        schema in maybe(name()), plugin in maybe(name()), attributes in maybe(blob(400)),
    ) {
        let capabilities = Capabilities::from_bits(bits);
        let response = HandshakeResponse { capabilities, max_packet, collation, user, auth_response, schema, plugin, attributes };
        let bytes = response.encode();
        let read = HandshakeResponse::parse(&bytes).unwrap();
        prop_assert_eq!(read.encode(), bytes);
        prop_assert_eq!(&read, &HandshakeResponse { capabilities: read.capabilities, ..response });
    }

    #[test]
    fn change_user_survives_the_round_trip(
        user in name(), auth_response in blob(255), schema in maybe(name()), collation: u16, plugin in name(), attributes in blob(400),
    ) {
        let flags = Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH | Capabilities::CONNECT_ATTRS;
        let command = ChangeUser {
            user, auth_response, schema, collation: Some(collation), plugin: Some(plugin), attributes: Some(attributes),
        };
        prop_assert_eq!(ChangeUser::parse(&command.encode(flags), flags), Ok(command));
    }
}
