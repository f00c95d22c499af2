"""A Kafka broker, started by tests/servers/kafka, and a client of it: librdkafka through ctypes. Skips where either cannot
be.

broker() is the broker of a test run: tests/run names a directory for servers in SLUICE_TEST_SERVERS, and the first file
that needs the broker starts it there; a file that is run by hand has one of its own, and so has a claim that kills it."""
import atexit, contextlib, ctypes, fcntl, os, pathlib, shutil, socket, subprocess, tempfile, time
from harness import ROOT, PATIENCE_S, check, skip, wait_until
from ports import free_port

SCRIPT = str(ROOT / "tests/servers/kafka")
PRODUCER, CONSUMER = 0, 1
END, BEGINNING, INVALID = -1, -2, -1001
PARTITION_EOF, TIMED_OUT, MSG_PURGED = -191, -185, -152
P = ctypes.c_void_p


class Message(ctypes.Structure):
    _fields_ = [("err", ctypes.c_int), ("rkt", P), ("partition", ctypes.c_int32), ("payload", P), ("len", ctypes.c_size_t),
                ("key", P), ("key_len", ctypes.c_size_t), ("offset", ctypes.c_int64), ("private", P)]


class TopicPartition(ctypes.Structure):
    _fields_ = [("topic", ctypes.c_char_p), ("partition", ctypes.c_int32), ("offset", ctypes.c_int64), ("metadata", P),
                ("metadata_size", ctypes.c_size_t), ("opaque", P), ("err", ctypes.c_int), ("private", P)]


class TopicPartitionList(ctypes.Structure):
    _fields_ = [("cnt", ctypes.c_int), ("size", ctypes.c_int), ("elems", ctypes.POINTER(TopicPartition))]


_library = None


def library():
    global _library
    if _library:
        return _library
    try:
        lib = ctypes.CDLL("librdkafka.so.1")
    except OSError as error:
        skip("librdkafka: %s" % error)
    for name in ("rd_kafka_conf_new rd_kafka_new rd_kafka_topic_new rd_kafka_AdminOptions_new rd_kafka_queue_new rd_kafka_NewTopic_new "
                 "rd_kafka_NewPartitions_new rd_kafka_DeleteTopic_new rd_kafka_DeleteRecords_new rd_kafka_queue_poll rd_kafka_headers_new "
                 "rd_kafka_begin_transaction rd_kafka_init_transactions rd_kafka_commit_transaction rd_kafka_abort_transaction "
                 "rd_kafka_event_CreateTopics_result").split():
        getattr(lib, name).restype = P
    lib.rd_kafka_consume.restype = ctypes.POINTER(Message)
    lib.rd_kafka_topic_partition_list_new.restype = ctypes.POINTER(TopicPartitionList)
    lib.rd_kafka_topic_partition_list_add.restype = ctypes.POINTER(TopicPartition)
    lib.rd_kafka_err2str.restype = lib.rd_kafka_error_string.restype = lib.rd_kafka_event_error_string.restype = ctypes.c_char_p
    lib.rd_kafka_message_timestamp.restype = ctypes.c_int64
    _library = lib
    return lib


PROXIES = 4  # files that may come through a proxy at one time


