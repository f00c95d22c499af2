"""What tests of the package in spark/ share: where PySpark and Python's tools are, installed into places of their own when they
are nowhere, and Spark's process around them."""
import contextlib, importlib.util, json, os, pathlib, re, shutil, signal, subprocess, sys

from harness import ROOT, SLUICE, check, equal, read, skip, wait_until

PLACE = os.environ.get("SLUICE_PYSPARK") or str(ROOT / "build/pyspark")
TOOLS = os.environ.get("SLUICE_PYTHON_TOOLS") or str(ROOT / "build/python-tools")
INSTALL_S = 400


def install(place, *packages):
    """Into a directory; skips with the reason where that cannot be done."""
    try:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", place, *packages], capture_output=True, text=True,
                       timeout=INSTALL_S, check=True)
    except subprocess.CalledProcessError as error:
        skip("%s cannot be installed: %s" % (" ".join(packages), (error.stderr.strip().splitlines() or ["pip failed"])[-1]))
    except (subprocess.SubprocessError, OSError) as error:
        skip("%s cannot be installed: %s" % (" ".join(packages), str(error).splitlines()[0]))


def path_of(*found):
    return os.pathsep.join([*found, os.environ.get("PYTHONPATH", "")])


def has(module, path, condition="True"):
    done = subprocess.run([sys.executable, "-c", "import %s as module; assert %s" % (module, condition)], env={**os.environ, "PYTHONPATH": path},
                          capture_output=True)
    return done.returncode == 0


def python_path():
    """PYTHONPATH with the package and PySpark 4."""
    if not shutil.which("java"):
        skip("there is no java (Debian: openjdk-17-jre-headless)")
    path, condition = path_of(str(ROOT / "spark"), PLACE), "int(module.__version__.split('.')[0]) >= 4"
    if not has("pyspark", path, condition):
        install(PLACE, "pyspark>=4,<5")
        if not has("pyspark", path, condition):
            skip("pyspark was installed and cannot be loaded")
    return path


def spark_environment():
    return {**os.environ, "PYTHONPATH": python_path(), "SLUICE": SLUICE, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable,
            "PYTHONDONTWRITEBYTECODE": "1", "SPARK_LOCAL_DIRS": os.path.abspath("spark-tmp")}


def tools_path(*modules):
    """PYTHONPATH with tools of Python, each of the name of its module, in a place of its own: pip does not add to the programs of another."""
    places = {module: os.path.join(TOOLS, module) for module in modules}
    path = path_of(*places.values())
    for module, place in places.items():
        if not has(module, path):
            install(place, module)
    return path


# ---- jobs in one process of Spark, whose start is what takes long ----

APPLICATION = """
import json, os, sys
from sluice_spark import driver, main, worker
from sluice_spark.executor import SparkExecutor
line = main.Line(job="test", master=sys.argv[1], conf=dict(setting.split("=", 1) for setting in sys.argv[3:]))
main.check_spark()
context = main.open_session(line).sparkContext
statuses, executors, top, ship = {}, [], os.getcwd(), not sys.argv[1].startswith("local[")
for directory, partitions, arguments in json.loads(sys.argv[2]):
    os.chdir(os.path.join(top, directory))
    os.makedirs("work", exist_ok=True)
    executor = SparkExecutor(context, os.environ["SLUICE"], arguments[0], os.getcwd(), worker.arguments_of_job(arguments), ship)
    options = ["--workdir", os.path.abspath("work"), "--reduce-partitions", str(partitions), "--state", "tasks"]
    statuses[directory] = driver.run(os.environ["SLUICE"], options, arguments, executor)
    executors.append(executor)
context.stop()
for executor in executors:
    executor.close()
print("statuses", json.dumps(statuses), flush=True)
"""


def start(command, environment):
    return subprocess.Popen(command, env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            start_new_session=True)


def end(process):
    """It and all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def application(master, runs, *settings, meanwhile=None, timeout_s=600):
    """Runs [directory, reduce partitions, arguments of sluice run] one after the other. Directory -> exit status, and what was said."""
    process = start([sys.executable, "-c", APPLICATION, master, json.dumps(runs), *settings], spark_environment())
    try:
        if meanwhile:
            meanwhile(process)
        out, err = process.communicate(timeout=timeout_s)
    finally:
        end(process)
    equal(process.returncode, 0, "exit status of the application: " + err[-3000:])
    return json.loads(re.search(r"^statuses (.*)$", out, re.M).group(1)), err


# ---- a cluster of two hosts: Spark runs no second attempt of a task on the host of the first one, so local-cluster has none ----

def start_daemon(name, host, *arguments):
    """One of Spark's own; what it says is in the file daemon-NAME-HOST."""
    where = pathlib.Path(PLACE, "pyspark")
    if not where.exists():
        where = pathlib.Path(importlib.util.find_spec("pyspark").origin).parent
    command = [where / "bin/spark-class", "org.apache.spark.deploy.%s.%s" % (name.lower(), name), "--host", host, "--port", "0", "--webui-port", "0", *arguments]
    with open("daemon-%s-%s" % (name, host), "w") as log:
        return subprocess.Popen(command, env={**spark_environment(), "SPARK_HOME": str(where), "SPARK_LOCAL_IP": host}, stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log, start_new_session=True)


@contextlib.contextmanager
def cluster(start_s):
    """The URL of a master with a worker on each of two hosts; an executor has one core."""
    daemons = [start_daemon("Master", "127.0.0.1")]

    def alive():
        for daemon in daemons:
            check(daemon.poll() is None, "a daemon of Spark has ended: " + read("daemon-Master-127.0.0.1").decode()[-2000:])

    try:
        url = wait_until(lambda: re.search(rb"spark://127.0.0.1:\d+", read("daemon-Master-127.0.0.1")), "Spark's master", start_s, alive).group().decode()
        for host in ("127.0.0.1", "127.0.0.2"):
            daemons.append(start_daemon("Worker", host, "--cores", "1", "--memory", "1g", "--work-dir", os.path.abspath("spark-work"), url))
        yield url
    finally:
        for daemon in daemons:
            end(daemon)
            daemon.wait()


# ---- processes below one ----

def children(pid):
    found = [int(child) for child in subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()]
    return found + [below for child in found for below in children(child)]


def parent(pid):
    """0: it has ended."""
    try:
        return int(read("/proc/%d/stat" % pid).rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def words_of(pid):
    try:
        return read("/proc/%d/cmdline" % pid).split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_worker(words):
    return b"worker" in words[1:2] and words[0].endswith(b"sluice")


def is_python(words):
    return b"pyspark.daemon" in words


def is_executor(words):
    return any(b"CoarseGrainedExecutorBackend" in word for word in words)


def find(process, wanted):
    return [pid for pid in children(process.pid) if wanted(words_of(pid))]


def kill_one(process, wanted):
    """The last one that it finds; false: there is none."""
    for pid in reversed(find(process, wanted)):
        try:
            os.kill(pid, signal.SIGKILL)
            return True
        except ProcessLookupError:
            pass
    return False
