#!/usr/bin/env python3
"""No link of another user of the machine is followed where something is written or made, also one that comes meanwhile."""
import contextlib, fcntl, pathlib, sqlite3
from others import *

HELD_RENAME = BUILD / "tests/held_rename.so"


def test_outputs_do_not_follow_links_of_others():
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    os.mkdir("private")
    as_other(lambda: os.symlink("../private", "shared/out"))
    write("job.lua", (JOB % "false").replace("out/n", "shared/out/n"))
    move_in("a", "x\n")
    done = sluice("run", "job.lua", "--once")
    check(done.returncode != 0 and "shared/out" in done.stderr, "exit status %d; %s" % (done.returncode, done.stderr))
    equal(os.listdir("private"), [], "what the link leads to")


def test_a_directory_that_became_a_link_of_another_user_is_not_written():
    """Between two batches of one run the directory, which the first batch made, is taken away and a link put there."""
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o777)
    os.mkdir("private")
    write("job.lua", (JOB % "false").replace("out/n", "shared/out/n"))
    with Running("job.lua") as run:
        move_in("a", "x\n")
        run.wait_until(lambda: list(pathlib.Path("shared/out").glob("n-*/_SUCCESS")), "the first batch")
        as_other(lambda: (os.rename("shared/out", "shared/taken"), os.symlink("../private", "shared/out")))
        move_in("b", "y\n")
        equal(run.end(), 2, "exit status")
    equal(os.listdir("private"), [], "what the link leads to")


def test_a_directory_that_becomes_a_link_within_a_batch_is_not_written():
    """After the output is revealed, before the link to the newest directory is made."""
    if SANITIZED:
        skip("a sanitizer is loaded first")
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o777)
    os.mkdir("private")
    write("job.lua", (JOB % "false").replace("out/n", "shared/out/n"))
    with Running("job.lua", prefix=("env", "LD_PRELOAD=%s" % HELD_RENAME, "SLUICE_TEST_HELD=n-")) as run:
        move_in("a", "x\n")
        run.wait_until(lambda: os.path.exists("held"), "the output to be revealed")
        as_other(lambda: (os.rename("shared/out", "shared/taken"), os.symlink("../private", "shared/out")))
        write("go", "")
        run.wait_until(lambda: os.path.islink("shared/taken/n"), "the link beside the output")
        move_in("b", "y\n")
        equal(run.end(), 2, "exit status")
    equal(os.listdir("private"), [], "what the link leads to")


def swapped_while_made(text, words):
    """While a directory of a path is made, the one in which it will be becomes a link."""
    if SANITIZED:
        skip("a sanitizer is loaded first")
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o777)
    os.mkdir("shared/between")
    os.mkdir("private")
    write("job.lua", text)
    move_in("a", "x\n")
    with Running("job.lua", prefix=("env", "LD_PRELOAD=%s" % HELD_RENAME, "SLUICE_TEST_HELD_MKDIR=made")) as run:
        run.wait_until(lambda: os.path.exists("held"), "a directory to be made")
        as_other(lambda: (os.rename("shared/between", "shared/taken"), os.symlink("../private", "shared/between")))
        write("go", "")
        run.wait_until(lambda: os.path.exists("shared/taken/made") or os.listdir("private"), "the directory")
        run.wait_until(lambda: run.process.poll() is not None or words in run.stderr(), "the refusal")
    equal(os.listdir("private"), [], "what the link leads to")


def test_no_directory_of_an_output_is_made_where_a_link_leads_that_comes_meanwhile():
    swapped_while_made((JOB % "false").replace("out/n", "shared/between/made/deeper/n"), "shared/between belongs to another user")


def test_no_directory_of_an_archive_is_made_where_a_link_leads_that_comes_meanwhile():
    swapped_while_made((JOB % "false").replace('"in")', '"in", { after = "shared/between/made/deeper" })'), "shared/between belongs to another user")


