"""An S3 server for the tests of one file (tests/servers/versitygw); skips where it cannot be. Requests that look at it are
signed here, from the description of the signature, so that they share nothing with the program."""
import atexit, datetime, hashlib, hmac, http.client, os, shutil, subprocess, tempfile, urllib.parse
import xml.etree.ElementTree as xml
from harness import ROOT, check, fail, skip, wait_until
from ports import free_port

SCRIPT = str(ROOT / "tests/servers/versitygw")
ID, SECRET = "sluicekey", "sluicesecret"
# tests change HOME
os.environ.setdefault("SLUICE_TEST_CACHE", os.path.expanduser("~/.cache/sluice-test"))


def program():
    done = subprocess.run([SCRIPT, "get"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode == 77:
        skip(done.stdout.strip())
    check(done.returncode == 0, "VersityGW: %s" % done.stderr)


class Server:
    def __init__(self, *options):
        program()
        self.directory = tempfile.mkdtemp(prefix="sluice-s3-", dir=os.environ.get("SLUICE_S3_DIR", "/tmp"))
        self.port, self.options, self.process = free_port(), options, None
        atexit.register(self.remove)
        os.makedirs(self.directory + "/data")
        try:
            os.setxattr(self.directory + "/data", "user.sluice", b"1")
        except OSError as error:
            skip("VersityGW needs extended attributes in %s: %s" % (self.directory, error.strerror))
        self.up()

    def up(self):
        with open(self.directory + "/out", "ab") as out:
            self.process = subprocess.Popen([SCRIPT, "run", self.directory, str(self.port), *self.options], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_until(self.answers, "the S3 server")

    def answers(self):
        check(self.process.poll() is None, "the S3 server ended")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def request(self, method, path, query="", body=b"", headers={}):
        """Status and body."""
        at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        host = "127.0.0.1:%d" % self.port
        payload = hashlib.sha256(body).hexdigest()
        signed = {"host": host, "x-amz-content-sha256": payload, "x-amz-date": at, **{k.lower(): v for k, v in headers.items()}}
        names = ";".join(sorted(signed))
        path = urllib.parse.quote(path, safe="/-_.~")
        canonical = "\n".join([method, path, query, "".join("%s:%s\n" % (name, signed[name]) for name in sorted(signed)), names, payload])
        scope = at[:8] + "/us-east-1/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + SECRET).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        signed["Authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (ID, scope, names, signature)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path + (query and "?" + query), body, signed)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers


class Bucket:
    """An empty bucket of the server."""
    made = 0

    def __init__(self, server):
        Bucket.made += 1
        self.server, self.name = server, "bucket%d" % Bucket.made
        status, body, _ = server.request("PUT", "/" + self.name)
        check(status == 200, "making a bucket: %s" % body)

    def keys(self, prefix=""):
        found, token = [], ""
        while True:
            query = (token and "continuation-token=%s&" % urllib.parse.quote(token, safe="-_.~")) + "list-type=2&prefix=" + urllib.parse.quote(prefix, safe="-_.~")
            status, body, _ = self.server.request("GET", "/" + self.name, query)
            check(status == 200, "listing: %s" % body)
            tree = xml.fromstring(body)
            space = tree.tag.split("}")[0] + "}" if "}" in tree.tag else ""
            found += [item.find(space + "Key").text for item in tree.findall(space + "Contents")]
            token = tree.findtext(space + "NextContinuationToken")
            if not token:
                return sorted(key for key in found if not key.endswith("/"))

    def uploads(self):
        status, body, _ = self.server.request("GET", "/" + self.name, "uploads=")
        check(status == 200, "listing uploads: %s" % body)
        tree = xml.fromstring(body)
        space = tree.tag.split("}")[0] + "}" if "}" in tree.tag else ""
        return sorted(item.find(space + "Key").text for item in tree.findall(space + "Upload"))

    def begin_upload(self, key):
        status, body, _ = self.server.request("POST", "/%s/%s" % (self.name, key), "uploads=")
        check(status == 200, "beginning an upload: %s" % body)

    def get(self, key):
        status, body, _ = self.server.request("GET", "/%s/%s" % (self.name, key))
        check(status == 200, "reading %s: %d" % (key, status))
        return body

    def put(self, key, content=b""):
        status, body, _ = self.server.request("PUT", "/%s/%s" % (self.name, key), body=content)
        check(status == 200, "writing %s: %s" % (key, body))

    def delete(self, key):
        self.server.request("DELETE", "/%s/%s" % (self.name, key))

    def objects(self, prefix=""):
        return {key: self.get(key) for key in self.keys(prefix)}


_server = None


def bucket():
    global _server
    if not _server:
        _server = Server()
    return Bucket(_server)


def environment(server=None, port=None):
    """Sets the variables that the program reads."""
    port = port or (server or _server).port
    home = os.path.abspath("home")
    os.makedirs(home, exist_ok=True)
    for name in [name for name in os.environ if name.startswith(("AWS_", "OSS_"))]:
        del os.environ[name]
    os.environ.update(AWS_ACCESS_KEY_ID=ID, AWS_SECRET_ACCESS_KEY=SECRET, AWS_ENDPOINT_URL="http://127.0.0.1:%d" % port, HOME=home, no_proxy="127.0.0.1,localhost")
