"""PyMySQL through the proxy, as OpenStack's services use it.  Arguments: port, user, password, unix socket, CA file."""

import sys

import pymysql
from pymysql.constants import CLIENT

port, user, password, socket, ca = sys.argv[1:]
account = {"user": user, "password": password}
tcp = {"host": "localhost", "port": int(port), **account}


def work(connection):
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS pymysql")
        connection.select_db("pymysql")
        cursor.execute("SET NAMES utf8")
        cursor.execute("SET AUTOCOMMIT = 0")
        cursor.execute("SET SESSION sql_mode = 'TRADITIONAL'")
        connection.ping(reconnect=False)
        cursor.execute("SELECT 'é☃', %s", ("ü",))
        assert cursor.fetchall() == (("é☃", "ü"),)
        cursor.execute("CREATE TEMPORARY TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(20))")
        cursor.executemany("INSERT INTO t (word) VALUES (%s)", [("a",), ("b",), ("c",)])
        assert cursor.rowcount == 3
        cursor.execute("INSERT INTO t (word) VALUES ('d') RETURNING id")
        assert cursor.fetchone() == (4,)
        cursor.execute("UPDATE t SET word = 'a' WHERE id = 1")
        cursor.execute("SELECT COUNT(*) FROM t")
        assert cursor.fetchone() == (4,)
        try:
            cursor.execute("INSERT INTO t VALUES (1, 'again')")
            raise AssertionError("a duplicate was taken")
        except pymysql.err.IntegrityError as error:
            assert error.args[0] == 1062
        connection.rollback()
        connection.rollback()
        cursor.execute("SELECT seq FROM mysql.seq_1_to_100000")
        assert sum(row[0] for row in cursor.fetchall()) == 5000050000
    with connection.cursor(pymysql.cursors.SSCursor) as cursor:
        cursor.execute("SELECT REPEAT('x', 1000) FROM mysql.seq_1_to_5000")
        assert sum(1 for _ in cursor) == 5000
    assert connection.thread_id() > 0
    connection.close()


def encrypted(connection):
    return hasattr(connection._sock, "cipher")


work(pymysql.connect(unix_socket=socket, **account))
plain = pymysql.connect(ssl_disabled=True, **tcp)
assert not encrypted(plain)
work(plain)
verified = pymysql.connect(ssl={"ca": ca}, **tcp)
assert encrypted(verified)
work(verified)
# Newer versions upgrade by themselves when the server offers TLS, without verifying; older ones stay in plaintext.
work(pymysql.connect(**tcp))
# oslo.db asks for found rows, and for several statements at once.
several = pymysql.connect(client_flag=CLIENT.FOUND_ROWS | CLIENT.MULTI_STATEMENTS, **tcp)
with several.cursor() as cursor:
    cursor.execute("SELECT 1; SELECT 2")
    assert cursor.fetchall() == ((1,),) and cursor.nextset() and cursor.fetchall() == ((2,),)
work(several)
try:
    pymysql.connect(**{**tcp, "password": "wrong"})
    raise AssertionError("any password will do")
except pymysql.err.OperationalError as error:
    assert error.args[0] == 1045, error
print("PyMySQL", pymysql.__version__, "works")
