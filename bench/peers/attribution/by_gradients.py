"""Methods that need nothing but per-example gradients: GradDot, GradCos, LESS, DataInf, TRAK and DVEmb by dattri.

dattri takes gradients of a function of parameters and data. Here the function is linear in the parameters and
the data are the gradients of the twin, so that dattri's own code meets exactly our gradients, computed once.
"""

import torch
from dattri.algorithm import DVEmbAttributor, IFAttributorDataInf, TracInAttributor, TRAKAttributor
from dattri.task import AttributionTask
from run import Scored
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

PACKAGE = "dattri 0.3.0"


class Linear(nn.Module):
    """What has these gradients: f(parameters, rows) = Σ parameters · rows[checkpoint]."""

    def __init__(self, size, checkpoints=1):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))
        self.register_buffer("chosen", torch.eye(checkpoints)[0])
        self.states = [{"weight": torch.zeros(size), "chosen": row} for row in torch.eye(checkpoints)]

    def task(self):
        return AttributionTask(loss_func=self.value, model=self, checkpoints=self.states)

    def value(self, parameters, data):
        rows = data[0].reshape(len(self.chosen), -1)
        return (parameters["weight"] * (self.chosen @ rows)).sum()


def loader(*tensors, batch=None):
    return DataLoader(TensorDataset(*tensors), batch_size=batch or len(tensors[0]))


def inner_products(rows, queries, normalised=False):
    attributor = TracInAttributor(Linear(rows.shape[1]).task(), torch.ones(1), normalised)
    # Its constructor puts a projection to 512 in the place of none.
    attributor.projector_kwargs = None
    return attributor.attribute(loader(rows), loader(queries))


def grad_dot(run):
    last = run.checkpoints[-1]
    note = "last checkpoint, no projection"
    plain = inner_products(last.rows, last.queries)
    cosine = inner_products(last.rows, last.queries, normalised=True)
    return [
        Scored("GradDot", plain, f"{PACKAGE} TracIn, {note}"),
        Scored("GradCos", cosine, f"{PACKAGE} TracIn normalised, {note}"),
    ]


def less(run):
    """LESS (Xia et al. 2024), section 3 and equation 2: what Adam would make of the example's gradient."""
    beta1, beta2, epsilon = (run.about["optimizer"][name] for name in ("beta1", "beta2", "epsilonRoot"))
    published, alone = 0, 0
    for point in run.checkpoints:
        step = point.step + 1
        # The moments are of mean losses of a token.
        mean = point.rows / run.weight
        second = beta2 * point.second + (1 - beta2) * mean**2
        scale = (second / (1 - beta2**step) + epsilon).rsqrt()
        first = (beta1 * point.first + (1 - beta1) * mean) / (1 - beta1**step)
        published = published + point.learning_rate * inner_products(first * scale, point.queries, normalised=True)
        metric = (point.second / (1 - beta2**point.step) + epsilon).rsqrt()
        alone = alone + point.learning_rate * inner_products(point.rows * metric, point.queries)
    note = f"{PACKAGE} TracIn, {len(run.checkpoints)} checkpoints, without the projection to 8192, which only saves space"
    return [
        Scored("LESS", published, f"restated from LESS eq. 2 with {note}, normalised"),
        Scored("TracIn Adam", alone, f"restated from LESS without momentum and cosine, {note}", published=False),
    ]


def data_inf(run):
    """DataInf (Kwon et al. 2024), equation 5, for each weight matrix with its λ = 0.1 · mean squared gradient."""
    last = run.checkpoints[-1]
    total = 0
    for rows, queries in zip(last.rows.split(run.sizes, 1), last.queries.split(run.sizes, 1)):
        damping = 0.1 * rows.square().mean().item()
        attributor = IFAttributorDataInf(Linear(rows.shape[1]).task(), regularization=damping)
        attributor.cache(loader(rows))
        total = total + attributor.attribute(loader(rows), loader(queries))
    return [Scored("DataInf", total, f"{PACKAGE} DataInf, by weight matrix, damping 0.1 · mean squared gradient")]


# Widths of the projection, and ridges as shares of the mean eigenvalue. A projection wider than there are examples
# has no inverse without a ridge.
TRAK_RIDGES = ((2048, 0.1), (2048, 1.0), (2048, 10.0))
TRAK_NARROW = ((256, 0.0), (128, 0.0), (64, 0.0), (32, 0.0))


def trak(run):
    """TRAK (Park et al. 2023), equation 17, on the log-odds log(p / (1 − p)), p = e^−(mean NLL of a token), as
    dattri's own examples have it for language models."""
    points = run.checkpoints
    count, queries = len(run.export.train), len(run.export.queries)
    weight = torch.cat([run.weight, run.query_weight])
    known = torch.stack([torch.cat([point.losses, point.query_losses]) for point in points], 1) / weight
    sketches = torch.stack([torch.cat([point.sketch, point.query_sketch]) for point in points], 1)
    odds = sketches / weight[:, :, None] / torch.expm1(-known)[:, :, None]
    likely = torch.exp(-known)
    results = []
    for width, ridge in (*TRAK_RIDGES, *(each for each in TRAK_NARROW if each[0] <= count / 2)):
        part, asked = odds[:, :, :width].contiguous().split([count, queries])
        # dattri divides gradients by √width before it adds the ridge to their Gram matrix.
        mean_eigenvalue = part.square().sum().item() / (len(points) * width * width)
        model = Linear(width, len(points))
        attributor = TRAKAttributor(
            model.task(),
            lambda _parameters, data, model=model: (model.chosen * data[1]).sum(),
            projector_kwargs={"proj_dim": width, "proj_type": "identity", "proj_max_batch_size": 32, "proj_seed": 0},
            regularization=ridge * mean_eigenvalue,
        )
        attributor.cache(loader(part, likely[:count]))
        scores = attributor.attribute(loader(asked, likely[count:]))
        note = f"{PACKAGE} TRAK, log-odds, normal projection to {width}, {len(points)} checkpoints of the run"
        name = f"TRAK k={width} ridge={ridge:g}"
        results.append(Scored(name, scores, f"{note}, ridge {ridge:g} · mean eigenvalue", not results))
    return results


def dv_emb(run):
    """DVEmb (Wang et al. 2025) along the whole run. Its steps are those of SGD; the second setting gives SGD the
    length of Adam's steps."""
    results = []
    for name, factor in (("DVEmb", 1.0), ("DVEmb typical step", run.typical_step)):
        attributor = DVEmbAttributor(Linear(run.step_queries.shape[1]).task())
        attributor.cached_gradients = {0: run.step_rows}
        attributor.learning_rates = {0: [factor * rate for rate in run.step_rates]}
        attributor.data_indices = {0: run.batches}
        attributor.cache(memory_saving=False)
        scores = attributor.attribute(loader(run.step_queries))
        note = "learning rates as trained" if factor == 1 else "learning rates · median 1/√(v̂ + ε)"
        results.append(Scored(name, scores, f"{PACKAGE} DVEmb, every step, {run.step_note}, {note}", factor == 1))
    return results
