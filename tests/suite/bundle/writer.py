"""Writes bundles by schema/bundle.md alone, with Python's standard library and `zstandard`.

    writer.py FOLDER   bundles of the same members in all forms that the specification leaves open, named after them
"""
import hashlib, json, pathlib, struct, sys, tarfile
import zstandard

PROXIES = ["Größe 猫.shöp", "p" * 238, "web-1.shop"]
MEMBERS = {f"envoy/{proxy}/config_dump.json": b'{"configs":[]}' * 1000 + proxy.encode() for proxy in PROXIES}
MEMBERS |= {f"envoy/{proxy}/certs.json": b"{}" for proxy in PROXIES}
MEMBERS |= {f"istiod/{proxy}.config_dump.json": b"not JSON" for proxy in PROXIES}
MEMBERS |= {"istiod/syncz.json": b"", "istiod/version.json": bytes(range(256)) * 2}


def entry(path, content):
    info = tarfile.TarInfo(path)
    info.size = len(content)
    try:
        header = info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    except ValueError:
        header = info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")
    return header + content + bytes(-len(content) % 512)


def frame(content, states_size=True, **parameters):
    parameters = zstandard.ZstdCompressionParameters.from_level(
        3, write_checksum=True, write_content_size=states_size, **parameters)
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    if states_size:
        return compressor.compress(content)
    stream = compressor.compressobj()
    return stream.compress(content) + stream.flush()


def skippable(content, magic=0x184D2A50):
    return struct.pack("<II", magic, len(content)) + content


def bundle(gather, later=None, offsets=True, skipped=(), **parameters):
    members = MEMBERS | (later or {}).get("members", {})
    archive = [entry(path, content) for path, content in members.items()]
    listed, offset = [], 0
    for (path, content), piece in zip(members.items(), archive):
        sha256 = hashlib.sha256(content).hexdigest()
        listed.append({"path": path, "size": len(content), "sha256": sha256, "origin": {"file": "x.json"}})
        if offsets:
            listed[-1]["offset"] = offset
        offset += len(piece)
    manifest = {
        "format": "xdsnap.bundle", "version": "1", "tool": "writer.py",
        "proxies": [{"id": proxy} for proxy in sorted(PROXIES, key=str.encode)], "istiods": [{}],
        "members": listed, "failures": [], "redaction": {"rules": [], "values": 0},
    }
    manifest |= (later or {}).get("manifest", {})
    first = entry("manifest.json", json.dumps(manifest, ensure_ascii=False).encode())
    file, table = b"", []
    for number, content in enumerate([first, *gather(archive), bytes(1024)]):
        if number in skipped:
            file += skippable(b"not for you", 0x184D2A50 + number)
            table.append((19, 0, 0))
        packed = frame(content, **parameters)
        file += packed
        table.append((len(packed), len(content), int.from_bytes(packed[-4:], "little")))
    entries = b"".join(struct.pack("<III", *sizes) for sizes in table)
    return file + skippable(entries + struct.pack("<IBI", len(table), 0x80, 0x8F92EAB1), 0x184D2A5E)


def each(archive):
    return archive


def whole(archive):
    return [b"".join(archive)]


def cut(archive):
    return [piece[at:at + 999] for piece in archive for at in range(0, len(piece), 999)]


LATER = {
    "manifest": {"version": "1.1", "computed": {"rules": [1, {"x": True}]}, "later": [[]]},
    "members": {"later/digests.json": b"{}", "zz/later.bin": b"\0"},
}
FORMS = {
    "one_member_in_a_frame": bundle(each),
    "all_in_one_frame": bundle(whole),
    "members_cut": bundle(cut),
    "no_offsets": bundle(each, offsets=False),
    "skippable_frames": bundle(each, skipped=(0, 1, 3, 11)),
    "no_content_sizes": bundle(each, states_size=False),
    "the_largest_window": bundle(whole, window_log=27),
    "version_1.1": bundle(each, LATER),
}

for name, content in FORMS.items():
    pathlib.Path(sys.argv[1], name + ".xdsnap").write_bytes(content)
json.dump({path: hashlib.sha256(content).hexdigest() for path, content in MEMBERS.items()}, sys.stdout)