class Handle:
    def __init__(self, kind, servers, **properties):
        lib = library()
        conf, why = lib.rd_kafka_conf_new(), ctypes.create_string_buffer(512)
        given = {"bootstrap.servers": servers, "log_level": "0", **{name.replace("_", "."): value for name, value in properties.items()}}
        for name, value in given.items():
            check(lib.rd_kafka_conf_set(P(conf), name.encode(), str(value).encode(), why, 512) == 0, why.value.decode())
        self.handle = P(lib.rd_kafka_new(kind, P(conf), why, 512))
        check(self.handle, why.value.decode())
        self.topics = {}

    def topic(self, name):
        if name not in self.topics:
            self.topics[name] = P(library().rd_kafka_topic_new(self.handle, name.encode(), None))
        return self.topics[name]

    def close(self):
        for topic in self.topics.values():
            library().rd_kafka_topic_destroy(topic)
        library().rd_kafka_destroy(self.handle)
        self.topics = {}

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class Producer(Handle):
    def __init__(self, servers, **properties):
        # one request at a time: where a topic is so new that its broker refuses the first one, what is sent again comes before the next
        super().__init__(PRODUCER, servers, **{"linger_ms": 5, "max_in_flight_requests_per_connection": 1, **properties})

    def send(self, topic, value, key=None, partition=-1, headers=None, timestamp=None):
        """Not known to have arrived before flush."""
        lib = library()
        if headers is None and timestamp is None:
            while lib.rd_kafka_produce(self.topic(topic), ctypes.c_int32(partition), 2, value, ctypes.c_size_t(len(value or b"")), key,
                                       ctypes.c_size_t(len(key or b"")), None) != 0:
                lib.rd_kafka_poll(self.handle, 100)
            return
        made = P(lib.rd_kafka_headers_new(ctypes.c_size_t(8)))
        for name, content in headers or []:
            lib.rd_kafka_header_add(made, name, ctypes.c_ssize_t(len(name)), content, ctypes.c_ssize_t(len(content or b"")))
        # tags of rd_kafka_producev: topic 1, partition 3, value 4, key 5, flags 7, timestamp 8, headers 10
        error = lib.rd_kafka_producev(self.handle, 1, topic.encode(), 3, ctypes.c_int32(partition), 4, value, ctypes.c_size_t(len(value or b"")),
                                      5, key, ctypes.c_size_t(len(key or b"")), 7, 2, 8, ctypes.c_int64(timestamp or 0), 10, made, 0)
        check(error == 0, "producing: %d" % error)

    def flush(self):
        check(library().rd_kafka_flush(self.handle, PATIENCE_S * 1000) == 0, "flushing what was produced")

    def of_transaction(self, name, *args):
        error = getattr(library(), "rd_kafka_" + name)(self.handle, *args)
        check(not error, "%s: %s" % (name, error and library().rd_kafka_error_string(P(error)).decode()))

    def init(self):
        self.of_transaction("init_transactions", PATIENCE_S * 1000)

    def begin(self):
        self.of_transaction("begin_transaction")

    def commit(self):
        self.of_transaction("commit_transaction", PATIENCE_S * 1000)

    def abort(self):
        self.of_transaction("abort_transaction", PATIENCE_S * 1000)


class Record:
    def __init__(self, message):
        def content(pointer, length):
            return ctypes.string_at(pointer, length) if pointer else None
        at = message.contents
        self.partition, self.offset = at.partition, at.offset
        self.key, self.value = content(at.key, at.key_len), content(at.payload, at.len)
        self.headers = self.read_headers(message)

    @staticmethod
    def read_headers(message):
        lib, headers, found = library(), P(), []
        if lib.rd_kafka_message_headers(message, ctypes.byref(headers)) != 0:
            return found
        name, value, size = ctypes.c_char_p(), P(), ctypes.c_size_t()
        while lib.rd_kafka_header_get_all(headers, ctypes.c_size_t(len(found)), ctypes.byref(name), ctypes.byref(value), ctypes.byref(size)) == 0:
            found.append((name.value, ctypes.string_at(value, size.value) if value else None))
        return found


