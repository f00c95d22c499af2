#!/usr/bin/env python3
"""What workers and the driver do with messages whose contents are wrong although their checksums are right: each is refused by
name, and no process ends by it."""
import ctypes, random, struct
from flume import long
from harness import *

sys.path.insert(0, str(ROOT / "spark"))
from sluice_spark import driver, worker

ROUNDS = 20000 if LONG else 600
JOB = """local sluice = require "sluice"
local ssc = sluice.StreamingContext { interval = "1s", maxErrorRate = 1 }
local w = ssc:textFileStream("in"):flatMap(sluice.words):map(sluice.pair(1))
w:reduceByKey(sluice.sum):saveAsTextFiles("out/a", "txt")
w:map(function(k, v) return #k, k end):reduceByKey(function(a, b) return a .. b end):sortByKey():saveAsTextFiles("out/l", "txt")
w:mapWithState(function(k, v, s) s:update((s:get() or 0) + v) return k, s:get() end):saveAsTextFiles("out/s", "txt")
w:groupByKey():saveAsTextFiles("out/g", "txt")
w:join(w:reduceByKey(sluice.count)):saveAsTextFiles("out/j", "txt")
w:reduceByKeyAndWindow(sluice.sum, nil, "3s", "1s"):saveAsTextFiles("out/w", "txt")
w:map(function(k) if k == "c1" then error("no") end return k end):distinct():count():saveAsTextFiles("out/n", "txt")
"""
# Memory for what a damaged number asks for is refused, as elsewhere, and does not end a sanitized program.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":allocator_may_return_null=1"
NUMBERS = (*range(20), -1, 63, 64, 255, 2**31 - 1, 2**31, 2**32, 2**63 - 1, -2**63)


def libraries():
    """Those that the program itself uses: for the blocks of text/block.h."""
    try:
        zstd, xxhash = ctypes.CDLL("libzstd.so.1"), ctypes.CDLL("libxxhash.so.0")
    except OSError as error:
        skip(str(error))
    size, text = ctypes.c_size_t, ctypes.c_char_p
    for function, arguments in ((zstd.ZSTD_compressBound, [size]), (zstd.ZSTD_compress, [text, size, text, size, ctypes.c_int]),
                                (zstd.ZSTD_decompress, [text, size, text, size])):
        function.restype, function.argtypes = size, arguments
    hashed = xxhash.XXH3_64bits_withSeed
    hashed.restype, hashed.argtypes = ctypes.c_uint64, [text, size, ctypes.c_uint64]
    return zstd, hashed


def pack(raw):
    zstd, hashed = libraries()
    bound = zstd.ZSTD_compressBound(len(raw))
    buffer = ctypes.create_string_buffer(bound)
    packed = zstd.ZSTD_compress(buffer, bound, raw, len(raw), 1)
    body = buffer.raw[:packed]
    return b"sluiceb1" + struct.pack("<QQ", len(raw), hashed(body, len(body), len(raw))) + body


def unpack(block):
    size, = struct.unpack_from("<Q", block, 8)
    buffer = ctypes.create_string_buffer(size or 1)
    equal(libraries()[0].ZSTD_decompress(buffer, size, block[24:], len(block) - 24), size, "bytes of a block")
    return buffer.raw[:size]


def integers(raw):
    """Where they are (text/row_codec.h: a row of one field, "i", the number)."""
    return [i + 2 for i in range(len(raw) - 2) if raw[i:i + 2] == b"\x01i"]


def replaced(raw, at, number):
    end = at
    while end < len(raw) and raw[end] & 128:
        end += 1
    return raw[:at] + long(number) + raw[end + 1:]


def damage(raw, dice):
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at = dice.randrange(len(raw) + 1)
        way = dice.randrange(6)
        if way == 0 and raw:
            at = at % len(raw)
            raw = raw[:at] + bytes([raw[at] ^ 1 << dice.randrange(8)]) + raw[at + 1:]
        elif way == 1:
            raw = raw[:at] + bytes(dice.randrange(256) for _ in range(dice.randrange(1, 5))) + raw[at:]
        elif way == 2:
            raw = raw[:at] + raw[at + dice.randrange(1, 6):]
        elif way == 3:
            raw = raw[:at]
        elif integers(raw):
            raw = replaced(raw, dice.choice(integers(raw)), dice.choice(NUMBERS))
    return raw


