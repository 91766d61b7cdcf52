#!/usr/bin/env python3
"""Record what a MariaDB server answers, packet by packet, as fixtures for the protocol tests.

    tools/capture.py SOCKET [DIRECTORY]

SOCKET is the unix socket of a scratch server with a passwordless root account, DIRECTORY defaults to tests/fixtures.
One file is written for each kind of response and each set of capabilities that changes its bytes:
`<server version>/<response>.<mode>.txt`, where mode is `classic`, `track` (SESSION_TRACK), `deprecate` (DEPRECATE_EOF) or
`deprecate-track`. Whole sessions under several settings of session_track_* go to `session_track/<settings>.<mode>.txt`. A file has `#` comments (command, capabilities) and then one packet a line:
sequence id, a space, the payload, both in hex. Packets follow each other as they came in.

No dependency beyond Python's standard library.
"""

import pathlib
import re
import socket
import struct
import sys

LONG_PASSWORD, FOUND_ROWS, LONG_FLAG, WITH_DB, LOCAL_FILES = 1, 2, 4, 8, 0x80
PROTOCOL_41, TRANSACTIONS, SECURE = 0x200, 0x2000, 0x8000
MULTI_STATEMENTS, MULTI_RESULTS, PS_MULTI_RESULTS, PLUGIN_AUTH = 0x10000, 0x20000, 0x40000, 0x80000
SESSION_TRACK, DEPRECATE_EOF = 0x800000, 0x1000000
PROGRESS, BULK, EXTENDED_METADATA, CACHE_METADATA = 1 << 32, 4 << 32, 8 << 32, 16 << 32
BASE = (LONG_FLAG | LOCAL_FILES | PROTOCOL_41 | TRANSACTIONS | SECURE | MULTI_STATEMENTS | MULTI_RESULTS
        | PS_MULTI_RESULTS | PLUGIN_AUTH)
MODES = {"classic": 0, "track": SESSION_TRACK, "deprecate": DEPRECATE_EOF, "deprecate-track": DEPRECATE_EOF | SESSION_TRACK}
TRACKING = (b"SET session_track_system_variables='*', session_track_state_change=ON, session_track_schema=ON, "
            b"session_track_transaction_info='CHARACTERISTICS'")


class Connection:
    """One connection as passwordless root, in the simplest form of the protocol."""

    def __init__(self, path, capabilities, user=b"root", schema=b""):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.settimeout(10)
        self.greeting = self.packet()
        self.capabilities = capabilities | (WITH_DB if schema else 0)
        version = self.greeting[1][1:].split(b"\0")[0]
        at = len(version) + 2
        self.version = version.decode().removeprefix("5.5.5-")
        self.id = struct.unpack_from("<I", self.greeting[1], at)[0]
        hello = struct.pack("<IIB19sI", self.capabilities & 0xFFFFFFFF, 1 << 30, 45, b"", self.capabilities >> 32)
        hello += user + b"\0\0" + (schema + b"\0" if schema else b"") + b"mysql_native_password\0"
        self.write(hello, 1)
        self.login = self.packet()
        assert self.login[1][0] == 0, self.login

    def write(self, payload, seq=0):
        self.sock.sendall(struct.pack("<I", len(payload))[:3] + bytes([seq]) + payload)

    def exactly(self, count):
        parts = b""
        while len(parts) < count:
            part = self.sock.recv(count - len(parts))
            if not part:
                raise EOFError
            parts += part
        return parts

    def packet(self):
        header = self.exactly(4)
        return header[3], self.exactly(int.from_bytes(header[:3], "little"))

    def until_quiet(self, seconds=0.12):
        packets = []
        self.sock.settimeout(seconds)
        try:
            while True:
                packets.append(self.packet())
        except (TimeoutError, EOFError, ConnectionResetError):
            pass
        self.sock.settimeout(10)
        return packets

    def ask(self, payload, seconds=0.12):
        self.write(payload)
        return self.until_quiet(seconds)

    def query(self, sql, seconds=0.12):
        return self.ask(b"\x03" + sql, seconds)

    def run(self, sql):
        """A statement that is answered with one OK packet."""
        self.write(b"\x03" + sql)
        answer = self.packet()
        assert answer[1][0] == 0, (sql, answer)

    def prepare(self, sql):
        packets = self.ask(b"\x16" + sql)
        return struct.unpack_from("<I", packets[0][1], 1)[0]


