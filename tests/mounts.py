"""What is mounted where; paths may have any bytes, also those of what another test has mounted meanwhile."""
import os, re


def mount_points():
    """The paths of all mounts, as os.fsdecode has them."""
    with open("/proc/self/mountinfo", "rb") as mounts:
        points = [line.split(b" ")[4] for line in mounts]
    return [os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), point)) for point in points]
