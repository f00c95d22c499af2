#!/usr/bin/env python3
"""deploy/: the manifests run the job that lies beside them, and podman runs the manifests, where it can."""
import glob, os, textwrap
from harness import *

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
CONTAINERS_CONF = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "%s"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def documents(path):
    return path.read_text().split("---\n")


def test_each_manifest_has_the_job_of_the_folder():
    equal([path.name for path in MANIFESTS], ["cronjob.yaml", "deployment.yaml", "job.yaml"], "manifests")
    for path in MANIFESTS:
        config = documents(path)[0]
        equal(textwrap.dedent(config.split("words.lua: |\n")[1]), (DEPLOY / "words.lua").read_text(), path.name)


def test_the_job_runs_with_its_data_elsewhere():
    job((DEPLOY / "words.lua").read_text().replace("/data", os.path.abspath("data")))
    os.makedirs("data/in")
    move_in("a.txt", "to be or not to be\n", "data/in")
    sluice_ok("run", "--once", "job.lua")
    equal(list(outputs("data/out/words").values()), [b"be\t2\nnot\t1\nor\t1\nto\t2\n"], "counts")
    equal(read("data/view/words/current"), b"be\t2\nnot\t1\nor\t1\nto\t2\n", "the view")


def files_of(program):
    """The program and the libraries it needs."""
    found = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return [program] + re.findall(r"(/\S+)", found)