def without_statement_id(payload):
    """Errors that name a statement's id, which is another one each time, name number 1."""
    errors = (b"\xff\x8d\x05", b"\xff\xdb\x04")
    return re.sub(rb"\(\d+\)", b"(1)", payload) if payload.startswith(errors) else payload


def execute(statement, flags=0, tail=b""):
    return struct.pack("<BIBI", 0x17, statement, flags, 1) + tail


QUERIES = {
    "select_one_row": b"SELECT 1 AS one, 'text' AS word, NULL AS nothing",
    "select_no_rows": b"SELECT a, b FROM t WHERE a < 0",
    "select_rows": b"SELECT a, b FROM t ORDER BY a",
    "select_empty_string": b"SELECT ''",
    "select_long_values": b"SELECT REPEAT('x', 250), REPEAT('y', 251), REPEAT('z', 300)",
    "select_with_warning": b"SELECT CAST('abc' AS SIGNED)",
    "select_without_index": b"SELECT b FROM t WHERE b = 'two'",
    "select_variable": b"SELECT @a := 5",
    "select_error_after_rows": b"SELECT a, IF(a = 3, (SELECT 1 UNION SELECT 2), 0) FROM t",
    "show_warnings": b"SHOW WARNINGS",
    "insert": b"INSERT INTO t VALUES (10, 'ten')",
    "insert_several": b"INSERT INTO t VALUES (11, 'eleven'), (12, 'twelve')",
    "insert_returning": b"INSERT INTO t VALUES (13, 'thirteen') RETURNING a, b",
    "insert_auto_increment": b"INSERT INTO serial (word) VALUES ('x'), ('y')",
    "update": b"UPDATE t SET b = 'TWO' WHERE a = 2",
    "syntax_error": b"SELEC 1",
    "unknown_table": b"SELECT * FROM nowhere",
    "empty_query": b"",
    "multi_statement": b"SELECT 1; SELECT a FROM t WHERE a < 0; SET @a = 1; SELECT CAST('abc' AS SIGNED)",
    "multi_statement_error": b"SELECT 1; SELECT * FROM nowhere; SELECT 2",
    "multi_statement_no_results": b"SET @a = 1; SET @b = 2; DO 1",
    "procedure": b"CALL two_results()",
    "procedure_without_result": b"CALL no_result()",
    "procedure_error": b"CALL failing()",
    "set_names": b"SET NAMES latin1",
    "set_user_variable": b"SET @a = 1",
    "set_autocommit": b"SET autocommit = 0",
    "use_schema": b"USE mysql",
    "begin": b"BEGIN",
    "explain": b"EXPLAIN SELECT * FROM t",
    "local_infile": b"LOAD DATA LOCAL INFILE '/some/file' INTO TABLE t",
    "explain_analyze_format": b"ANALYZE SELECT 1",
    "kill_query_itself": b"KILL QUERY CONNECTION_ID()",
}

