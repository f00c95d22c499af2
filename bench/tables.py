"""Common jobs over tables beside DuckDB, Polars and ClickHouse (chdb): csv and JSON lines, grouped, joined and sorted.

Every program reads the same files with all cores and writes the whole result as text, a process each, by turns. What the
peers wrote is compared with what sluice wrote, once, without regard to the order of rows, floats to nine digits. sluice
sorts what it groups and joins, and commits durably; the peers need do neither.
"""
import concurrent.futures, importlib.util, os, shutil, sys
from measure import Wrong, figure, job, median

TYPED = ('ssc:fileStream("in", { format = "csv", header = true, schema = { { "user", "string" }, { "kind", "string" },\n'
         '    { "amount", "int" }, { "id", "int" } } })')
ORDERS = ('ssc:fileStream("in", { format = "csv", header = true, schema = { { "id", "int" }, { "user", "string" },\n'
          '    { "kind", "string" }, { "price", "double" }, { "paid", "boolean" }, { "at", "timestamp" } } })')
TEXTS = 'ssc:fileStream("in", { format = "csv", header = true, columns = { %s } })'
JSON = 'ssc:textFileStream("in"):map(sluice.json(%s))'
USERS = 'ssc:fileStream("users", { format = "csv", header = true, columns = { "user", "name" } })'
SORT_BY = ":sortBy(function(user, kind, amount, id) return amount end)"


class Table:
    """A job: for sluice, as SQL over the tables s and u, and in Polars' words over the frames s and u."""

    def __init__(self, text, sql, polars, kind="csv", must=None, must_mb=None, options="", peers=(), limits={}):
        self.text, self.sql, self.polars, self.kind, self.must, self.must_mb = text, sql, polars, kind, must, must_mb
        self.options, self.peers, self.limits = options, peers, limits  # further peers; of peers the most that is allowed


AS_FAST = {"duckdb": 1, "polars": 1}
TABLES = {
    "csv, sum by 400 k keys": Table(
        TYPED + ":select(1, 3):reduceByKey(sluice.sum)", "select user, sum(amount) from s group by user",
        "s.group_by('user').agg(pl.col('amount').sum())", must=0.39),
    "csv, mean by 100 keys": Table(
        TYPED + ":select(2, 3):reduceByKey(sluice.mean)", "select kind, avg(amount) from s group by kind",
        "s.group_by('kind').agg(pl.col('amount').mean())"),
    "csv, filter": Table(
        TEXTS % '"user", "kind", "amount", "id"' + ':filter(sluice.eq(2, "k17"))', "select * from s where kind = 'k17'",
        "s.filter(pl.col('kind') == 'k17')"),
    "csv with types, filter": Table(
        TYPED + ':filter(sluice.eq(2, "k17"))', "select * from s where kind = 'k17'", "s.filter(pl.col('kind') == 'k17')",
        limits=AS_FAST),
    "csv of six columns with types, mean by 100 keys": Table(
        ORDERS + ":select(3, 4):reduceByKey(sluice.mean)", "select kind, avg(price) from s group by kind",
        "s.group_by('kind').agg(pl.col('price').mean())", "orders", limits=AS_FAST),
    "csv of six columns with types, sum by 400 k keys": Table(
        ORDERS + ":select(2, 4):reduceByKey(sluice.sum)", "select user, sum(price) from s group by user",
        "s.group_by('user').agg(pl.col('price').sum())", "orders", limits=AS_FAST),
    "csv of six columns with types, filter": Table(
        ORDERS + ":filter(sluice.gt(4, 24000)):select(1, 2, 4)", "select id, user, price from s where price > 24000",
        "s.filter(pl.col('price') > 24000).select('id', 'user', 'price')", "orders", limits=AS_FAST),
    "csv of six columns with types, join 400 k, sum by name": Table(
        ORDERS + ":select(2, 4):join(%s):map(sluice.select(3, 2)):reduceByKey(sluice.sum)" % USERS,
        "select name, sum(price) from s join u on s.user = u.user group by name",
        "s.join(u, on='user').group_by('name').agg(pl.col('price').sum())", "orders", limits=AS_FAST),
    "csv, distinct": Table(
        TEXTS % '"user"' + ":distinct()", "select distinct user from s", "s.select('user').unique()", must=0.42),
    "csv, join 400 k, sum by name": Table(
        TYPED + ":select(1, 3):join(%s):map(sluice.select(3, 2)):reduceByKey(sluice.sum)" % USERS,
        "select name, sum(amount) from s join u on s.user = u.user group by name",
        "s.join(u, on='user').group_by('name').agg(pl.col('amount').sum())", must=0.7),
    "csv, sort by key": Table(
        TEXTS % '"user", "id"' + ":sortByKey()", "select user, id from s order by user",
        "s.select('user', 'id').sort('user', maintain_order=True)", must=0.9),
    "csv, sortBy a Lua function": Table(
        TYPED + SORT_BY, "select * from s order by amount", "s.sort('amount', maintain_order=True)", must=1.5, must_mb=500),
    "csv, sortBy and take 20": Table(
        TYPED + ":select(4, 1):sortByKey():take(20)", "select id, user from s order by id, user limit 20",
        "s.select('id', 'user').sort('id', 'user').head(20)"),
    "jsonl, mean by 100 keys": Table(
        JSON % '"kind", "amount"' + ":reduceByKey(sluice.mean)", "select kind, avg(amount) from s group by kind",
        "s.group_by('kind').agg(pl.col('amount').mean())", "jsonl", must=0.4),
    "jsonl, count by 400 k keys": Table(
        JSON % '"user"' + ":countByValue()", "select user, count(*) from s group by user",
        "s.group_by('user').len()", "jsonl", must=0.55),
}

