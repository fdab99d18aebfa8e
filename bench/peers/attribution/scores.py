"""Scores of every training example for every query by the methods of others, on one trained adapter.

Reads one JSON object on standard input:
    folder     what bench/src/attribution/peers/export.ts wrote
    threads
Prints "ready" once the twin has its gradients at every checkpoint. Then each line names a family of methods; its
scores go to FOLDER/scores (float32 [examples, queries]; positive: the example helps the query) and its milliseconds
are printed. "end" writes FOLDER/scores/scores.json, what each file holds and how well the twin agrees with us, and
prints one JSON object with versions.
"""

import json
import os
import sys
import time
from importlib.metadata import version

# Nobody reads standard error, and bars would fill it. Threads that wait sleep: their spinning takes, beside
# other processes, ten times what it saves.
os.environ.update(TQDM_DISABLE="1", OMP_WAIT_POLICY="PASSIVE", GOMP_SPINCOUNT="0")

import old_torch  # noqa: F401, I001 (before the packages that need it)
import by_activations
import by_gradients
import numpy
import torch
from run import add_sketches, add_steps, compare, make_run
from twin import Export

METHODS = {
    "graddot": by_gradients.grad_dot,
    "less": by_gradients.less,
    "datainf": by_gradients.data_inf,
    "trak": by_gradients.trak,
    "dvemb": by_gradients.dv_emb,
    "logra": by_activations.lo_gra,
    "ekfac": by_activations.ek_fac,
}

# What a family needs beside the gradients at the checkpoints; counted with it.
PREPARE = {"trak": add_sketches, "dvemb": add_steps}


def main():
    options = json.loads(sys.stdin.readline())
    torch.set_num_threads(options["threads"])
    run = make_run(Export(options["folder"]))
    agreement = compare(run)
    folder = run.export.folder / "scores"
    folder.mkdir(exist_ok=True)
    print("ready", flush=True)
    written = {}
    for line in sys.stdin:
        word = line.strip()
        if word not in METHODS:
            break
        started = time.perf_counter()
        if word in PREPARE:
            PREPARE[word](run)
        for name, scores, source, published in METHODS[word](run):
            file = f"{len(written)}.npy"
            numpy.save(folder / file, numpy.ascontiguousarray(scores.detach().numpy(), numpy.float32))
            written[name] = {"family": word, "file": file, "source": source, "as_published": published}
        print((time.perf_counter() - started) * 1000, flush=True)
    (folder / "scores.json").write_text(json.dumps({"agreement": agreement, "scores": written}))
    versions = {name: version(name) for name in ("dattri", "kronfluence", "numpy")}
    print(json.dumps({"versions": {**versions, "torch": torch.__version__}}))


main()