# Sessions that are recorded under several settings of session_track_*, to compare what each lets a client hear.
SETTINGS = {
    "all": ("*", "ON", "ON", "CHARACTERISTICS"),
    "default": ("autocommit,character_set_client,character_set_connection,character_set_results,time_zone", "ON", "OFF", "OFF"),
    "two_variables": ("sort_buffer_size,time_zone", "OFF", "ON", "OFF"),
    "transaction_state": ("", "ON", "OFF", "STATE"),
    "characteristics": ("autocommit", "OFF", "OFF", "CHARACTERISTICS"),
    "nothing": ("", "OFF", "OFF", "OFF"),
}
TRACKED = [
    "USE mysql", "USE fixture", "SET NAMES latin1", "SET NAMES utf8mb4", "SET time_zone = '+01:00', sort_buffer_size = 200000",
    "SET character_set_results = NULL", "SET @a = 1", "DO 1", "SELECT sets_variables()", "SELECT 1", "DO 1", "SELECT 1 FROM nowhere",
    "SET time_zone = 'SYSTEM'", "SELECT sets_variables()", "SELECT sets_variables()", "SET sort_buffer_size = 300000", "SET @a = 1",
    "SELECT sets_variables(); SELECT 1; SET time_zone = '+02:00'; SELECT a FROM t", "SELECT sets_variables(); DO 1; SELECT 1", "USE fixture",
    "BEGIN", "SELECT a FROM t", "SELECT a FROM t", "DO 1", "INSERT INTO t VALUES (70, 'x')", "SELECT a FROM t", "SET @a = 1", "ROLLBACK",
    "START TRANSACTION READ ONLY", "SELECT a FROM t", "COMMIT", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT a FROM t", "DO 1",
    "SET autocommit = 0", "SELECT a FROM t", "COMMIT", "SELECT a FROM t", "USE fixture", "COMMIT", "SELECT a FROM t", "ROLLBACK", "DO 1",
    "BEGIN NOT ATOMIC DECLARE v INT; SELECT a INTO v FROM t LIMIT 1; COMMIT; END", "SET autocommit = 1", "CALL begins_and_commits()", "DO 1",
    "LOCK TABLES t READ", "SELECT a FROM t", "UNLOCK TABLES",
    "SET STATEMENT time_zone = '+03:00' FOR DO 1", "DO 1", "SET sort_buffer_size = 400000", "SET time_zone = '+04:00'",
]

SETUP = [
    b"DROP DATABASE IF EXISTS fixture", b"CREATE DATABASE fixture", b"USE fixture",
    b"CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(20))",
    b"CREATE TABLE serial (id INT AUTO_INCREMENT PRIMARY KEY, word TEXT)",
    b"INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')",
    b"CREATE PROCEDURE two_results() BEGIN SELECT a FROM t WHERE a < 3; SELECT 'second', CAST('abc' AS SIGNED); END",
    b"CREATE PROCEDURE no_result() SET @done = 1",
    b"CREATE PROCEDURE failing() BEGIN SELECT 1; SELECT * FROM nowhere; END",
    b"CREATE PROCEDURE with_out(OUT x INT) BEGIN SELECT 'row'; SET x = 7; END",
    b"CREATE PROCEDURE begins_and_commits() BEGIN START TRANSACTION; SELECT a FROM t; COMMIT; END",
    b"CREATE FUNCTION sets_variables() RETURNS INT READS SQL DATA BEGIN SET SESSION sort_buffer_size = 100000; "
    b"SET SESSION time_zone = '+05:00'; RETURN 1; END",
]