DUCKDB = """import duckdb
c = duckdb.connect()
c.execute("set threads=%(threads)s")
c.execute("set preserve_insertion_order=false")
c.execute("create view s as select * from %(duckdb_s)s")
c.execute("create view u as select * from read_csv('%(users)s/*', header=true)")
c.execute(\"\"\"copy (%(sql)s) to '%(out)s' (delimiter '\\t', header false)\"\"\")
"""
POLARS = """import polars as pl
s, u = pl.%(polars_s)s, pl.scan_csv('%(users)s/*')
(%(polars)s).collect(engine='streaming').write_csv('%(out)s', separator='\\t', include_header=False)
"""
CHDB = """import chdb
s, u = "file('%(sales)s/*', '%(chdb_format)s', '%(chdb_columns)s')", "file('%(users)s/*', 'CSVWithNames', 'user String, name String')"
chdb.query("with s as (select * from " + s + "), u as (select * from " + u + ") %(sql)s into outfile '%(out)s' truncate format TSV settings max_threads=%(threads)s")
"""
# At its end it waits for the JVM, whose time and memory are its own then.
SPARK = """import os, shutil, sys
os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP='127.0.0.1', SPARK_LOCAL_DIRS='%(out)s-local')
from pyspark.sql import SparkSession
spark = SparkSession.builder.master('local[%(threads)s]').config('spark.ui.enabled', 'false').config('spark.log.level', 'OFF').getOrCreate()
spark.read.%(spark_s)s.createOrReplaceTempView('s')
spark.read.csv('%(users)s', header=True, schema='user string, name string').createOrReplaceTempView('u')
spark.sql(\"\"\"%(sql)s\"\"\").write.csv('%(out)s', sep='\\t')
gateway = spark.sparkContext._gateway
spark.stop()
gateway.shutdown()
gateway.proc.stdin.close()
gateway.proc.wait()
shutil.rmtree('%(out)s-local', ignore_errors=True)
"""
PEERS = {"duckdb": DUCKDB, "polars": POLARS, "chdb": CHDB}
FURTHER = {"pyspark": SPARK}  # where a table names them
SALES = {"chdb_columns": "user String, kind String, amount Int64, id Int64"}
READERS = {
    "csv": {"duckdb_s": "read_csv('%s/*', header=true)", "polars_s": "scan_csv('%s/*')", "chdb_format": "CSVWithNames",
            "spark_s": "csv('%s', header=True, schema='user string, kind string, amount bigint, id bigint')", **SALES},
    "orders": {"duckdb_s": "read_csv('%s/*', header=true, columns={'id': 'BIGINT', 'user': 'VARCHAR', 'kind': 'VARCHAR', "
                           "'price': 'DOUBLE', 'paid': 'BOOLEAN', 'at': 'TIMESTAMP'})",
               "polars_s": "scan_csv('%s/*', schema={'id': pl.Int64, 'user': pl.String, 'kind': pl.String, 'price': pl.Float64, "
                           "'paid': pl.Boolean, 'at': pl.Datetime})",
               "chdb_format": "CSVWithNames",
               "chdb_columns": "id Int64, user String, kind String, price Float64, paid Bool, at DateTime",
               "spark_s": "csv('%s', header=True, schema='id bigint, user string, kind string, price double, paid boolean, at timestamp')"},
    "jsonl": {"duckdb_s": "read_json('%s/*', format='newline_delimited', columns={user: 'VARCHAR', kind: 'VARCHAR', "
                          "amount: 'BIGINT', id: 'BIGINT'})",
              "polars_s": "scan_ndjson('%s/*')", "chdb_format": "JSONEachRow",
              "spark_s": "json('%s', schema='user string, kind string, amount bigint, id bigint')", **SALES},
}


# ---- inputs and runs ----

def inputs_of(bench, kind, times=1):
    """The directory of the sales, 4 M rows of csv or 2 M JSON lines in eight files, and that of the users."""
    rows = bench.size(250000 if kind == "jsonl" else 500000, 5000) * times
    return bench.make_input(kind, rows, 8), bench.make_input("users", 400000, 1)