def test_no_mount_point_is_made_where_a_link_leads_that_comes_meanwhile():
    text = (JOB % "false").replace("checkpoint = false", 'checkpoint = false, mount = { dir = "shared/between/made/deeper", kind = "dir" }')
    swapped_while_made(text.replace('saveAsTextFiles("out/n")', 'mount("v")'), "shared/between belongs to another user")


def test_plain_files_of_views_are_not_written_through_links_of_others():
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o777)
    os.mkdir("private")
    text = (JOB % "false").replace("checkpoint = false", 'checkpoint = false, mount = { dir = "shared", kind = "dir" }')
    write("job.lua", text.replace('saveAsTextFiles("out/n")', 'mount("v")'))
    with Running("job.lua") as run:
        move_in("a", "x\n")
        run.wait_until(lambda: os.path.exists("shared/v/current"), "the first version")
        as_other(lambda: [(os.rename("shared/" + name, "shared/taken" + name), os.symlink("../private", "shared/" + name)) for name in (".sluice", "v")])
        move_in("b", "y\n")
        run.wait_until(lambda: os.listdir("private") or read("shared/takenv/current") == b"y\n", "the second version")
        run.stop()
    equal(os.listdir("private"), [], "what the links lead to")


def test_a_marker_of_plain_files_that_others_plant_is_no_leave_to_remove():
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    write("shared/mine", "mine\n", 0o600)
    as_other(lambda: write("shared/.sluice-plain", "mine/"))
    text = (JOB % "false").replace("checkpoint = false", 'checkpoint = false, mount = { dir = "shared", kind = "dir" }')
    write("job.lua", text.replace('saveAsTextFiles("out/n")', 'mount("v")'))
    move_in("a", "x\n")
    done = sluice("run", "job.lua", "--once")
    check(".sluice-plain belongs to another user" in done.stderr, "exit status %d; %s" % (done.returncode, done.stderr))
    equal(read("shared/mine"), b"mine\n", "the file that it names")


def test_an_archive_does_not_follow_what_others_plant():
    ready()
    shm = tempfile.mkdtemp(dir="/dev/shm") if os.path.isdir("/dev/shm") else skip("no other file system")
    try:
        if os.stat(shm).st_dev == os.stat(".").st_dev:
            skip("no other file system")
        os.chmod(shm, 0o777)
        write("victim", "root's own", 0o600)
        victim = str(pathlib.Path("victim").resolve())
        write("job.lua", (JOB % "false").replace('"in")', '"in", { after = "%s" })' % shm))
        move_in("a", "x\n")
        inode = os.stat("in/a").st_ino
        as_other(lambda: [os.symlink(victim, "%s/%s" % (shm, name)) for name in
                          (".sluice-%d" % inode, "..sluice-%d.sluice-tmp" % inode, "a")])
        sluice_ok("run", "job.lua", "--once")
        equal(read("victim"), b"root's own", "what the links lead to")
        equal(os.listdir("in"), [], "the input is archived")
        archived = [name for name in os.listdir(shm) if name.startswith("a.")]
        equal([read("%s/%s" % (shm, name)) for name in archived], [b"x\n"], "the archive")
    finally:
        shutil.rmtree(shm)


def test_an_archive_is_not_made_through_links_of_others():
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    os.mkdir("private")
    as_other(lambda: os.symlink("../private", "shared/link"))
    write("job.lua", (JOB % "false").replace('"in")', '"in", { after = "shared/link/arch" })'))
    move_in("a", "x\n")
    done = sluice("run", "job.lua", "--once")
    check("shared/link belongs to another user" in done.stderr, done.stderr)
    equal((os.listdir("private"), os.listdir("in")), ([], ["a"]), "what the link leads to, and the input")


