"""What tests of stages share: a job with `sluice run` and with tests/play-spark, in copies of this directory, and whether
they left the same."""
import json, os, shutil, subprocess

from harness import PATIENCE_S, ROOT, SLUICE, check, equal, read, skip

PLAY = ROOT / "tests/play-spark"


def tree(directory, wanted=lambda path: True):
    """The files under it: path -> bytes; links: where they lead."""
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            shown = os.path.relpath(path, directory)
            if wanted(shown):
                found[shown] = os.readlink(path) if os.path.islink(path) else read(path)
    return found


def results(directory):
    """Outputs and dead letters: what a job leaves for others."""
    return tree(directory, lambda path: path.startswith("out/") or "/deadletter/" in path)


def run_in(directory, program, *arguments, environment=(), status=0):
    """A run in a copy of this directory: what it printed."""
    shutil.copytree(".", directory, symlinks=True, ignore=shutil.ignore_patterns("ran-*"))
    done = subprocess.run([program, "run", *arguments], cwd=directory, env={**os.environ, **dict(environment)}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S, errors="replace")
    equal(done.returncode, status, "exit status of %s run %s: %s" % (program, " ".join(arguments), done.stderr[-3000:]))
    return done


def play(directory, *arguments, partitions=3, kills=0, seed=1, status=0, workdir="work", state="tasks"):
    """With one partition on one core, with more on as many as they are, squared: how many files a task has depends on it."""
    environment = {"PLAY_SLUICE": SLUICE, "PLAY_PARTITIONS": str(partitions), "PLAY_KILLS": str(kills), "PLAY_SEED": str(seed)}
    environment["PLAY_LOG"] = os.path.abspath(directory + "-stages")
    environment["PLAY_STATE"] = state
    environment["PLAY_CORES"] = str(partitions ** 2)
    if workdir:
        environment["PLAY_WORKDIR"] = workdir
    return run_in(directory, str(PLAY), *arguments, environment=environment.items(), status=status)


def tasks_of(directory, role):
    """How many each stage of that role had."""
    return [int(line.split()[1]) for line in open(directory + "-stages") if line.startswith(role)]


def stages_of(directory):
    """Roles of the stages that were run."""
    path = directory + "-stages"
    return [line.split()[0] for line in open(path)] if os.path.exists(path) else []


def same_as_run(job, *arguments, partitions=(1, 3, 7), kills=5, roles=("map",), status=0):
    """The same outputs, dead letters and printed lines; `roles` are those that must have been run."""
    name = "ran-" + os.path.splitext(job)[0]
    wanted = run_in(name, SLUICE, job, *arguments, status=status)
    outcome = results(name)
    check(outcome or status, "the job left nothing to compare")
    for count in partitions:
        copy = "%s-%d" % (name, count)
        done = play(copy, job, *arguments, partitions=count, kills=kills, seed=count, status=status)
        equal(done.stdout, wanted.stdout, "what was printed with %d partitions" % count)
        found = results(copy)
        equal(sorted(found), sorted(outcome), "files with %d partitions" % count)
        for path, content in outcome.items():
            equal(found[path], content, "%s with %d partitions" % (path, count))
        for role in roles:
            check(role in stages_of(copy), "no %s stage was run" % role)
    return name


def claims_hold(test, claims):
    """These claims of a test of `sluice run`, where tests/play-spark is the program: tasks have read."""
    directory = "claims-" + test
    os.makedirs(directory)
    log = os.path.abspath(directory + "-stages")
    environment = {**os.environ, "SLUICE": str(PLAY), "PLAY_SLUICE": SLUICE, "PLAY_LOG": log}
    done = subprocess.run([str(ROOT / ("tests/job/test-%s.py" % test)), *claims], cwd=directory, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode == 77:
        skip(done.stdout.strip().splitlines()[-1])
    equal(done.returncode, 0, done.stdout)
    check("map" in stages_of(directory), "no map stage was run")


# ---- the shared vectors as jobs ----

VECTORS = ROOT.parent / "shared/vectors"


def quoted(text):
    return '"' + "".join(chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\' else "\\%03d" % byte for byte in text.encode()) + '"'


def lua(value):
    if value is None:
        return "sluice.null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    return quoted(value) if isinstance(value, str) else "{" + ",".join(map(lua, value)) + "}"


def block(number, vector):
    """Its streams and its output, in a block of their own: a Lua function has 200 locals at most."""
    lines = ["do"]
    for i, batches in enumerate(vector["inputs"]):
        lines.append("  local s%s = ssc:queueStream(%s, { partitions = 2 })" % ("" if i == 0 else i + 1, lua(batches)))
    lines.append("  local out = " + vector["lua"])
    lines.append('  out:saveAsTextFiles("out/%d/r", "", { format = "%s", latest = false })' % (number, vector.get("format", "json")))
    return "\n".join(lines + ["end"])


def vector_jobs(name, count=None):
    """(text of a job, its batches) for each interval of the shared vectors; count: of the first ones only."""
    if not (VECTORS / name).exists():
        skip("../shared/vectors is not there")
    groups = {}
    for number, vector in enumerate(json.loads((VECTORS / name).read_text())[:count]):
        if not vector.get("error"):
            groups.setdefault(vector["interval"], []).append((number, vector))
    for interval, vectors in groups.items():
        head = ['local sluice = require "sluice"', 'local ssc = sluice.StreamingContext { interval = "%s", checkpoint = false, '
                'emptyBatches = true, maxErrorRate = 1 }' % interval]
        yield "\n".join(head + [block(*each) for each in vectors]) + "\n", max(vector["batches"] for _, vector in vectors)
