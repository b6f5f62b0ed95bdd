"""Shards of many hours out of those of a few: for measuring, the same play under many names.

python scripts/repeat_shards.py SHARDS OUTPUT --hours 100

Each sample is stored again for each name, so that what is fetched, kept and decoded is as much as for other play.
"""

import argparse
import hashlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import litdata

from env.video.ticks import TICKS_PER_SECOND
from learning.object_store import store_at
from learning.shard_manifest import CHUNK_NAME, INDEX, MANIFEST, ShardedRecording
from learning.shard_samples import pack, unpack
from learning.shards import ShardSource


def main() -> None:
    """Writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shards", type=Path)
    parser.add_argument("output")
    parser.add_argument("--hours", type=float, default=100.0)
    options = parser.parse_args()
    source = ShardSource(options.shards)
    samples = litdata.StreamingDataset(str(options.shards))
    count = source.manifest.first_samples
    store = store_at(options.output)
    recordings: list[ShardedRecording] = []
    written = 0
    with tempfile.TemporaryDirectory(dir=options.shards) as name:
        staging = Path(name)
        writer = litdata.streaming.Cache(str(staging), chunk_bytes=64_000_000)
        while sum(each.ticks for each in recordings) < options.hours * 3600 * TICKS_PER_SECOND:
            which = len(recordings) % len(source.names)
            for number in range(count[which], count[which + 1]):
                sample = unpack(bytes(samples[number]), name="sample")
                writer[written] = pack(replace(sample, recording=len(recordings)))
                written += 1
            recordings.append(replace(source.manifest.recordings[which], name=f"{len(recordings):05}-{which}"))
            for chunk in staging.iterdir():
                if CHUNK_NAME.fullmatch(chunk.name):
                    store.take(chunk)
        writer.done()
        writer.merge()
        for chunk in staging.iterdir():
            if CHUNK_NAME.fullmatch(chunk.name):
                store.take(chunk)
        digest = hashlib.sha256((staging / INDEX).read_bytes()).hexdigest()
        manifest = replace(source.manifest, recordings=tuple(recordings), index_sha256=digest)
        (staging / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        store.take(staging / INDEX)
        store.take(staging / MANIFEST)
    print(json.dumps({"recordings": len(recordings), "samples": written}))


if __name__ == "__main__":
    main()
