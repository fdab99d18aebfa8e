"""Methods that hook into the layers of the model: LoGra by dattri and EK-FAC by kronfluence, on the twin."""

import logging
import tempfile

import torch
from dattri.algorithm import LoGraAttributor
from dattri.algorithm.block_projected_if.block_projected_if import stable_inverse
from dattri.task import AttributionTask
from kronfluence.analyzer import Analyzer, prepare_model
from kronfluence.arguments import FactorArguments, ScoreArguments
from kronfluence.task import Task
from kronfluence.utils.dataset import DataLoaderKwargs
from torch.utils.data import DataLoader
from run import Scored
from twin import Twin, collate

BATCH = 32


def lo_gra(run):
    """LoGra (Choe et al. 2024), section 3: projected by factor, empirical Fisher by layer, damping by its trace."""
    twin = Twin(run.export)
    twin.adapt(run.final)
    task = AttributionTask(
        loss_func=lambda model, batch, _device: model(**batch).loss, model=twin, checkpoints=twin.state_dict()
    )
    # One width for both factors: wider than the rank, so that nothing of the narrow one is lost.
    width = 16
    with tempfile.TemporaryDirectory() as folder:
        attributor = LoGraAttributor(
            task,
            layer_names=twin.modules_with_adapters(),
            hessian="eFIM",
            damping=0.1,
            proj_dim=width * width,
            offload="cpu",
            cache_dir=folder,
        )
        train, queries = (
            DataLoader(examples, batch_size=BATCH, collate_fn=collate)
            for examples in (run.export.train, run.export.queries)
        )
        attributor.cache(train)
        scores = attributor.attribute(train, queries)
    note = f"dattri 0.3.0 LoGra on A and B, normal projections to {width} × {width}, damping 0.1 · mean eigenvalue"
    return [Scored("LoGra", scores, note), *lo_gra_restated(run)]


def lo_gra_restated(run, limit=64):
    """The same with the authors' width of 64 where a factor is wider and no projection where it is not."""
    last = run.checkpoints[-1]
    generator = torch.Generator().manual_seed(7)
    blocks = []
    for (_, shape), rows, queries in zip(
        run.shapes, last.rows.split(run.sizes, 1), last.queries.split(run.sizes, 1)
    ):
        both = torch.cat([rows, queries]).view(-1, *shape)
        for axis in (1, 2):
            wide = both.shape[axis]
            if wide > limit:
                projection = torch.randn(wide, limit, generator=generator) / limit**0.5
                both = torch.movedim(torch.movedim(both, axis, -1) @ projection, -1, axis)
        blocks.append(both.flatten(1).split([len(rows), len(queries)]))
    results = []
    for damping in (0.1, 1.0, 10.0):
        total = 0
        for rows, queries in blocks:
            inverse = stable_inverse(rows.T @ rows / len(rows), damping=damping)
            total = total + rows @ inverse @ queries.T
        note = f"restated, LoGra section 3, factors projected to at most {limit}"
        name = f"LoGra {limit} damping={damping:g}"
        results.append(Scored(name, total, f"{note}, damping {damping:g} · mean eigenvalue", damping == 0.1))
    return results


class Likelihood(Task):
    """Examples' own losses, summed; labels from the model for the true Fisher."""

    def __init__(self, modules):
        self.modules = modules

    def compute_train_loss(self, batch, model, sample=False):
        return model(**batch, drawn=sample).losses.sum()

    def compute_measurement(self, batch, model):
        return model(**batch).losses.sum()

    def get_influence_tracked_modules(self):
        return self.modules

    def get_attention_mask(self, batch):
        return (torch.arange(batch["ids"].shape[1]) < batch["length"][:, None]).long()


def ek_fac(run):
    """EK-FAC influence (Grosse et al. 2023), true Fisher; damping 0.1 · mean eigenvalue by its None."""
    twin = Twin(run.export)
    twin.adapt(run.final)
    task = Likelihood(twin.modules_with_adapters())
    model = prepare_model(twin, task)
    torch.manual_seed(7)
    with tempfile.TemporaryDirectory() as folder:
        analyzer = Analyzer(
            analysis_name="peers",
            model=model,
            task=task,
            cpu=True,
            log_level=logging.ERROR,
            disable_tqdm=True,
            output_dir=folder,
        )
        # 2 is what torch 1.13 calls nothing; None is from torch 2.
        analyzer.set_dataloader_kwargs(DataLoaderKwargs(collate_fn=collate, prefetch_factor=2))
        analyzer.fit_all_factors(
            factors_name="factors",
            dataset=run.export.train,
            per_device_batch_size=BATCH,
            factor_args=FactorArguments(strategy="ekfac", use_empirical_fisher=False),
        )
        analyzer.compute_pairwise_scores(
            scores_name="scores",
            factors_name="factors",
            query_dataset=run.export.queries,
            train_dataset=run.export.train,
            per_device_query_batch_size=len(run.export.queries),
            per_device_train_batch_size=BATCH,
            score_args=ScoreArguments(damping_factor=None),
        )
        scores = analyzer.load_pairwise_scores("scores")["all_modules"].T
    note = "kronfluence 1.0.1 ekfac, true Fisher, damping_factor None (0.1 · mean eigenvalue)"
    return [Scored("EK-FAC", scores, note)]
