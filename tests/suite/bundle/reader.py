"""Reads bundles by schema/bundle.md alone, with Python's standard library and `zstandard`.

    reader.py verify FILE...   the digest of each intact member, and what is wrong; damaged and partial files too
    reader.py read FILE...     each member, found by seeking: its digest, and how many frames that took
"""
import hashlib, io, json, re, struct, sys
import zstandard

MIB, GIB = 1 << 20, 1 << 30
FRAME, SKIPPABLE, TABLE, TABLE_END = 0xFD2FB528, 0x184D2A50, 0x184D2A5E, 0x8F92EAB1


class Refused(Exception):
    """Nothing of the bundle is read, or nothing more."""


class Damaged(Exception):
    """What stands here is not read; what stands behind it may be."""


def frame_end(data, at):
    """Where the frame at `at` ends, by RFC 8878, without decompressing it."""
    def number(begin, size):
        if begin + size > len(data):
            raise Damaged(f"the frame at byte {at} is cut")
        return int.from_bytes(data[begin:begin + size], "little")
    magic = number(at, 4)
    if magic & ~0xF == SKIPPABLE:
        end = at + 8 + number(at + 4, 4)
    elif magic == FRAME:
        descriptor, last = number(at + 4, 1), 0
        single = descriptor >> 5 & 1
        end = at + 6 - single + (0, 1, 2, 4)[descriptor & 3] + (single, 2, 4, 8)[descriptor >> 6]
        while not last:
            block = number(end, 3)
            last, is_repeated = block & 1, block >> 1 & 3 == 1
            end += 3 + (1 if is_repeated else block >> 3)
        end += 4 * (descriptor >> 2 & 1)
    else:
        raise Damaged(f"no frame at byte {at}")
    number(end, 0)
    return end


def unpack(frame, at, cut=None):
    """The content of a frame in pieces; what stands before damage, or the end of a frame that is cut, comes before the
    error."""
    def pieces(frame, size):
        reader = zstandard.ZstdDecompressor(max_window_size=128 * MIB).stream_reader(io.BytesIO(frame))
        return iter(lambda: reader.read(size), b"")
    try:
        found = zstandard.get_frame_parameters(frame)
        if found.window_size > 128 * MIB or found.dict_id:
            raise Damaged(f"the frame at byte {at} wants a dictionary, or more than 128 MiB")
        # First without its checksum: the decoder withholds what it cannot vouch for.
        end = -4 if found.has_checksum and not cut else None
        bare = frame[:4] + bytes([frame[4] & ~4]) + frame[5:end]
        yield from pieces(bare, 4096)
        if cut:
            raise cut
        for _ in pieces(frame, MIB):
            pass
    except zstandard.ZstdError as error:
        raise Damaged(f"the frame at byte {at}: {error}") from None


class Archive:
    """What the frames from byte `at` on decompress to, read forwards."""
    def __init__(self, data, at=0):
        self.data, self.at, self.pieces, self.buffer = data, at, iter(()), bytearray()
        self.total, self.most = 0, min(1024 * GIB, 2 * GIB + 4096 * len(data))
        self.frames, self.bad = [], set()  # (place in the file, place in the archive); numbers of these

    def more(self):
        try:
            while (piece := next(self.pieces, None)) is None:
                if self.at >= len(self.data):
                    return False
                begin = self.at
                self.frames.append((begin, self.total))
                try:
                    self.at, cut = frame_end(self.data, begin), None
                except Damaged as error:
                    self.at, cut = len(self.data), error
                if self.data[begin:begin + 4] == FRAME.to_bytes(4, "little"):
                    self.pieces = unpack(self.data[begin:self.at], begin, cut)
                elif cut:
                    raise cut
                else:
                    self.frames.pop()
        except Damaged:
            self.bad.add(len(self.frames) - 1)
            raise
        self.total += len(piece)
        if self.total > self.most:
            raise Refused("the bundle decompresses to more than it may")
        self.buffer += piece
        return True

    def place(self):
        return self.total - len(self.buffer)

    def read(self, size):
        while len(self.buffer) < size:
            if not self.more():
                raise Damaged("the archive is truncated")
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def resume(self):
        """Goes to the next frame that begins with a header, behind damage."""
        self.buffer, self.pieces = bytearray(), iter(())
        at = self.frames[-1][0] + 4 if self.frames else 1
        while (at := self.data.find(FRAME.to_bytes(4, "little"), at)) >= 0:
            try:
                if is_header(next(unpack(self.data[at:frame_end(self.data, at)], at), b"")[:512]):
                    self.at = at
                    return True
            except Damaged:
                pass
            at += 1
        return False


