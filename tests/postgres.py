"""A PostgreSQL server for the tests of one file, started by tests/servers/postgres; skips where it cannot be."""
import atexit, os, shutil, subprocess, tempfile
from harness import ROOT, check, skip
from ports import free_port

SCRIPT = str(ROOT / "tests/servers/postgres")


class Server:
    def __init__(self):
        if not shutil.which("psql"):
            skip("psql is not installed (Debian: postgresql-client)")
        self.directory = tempfile.mkdtemp(prefix="sluice-pg-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.port = free_port()
        self.databases = 0
        atexit.register(self.remove)
        self.up()

    def up(self):
        done = subprocess.run([SCRIPT, "up", self.directory, str(self.port)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode == 77:
            skip(done.stdout.strip())
        check(done.returncode == 0, "PostgreSQL does not start: %s" % done.stdout)

    def down(self, how="fast"):
        subprocess.run([SCRIPT, "down", self.directory, how], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def remove(self):
        self.down("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def psql(self, database, sql):
        done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port),
                               "-U", "sluice", "-At", "-F", "\t", "-P", "null=\\N", "-d", database, "-c", sql],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        check(done.returncode == 0, "%s: %s" % (sql, done.stderr))
        return done.stdout


_server = None


def server():
    """The server of this test file."""
    global _server
    if not _server:
        _server = Server()
    return _server


class Database:
    """An empty database of the server."""

    def __init__(self):
        self.server = server()
        self.server.databases += 1
        self.name = "test%d" % self.server.databases
        self.server.psql("postgres", "CREATE DATABASE %s" % self.name)
        self.url = "postgresql://sluice@127.0.0.1:%d/%s" % (self.server.port, self.name)

    def run(self, sql):
        self.server.psql(self.name, sql)

    def text(self, sql):
        return self.server.psql(self.name, sql)

    def rows(self, sql):
        """Each value as JSON knows it."""
        import json
        found = self.text("SELECT coalesce(json_agg(json_build_array(%s)), '[]') FROM (%s) AS q" % (self.columns(sql), sql))
        return [tuple(row) for row in json.loads(found)]

    def columns(self, sql):
        described = subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "sluice", "-d", self.name,
                                    "-A", "-F", "\t", "-c", "SELECT * FROM (%s) AS q LIMIT 0" % sql],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        check(described.returncode == 0, "%s: %s" % (sql, described.stderr))
        return ", ".join('q."%s"' % name.replace('"', '""') for name in described.stdout.splitlines()[0].split("\t"))

    def types(self, table):
        return self.text("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '%s'::regclass"
                         " AND attnum > 0 ORDER BY attnum" % table).splitlines()