class Broker:
    """proxied: clients come through a proxy of tests/proxy.py (broker.proxy). own: shared with no other file."""

    def __init__(self, proxied=False, own=False):
        library()
        shared = None if own else os.environ.get("SLUICE_TEST_SERVERS")
        self.directory = shared + "/kafka" if shared else tempfile.mkdtemp(prefix="sluice-kafka-", dir="/tmp")
        os.makedirs(self.directory, exist_ok=True)
        self.count, self.producer_handle, self.proxy = 0, None, None
        if not shared:
            atexit.register(self.remove)
        with open(self.directory + "/starting", "a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            self.port = self.known_port()
            if not self.is_up():
                self.up()
        if proxied:
            self.proxy = wait_until(self.new_proxy, "a proxy's port")

    @property
    def servers(self):
        return "127.0.0.1:%d" % (self.proxy.port if self.proxy else self.port)

    def known_port(self):
        """The same for all files that share it."""
        path = pathlib.Path(self.directory, "port")
        if not path.exists():
            path.write_text("%d" % free_port(2 + 2 * PROXIES))
        return int(path.read_text())

    def new_proxy(self):
        """None where all ports are taken, or the process that had it before is still ending."""
        from proxy import Proxy
        for i in range(PROXIES):
            lock = open("%s/proxy%d" % (self.directory, i), "a")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                proxy = Proxy(("127.0.0.1", self.port + 2 + i), self.port + 2 + PROXIES + i)
            except OSError:
                lock.close()
                continue
            self.proxy_lock = lock
            return proxy

    def is_up(self):
        try:
            os.kill(int(pathlib.Path(self.directory, "pid").read_text()), 0)
            socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S).close()
        except (OSError, ValueError):
            return False
        return True

    def up(self):
        """In a session of its own: it stays when a file that shares it ends."""
        with open(self.directory + "/said", "w") as said:
            done = subprocess.run([SCRIPT, "up", self.directory, str(self.port)], stdin=subprocess.DEVNULL,
                                  stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        said = open(self.directory + "/said").read().strip()
        if done.returncode == 77:
            skip(said)
        check(done.returncode == 0, "Kafka does not start: %s" % said)

    def kill(self):
        subprocess.run([SCRIPT, "down", self.directory, "KILL"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def remove(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- topics ----

    def admin(self, call, new, *objects):
        """Runs an operation of the admin client and waits for its end."""
        lib = library()
        with Handle(PRODUCER, self.servers) as handle:
            queue = P(lib.rd_kafka_queue_new(handle.handle))
            array = (P * len(objects))(*objects)
            getattr(lib, "rd_kafka_" + call)(handle.handle, array, ctypes.c_size_t(len(objects)), None, queue)
            event = P(lib.rd_kafka_queue_poll(queue, PATIENCE_S * 1000))
            check(event, "%s: no answer" % call)
            error = lib.rd_kafka_event_error(event)
            check(error == 0, "%s: %s" % (call, lib.rd_kafka_err2str(error)))
            lib.rd_kafka_event_destroy(event)
            for made in objects:
                getattr(lib, "rd_kafka_%s_destroy" % new)(made)
            lib.rd_kafka_queue_destroy(queue)

    def create(self, partitions=3, topic=None, **settings):
        """A topic of its own for a claim."""
        self.count += 1
        name, lib = topic or "t%d-%d" % (os.getpid(), self.count), library()
        new = P(lib.rd_kafka_NewTopic_new(name.encode(), partitions, 1, None, ctypes.c_size_t(0)))
        for key, value in {"retention_ms": -1, **settings}.items():  # records may have any time
            lib.rd_kafka_NewTopic_set_config(new, key.replace("_", ".").encode(), str(value).encode())
        self.admin("CreateTopics", "NewTopic", new)
        wait_until(lambda: self.partitions(name) == partitions, "the topic %s" % name)
        return name

    def add_partitions(self, topic, total):
        self.admin("CreatePartitions", "NewPartitions", P(library().rd_kafka_NewPartitions_new(topic.encode(), ctypes.c_size_t(total), None, ctypes.c_size_t(0))))
        wait_until(lambda: self.partitions(topic) == total, "the partitions of %s" % topic)
        self.producer_handle = None  # it would know of them after minutes only

    def delete(self, topic):
        self.admin("DeleteTopics", "DeleteTopic", P(library().rd_kafka_DeleteTopic_new(topic.encode())))
        wait_until(lambda: self.partitions(topic) == 0, "the end of %s" % topic)

    def remove_records(self, topic, partition, before):
        """As retention does."""
        lib = library()
        positions = lib.rd_kafka_topic_partition_list_new(1)
        lib.rd_kafka_topic_partition_list_add(positions, topic.encode(), partition).contents.offset = before
        self.admin("DeleteRecords", "DeleteRecords", P(lib.rd_kafka_DeleteRecords_new(positions)))
        lib.rd_kafka_topic_partition_list_destroy(positions)

    def partitions(self, topic):
        class Metadata(ctypes.Structure):
            _fields_ = [("broker_cnt", ctypes.c_int), ("brokers", P), ("topic_cnt", ctypes.c_int), ("topics", P)]

        class Topic(ctypes.Structure):
            _fields_ = [("topic", ctypes.c_char_p), ("partition_cnt", ctypes.c_int), ("partitions", P), ("err", ctypes.c_int)]
        lib, found = library(), ctypes.POINTER(Metadata)()
        with Handle(CONSUMER, self.servers) as handle:
            if lib.rd_kafka_metadata(handle.handle, 0, handle.topic(topic), ctypes.byref(found), PATIENCE_S * 1000) != 0:
                return -1
            at = Topic.from_address(found.contents.topics)
            count = at.partition_cnt if not at.err else 0
            lib.rd_kafka_metadata_destroy(found)
        return count

    # ---- records ----

    def send(self, topic, values, partition=-1, keys=None, **options):
        if not self.producer_handle:
            self.producer_handle = Producer(self.servers)
        for i, value in enumerate(values):
            self.producer_handle.send(topic, value, keys[i] if keys else None, partition, **options)
        self.producer_handle.flush()

    def read(self, topic, committed=True):
        """All records of all partitions; those of transactions only when they were committed."""
        lib, found = library(), []
        with Handle(CONSUMER, self.servers, enable_partition_eof="true", auto_offset_reset="earliest",
                    isolation_level="read_committed" if committed else "read_uncommitted") as handle:
            for partition in range(self.partitions(topic)):
                rkt = handle.topic(topic)
                lib.rd_kafka_consume_start(rkt, ctypes.c_int32(partition), ctypes.c_int64(BEGINNING))
                end = time.monotonic() + PATIENCE_S
                while True:
                    check(time.monotonic() < end, "reading %s" % topic)
                    message = lib.rd_kafka_consume(rkt, ctypes.c_int32(partition), 1000)
                    if not message:
                        continue
                    error = message.contents.err
                    if error == 0:
                        found.append(Record(message))
                    lib.rd_kafka_message_destroy(message)
                    if error == PARTITION_EOF:
                        break
                lib.rd_kafka_consume_stop(rkt, ctypes.c_int32(partition))
        return found

    def committed(self, group, topic, partition):
        """The offset that a group has committed, and its metadata."""
        lib = library()
        positions = lib.rd_kafka_topic_partition_list_new(1)
        lib.rd_kafka_topic_partition_list_add(positions, topic.encode(), partition)
        with Handle(CONSUMER, self.servers, group_id=group, isolation_level="read_committed") as handle:
            error = lib.rd_kafka_committed(handle.handle, positions, PATIENCE_S * 1000)
            check(error == 0, "committed: %s" % lib.rd_kafka_err2str(error))
        at = positions.contents.elems[0]
        found = at.offset, ctypes.string_at(at.metadata, at.metadata_size) if at.metadata else b""
        lib.rd_kafka_topic_partition_list_destroy(positions)
        return found


_broker = None


@contextlib.contextmanager
def own_broker(proxied=False):
    """broker() is meanwhile one that may be killed."""
    global _broker
    other, _broker = _broker, Broker(proxied, own=True)
    try:
        yield
    finally:
        _broker.remove()
        _broker = other


def broker(proxied=False):
    """The broker of the test run, or of this file; the first call says whether through a proxy."""
    global _broker
    if not _broker:
        _broker = Broker(proxied)
    return _broker
