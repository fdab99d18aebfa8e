"""infini-gram on the token ids that the bench has written: builds its suffix array, finds maximal spans."""

import json
import os
import sys
import time
from argparse import Namespace
from contextlib import redirect_stdout
from importlib.metadata import version

from infini_gram import indexing
from infini_gram.engine import InfiniGramEngine


def build(folder, threads):
    started = time.perf_counter()
    with redirect_stdout(sys.stderr):
        indexing.build_sa(
            Namespace(
                save_dir=folder,
                temp_dir=folder,
                worker_id=0,
                shards=1,
                workers=1,
                token_width=2,
                cpus=threads,
                mem=2,
            )
        )
    return (time.perf_counter() - started) * 1000


def find(engine, query, options):
    started = time.perf_counter()
    found = engine.attribute(
        input_ids=query,
        delim_ids=[],
        min_len=options["tokens_min"],
        max_cnt=options["occurrences_max"],
        enforce_bow=False,
    )
    return (time.perf_counter() - started) * 1000, found["spans"]


def agreement(engine, queries, expected, options):
    """Share of the spans that both found, with the same ends and the same count, among those that either found."""
    both = either = 0
    for query, spans in zip(queries, expected):
        ours = {tuple(span) for span in spans}
        _, found = find(engine, query, options)
        theirs = {(span["l"], span["r"], span["count"]) for span in found}
        both += len(ours & theirs)
        either += len(ours | theirs)
    return both / max(1, either)


def main():
    options = json.loads(sys.stdin.readline())
    folder = options["folder"]
    build_ms = build(folder, options["threads"])
    with open(os.path.join(folder, "queries.json"), encoding="utf-8") as file:
        queries = json.load(file)
    with redirect_stdout(sys.stderr):
        engine = InfiniGramEngine(
            index_dir=folder,
            eos_token_id=options["vocabulary"],
            vocab_size=options["vocabulary"] + 1,
            token_dtype="u16",
            load_to_ram=True,
            precompute_unigram_logprobs=True,
        )
    print("ready", flush=True)
    for line in sys.stdin:
        word, _, argument = line.strip().partition(" ")
        if word == "build":
            print(build_ms, flush=True)
        elif word == "find":
            print(find(engine, queries[int(argument)], options)[0], flush=True)
        elif word == "agreement":
            with open(os.path.join(folder, "expected.json"), encoding="utf-8") as file:
                print(agreement(engine, queries, json.load(file), options), flush=True)
        else:
            break
    versions = {"infini-gram": version("infini-gram"), "python": sys.version.split()[0]}
    print(json.dumps({"versions": versions}))


main()
