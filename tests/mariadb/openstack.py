"""A service of OpenStack, as far as its database sees it: oslo.db, SQLAlchemy and PyMySQL.

Arguments: port, user, password, schema, number of workers, and a CA file for verified TLS.  Prints what it found, which is
the same for everyone.
"""

import sys
import threading

import sqlalchemy as sa
from oslo_db import exception
from oslo_db.sqlalchemy import enginefacade, models
from sqlalchemy import orm

port, user, password, schema, workers, *ca = sys.argv[1:]
TLS = f"ssl_ca={ca[0]}" if ca else "ssl_disabled=true"
URL = f"mysql+pymysql://{user}:{password}@localhost:{port}/{schema}?charset=utf8&{TLS}"
Base = orm.declarative_base(cls=models.ModelBase)


class Instance(Base):
    __tablename__ = "instances"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(60), nullable=False, unique=True)
    generation = sa.Column(sa.Integer, nullable=False, default=0)


def facade():
    context = enginefacade.transaction_context()
    context.configure(connection=URL, max_pool_size=1, max_overflow=0, connection_recycle_time=10)
    return context


@enginefacade.transaction_context_provider
class Context:
    pass


def read(context):
    """One unit: a ping when the connection is taken, three statements, and two rollbacks."""
    with context.reader.using(Context()) as session:
        found = session.query(Instance).order_by(Instance.id).limit(2).all()
        names = [instance.name for instance in found]
        count = session.query(Instance).filter(Instance.id <= 2).count()
        mode = session.execute(sa.text("SELECT @@sql_mode LIKE '%TRADITIONAL%', @@autocommit")).one()
    return names, count, tuple(mode)


def write(context, worker):
    """Rows of its own, an optimistic lock, and a duplicate that the library is to understand."""
    with context.writer.using(Context()) as session:
        session.add(Instance(name=f"worker {worker}"))
    with context.writer.using(Context()) as session:
        mine = session.query(Instance).filter_by(name=f"worker {worker}")
        taken = [mine.filter_by(generation=now).update({"generation": 1}) for now in (0, 0)]
    try:
        with context.writer.using(Context()) as session:
            session.add(Instance(name="first"))
        raise AssertionError("a duplicate was taken")
    except exception.DBDuplicateEntry as error:
        return taken, error.columns


def work(worker, told):
    context = facade()
    told[worker] = [read(context) for _ in range(3)] + [write(context, worker)]
    engine = context.writer.get_engine()
    with engine.connect() as connection:
        assert hasattr(connection.connection.dbapi_connection._sock, "cipher") == bool(ca)
    engine.dispose()


def prepare():
    context = facade()
    engine = context.writer.get_engine()
    Base.metadata.create_all(engine)
    with context.writer.using(Context()) as session:
        session.add_all([Instance(name="first"), Instance(name="second")])
    engine.dispose()


prepare()
told = {}
threads = [threading.Thread(target=work, args=(worker, told)) for worker in range(int(workers))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for worker in sorted(told):
    print(worker, told[worker])
