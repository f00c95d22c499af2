"""What the tests of other users of the machine share: a job of root, a process with another uid, and what others may write. As
root only."""
import pathlib, stat, struct
from harness import *

OTHER = 61234
JOB = '''local sluice = require "sluice"
io.stderr:write("code ran\\n")
local ssc = sluice.StreamingContext { interval = "50ms", checkpoint = %s }
ssc:textFileStream("in"):saveAsTextFiles("out/n")
'''


def need_root():
    if os.geteuid() != 0:
        skip("root runs this")
    os.chmod(".", 0o755)
    at = pathlib.Path(".").resolve()
    while at != at.parent:
        at = at.parent
        info = at.stat()
        if info.st_uid != 0 or (info.st_mode & 0o022 and not info.st_mode & stat.S_ISVTX):
            skip("%s is not root's alone" % at)


def as_other(action):
    """Runs action() in a process of the other user."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(OTHER)
            os.setuid(OTHER)
            action()
            status = 0
        except BaseException:
            traceback.print_exc()
        os._exit(status)
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, "the other user's part")


def write(path, text, mode=0o644):
    pathlib.Path(path).write_text(text)
    os.chmod(path, mode)


def acl(path, user):
    """An access control list that lets the user write."""
    entries = [(1, 6, 0xffffffff), (2, 6, user), (4, 4, 0xffffffff), (0x10, 6, 0xffffffff), (0x20, 4, 0xffffffff)]
    try:
        os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries))
    except OSError as error:
        skip("no access control lists here: %s" % error)


def refused(words, *args, job_path="job.lua", command="run"):
    done = sluice(command, job_path, *args)
    equal(done.returncode, 2, "exit status; " + done.stderr)
    check("code ran" not in done.stderr, "the code must not run: " + done.stderr)
    for word in words:
        check(word in done.stderr, "stderr says %s: %s" % (word, done.stderr))


def ready():
    need_root()
    os.makedirs("in", exist_ok=True)
    write("job.lua", JOB % "false")