def swapped_archive(archive, options=""):
    """The archive becomes a link while the first of two files is moved there."""
    if SANITIZED:
        skip("a sanitizer is loaded first")
    ready()
    os.mkdir("private")
    private, taken = str(pathlib.Path("private").resolve()), archive + ".taken"
    write("job.lua", (JOB % "false").replace('"in")', '"in", { after = "%s"%s })' % (archive, options)))
    os.makedirs("making")
    for name in ("a", "a.done", "b", "b.done"):
        if options or not name.endswith(".done"):
            write("making/" + name, name + "\n")
            os.rename("making/" + name, "in/" + name)
    with Running("job.lua", prefix=("env", "LD_PRELOAD=%s" % HELD_RENAME, "SLUICE_TEST_HELD=.sluice-")) as run:
        run.wait_until(lambda: os.path.exists("held"), "a file to be on its way to the archive")
        as_other(lambda: (os.rename(archive, taken), os.symlink(private, archive)))
        write("go", "")
        run.wait_until(lambda: not os.listdir("in"), "the files to be archived")
        run.wait_until(lambda: os.path.exists(taken + "/b"), "the last to have its name in the archive")
        run.stop()
    equal(os.listdir("private"), [], "what the link leads to")
    return {name: read("%s/%s" % (taken, name)) for name in os.listdir(taken)}


def test_an_archive_that_becomes_a_link_within_a_batch_is_not_written():
    os.mkdir("shared")
    os.chmod("shared", 0o777)
    equal(swapped_archive("shared/arch"), {"a": b"a\n", "b": b"b\n"}, "the archive")


def test_an_archive_elsewhere_that_becomes_a_link_within_a_batch_is_not_written():
    shm = tempfile.mkdtemp(dir="/dev/shm") if os.path.isdir("/dev/shm") else skip("no other file system")
    try:
        if os.stat(shm).st_dev == os.stat(".").st_dev:
            skip("no other file system")
        os.chmod(shm, 0o777)
        equal(swapped_archive(shm + "/arch", ', complete = "%.done"'),
              {name: name.encode() + b"\n" for name in ("a", "a.done", "b", "b.done")}, "the archive")
    finally:
        shutil.rmtree(shm)

# ---- what SQLite keeps, what is read through links, sockets ----


TABLE = '''local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "50ms", checkpoint = false }
ssc:textFileStream("in"):saveToTable("sqlite:%s", "t", { create = true, columns = { "v" } })
'''


def test_a_table_of_sqlite_is_not_kept_beside_a_journal_of_another_user():
    """A journal that names a second one makes SQLite remove that file, whatever it is."""
    ready()
    os.mkdir("private")
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    write("job.lua", TABLE % "shared/t.db")
    move_in("a", "x\n")
    for suffix in ("", "-journal", "-wal", "-shm"):
        as_other(lambda: write("shared/t.db" + suffix, "planted"))
        refused(["shared/t.db" + suffix, "uid %d" % OTHER], "--once")
        os.unlink("shared/t.db" + suffix)
    sluice_ok("run", "job.lua", "--once")
    as_other(lambda: os.symlink("../private", "shared/link"))
    write("job.lua", TABLE % "shared/link/t.db")
    refused(["shared/link"], "--once")
    equal(os.listdir("private"), [], "what the links lead to")
    os.mkdir("theirs")
    os.chown("theirs", OTHER, OTHER)
    write("job.lua", TABLE % "theirs/t.db")
    refused(["theirs", "keep a table there"], "--once")
    write("job.lua", TABLE % "private/t.db")
    sluice_ok("run", "job.lua", "--once")


def test_a_journal_that_another_user_puts_beside_a_table_meanwhile_is_not_followed():
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    write("job.lua", TABLE % "shared/t.db")
    with Running("job.lua") as run:
        move_in("a", "x\n")
        run.wait_until(lambda: os.path.exists("shared/t.db") and table_rows() == 1, "the first batch")
        as_other(lambda: write("shared/t.db-journal", "planted"))
        move_in("b", "y\n")
        run.wait_until(lambda: run.process.poll() is not None, "the refusal")
        check("uid %d" % OTHER in run.stderr(), "what is said: " + run.stderr())
    equal(pathlib.Path("shared/t.db-journal").read_text(), "planted", "the journal")


