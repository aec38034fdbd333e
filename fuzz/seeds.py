#!/usr/bin/env python3
"""Cuts seeds for the fuzz targets out of the recordings in testdata/, into fuzz/corpus/.

Run it where a recording, a type or a target is new, and choose.py after it.
"""

import hashlib
import json
import pathlib
import subprocess
import tarfile
import io

FUZZ = pathlib.Path(__file__).parent
TESTDATA = FUZZ.parent / "testdata"
MOST = 4000  # bytes of a resource

# The lists of a dump's sections, the way from an element to its resource, the letter of its type in `subject.rs`.
LISTS = {
    "clusters": ("c", ["cluster"]),
    "listeners": ("l", ["active_state", "listener"]),
    "static_listeners": ("l", ["listener"]),
    "route_configs": ("r", ["route_config"]),
    "scoped_route_configs": ("p", ["scoped_route_configs", 0]),
    "endpoint_configs": ("e", ["endpoint_config"]),
    "secrets": ("s", ["secret"]),
    "ecds_filters": ("x", ["ecds_filter"]),
}


def unpacked(path):
    return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout


def read(path):
    return unpacked(path) if path.suffix == ".zst" else path.read_bytes()


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def save(target, data):
    data = data if isinstance(data, bytes) else data.encode()
    folder = FUZZ / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def names(value, above=""):
    """What tells one kind of resource from another: pairs of a name and the one it is in, and types."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield f"{above}.{name}"
            yield from names(member, name)
        if "@type" in value:
            yield value["@type"]
    elif isinstance(value, list):
        for item in value:
            yield from names(item, above)
    else:
        yield f"{above}:{type(value).__name__}"


def at(value, way):
    for step in way:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and value else None
        else:
            value = {snake(k): v for k, v in value.items()}.get(step) if isinstance(value, dict) else None
    return value


def elements(dump):
    """Every element of a dump: its section's type, its list, itself."""
    for section in dump.get("configs") or []:
        if not isinstance(section, dict):
            continue
        for name, elements in section.items():
            if isinstance(elements, list):
                for element in elements:
                    yield section.get("@type"), name, element
            elif name == "bootstrap":
                yield section.get("@type"), name, elements


def resource(name, element):
    if name == "bootstrap":
        return "b", element
    for end, (letter, way) in LISTS.items():
        if snake(name).endswith(end):
            found = at(element, way)
            if found is not None:
                return letter, found
    return None, None


def dumps():
    for path in sorted(TESTDATA.rglob("*")):
        if path.is_file() and "bundles" not in path.parts and "istioctl" not in path.parts:
            try:
                dump = json.loads(read(path))
            except ValueError:
                continue
            yield path, dump