class Podman:
    """With storage and settings of its own."""

    def __init__(self):
        runtime = next((name for name in ("runc", "crun") if shutil.which(name)), None)
        for name, missing in (("podman", not shutil.which("podman")), ("runc", not runtime)):
            if missing:
                skip("%s is not installed" % name)
        if os.getuid() != 0:
            skip("podman is tried as root only")
        if SANITIZED:
            skip("the program in the image is a sanitizer's")
        self.directory = tempfile.mkdtemp(prefix="sluice-podman-", dir="/var/tmp")
        pathlib.Path(self.directory, "containers.conf").write_text(CONTAINERS_CONF % runtime)
        pathlib.Path(self.directory, "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self.environment = dict(os.environ, CONTAINERS_CONF=self.directory + "/containers.conf", HOME=self.directory)
        self.environment.pop("XDG_RUNTIME_DIR", None)

    def run(self, *args, status=0):
        done = subprocess.run(["podman", "--root", self.directory + "/root", "--runroot", self.directory + "/run", "--storage-driver", "vfs", *args],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, env=self.environment)
        if status is not None:
            check(done.returncode == status, "podman %s: %s" % (" ".join(args), done.stderr))
        return done

    def remove(self):
        self.run("pod", "rm", "-f", "-a", "-t", "2", status=None)
        self.run("unshare", "true", status=None)
        subprocess.run(["umount", "-l", self.directory + "/root"], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def running(self):
        """The names of the containers that run the program. podman may call an init container running for a while after its end."""
        found = self.run("ps", "--format", "{{.Names}}", "--filter", "status=running", "--filter", "ancestor=localhost/sluice:latest").stdout.split()
        return [name for name in found if not name.endswith("-directories")]

    def image(self):
        """The program on nothing but its libraries: what deploy/Containerfile makes needs a registry."""
        root = pathlib.Path(self.directory, "image/rootfs")
        libgcc = glob.glob("/lib/*/libgcc_s.so.1") + glob.glob("/usr/lib/*/libgcc_s.so.1")  # glibc loads it where a thread is cancelled
        for path in set(files_of(SLUICE) + files_of("/bin/mkdir") + files_of("/bin/cat") + libgcc[:1]):
            target = root / ("usr/bin/" + os.path.basename(path) if path in (SLUICE, "/bin/mkdir", "/bin/cat") else path.lstrip("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        for name in ("tmp", "data", "job", "etc"):
            (root / name).mkdir(exist_ok=True)
        (root / "etc/passwd").write_text("root:x:0:0::/:/\nsluice:x:1000:1000::/data:/\n")
        pathlib.Path(self.directory, "image/Containerfile").write_text(
            'FROM scratch\nCOPY rootfs /\nENV PATH=/usr/bin\nWORKDIR /data\nENTRYPOINT ["/usr/bin/sluice"]\n')
        done = self.run("build", "--isolation=chroot", "-q", "-t", "localhost/sluice:latest", self.directory + "/image", status=None)
        if done.returncode:
            skip("podman cannot build here: %s" % done.stderr.strip().splitlines()[-1])


def pod_of(path, data):
    """A manifest for podman: the volume is a directory here; a Job's template, which podman 4 does not run, is a pod."""
    config, _, workload = documents(path)
    workload = re.sub(r"persistentVolumeClaim:\n( +)claimName: words-data\n", lambda m: "hostPath:\n%spath: %s\n" % (m.group(1), data), workload)
    if "kind: Job" in workload:
        template = textwrap.dedent(workload.split("  template:\n")[1])
        workload = "apiVersion: v1\nkind: Pod\n" + template.replace("metadata:\n", "metadata:\n  name: words-once\n", 1)
    # podman removes init containers of the default type "once" as soon as they ended, and fails where it finds one still ending.
    # It reads the type from the annotations of a pod, and of a deployment itself.
    workload = re.sub(r"^metadata:\n", 'metadata:\n  annotations:\n    io.podman.annotations.init.container.type: "always"\n', workload, count=1, flags=re.M)
    text = config + "---\n" + workload
    pathlib.Path(path.name).write_text(text)
    return path.name


def test_podman_runs_the_deployment_and_the_job():
    podman = Podman()
    try:
        podman.image()
        data = os.path.abspath("data")
        os.makedirs(data)
        os.chown(data, 1000, 1000)
        for folder in (data, os.path.dirname(data), os.path.dirname(os.path.dirname(data))):
            os.chmod(folder, 0o755)
        podman.run("play", "kube", "--build=false", "--network", "host", pod_of(DEPLOY / "kubernetes/deployment.yaml", data))
        wait_until(lambda: os.path.isdir(data + "/in"), "the directories")
        os.makedirs("making")
        pathlib.Path("making/a").write_text("to be or not to be\n")
        os.rename("making/a", data + "/in/a.txt")
        wait_until(lambda: read(data + "/view/words/current") == b"be\t2\nnot\t1\nor\t1\nto\t2\n", "the view")
        equal(list(outputs("data/out/words").values()), [b"be\t2\nnot\t1\nor\t1\nto\t2\n"], "counts")
        container = wait_until(podman.running, "the container")[0]
        probe = re.search(r'startupProbe:.*?command: \[(.*?)\]', (DEPLOY / "kubernetes/deployment.yaml").read_text(), re.S).group(1)
        podman.run("exec", container, *json.loads("[%s]" % probe))
        podman.run("play", "kube", "--down", "deployment.yaml", status=None)  # its own umount may come late, and is an error then
        wait_until(lambda: not podman.running(), "the end of the deployment")
        pathlib.Path("making/b").write_text("be\n")
        os.rename("making/b", data + "/in/b.txt")
        podman.run("play", "kube", "--build=false", "--network", "host", pod_of(DEPLOY / "kubernetes/job.yaml", data))
        wait_until(lambda: b"be\t1\n" in outputs("data/out/words").values(), "the counts of the second file")
        equal(sorted(outputs("data/out/words").values()), [b"be\t1\n", b"be\t2\nnot\t1\nor\t1\nto\t2\n"], "each file once")
    finally:
        podman.remove()


FUSE_JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "100ms", checkpoint = "/data/checkpoint", mount = { dir = "/data/mnt", kind = "fuse" } }
ssc:textFileStream("/data/in"):flatMap(sluice.split(" ")):map(sluice.pair(1)):reduceByKey(sluice.sum):mount("words")
"""


def test_the_live_view_is_served_by_fuse_where_the_container_has_the_device():
    if not os.path.exists("/dev/fuse"):
        skip("there is no /dev/fuse")
    podman = Podman()
    try:
        podman.image()
        data = os.path.abspath("data")
        os.makedirs(data + "/in")
        job(FUSE_JOB, "data/job.lua")
        podman.run("run", "-d", "--name", "live", "--network", "host", "--device", "/dev/fuse", "--cap-add", "SYS_ADMIN", "-v", data + ":/data",
                   "localhost/sluice:latest", "run", "/data/job.lua")

        def inside(path):
            return podman.run("exec", "live", "cat", path, status=None).stdout
        wait_until(lambda: " /data/mnt fuse" in inside("/proc/mounts"), lambda: "the mount; the log: %s" % podman.run("logs", "live", status=None).stderr)
        move_in("a.txt", "to be or not to be\n", "data/in")
        wait_until(lambda: inside("/data/mnt/words/current") == "be\t2\nnot\t1\nor\t1\nto\t2\n", "the view")
        podman.run("stop", "-t", "60", "live")
        equal(podman.run("inspect", "--format", "{{.State.ExitCode}}", "live").stdout.strip(), "0", "exit status of the run")
    finally:
        podman.run("rm", "-f", "-t", "2", "live", status=None)
        podman.remove()


main(globals())