def table_rows():
    with contextlib.closing(sqlite3.connect("file:shared/t.db?mode=ro", uri=True)) as database:
        try:
            return database.execute("SELECT count(*) FROM t").fetchone()[0]
        except sqlite3.OperationalError:  # it is being made
            return 0


def test_tailed_files_are_not_what_links_of_others_lead_to():
    ready()
    write("secret", "root's own\n", 0o600)
    os.mkdir("logs")
    os.chmod("logs", 0o777)
    os.mkdir("own")
    write("own/mine", "mine\n")
    os.symlink("../own/mine", "logs/mine.log")
    write("job.lua", (JOB % "false").replace('textFileStream("in")', 'tailStream("logs/*.log")').replace("code ran", ""))
    as_other(lambda: (write("logs/theirs", "theirs\n"), os.symlink("theirs", "logs/theirs.log"), os.symlink("../secret", "logs/secret.log")))
    with Running("job.lua") as run:
        run.wait_until(lambda: "logs/secret.log" in run.stderr(), "the refusal")
        run.wait_until(lambda: len(tailed()) == 2, "two files")
        run.stop()
    equal(tailed(), ["mine", "theirs"], "what was read")


def tailed():
    return sorted(line for part in pathlib.Path("out").glob("n-*/part-*") for line in part.read_text().splitlines())


def test_watched_directories_are_not_what_links_of_others_lead_to():
    """Their files would be read, and with after = "delete" be deleted."""
    ready()
    os.mkdir("private")
    write("private/secret", "root's own\n")
    os.mkdir("shared")
    os.chmod("shared", 0o777)
    as_other(lambda: (os.symlink("../private", "shared/in"), os.mkdir("shared/theirs"), write("shared/theirs/a", "theirs\n"), os.symlink("theirs", "shared/link")))
    text = (JOB % "false").replace("code ran", "").replace('"in")', '"shared/%s", { after = "delete" })')
    write("job.lua", text % "in")
    refused(["watched directory shared/in", "another user"], "--once")
    write("job.lua", text.replace(', { after = "delete" }', "") % "*")
    done = sluice_ok("run", "job.lua", "--once")
    check("shared/in" in done.stderr, "what is said: " + done.stderr)
    equal(tailed(), ["theirs", "theirs"], "what was read")
    as_other(lambda: (os.unlink("shared/in"), write("shared/theirs/b", "b\n")))
    os.mkdir("shared/in")
    write("job.lua", text % "in")
    with Running("job.lua") as run:
        write("shared/in/c", "c\n")
        run.wait_until(lambda: "c" in tailed(), "a file of the directory")
        as_other(lambda: (os.rename("shared/in", "shared/taken"), os.symlink("../private", "shared/in")))
        run.wait_until(lambda: "a symbolic link of another user" in run.stderr(), "the refusal")
        run.stop()
    equal(os.listdir("private"), ["secret"], "what the link leads to")


def test_tables_are_not_what_links_of_others_lead_to():
    ready()
    write("secret.tsv", "k\troot's own\n", 0o600)
    os.mkdir("shared")
    os.chmod("shared", 0o777)
    as_other(lambda: (write("shared/theirs.tsv", "k\ttheirs\n"), os.symlink("theirs.tsv", "shared/link.tsv"), os.symlink("../secret.tsv", "shared/t.tsv")))
    text = (JOB % "false").replace(':saveAs', ':map(sluice.pair(1)):joinTable(ssc:table("shared/%s.tsv")):saveAs')
    move_in("a", "k\n")
    write("job.lua", text % "t")
    done = sluice("run", "job.lua", "--once")
    check(done.returncode != 0 and "another user" in done.stderr, "exit status %d; %s" % (done.returncode, done.stderr))
    write("job.lua", text % "link")
    sluice_ok("run", "job.lua", "--once")
    equal(tailed(), ["k\t1\ttheirs"], "the table of the other user")
    with contextlib.closing(sqlite3.connect("secret.db")) as database:
        database.executescript("CREATE TABLE t (k, v); INSERT INTO t VALUES ('k', 'root''s own')")
    as_other(lambda: os.symlink("../secret.db", "shared/t.db"))
    write("job.lua", text.replace('"shared/%s.tsv"', '"sqlite:shared/t.db", { query = "SELECT k, v FROM t" }'))
    done = sluice("run", "job.lua", "--once")
    check(done.returncode != 0 and "another user" in done.stderr, "exit status %d; %s" % (done.returncode, done.stderr))