class Recorder:
    """Writes the fixtures of one server and one mode."""

    def __init__(self, path, directory, mode):
        self.path, self.mode = path, mode
        self.capabilities = BASE | MODES[mode]
        version = self.connect().version
        self.version = version
        self.directory = directory / ("mariadb-" + re.match(r"\d+\.\d+", version)[0])
        self.directory.mkdir(parents=True, exist_ok=True)

    def connect(self, more=0):
        return Connection(self.path, self.capabilities | more)

    def session(self, more=0):
        """A connection in the fixture's schema; one with SESSION_TRACK has all the tracking switched on."""
        connection = self.connect(more)
        connection.run(b"USE fixture")
        if self.capabilities & SESSION_TRACK:
            connection.run(TRACKING)
        return connection

    def save(self, name, command, packets, capabilities=None, note=None):
        capabilities = capabilities or self.capabilities
        lines = [f"# server: {self.version}", f"# command: {command}", f"# capabilities: {capabilities:#018x} ({self.mode})"]
        lines += [f"# note: {note}"] if note else []
        lines += [f"{seq:02x} {without_statement_id(payload).hex()}".rstrip() for seq, payload in packets]
        (self.directory / f"{name}.{self.mode}.txt").write_text("\n".join(lines) + "\n")

    def prepare_schema(self):
        connection = Connection(self.path, BASE)
        for statement in SETUP:
            connection.run(statement)

    def queries(self):
        for name, sql in QUERIES.items():
            self.prepare_schema()
            self.save(name, "COM_QUERY " + sql.decode(), self.session().query(sql))

    def transactions(self):
        self.prepare_schema()
        session = self.session()
        session.run(b"BEGIN")
        self.save("select_in_transaction", "COM_QUERY SELECT a FROM t WHERE a = 1, after BEGIN", session.query(b"SELECT a FROM t WHERE a = 1"))
        self.save("commit", "COM_QUERY COMMIT", session.query(b"COMMIT"))
        session.run(b"SET autocommit = 0")
        self.save("select_starts_transaction", "COM_QUERY SELECT a FROM t WHERE a = 1, first under autocommit = 0",
                  session.query(b"SELECT a FROM t WHERE a = 1"))
        self.save("select_second_in_transaction", "COM_QUERY SELECT a FROM t WHERE a = 2, second under autocommit = 0",
                  session.query(b"SELECT a FROM t WHERE a = 2"))
        session.run(b"ROLLBACK")
        self.save("select_without_table", "COM_QUERY SELECT 1, under autocommit = 0, after ROLLBACK", session.query(b"SELECT 1"))
        xa = self.session()
        xa.run(b"XA START 'x'")
        xa.run(b"INSERT INTO t VALUES (20, 'xa')")
        xa.run(b"XA END 'x'")
        self.save("xa_prepare", "COM_QUERY XA PREPARE 'x'", xa.query(b"XA PREPARE 'x'"))
        self.save("xa_prepare_then_select", "COM_QUERY SELECT 1, after XA PREPARE", xa.query(b"SELECT 1"))
        xa.run(b"XA ROLLBACK 'x'")

    def statements(self):
        self.prepare_schema()
        for name, sql in {
            "prepare": b"SELECT a, b FROM t WHERE a > ? AND b <> ?", "prepare_no_parameters": b"SELECT a FROM t",
            "prepare_no_columns": b"INSERT INTO t VALUES (?, ?)", "prepare_neither": b"DO 1", "prepare_error": b"SELECT FROM",
            "prepare_with_warning": b"SELECT CAST('abc' AS SIGNED)",
        }.items():
            self.save(name, "COM_STMT_PREPARE " + sql.decode(), self.session().ask(b"\x16" + sql))
        rows, none = b"SELECT a, b FROM t ORDER BY a", b"SELECT a, b FROM t WHERE a < 0"
        for name, sql in {"execute_rows": rows, "execute_no_rows": none, "execute_ok": b"INSERT INTO t VALUES (30, 'x')",
                          "execute_error": b"INSERT INTO t VALUES (1, 'x')", "execute_procedure": b"CALL two_results()",
                          "execute_warning": b"SELECT CAST('abc' AS SIGNED)", "execute_procedure_out": b"CALL with_out(?)"}.items():
            session = self.session()
            tail = b"\x01\x01\x06\x00" if b"?" in sql else b""  # one NULL parameter
            self.save(name, "COM_STMT_EXECUTE of " + sql.decode(), session.ask(execute(session.prepare(sql), 0, tail)))
        session = self.session()
        self.save("execute_unknown_id", "COM_STMT_EXECUTE of id 99", session.ask(execute(99)))
        self.save("execute_last_id_without_one", "COM_STMT_EXECUTE of id -1", self.session().ask(execute(0xFFFFFFFF)))
        self.cursors(rows, none)

    def cursors(self, rows, none):
        self.prepare_schema()
        session = self.session()
        statement = session.prepare(rows)
        fetch = lambda count: struct.pack("<BII", 0x1C, statement, count)
        self.save("cursor_open_rows", "COM_STMT_EXECUTE with a read-only cursor", session.ask(execute(statement, 1)))
        self.save("cursor_fetch_some", "COM_STMT_FETCH 2 of 3 rows", session.ask(fetch(2)))
        self.save("cursor_fetch_last", "COM_STMT_FETCH 2, one row left", session.ask(fetch(2)))
        self.save("cursor_fetch_closed", "COM_STMT_FETCH after the last row", session.ask(fetch(2)))
        self.save("stmt_reset", "COM_STMT_RESET", session.ask(struct.pack("<BI", 0x1A, statement)))
        session.ask(execute(statement, 1))
        self.save("cursor_fetch_exactly_all", "COM_STMT_FETCH 3 of 3 rows", session.ask(fetch(3)))
        self.save("cursor_fetch_beyond", "COM_STMT_FETCH 3 after those", session.ask(fetch(3)))
        statement = session.prepare(none)
        self.save("cursor_open_no_rows", "COM_STMT_EXECUTE with a read-only cursor, no rows", session.ask(execute(statement, 1)))
        self.save("cursor_fetch_no_rows", "COM_STMT_FETCH 3, no rows", session.ask(fetch(3)))
        statement = session.prepare(b"INSERT INTO t VALUES (50, 'x')")
        self.save("cursor_asked_for_insert", "COM_STMT_EXECUTE with a cursor of an INSERT", session.ask(execute(statement, 1)))

    def bulk(self):
        self.prepare_schema()
        session = self.session(BULK)
        statement = session.prepare(b"INSERT INTO serial (word) VALUES (?)")
        payload = struct.pack("<BIH", 0xFA, statement, 128) + b"\xfd\x00" + b"\x00\x01a\x00\x01b\x01"
        self.save("bulk_execute", "COM_STMT_BULK_EXECUTE of 3 rows", session.ask(payload), session.capabilities)

    def cached_metadata(self):
        self.prepare_schema()
        for name, sql, flags in [("rows", b"SELECT a, b FROM t ORDER BY a", 0), ("no_rows", b"SELECT a FROM t WHERE a < 0", 0),
                                 ("cursor", b"SELECT a, b FROM t ORDER BY a", 1)]:
            session = self.session(CACHE_METADATA)
            statement = session.prepare(sql)
            self.save(f"cached_metadata_first_{name}", "COM_STMT_EXECUTE, first, of " + sql.decode(),
                      session.ask(execute(statement, flags)), session.capabilities)
            self.save(f"cached_metadata_second_{name}", "COM_STMT_EXECUTE, second, of " + sql.decode(),
                      session.ask(execute(statement, flags)), session.capabilities)
            session.run(b"ALTER TABLE t MODIFY b VARCHAR(30)")
            self.save(f"cached_metadata_changed_{name}", "COM_STMT_EXECUTE after ALTER TABLE of " + sql.decode(),
                      session.ask(execute(statement, flags)), session.capabilities)
        session = self.session(CACHE_METADATA)
        self.save("cached_metadata_query", "COM_QUERY SELECT 1 with CACHE_METADATA", session.query(b"SELECT 1"), session.capabilities)

    def others(self):
        self.prepare_schema()
        for name, command, payload in [
            ("ping", "COM_PING", b"\x0e"), ("statistics", "COM_STATISTICS", b"\x09"), ("debug", "COM_DEBUG", b"\x0d"),
            ("field_list", "COM_FIELD_LIST t", b"\x04t\0"), ("field_list_error", "COM_FIELD_LIST nowhere", b"\x04nowhere\0"),
            ("set_option_on", "COM_SET_OPTION 0", b"\x1b\0\0"), ("set_option_off", "COM_SET_OPTION 1", b"\x1b\1\0"),
            ("set_option_unknown", "COM_SET_OPTION 7", b"\x1b\7\0"), ("process_info", "COM_PROCESS_INFO", b"\x0a"),
            ("init_db", "COM_INIT_DB mysql", b"\x02mysql"), ("init_db_unknown", "COM_INIT_DB nowhere", b"\x02nowhere"),
            ("reset_connection", "COM_RESET_CONNECTION", b"\x1f"), ("unknown_command", "command byte 0x40", b"\x40"),
            ("process_kill_unknown", "COM_PROCESS_KILL 4294967295", b"\x0c\xff\xff\xff\xff"), ("time", "COM_TIME", b"\x0f"),
            ("sleep", "COM_SLEEP", b"\x00"), ("create_db", "COM_CREATE_DB", b"\x05x"), ("refresh", "COM_REFRESH", b"\x07\x01"),
            ("delayed_insert", "COM_DELAYED_INSERT", b"\x10"), ("connect_out", "COM_CONNECT_OUT", b"\x14"), ("daemon", "COM_DAEMON", b"\x1d"),
            ("com_multi", "COM_MULTI", b"\xfe"), ("binlog_dump_gtid", "0x1e", b"\x1e"),
            ("empty_command", "an empty packet", b""),
        ]:
            session = self.session()
            if name.startswith("set_option") or name == "ping":
                session.run(b"BEGIN")
            self.save(name, command, session.ask(payload))
        session = self.connect()
        self.save("login", "HandshakeResponse", [session.login])
        session = self.connect()
        plugin = b"mysql_native_password\0"
        self.save("change_user", "COM_CHANGE_USER root, empty answer, mysql_native_password",
                  session.ask(b"\x11root\0\0\0" + b"\x2d\x00" + plugin))
        session = self.connect()
        self.save("change_user_other_plugin", "COM_CHANGE_USER root, empty answer, client_ed25519",
                  session.ask(b"\x11root\0\0\0" + b"\x2d\x00" + b"client_ed25519\0"))
        session = self.connect()
        session.write(b"\x03LOAD DATA LOCAL INFILE '/some/file' INTO TABLE fixture.t")
        request = session.packet()
        session.write(b"60\tsixty\n61\tsixty-one\n", 2)
        session.write(b"", 3)
        self.save("local_infile_done", "LOAD DATA LOCAL INFILE, the file sent in one packet", [request] + session.until_quiet())

    def extended_metadata(self):
        session = self.session(EXTENDED_METADATA)
        session.run(b"CREATE OR REPLACE TABLE x (j JSON, u UUID, p POINT)")
        self.save("extended_metadata", "COM_QUERY SELECT j, u, p FROM x", session.query(b"SELECT j, u, p FROM x"), session.capabilities)

    def tracking(self):
        """Whole sessions, one file each: settings, then command after command with its response."""
        directory = self.directory / "session_track"
        directory.mkdir(exist_ok=True)
        for name, settings in SETTINGS.items():
            self.prepare_schema()
            session = self.connect()
            session.run(b"USE fixture")
            names = ["system_variables", "schema", "state_change", "transaction_info"]
            session.run(("SET " + ", ".join(f"session_track_{n} = '{v}'" for n, v in zip(names, settings))).encode())
            lines = [f"# server: {self.version}", f"# settings: {'|'.join(settings)}"]
            for sql in TRACKED:
                lines.append(f"# command: COM_QUERY {sql}")
                lines += [f"{seq:02x} {payload.hex()}" for seq, payload in session.query(sql.encode())]
            (directory / f"{name}.{self.mode}.txt").write_text("\n".join(lines) + "\n")

    def progress(self):
        self.prepare_schema()
        session = self.session(PROGRESS)
        session.run(b"SET progress_report_time = 1")
        session.run(b"CREATE OR REPLACE TABLE big ENGINE=Aria SELECT seq, REPEAT(seq, 20) AS word FROM seq_1_to_1000000")
        packets = session.query(b"ALTER TABLE big ADD INDEX (word(30)), ADD INDEX (seq, word(20)), ALGORITHM=COPY", 8)
        self.save("progress", "COM_QUERY ALTER TABLE, progress_report_time = 1", packets, session.capabilities)


def main():
    path = sys.argv[1]
    directory = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "tests/fixtures")
    greeting = Connection(path, BASE)
    for mode in MODES:
        recorder = Recorder(path, directory, mode)
        for step in [recorder.queries, recorder.transactions, recorder.statements, recorder.bulk, recorder.cached_metadata,
                     recorder.others, recorder.extended_metadata]:
            step()
        if MODES[mode] & SESSION_TRACK:
            recorder.tracking()
    recorder.progress()
    recorder.save("greeting", "the server's first packet", [greeting.greeting])


if __name__ == "__main__":
    main()