class Player:
    """Does the tasks of a driver; before each of them some that are damaged."""

    def __init__(self, seed, rounds, damages_reports=False):
        self.dice, self.left, self.damages_reports = random.Random(seed), rounds, damages_reports
        self.blocks, self.worker, self.refused = {}, None, 0

    def start(self, graph, loaded, partitions):
        self.command = worker.Command(SLUICE, "job.lua", graph, loaded, os.getcwd())

    def at(self):
        if self.worker is None or not self.worker.is_alive():
            self.close()
            self.worker = worker.Worker(self.command)
        return self.worker

    def attempt(self, task, blocks):
        try:
            self.at().run(task, blocks)
        except (worker.JobFailed, worker.TaskFailed) as error:
            check("has ended" not in error.text, "a worker ended with %s" % error.text[-1500:])
            self.refused += 1

    def try_damaged(self, task, blocks):
        blocks = list(blocks)
        if blocks and self.dice.random() < 0.6:
            i = self.dice.randrange(len(blocks))
            blocks[i] = pack(damage(unpack(blocks[i]), self.dice))
        else:
            task = pack(damage(unpack(task), self.dice))
        self.attempt(task, blocks)

    def try_numbers(self, task, blocks):
        """Each of its integers is each of these once."""
        raw = unpack(task)
        for at in integers(raw):
            for number in NUMBERS:
                self.attempt(pack(replaced(raw, at, number)), blocks)

    def run(self, stage, result):
        for number, task in enumerate(stage.tasks):
            blocks = [block.body for before in stage.inputs for block in self.blocks.get(before, ())
                      if block.node == stage.node and block.partition == number] if stage.role == "reduce" else []
            if self.left and number == 0:
                self.try_numbers(task, blocks)
            for _ in range(min(self.left, max(ROUNDS // 20, 20))):
                self.left -= 1
                self.try_damaged(task, blocks)
            report, made = self.at().run(task, blocks)
            self.blocks.setdefault(stage.number, []).extend(made)
            if self.damages_reports and self.dice.random() < 0.3:
                report = pack(damage(unpack(report), self.dice))
            result(number, report)

    def drop(self, stages):
        for number in stages:
            self.blocks.pop(number, None)

    def close(self):
        if self.worker:
            self.worker.close()


def played(player):
    try:
        return driver.run(SLUICE, ["--reduce-partitions", "3", "--workdir", "work"], ["job.lua", "--clock", "virtual", "--available-now"], player)
    finally:
        player.close()


def feed():
    job(JOB)
    os.makedirs("work", exist_ok=True)
    for number in range(3):
        move_in("%d" % number, "".join("a b c%d %d\n" % (number, line) for line in range(50)))


def test_tasks_and_blocks_that_are_damaged_end_no_worker():
    feed()
    sluice_ok("run", "job.lua", "--clock", "virtual", "--available-now")
    wanted = {prefix: outputs(prefix) for prefix in ["out/" + name for name in "algjnsw"]}
    for name in (".sluice", "out"):
        shutil.rmtree(name)
    player = Player(1, ROUNDS)
    equal(played(player), 0, "exit status")
    check(player.refused > ROUNDS / 3, "%d refused" % player.refused)
    equal({prefix: outputs(prefix) for prefix in wanted}, wanted, "outputs")


def test_reports_that_are_damaged_fail_the_batch_and_end_no_driver():
    for seed in range(ROUNDS // 60):
        shutil.rmtree(".sluice", ignore_errors=True)
        feed()
        status = played(Player(seed, 0, damages_reports=True))
        check(status in (0, 1, 4), "seed %d: the driver ended with %s" % (seed, status))


main(globals())