def main():
    seen = {"normalize": set(), "dump": set()}

    def is_new(target, value, prefix):
        found = {f"{prefix} {name}" for name in names(value)}
        new = found - seen[target]
        seen[target] |= found
        return new

    before = {}
    pairs = {}
    for path, dump in dumps():
        if not isinstance(dump, dict) or "configs" not in dump:
            text = compact(dump)
            if len(text) < MOST and is_new("dump", dump, "page"):
                save("dump", text)
            continue
        new_sections = {}
        for section, name, element in elements(dump):
            letter, body = resource(name, element)
            text = compact(body)
            if body is not None and len(text) < MOST:
                if is_new("normalize", body, letter):
                    save("normalize", letter + text)
                    if len(text) < MOST / 2:
                        save("diff", letter.encode() + text.encode() + b"\n" + bytes(range(48, 48 + len(text) % 40)))
                step = path.relative_to(TESTDATA).parts
                key = (step[:2], path.name, letter, body.get("name"), name)
                old = before.get(key)
                if old is not None and old != text and len(old) + len(text) < MOST and pairs.get(letter, 0) < 12:
                    pairs[letter] = pairs.get(letter, 0) + 1
                    save("diff", f"{letter}{old}\n{text}")
                before[key] = text
            elements_text = compact(element)
            if len(elements_text) < MOST / 2 and is_new("dump", element, f"{section} {name}"):
                listed = new_sections.setdefault(section, {}).setdefault(name, [])
                if len(listed) < 2:
                    listed.append(element)
        configs = [{"@type": section, **lists} for section, lists in new_sections.items() if section]
        for section in configs:
            text = compact({"configs": [section]})
            if len(text) < 2 * MOST:
                save("dump", text)
        if 1 < len(configs) and len(compact(configs)) < MOST:
            save("dump", compact({"configs": configs}))

    for path in sorted((TESTDATA / "bundles").iterdir()):
        if path.suffix == ".md" or path.stat().st_size > MOST:
            continue
        packed = path.read_bytes()
        tar = unpacked(path)
        save("bundle", b"r" + packed)
        for start in range(0, len(tar), 512):
            if tar[start + 257 : start + 262] == b"ustar" and start and start < 9000:
                save("bundle", b"t" + tar[: start + 1024])
                save("bundle", b"f" + tar[start : start + 4096])
        with tarfile.open(fileobj=io.BytesIO(tar), ignore_zeros=True) as archive:
            for member in archive:
                if member.name == "manifest.json":
                    whole = json.loads(archive.extractfile(member).read())
                    save("manifest", compact(whole))
                    for field in ("members", "failures", "proxies", "istiods"):
                        less = dict(whole, **{other: whole[other][:1] if other == field else []
                                              for other in ("members", "failures", "proxies", "istiods")})
                        save("manifest", compact(less))

    for text in ("1-rc", "1.2", "2-draft", "2026-11-21T01:52:51.123Z"):
        save("manifest", text)
    entries = [b"\x00\x00\x05dumps", b"\x30\x01\x02{}", b"\x21\x06\x02[]", b"\x02\x07\x05alter", b"\x03\x08\x05extra",
               b"\x04\x06envoy/", b"\x05\x14envoy/web-1.shop/x.j\x00\x0d\x02xx", b"\x06\x0f15 path=a/b.json",
               b"\x06\x0a10 size=77", b"\x07\x0e14 comment=abc", b"\x08\x32\x06\x00", b"\x10\x0a\x14",
               b"\x0b\x04tail", b"\x0c\x04skip", b"\x0d", b"\x0e\x0c{\"offset\":5}", b"\x0f", b"\x00\x0a\x02js"]
    for number in range(len(entries)):
        save("bundle", b"s" + b"".join(entries[:number] + entries[number + 1 :]))
        save("bundle", b"s" + entries[0] + entries[1] + entries[number] + b"\x30\x06\x03[1]")
    for choice in range(0, 80):
        for data in (b"", bytes(range(24)), b"\xb1\xea\x92\x8f" * 5):
            save("seek_table", bytes([choice]) + data)
    for text in ("envoy/web-1.shop/config_dump.json", "istiod/b/web-1.shop.config_dump.json", "istiod/syncz.json",
                 "envoy/a/config_dump.dynamic_listeners.masked.json", "sidecar~10.44.1.11~web-1.shop~shop.svc.cluster.local",
                 "envoy.admin.v9.New", "reviews-v1-545db77b95-2k8ls.default"):
        save("path", text + '\n{"a":[1,"x"]}')
    for query in ("$.virtual_hosts[?@.name=='a'].routes[0]", "$..name", "$['istio.io/x']", "$[?@.a==1 && !@.b || @.c>2.5]",
                  "$.a[1:5:2]", "$[*].a[-1]", "$[?length(@.a)>1]", "$[?match(@.a,'x.*')]", "$[?count(@.*)==1,0,'a']"):
        save("path", query + '\n{"a":[1,"x",{"a":"xy","b":null,"c":3.5}],"virtual_hosts":[{"name":"a","routes":[true]}],'
             '"istio.io/x":{"é\\u2028\\"\'\\\\":[]}}')

    # The byte before each: which document, or, where it is odd, what stands around a secret.
    for text in ('{"configs":[{"dynamic_listeners":[{"name":"l","error_state":{"details":"near \'x\' {a: \\"b\\"}"}}]}]}',
                 '{"configs":[{"headers":[{"key":"x-api-key","value":"abc"},{"header":{"key":"a","raw_value":"YWJj"}}]}]}',
                 '{"configs":[{"a":"https://u:p@h/?access_token=x","b":"Bearer abcdef0123456789","c":{"kty":"oct","k":"AQAB"}}]}',
                 '{"configs":[{"@type":"type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",'
                 '"default_source_code":{"inline_string":"-- [[x]]\\nlocal a = \'b\' .. [==[c]==]"}}]}',
                 '{"configs":[{"configuration":{"@type":"type.googleapis.com/google.protobuf.StringValue","value":"{\\"pin\\":1}"}}]}',
                 "[2026-11-20 10:00:00.000][1][warning][config] [x.cc:1] bad: {'a': \"b\"} password=c\nnext\n"):
        for choice in (0, 0x30, 0x06):
            save("redact", bytes([choice]) + text.encode())
    for shape in ("", "l", "oat", "aooollt"):
        save("redact", b"\x01" + shape.encode() + b'\n"key":"authorization"')

    dictionary()


def dictionary():
    """Names of members and short values of the seeds, in the form of AFL's and libFuzzer's dictionaries."""
    words = {"null", "true", "false", "{}", "[]", "1e400", "-0.0", "9007199254740993", "\\ud800", "\n"}

    def walk(value):
        if isinstance(value, dict):
            for name, member in value.items():
                words.add(json.dumps(name) + ":")
                walk(member)
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, str) and len(value) < 20 and value.isascii() and value.isupper():
            words.add(json.dumps(value))
        elif isinstance(value, str) and value.startswith("type.googleapis.com/"):
            words.add(json.dumps(value))

    for target in ("normalize", "dump"):
        for path in (FUZZ / "corpus" / target).iterdir():
            text = path.read_bytes()
            try:
                walk(json.loads(text if target == "dump" else text[1:]))
            except ValueError:
                pass
    escape = lambda word: word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\x0A")
    lines = [f'"{escape(word)}"' for word in sorted(words)]
    (FUZZ / "json.dict").write_text("\n".join(lines) + "\n")


main()
