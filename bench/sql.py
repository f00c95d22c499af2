"""SQL over a batch, and joins with a table beside the stream, beside DuckDB, Polars, ClickHouse and Spark SQL (tables.py).

Simple queries are executed by operators of sluice, the others by SQLite on one thread: `sluice check` says which. These are
compared with SQLite alone, its tables filled by a program in C (sqlite_query.c).
"""
from tables import FURTHER, PEERS, TYPED, Table, name_missing, one_table

SQL = TYPED + ':sql("%s")'
TABLE = 'sluice.table("users/users0000", { format = "csv", header = true, key = "user" })'


AHEAD = dict.fromkeys((*PEERS, *FURTHER), 1)  # of all, what our operators do


def query(text, polars, peers=(), limits=AHEAD):
    return Table(SQL % (text % "this"), text % "s", polars, options=', functionTimeout = "10m"', peers=(*FURTHER, *peers), limits=limits)


def by_sqlite(text, polars):
    return query(text, polars, peers=("sqlite3",), limits={"sqlite3": 1.3})


QUERIES = {
    "sql, sum by 400 k keys": query(
        "select user, sum(amount) from %s group by user", "s.group_by('user').agg(pl.col('amount').sum())"),
    "sql, five aggregates by 100 keys": query(
        "select kind, count(*), sum(amount), avg(amount), min(id), max(id) from %s group by kind",
        "s.group_by('kind').agg(pl.len(), pl.col('amount').sum().alias('t'), pl.col('amount').mean().alias('m'), "
        "pl.col('id').min().alias('a'), pl.col('id').max().alias('b'))"),
    "sql, filter": query(
        "select user, id from %s where kind = 'k17'", "s.filter(pl.col('kind') == 'k17').select('user', 'id')"),
    "sql, 20 largest groups": query(
        "select user, sum(amount) as t from %s group by user order by t desc, user limit 20",
        "s.group_by('user').agg(pl.col('amount').sum().alias('t')).sort(['t', 'user'], descending=[True, False]).head(20)"),
    "sql, groups of more than 15": query(
        "select user, count(*) as n from %s group by user having n > 15",
        "s.group_by('user').agg(pl.len().alias('n')).filter(pl.col('n') > 15)"),
    "sql by SQLite, kinds of a user": by_sqlite(
        "select user, count(distinct kind) from %s group by user", "s.group_by('user').agg(pl.col('kind').n_unique())"),
    "sql by SQLite, an expression": by_sqlite(
        "select kind, sum(amount * 2 + id) from %s where user like 'u1%%' group by kind",
        "s.filter(pl.col('user').str.starts_with('u1')).group_by('kind').agg((pl.col('amount') * 2 + pl.col('id')).sum())"),
    "joinTable of 400 k keys": Table(
        TYPED + ":select(1, 3):joinTable(%s)" % TABLE, "select s.user, amount, name from s join u on s.user = u.user",
        "s.join(u, on='user').select('user', 'amount', 'name')", peers=tuple(FURTHER), limits={"duckdb": 1}),
}


def sql(bench):
    """seven queries over 4 M rows of csv (107 MB), and their join with a table of 400 k keys; peers as in tables, and Spark SQL"""
    name_missing("sql", [*PEERS, *FURTHER])
    return [one for name, table in QUERIES.items() for one in one_table(bench, name, table)]
