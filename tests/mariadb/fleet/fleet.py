"""Clients of one library, one after the other.  Arguments: port, CA file.  Input: a JSON list of clients.

Output: for each, null when it logged in and ran a statement, else the number of the error."""

import json
import sys

import pymysql

port, ca = int(sys.argv[1]), sys.argv[2]


def options(client):
    if not client["tls"]:
        tls = {"ssl_disabled": True}
    else:
        tls = {"ssl": {"ca": ca}}
    about = {"user": client["account"], "password": client["password"], "program_name": client["program"]}
    return {"host": "localhost", "port": port, **about, **tls}


def with_pymysql(client):
    connection = pymysql.connect(**options(client))
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    connection.close()


def with_sqlalchemy(client):
    import sqlalchemy

    engine = sqlalchemy.create_engine("mysql+pymysql://", connect_args=options(client))
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
    engine.dispose()


def outcome(client):
    try:
        (with_sqlalchemy if client["kind"] == "sqlalchemy" else with_pymysql)(client)
    except Exception as error:
        return (getattr(error, "orig", None) or error).args[0]
    return None


print(json.dumps([outcome(client) for client in json.load(sys.stdin)]))
