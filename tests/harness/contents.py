"""What a whole cluster holds: every table of every database, as a number of rows and a digest that the server makes."""

from harness.cluster import quoted

# An unlogged table is empty in a copy. Of the catalogs, those that only hold what somebody put there.
TABLES = r"""
SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'r' AND relpersistence = 'p'
  AND (nspname = 'public' OR relname IN ('pg_largeobject', 'pg_description'))
"""


def contents(cluster):
    """{(database, table): (rows, digest)}, and the transactions that are prepared."""
    held = {"prepared": cluster.sql("SELECT gid, database FROM pg_prepared_xacts ORDER BY 1")}
    # Nobody may be connected to a template that is copied.
    for (database,) in cluster.sql("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"):
        with cluster.session(database=database) as cursor:
            cursor.execute(TABLES)
            one = "SELECT {}, count(*), sum(hash_record_extended(t, 0)) FROM {} t"
            cursor.execute(" UNION ALL ".join(one.format(quoted(name), name) for (name,) in cursor.fetchall()))
            held.update({(database, name): numbers for name, *numbers in cursor.fetchall()})
    return held
