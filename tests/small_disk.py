"""A disk that is soon full: a tmpfs of 2 MB or what is asked for, which root may mount."""
import os, subprocess

from harness import skip, unmount

SMALL = "../small"  # the disk: beside the claim's directory, in which a run that ends leaves no mounts
BALLAST = SMALL + "/ballast"


class SmallDisk:
    def __init__(self, size="2m"):
        self.size = size

    def __enter__(self):
        os.makedirs(SMALL, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + self.size, "none", SMALL], stderr=subprocess.PIPE, text=True)
        if done.returncode:
            skip("mounting a tmpfs: %s" % done.stderr.strip())

    def __exit__(self, *unused):
        unmount(SMALL)


def fill():
    """To the last byte."""
    with open(BALLAST, "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass


def make_room():
    os.unlink(BALLAST)