def octal(field):
    if field[0] & 0x80:
        return int.from_bytes(field, "big") - (0x80 << 8 * (len(field) - 1))
    digits = field.strip(b" \0")
    if not re.fullmatch(rb"[0-7]*", digits):
        raise Damaged("a number in a tar header is not octal")
    return int(digits or b"0", 8)


def is_header(block):
    return len(block) == 512 and any(block) and octal(block[148:156]) == sum(block[:148] + b" " * 8 + block[156:])


def pax(content):
    records = {}
    while content:
        found = re.match(rb"(\d{1,6}) ", content)
        record = content[:int(found[1])] if found else b""
        if not record.endswith(b"\n") or b"=" not in record:
            raise Damaged("a PAX header that cannot be read")
        key, value = record[len(found[0]):-1].split(b"=", 1)
        records[key.decode("utf-8", "replace")] = value
        content = content[len(record):]
    return records


def why_refused(path, kind, records):
    """Why a member must not be read, if it must not."""
    if kind not in b"0\0":
        return "neither a file nor a folder"
    if "size" in records or any(key.startswith("GNU.sparse") for key in records):
        return "a PAX header overrides its size, or makes it sparse"
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return "a path that is not UTF-8"
    if len(path) > 512 or re.search(r"[\\\x00-\x1f\x7f-\x9f]", text) or {"", ".", ".."} & set(text.split("/")):
        return "a path that may not be"


def members(archive):
    """Yields (path, content, why it is refused, place) up to the end of the archive."""
    longer, records, begin = None, {}, None
    while any(header := archive.read(512)):
        begin = archive.place() - 512 if begin is None else begin
        if not is_header(header):
            raise Damaged("no tar header where one should be")
        kind, size = header[156:157], octal(header[124:136])
        if size > (64 << 10 if kind in b"LKxg" else GIB):
            raise Damaged(f"a member or a header of {size} bytes")
        content = archive.read(-size % 512 + size)[:size]
        if kind == b"L":
            longer = content
        elif kind == b"x":
            records = pax(content)
        elif kind == b"g":
            if any(key in ("path", "size") or key.startswith("GNU.sparse") for key in pax(content)):
                raise Refused("a PAX header for all members")
        elif kind != b"K":
            path, prefix = (field.split(b"\0")[0] for field in (header[:100], header[345:500]))
            if prefix and header[257:263] == b"ustar\0":
                path = prefix + b"/" + path
            path = records.get("path", longer or path).split(b"\0")[0]
            while path.startswith(b"./"):
                path = path[2:]
            if kind != b"5":
                yield path.decode("utf-8", "replace"), content, why_refused(path, kind, records), begin
            longer, records, begin = None, {}, None
    rest = -512
    while archive.buffer or archive.more():
        rest += len(archive.buffer)
        if any(archive.buffer) or rest > MIB:
            raise Damaged("more than zeros stands behind the end of the archive")
        archive.buffer.clear()


def parse_manifest(content):
    depth = 0
    for mark in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]', content):
        depth += (mark[0] in b"[{") - (mark[0] in b"]}")
        if depth > 64:
            raise Refused("manifest.json is nested deeper than 64")
    try:
        manifest = json.loads(content)
        if manifest["format"] != "xdsnap.bundle" or len(content) > 64 * MIB:
            raise Refused("no manifest.json of a bundle")
        if not re.fullmatch(r"1(\.\d+)?(-[a-z]+)?", manifest["version"]):
            raise Refused(f"version {manifest['version']} of {manifest['tool']}: only version 1 is read")
        listed = {entry["path"]: entry for entry in manifest["members"]}
        if len(listed) != len(manifest["members"]):
            raise Refused("manifest.json lists a path twice")
        return manifest, listed
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"manifest.json cannot be read: {error!r}") from None


