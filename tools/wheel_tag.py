"""A wheel that setuptools takes for pure Python becomes one for a platform: its tag, and the list of its files.

usage: wheel_tag.py WHEEL DIRECTORY PLATFORM    writes DIRECTORY/NAME-py3-none-PLATFORM.whl and prints its path
"""
import base64, hashlib, pathlib, sys, zipfile


def retagged(text, platform):
    lines = [line for line in text.splitlines() if not line.startswith(("Tag:", "Root-Is-Purelib:")) and line]
    return "\n".join([*lines, "Root-Is-Purelib: false", "Tag: py3-none-" + platform, "", ""])


def record_line(name, content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return "%s,sha256=%s,%d" % (name, digest, len(content))


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source, place, platform = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    target = place / ("-".join(source.stem.split("-")[:2]) + "-py3-none-%s.whl" % platform)
    records, record = [], None
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename.endswith(".dist-info/RECORD"):
                record = info
                continue
            if info.filename.endswith(".dist-info/WHEEL"):
                content = retagged(content.decode(), platform).encode()
            if info.filename.endswith("/bin/sluice"):
                info.external_attr = 0o100755 << 16
            records.append(record_line(info.filename, content))
            new.writestr(info, content)
        new.writestr(record, "\n".join([*records, record.filename + ",,", ""]))
    print(target)


main()