def run_sluice(bench, table, sales, users, options="", workers=None):
    bench.fresh(job(table.text + ':saveAsTextFiles("out/r")\n', 'interval = "1s"' + options), sorted(sales.iterdir()))
    os.mkdir(bench.work / "users")
    for path in users.iterdir():
        os.link(path, bench.work / "users" / path.name)
    return bench.run("--once", workers=workers)


def run_peer(bench, name, table, sales, users):
    values = {"threads": bench.workers, "users": users, "sales": sales, "sql": table.sql, "polars": table.polars,
              "out": bench.root / ("peer-%s-%d" % (name, os.getpid()))}
    for reader, text in READERS[table.kind].items():
        values[reader] = text % sales if "%s" in text else text
    if name == "sqlite3":
        return run_sqlite(bench, table, sales, users, values["out"]), values["out"]
    return bench.timed([sys.executable, "-c", {**PEERS, **FURTHER}[name] % values]), values["out"]


def run_sqlite(bench, table, sales, users, out):
    """The library alone, its tables filled by a few lines of C."""
    paths = [*map(str, sorted(sales.iterdir())), "--", *map(str, sorted(users.iterdir()))]
    return bench.timed(["sh", "-c", 'out=$1; shift; exec "$@" > "$out"', "sh", str(out), bench.helper("sqlite_query"), table.sql, *paths])


def why_without(peer):
    """Why a program is not compared with; None: it is."""
    if peer != "sqlite3" and not importlib.util.find_spec(peer):
        return "this Python (%s) cannot import it" % sys.executable
    return "there is no java" if peer == "pyspark" and not shutil.which("java") else None


def available(table):
    return [name for name in [*PEERS, *table.peers] if not why_without(name)]


def name_missing(case, peers):
    for peer in peers:
        if why_without(peer):
            print("%-14s without %s: %s" % (case, peer, why_without(peer)), flush=True)


def remove(path):
    shutil.rmtree(path) if path.is_dir() else os.unlink(path)


# ---- comparing results ----

def normal(line):
    """A row with floats to nine digits: programs differ in the last ones."""
    fields = line.rstrip("\n").split("\t")
    return tuple("%.9g" % float(field) if "." in field and field[0].isdigit() else field for field in fields)


def lines_of(paths):
    paths = [part for path in paths for part in (path.glob("part-*") if path.is_dir() else [path])]
    return sorted(line for path in paths for line in path.read_bytes().splitlines())


def must_agree(name, peer, ours, path):
    """Means that are whole numbers have a point here and none with some peers, so what differs as text is compared as numbers."""
    ours, theirs = lines_of(ours), lines_of([path])
    if ours == theirs:
        return
    if len(ours) != len(theirs):
        raise Wrong("%s: sluice has %d rows, %s %d" % (name, len(ours), peer, len(theirs)))
    for a, b in zip(sorted(normal(line.decode()) for line in ours), sorted(normal(line.decode()) for line in theirs)):
        if a != b and (a[:-1] != b[:-1] or float(a[-1]) != float(b[-1])):
            raise Wrong("%s: sluice has the row %s, %s has %s" % (name, a, peer, b))


def compare(bench, name, peer, path):
    """In a process of its own: what is started from a large process counts its memory as its own peak."""
    ours = sorted(bench.outputs()[-1].glob("part-*"))
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        pool.submit(must_agree, name, peer, ours, path).result()


# ---- cases ----

def one_table(bench, name, table):
    sales, users = inputs_of(bench, table.kind)
    ours, theirs = [], {peer: [] for peer in available(table)}
    for turn in range(min(bench.runs, 3)):
        ours.append(run_sluice(bench, table, sales, users, table.options))
        for peer, times in theirs.items():
            taken, path = run_peer(bench, peer, table, sales, users)
            times.append(taken)
            if turn == 0:
                compare(bench, name, peer, path)
            remove(path)
    figures = [figure(name + ": wall", median([t.wall for t in ours]), "s", table.must),
               figure(name + ": CPU", median([t.cpu for t in ours]), "s"),
               figure(name + ": peak memory", max(t.peak_mb for t in ours), "MB", table.must_mb)]
    for peer, times in theirs.items():
        figures += [figure("%s: of %s, wall" % (name, peer), median([a.wall / b.wall for a, b in zip(ours, times)]), "times", table.limits.get(peer)),
                    figure("%s: of %s, CPU" % (name, peer), median([a.cpu / b.cpu for a, b in zip(ours, times)]), "times"),
                    figure("%s: of %s, peak memory" % (name, peer), median([a.peak_mb / b.peak_mb for a, b in zip(ours, times)]),
                           "times")]
    return figures


def tables(bench):
    """4 M rows of csv (107 MB; 217 MB in six columns of types) and 2 M JSON lines (240 MB), 400 k keys, whole processes; where Python can import them beside DuckDB, Polars and ClickHouse, whose results are compared"""
    name_missing("tables", PEERS)
    return [one for name, table in TABLES.items() for one in one_table(bench, name, table)]
