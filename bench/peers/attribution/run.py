"""The adapter that is attributed, with what the methods share: gradients by the twin, computed once."""

from types import SimpleNamespace
from typing import NamedTuple

import torch
from twin import Twin, example_gradients

SKETCH = 2048
STEP_DIMENSIONS = 1024


class Scored(NamedTuple):
    name: str
    scores: torch.Tensor
    source: str
    # Set as its paper says; otherwise another setting of the family, for its best.
    published: bool = True


def make_run(export):
    """Gradients of all examples and queries at every checkpoint, and their normal projections."""
    twin = Twin(export)
    run = SimpleNamespace(export=export, about=export.about, shapes=twin.trained, checkpoints=[])
    run.sizes = [out * into for _, (out, into) in twin.trained]
    arrays = {name: export.array(name) for name in ("adapters", "first", "second")}
    for at, entry in enumerate(export.about["checkpoints"]):
        twin.adapt(arrays["adapters"][at])
        point = SimpleNamespace(step=entry["step"], learning_rate=entry["learningRate"])
        point.first, point.second = (torch.from_numpy(arrays[name][at]) for name in ("first", "second"))
        point.losses, point.rows = example_gradients(twin, export.train)
        point.query_losses, point.queries = example_gradients(twin, export.queries)
        run.checkpoints.append(point)
    # Σ weight over each one's scored tokens.
    weight = torch.from_numpy(export.array("weights")).sum(1, keepdim=True)
    run.weight, run.query_weight = weight.split([len(export.train), len(export.queries)])
    run.final = arrays["adapters"][-1]
    return run


def add_sketches(run):
    """Projections to N(0, 1 / width) columns, another for each checkpoint; fewer columns are a narrower one."""
    for at, point in enumerate(run.checkpoints):
        generator = torch.Generator().manual_seed(at)
        project = torch.randn(sum(run.sizes), SKETCH, generator=generator) / SKETCH**0.5
        point.sketch, point.query_sketch = point.rows @ project, point.queries @ project


def add_steps(run):
    """Gradients of each step's batch at the step's own weights, in the principal directions of the gradients at
    two checkpoints: these hold all of every query, and lose less than a random projection of the same size."""
    twin = Twin(run.export)
    last, middle = run.checkpoints[-1], run.checkpoints[len(run.checkpoints) // 2 - 1]
    sample = torch.cat([last.queries, last.rows, middle.rows])
    values, vectors = torch.linalg.eigh((sample @ sample.T).double())
    kept = (values > values[-1] * 1e-10).nonzero().squeeze(1)[-STEP_DIMENSIONS:]
    basis = sample.T @ (vectors[:, kept] / values[kept].sqrt()).float()
    run.step_note = f"in {len(kept)} principal directions"
    run.batches = [torch.tensor(batch) for batch in run.about["batches"]]
    run.step_rates = [rate / len(batch) for rate, batch in zip(run.about["learningRates"], run.batches)]
    run.step_queries = last.queries @ basis
    run.step_rows = []
    for vector, batch, total in zip(run.export.array("trajectory"), run.batches, run.about["normalizers"]):
        twin.adapt(vector)
        _, rows = example_gradients(twin, [run.export.train[row] for row in batch])
        # The batch's loss is Σ NLL / total: a mean over its examples of losses of this scale.
        run.step_rows.append(rows @ basis * (len(batch) / total))
    optimizer = run.about["optimizer"]
    corrected = last.second / (1 - optimizer["beta2"] ** last.step)
    run.typical_step = (corrected + optimizer["epsilonRoot"]).rsqrt().median().item()


def compare(run):
    """How far the twin is from us: greatest difference of losses, relative above one nat; least cosine of gradients."""
    last = run.checkpoints[-1]
    ours = torch.from_numpy(run.export.array("losses"))
    losses = torch.cat([last.losses, last.query_losses])
    rows = torch.from_numpy(run.export.array("gradients"))
    cosines = torch.cosine_similarity(rows, torch.cat([last.rows, last.queries])[run.about["compared"]])
    difference = ((losses - ours).abs() / ours.abs().clamp_min(1)).max()
    return {"loss_difference": difference.item(), "gradient_cosine": cosines.min().item()}