def digest(content):
    return hashlib.sha256(content).hexdigest()


def seek_table(data):
    """[(place in the file, place in the archive, size of the content)], or nothing where the table cannot be used."""
    count, descriptor, magic = struct.unpack("<IBI", data[-9:])
    begin = len(data) - 12 * count - 17
    if magic != TABLE_END or descriptor != 0x80 or count > MIB or begin < 0:
        return []
    if struct.unpack("<II", data[begin:begin + 8]) != (TABLE, 12 * count + 9):
        return []
    places, at, place = [], 0, 0
    for packed, unpacked, _ in struct.iter_unpack("<III", data[begin + 8:-9]):
        places.append((at, place, unpacked))
        at, place = at + packed, place + unpacked
    return places if at == begin and all(unpacked <= GIB for _, _, unpacked in places) else []


def read(data):
    """{path: (digest, number of frames that were decompressed for it)}"""
    archive, table, found = Archive(data), seek_table(data), {}
    content = next(content for path, content, *_ in members(archive) if path == "manifest.json")
    for _ in archive.pieces:  # up to the checksum
        pass
    first = next((unpacked for _, _, unpacked in table if unpacked), 0)
    for path, entry in parse_manifest(content)[1].items():
        wanted = first + entry.get("offset", -first)
        for at, place, unpacked in table:
            if place <= wanted < place + unpacked:
                there = Archive(data, at)
                there.read(wanted - place)
                name, content, why, _ = next(members(there))
                if (name, len(content), digest(content), why) == (path, entry["size"], entry["sha256"], None):
                    found[path] = digest(content), len(there.frames)
    return found


def verify(data):
    """(the version or None, {path: digest} of what is intact, problems)."""
    archive, problems, found, seen = Archive(data), [], {}, set()
    while True:
        try:
            for path, content, why, begin in members(archive):
                if why or path.lower() in seen:
                    problems.append(f"{path}: {why or 'a second member of that path'}")
                    continue
                seen.add(path.lower())
                places = [place for _, place in archive.frames] + [archive.total]
                frames = {number for number in range(len(archive.frames)) if places[number + 1] > begin}
                kept = content if path.startswith("manifest.") else None
                found[path] = (len(content), digest(content)), frames, kept
            break
        except Damaged as error:
            problems.append(str(error))
            if not archive.resume():
                break
        except Refused as error:
            problems.append(str(error))
            break
    # Nothing lists the digest of the manifest, or of what a partial file says: the checksums of their frames vouch.
    def is_whole(path):
        return path in found and not found[path][1] & archive.bad
    manifest, known = None, {}
    if is_whole("manifest.json"):
        manifest, known = parse_manifest(found["manifest.json"][2])
    else:
        problems.append("no intact manifest.json")
        for path in [path for path in found if path.startswith("manifest.d/")]:
            try:
                entry = json.loads(found[path][2])["member"]
                known[entry["path"]] = entry
            except (ValueError, KeyError, TypeError):
                problems.append(f"{path}: not what a partial file holds")
    intact = {}
    for path, (found_as, _, kept) in found.items():
        entry = known.get(path)
        if kept is not None:
            continue
        if manifest and not entry:
            problems.append(f"{path}: not listed")
        elif entry and (entry["size"], entry["sha256"]) != found_as or not manifest and not is_whole(path):
            problems.append(f"{path}: damaged")
        else:
            intact[path] = found_as[1]
    problems += [f"{path}: missing" for path in known if path not in found]
    return manifest and manifest["version"], intact, problems


def main(command, *files):
    answers = []
    for file in files:
        with open(file, "rb") as opened:
            data = opened.read()
        try:
            answers.append({"verify": verify, "read": read}[command](data))
        except Refused as error:
            answers.append([None, {}, [str(error)]])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
