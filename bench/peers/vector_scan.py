"""Scans vectors exactly for the best inner products. The peer of the bench `attribution.scan`.

Reads one JSON object on standard input:
    rows, k    vectors and their numbers, uniformly random
    top        how many of the best are wanted
    threads
Then one line "numpy" multiplies a float32 matrix with a query (no selection), "flat" searches the same floats with
faiss, "sq8" searches faiss' index of 8-bit scalars; each prints its milliseconds. "end" prints one JSON object
with versions and ends.
"""

import json
import os
import sys
import time

options = json.loads(sys.stdin.readline())
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(options["threads"])

import faiss  # noqa: E402
import numpy  # noqa: E402

CHUNK = 100_000


def main():
    faiss.omp_set_num_threads(options["threads"])
    random = numpy.random.default_rng(1)
    rows, k, top = options["rows"], options["k"], options["top"]
    vectors = numpy.empty((rows, k), dtype=numpy.float32)
    for start in range(0, rows, CHUNK):
        part = vectors[start : start + CHUNK]
        part[:] = 2 * random.random(part.shape, dtype=numpy.float32) - 1
    query = 2 * random.random((1, k), dtype=numpy.float32) - 1
    scalars = faiss.IndexScalarQuantizer(k, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    scalars.train(vectors[:CHUNK])
    scalars.add(vectors)
    choices = {
        "numpy": lambda: vectors @ query[0],
        "flat": lambda: faiss.knn(query, vectors, top, metric=faiss.METRIC_INNER_PRODUCT),
        "sq8": lambda: scalars.search(query, top),
    }
    for work in choices.values():
        work()
    print("ready", flush=True)
    for line in sys.stdin:
        word = line.strip()
        if word == "end":
            break
        started = time.perf_counter()
        choices[word]()
        print((time.perf_counter() - started) * 1000, flush=True)
    print(json.dumps({"versions": {"faiss": faiss.__version__, "numpy": numpy.__version__}}), flush=True)


main()
