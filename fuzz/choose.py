#!/usr/bin/env python3
"""Chooses the corpus of a target that is committed: `fuzz/choose.py TARGET...`.

Of the seeds and what runs have found (fuzz/target/corpus), small inputs that between them reach the most edges of the
program. `cargo fuzz cmin` keeps all that reach any edge more often, too, which are ten times as many.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

FUZZ = pathlib.Path(__file__).resolve().parent
BUILT = FUZZ / "target/x86_64-unknown-linux-gnu/release"
MOST = 8192  # bytes of an input
ALL = 120_000  # bytes of a corpus
INPUTS = 200


def edges(target, folders):
    """What each input reaches: its path, and the edges."""
    with tempfile.TemporaryDirectory() as scratch:
        control = pathlib.Path(scratch, "control")
        kept = pathlib.Path(scratch, "kept")
        kept.mkdir()
        subprocess.run(
            [BUILT / target, "-set_cover_merge=1", f"-merge_control_file={control}", f"-max_len={MOST}", kept, *folders],
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
            check=True,
            capture_output=True,
        )
        lines = control.read_text().splitlines()
    paths = lines[2 : 2 + int(lines[0])]
    for line in lines[2 + len(paths) :]:
        kind, number, *found = line.split()
        if kind == "COV":
            yield pathlib.Path(paths[int(number)]), set(found)


def main():
    for target in sys.argv[1:]:
        corpus = FUZZ / "corpus" / target
        folders = [folder for folder in (corpus, FUZZ / "target/corpus" / target) if folder.is_dir()]
        found = [(path.stat().st_size, path, reached) for path, reached in edges(target, folders)]
        left = set().union(*(reached for _, _, reached in found))
        chosen = []
        while left and len(chosen) < INPUTS and sum(map(len, chosen)) < ALL:
            best = max(found, key=lambda each: len(each[2] & left) / (each[0] + 1000))
            chosen.append(best[1].read_bytes())
            left -= best[2]
        shutil.rmtree(corpus, ignore_errors=True)
        corpus.mkdir(parents=True)
        for number, content in enumerate(chosen):
            (corpus / f"{number:03}").write_bytes(content)
        print(f"{target}: {len(chosen)} of {len(found)} inputs, {sum(map(len, chosen))} bytes")


main()