def test_a_page_is_not_written_through_links_of_others():
    ready()
    write("job.lua", JOB % '"ck"')
    move_in("a", "x\n")
    sluice_ok("run", "job.lua", "--once")
    write("victim", "root's own", 0o600)
    os.mkdir("shared")
    os.chmod("shared", 0o777)
    as_other(lambda: (os.symlink("../victim", "shared/page.html"), os.symlink("..", "shared/up")))
    for path in ("shared/page.html", "shared/up/victim"):
        done = sluice("ui", "job.lua", "--once", path)
        check(done.returncode != 0 and "another user" in done.stderr, "exit status %d; %s" % (done.returncode, done.stderr))
    equal(read("victim"), b"root's own", "what the link leads to")


def test_nothing_is_looked_at_where_links_of_others_lead_before_a_run():
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    os.mkdir("private")
    write("private/n", "")
    as_other(lambda: os.symlink("../private", "shared/link"))
    write("job.lua", (JOB % "false").replace("code ran", "").replace("out/n", "shared/link/n"))
    refused(["the symbolic link", "shared/link belongs to another user"], "--once")


def test_a_first_job_is_not_written_through_links_of_others():
    need_root()
    os.mkdir("private")
    os.makedirs("shared/job")
    for path in ("shared", "shared/job"):
        os.chmod(path, 0o1777)
    as_other(lambda: (os.symlink("../private", "shared/link"), os.symlink("../../private", "shared/job/in")))
    for path, link in (("shared/link", "shared/link"), ("shared/link/made", "shared/link"), ("shared/job", "shared/job/in")):
        done = sluice("init", path)
        check(done.returncode == 2 and link + " belongs to another user" in done.stderr, "exit status %d; %s" % (done.returncode, done.stderr))
    equal((os.listdir("private"), os.listdir("shared/job")), ([], ["in"]), "what the links lead to, and what is beside one")
    os.symlink("private", "own")
    sluice_ok("init", "own")


def test_a_checkpoint_is_not_moved_through_links_of_others():
    ready()
    write("job.lua", (JOB % '"ck"').replace("code ran", ""))
    sluice_ok("run", "job.lua", "--once")
    os.mkdir("private")
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    as_other(lambda: (os.symlink("../private", "shared/link"), os.makedirs("shared/work/checkpoint"), write("shared/work/checkpoint/lock", "")))
    refused(["shared/link belongs to another user"], "--to-spark", "shared/link", command="move")
    refused(["shared/link belongs to another user"], "--to-spark", "shared/link/made", command="move")
    equal(os.listdir("private"), [], "what the link leads to")
    sluice_ok("move", "job.lua", "--to-spark", "work")
    refused(["shared/work/checkpoint belongs to another user"], "--from-spark", "shared/work", command="move")
    sluice_ok("move", "job.lua", "--from-spark", "work")


