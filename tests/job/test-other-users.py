#!/usr/bin/env python3
"""Other users of the machine are not trusted: what they own or may write is neither run nor kept in."""
import pathlib, stat
from others import *


def test_a_job_that_is_roots_runs():
    ready()
    sluice_ok("run", "job.lua", "--once")


def test_a_job_of_another_user_is_refused():
    ready()
    os.chown("job.lua", OTHER, OTHER)
    for command in ("run", "check", "graph"):
        refused(["job.lua", "uid %d" % OTHER, "chown"], command=command)


def test_a_job_that_others_may_write_is_refused():
    ready()
    os.chmod("job.lua", 0o666)
    refused(["job.lua", "chmod go-w"])
    os.chmod("job.lua", 0o664)
    os.chown("job.lua", 0, OTHER)
    refused(["job.lua", "chmod go-w"])
    os.chown("job.lua", 0, 0)
    os.chmod("job.lua", 0o644)
    acl("job.lua", OTHER)
    refused(["job.lua", "setfacl"])
    acl("job.lua", 0)
    sluice_ok("run", "job.lua", "--once")


def test_directories_on_the_way_are_looked_at():
    ready()
    os.makedirs("a/b")
    write("a/b/job.lua", JOB % "false")
    os.makedirs("a/b/in")
    sluice_ok("run", "a/b/job.lua", "--once")
    for mode, owner in ((0o777, 0), (0o775, 0), (0o755, OTHER)):
        os.chmod("a", mode)
        os.chown("a", owner, OTHER)
        refused(["/a "], job_path="a/b/job.lua")
        refused(["/a "], job_path=str(pathlib.Path("a/b/job.lua").resolve()))
        refused(["/a "], job_path="a/b/../b/job.lua")
    os.chown("a", 0, 0)
    os.chmod("a", 0o1777)
    sluice_ok("run", "a/b/job.lua", "--once")


def test_links_of_others_are_refused():
    ready()
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    as_other(lambda: os.symlink("../job.lua", "shared/link.lua"))
    refused(["shared/link.lua"], job_path="shared/link.lua")
    os.symlink("../job.lua", "shared/own.lua")
    os.makedirs("shared/in")
    sluice_ok("run", "shared/own.lua", "--once")


def test_modules_are_looked_at():
    ready()
    for code, path in (('require "mod"', "mod.lua"), ('require "package.mod"', "package/mod.lua"), ('dofile("mod.lua")', "mod.lua"),
                       ('loadfile("mod.lua")()', "mod.lua"), ('require "mod"', "mod/init.lua")):
        for name in ("mod.lua", "mod", "package"):
            shutil.rmtree(name, ignore_errors=True)
            pathlib.Path(name).unlink(missing_ok=True) if not os.path.isdir(name) else None
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        write("job.lua", code + "\n" + JOB % "false")
        write(path, 'io.stderr:write("code ran in the module\\n") return {}')
        sluice_ok("run", "job.lua", "--once")
        os.chmod(path, 0o666)
        refused([path, "chmod go-w"])
        os.chmod(path, 0o644)
        os.chown(path, OTHER, OTHER)
        refused([path, "uid"])
    write("test.lua", 'io.stderr:write("code ran")', 0o666)
    refused(["test.lua"], job_path="test.lua", command="test")


def test_modules_are_not_looked_for_in_the_working_directory():
    os.makedirs("job")
    os.makedirs("elsewhere")
    pathlib.Path("job/job.lua").write_text('require "mine"\n' + (JOB % "false").replace('"in"', '"../in"').replace("code ran", "").replace(
        "local ssc", 'for _, name in ipairs { "planted", "nested" } do assert(not pcall(require, name)) end\nlocal ssc'))
    pathlib.Path("job/mine.lua").write_text("")
    pathlib.Path("elsewhere/planted.lua").write_text('io.stderr:write("code ran\\n")')
    os.makedirs("elsewhere/nested")
    pathlib.Path("elsewhere/nested/init.lua").write_text('io.stderr:write("code ran\\n")')
    os.makedirs("in")
    os.chdir("elsewhere")
    done = sluice("run", "../job/job.lua", "--once")
    equal(done.returncode, 0, done.stderr)
    check("code ran" not in done.stderr, done.stderr)


# ---- the checkpoint ----

def checkpointed():
    need_root()
    os.makedirs("in", exist_ok=True)
    write("job.lua", JOB % '"ck"')


def test_a_planted_checkpoint_is_refused_and_nothing_of_root_is_touched():
    checkpointed()
    os.mkdir("shared")
    os.chmod("shared", 0o1777)
    os.mkdir("private")
    names = ("lock", "seal", "catalog.db", ".tick.sluice-tmp", ".status.json.sluice-tmp")
    for name in names:
        write("private/" + name, "precious")

    def plant():
        os.mkdir("shared/ck")
        for name in names:
            os.symlink("../../private/" + name, "shared/ck/" + name)
    as_other(plant)
    done = sluice("run", "job.lua", "--once", "--checkpoint", "shared/ck")
    equal(done.returncode, 2, "exit status; " + done.stderr)
    check("uid %d" % OTHER in done.stderr, done.stderr)
    for name in names:
        equal(read("private/" + name), b"precious", name)
    os.mkdir("mine")
    as_other(lambda: os.symlink("../mine", "shared/link"))
    done = sluice("run", "job.lua", "--once", "--checkpoint", "shared/link/ck")
    equal(done.returncode, 2, "through a link: " + done.stderr)
    equal(os.listdir("mine"), [], "what the link leads to")


def test_a_checkpoint_is_0700_even_where_it_exists():
    checkpointed()
    os.mkdir("ck", 0o755)
    os.chmod("ck", 0o755)
    sluice_ok("run", "job.lua", "--once")
    equal(stat.S_IMODE(os.stat("ck").st_mode), 0o700, "mode")
    os.chmod("ck", 0o755)
    sluice_ok("run", "job.lua", "--once")
    equal(stat.S_IMODE(os.stat("ck").st_mode), 0o700, "mode at the next start")


def test_a_directory_of_other_files_is_no_checkpoint_and_keeps_its_mode():
    checkpointed()
    os.mkdir("ck")
    for mode in (0o755, 0o1777):
        os.chmod("ck", mode)
        pathlib.Path("ck/mine").write_text("mine")
        done = sluice("run", "job.lua", "--once")
        check("by others" in done.stderr or "mine; name one of its own" in done.stderr, done.stderr)
        equal((done.returncode, stat.S_IMODE(os.stat("ck").st_mode), os.listdir("ck")), (2, mode, ["mine"]), "exit status, mode, files: " + done.stderr)
    os.unlink("ck/mine")
    os.chmod("ck", 0o755)
    os.mkdir("ck/lost+found")  # a file system of its own
    sluice_ok("run", "job.lua", "--once")
    equal(stat.S_IMODE(os.stat("ck").st_mode), 0o700, "mode")


def test_a_checkpoint_that_others_could_write_is_refused_unless_it_is_empty():
    checkpointed()
    need = pathlib.Path("ck")
    need.mkdir()
    os.chmod("ck", 0o777)
    refused_start = lambda: sluice("run", "job.lua", "--once")
    done = refused_start()
    equal(done.returncode, 2, "root refuses it even empty: the way there; " + done.stderr)
    os.chmod("ck", 0o700)
    sluice_ok("run", "job.lua", "--once")
    os.chmod("ck", 0o777)
    for attempt in range(2):
        done = refused_start()
        equal(done.returncode, 2, "exit status; " + done.stderr)
        check("can be written by others" in done.stderr, done.stderr)


# ---- outputs, archive, mount ----


main(globals())