def test_nothing_is_removed_or_asked_for_where_links_of_others_lead():
    ready()
    write("job.lua", (JOB % '"shared/link"').replace("code ran", ""))
    move_in("a", "x\n")
    sluice_ok("run", "job.lua", "--once", "--checkpoint", "private")
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    as_other(lambda: os.symlink("../private", "shared/link"))
    refused(["shared/link belongs to another user"], "--yes", command="reset")
    write("private/moved", "moved to /elsewhere\n")
    refused(["shared/link belongs to another user"], "--yes", "--checkpoint", "shared/link/moved", command="reset")
    before = sorted(os.listdir("private"))
    with open("private/lock", "r+") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        for line in (["--forget", "in/a"], []):
            refused(["shared/link: a symbolic link on the way belongs to another user"], *line, command="replay")
    equal((sorted(os.listdir("private")), "moved" in before), (before, True), "what the link leads to")


def test_a_checkpoint_is_not_kept_through_links_of_others():
    """By a user who is not root, for whom directories on the way may be of others."""
    need_root()
    with tempfile.TemporaryDirectory(dir="/tmp") as place, contextlib.chdir(place):
        os.chmod(place, 0o1777)
        os.makedirs("in")
        write("job.lua", (JOB % "false").replace("code ran", "").replace(':saveAsTextFiles("out/n")', ":print()"))
        os.mkdir("private")
        os.chown("private", OTHER, OTHER)
        os.symlink("private", "theirs")
        os.lchown("theirs", OTHER + 1, OTHER + 1)
        for checkpoint in ("theirs", "theirs/deeper"):
            as_other(lambda: refused(["theirs belongs to another user"], "--once", "--checkpoint", checkpoint))
        equal(os.listdir("private"), [], "what the link leads to")
        move_in("a", "x\n")
        as_other(lambda: [refused(["theirs: a symbolic link on the way belongs to another user"], "in/a", "--checkpoint", "theirs", command=command) for command in ("why", "wait")])
        os.lchown("theirs", OTHER, OTHER)
        as_other(lambda: sluice_ok("run", "job.lua", "--once", "--checkpoint", "theirs"))


def test_results_of_tasks_are_not_kept_where_links_of_others_lead():
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    os.makedirs("private/exchange/precious")
    as_other(lambda: os.symlink("../private", "shared/link"))
    done = subprocess.run([SLUICE, "driver", "--workdir", "shared/link", "job.lua", "--", "--once"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check("shared/link belongs to another user" in done.stderr, "exit status %d; %s" % (done.returncode, done.stderr))
    check(os.path.isdir("private/exchange/precious"), "what the link leads to is left alone")


def test_results_of_tasks_are_not_kept_in_a_directory_that_others_make_meanwhile():
    if SANITIZED:
        skip("a sanitizer is loaded first")
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    hold = {"LD_PRELOAD": str(HELD_RENAME), "SLUICE_TEST_HELD_MKDIR": "exchange"}
    with subprocess.Popen([SLUICE, "driver", "--workdir", "shared", "job.lua", "--", "--once"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={**os.environ, **hold}) as driver:
        try:
            wait_until(lambda: os.path.exists("held"), "the directory to be made")
            as_other(lambda: (os.mkdir("shared/exchange"), os.chmod("shared/exchange", 0o777)))
            write("go", "")
            equal(driver.stdout.read(1), b"", "what it tells its peer")
            stderr = driver.stderr.read().decode()
        finally:
            driver.kill()
    check("shared/exchange belongs to another user" in stderr, stderr)


def test_a_socket_is_not_made_through_links_of_others():
    ready()
    os.mkdir("private")
    os.mkdir("shared")
    os.chmod("shared", 0o777)
    as_other(lambda: os.symlink("../private", "shared/link"))
    write("job.lua", (JOB % "false").replace('textFileStream("in")', 'socketTextStream("unix", "shared/link/s", { listen = true })'))
    with Running("job.lua") as run:
        run.wait_until(lambda: run.process.poll() is not None or "another user" in run.stderr() or os.listdir("private"), "the refusal")
        check("another user" in run.stderr(), run.stderr())
    equal(os.listdir("private"), [], "what the link leads to")


main(globals())
