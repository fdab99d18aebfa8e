"""A PyTorch twin of our Llama with a LoRA adapter, and of its per-example gradients.

`Export` reads what `bench/src/attribution/peers/export.ts` writes; `Twin` has the same parameters under the same
names, A and B as linear layers of their own, which is what hooks of dattri and kronfluence look for.
"""

import json
import pathlib
from types import SimpleNamespace

import numpy
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

MODULES = {"self_attn": ("q_proj", "k_proj", "v_proj", "o_proj"), "mlp": ("gate_proj", "up_proj", "down_proj")}


class Export:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.about = json.loads((self.folder / "export.json").read_text())
        self.config = json.loads((self.folder / "base" / "config.json").read_text())
        self.base = load_file(self.folder / "base" / "model.safetensors")
        tensors = {name: torch.from_numpy(self.array(name)) for name in ("ids", "labels", "weights")}
        lengths = torch.tensor(self.about["lengths"])
        examples = [
            {**{name: tensor[row] for name, tensor in tensors.items()}, "length": lengths[row]}
            for row in range(len(lengths))
        ]
        self.train = examples[: self.about["examples"]]
        self.queries = examples[self.about["examples"] :]

    def array(self, name):
        return numpy.load(self.folder / f"{name}.npy")


def collate(rows):
    """Stacks examples that are padded to the longest of all, and cuts them to the longest of these."""
    longest = max(int(row["length"]) for row in rows)
    batch = {name: torch.stack([row[name][:longest] for row in rows]) for name in ("ids", "labels", "weights")}
    return {**batch, "length": torch.stack([row["length"] for row in rows])}


class AdaptedLinear(nn.Module):
    def __init__(self, weight, lora):
        super().__init__()
        out, into = weight.shape
        self.register_buffer("weight", weight)
        self.scale = lora["alpha"] / lora["rank"]
        self.lora_A = nn.Linear(into, lora["rank"], bias=False)
        self.lora_B = nn.Linear(lora["rank"], out, bias=False)

    def forward(self, x):
        return F.linear(x, self.weight) + self.scale * self.lora_B(self.lora_A(x))


class PlainLinear(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.register_buffer("weight", weight)

    def forward(self, x):
        return F.linear(x, self.weight)


class Norm(nn.Module):
    def __init__(self, weight, epsilon):
        super().__init__()
        self.register_buffer("weight", weight)
        self.epsilon = epsilon

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weight


class Layer(nn.Module):
    def __init__(self, export, prefix):
        super().__init__()
        base, config, lora = export.base, export.config, export.about["lora"]
        for part, names in MODULES.items():
            group = nn.Module()
            for name in names:
                weight = base[f"{prefix}.{part}.{name}.weight"]
                adapted = name in lora["targetModules"]
                setattr(group, name, AdaptedLinear(weight, lora) if adapted else PlainLinear(weight))
            setattr(self, part, group)
        for name in ("input_layernorm", "post_attention_layernorm"):
            setattr(self, name, Norm(base[f"{prefix}.{name}.weight"], config["rms_norm_eps"]))
        self.width = config["head_dim"]
        self.sharing = config["num_attention_heads"] // config["num_key_value_heads"]

    def heads(self, x):
        return x.view(*x.shape[:2], -1, self.width).transpose(1, 2)

    def forward(self, x, cos, sin, mask):
        def rotate(y):
            one, other = y.chunk(2, -1)
            return y * cos + torch.cat((-other, one), -1) * sin

        attention, mlp = self.self_attn, self.mlp
        h = self.input_layernorm(x)
        q = rotate(self.heads(attention.q_proj(h)))
        k = rotate(self.heads(attention.k_proj(h))).repeat_interleave(self.sharing, 1)
        v = self.heads(attention.v_proj(h)).repeat_interleave(self.sharing, 1)
        p = (q @ k.transpose(-1, -2) / self.width**0.5 + mask).softmax(-1)
        x = x + attention.o_proj((p @ v).transpose(1, 2).flatten(2))
        h = self.post_attention_layernorm(x)
        return x + mlp.down_proj(F.silu(mlp.gate_proj(h)) * mlp.up_proj(h))


class Twin(nn.Module):
    def __init__(self, export):
        super().__init__()
        config, base = export.config, export.base
        self.register_buffer("embedding", base["model.embed_tokens.weight"])
        self.register_buffer("head", base.get("lm_head.weight", self.embedding))
        self.model = nn.Module()
        layers = range(config["num_hidden_layers"])
        self.model.layers = nn.ModuleList([Layer(export, f"model.layers.{layer}") for layer in layers])
        self.norm = Norm(base["model.norm.weight"], config["rms_norm_eps"])
        turns = config["rope_theta"] ** (-torch.arange(0, config["head_dim"], 2) / config["head_dim"])
        angles = torch.outer(torch.arange(export.about["longest"]), turns).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())
        self.trained = [(entry["name"], entry["shape"]) for entry in export.about["parameters"]]
        # Gradients by example come from activations and their gradients; no weight keeps a gradient of its own.
        self.requires_grad_(False).eval()

    def adapt(self, vector):
        """Takes the adapter whose tensors lie end to end in `vector`."""
        parameters = dict(self.named_parameters())
        assert list(parameters) and set(parameters) == {name for name, _ in self.trained}
        blocks = torch.from_numpy(vector).split([out * into for _, (out, into) in self.trained])
        with torch.no_grad():
            for (name, shape), block in zip(self.trained, blocks):
                parameters[name].copy_(block.view(*shape))

    def modules_with_adapters(self):
        return [name.removesuffix(".weight") for name, _ in self.trained]

    def forward(self, ids, labels, weights, length=None, drawn=False):
        """`losses`: −Σ weight · log p(label) of each example; `drawn` takes labels from the model itself."""
        time = ids.shape[1]
        x = F.embedding(ids, self.embedding)
        if torch.is_grad_enabled():
            x.requires_grad_()
        mask = torch.full((time, time), float("-inf")).triu(1)
        for layer in self.model.layers:
            x = layer(x, self.cos[:time], self.sin[:time], mask)
        row, position = (labels >= 0).nonzero(as_tuple=True)
        log_p = F.linear(self.norm(x[row, position]), self.head).log_softmax(-1)
        targets = labels[row, position]
        if drawn:
            targets = torch.multinomial(log_p.detach().exp(), 1).squeeze(1)
        nll = -log_p.gather(1, targets.unsqueeze(1)).squeeze(1) * weights[row, position]
        losses = torch.zeros(len(ids)).index_add(0, row, nll)
        return SimpleNamespace(losses=losses, loss=losses.mean())


def example_gradients(twin, examples, batch=32):
    """Losses [examples] and gradients [examples, parameters] of each example's own loss."""
    seen = {}

    def keep(name):
        def hook(_module, inputs, output):
            x = inputs[0].detach()
            output.register_hook(lambda d: seen.__setitem__(name, torch.einsum("bto,bti->boi", d, x).flatten(1)))

        return hook

    named = dict(twin.named_modules())
    handles = [named[name].register_forward_hook(keep(name)) for name in twin.modules_with_adapters()]
    losses = torch.zeros(len(examples))
    rows = torch.zeros(len(examples), sum(out * into for _, (out, into) in twin.trained))
    # Alike lengths lie together, so that little of a batch is padding.
    order = sorted(range(len(examples)), key=lambda row: int(examples[row]["length"]))
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        output = twin(**collate([examples[row] for row in part]))
        output.losses.sum().backward()
        losses[part] = output.losses.detach()
        rows[part] = torch.cat([seen[name] for name in twin.modules_with_adapters()], 1)
    for handle in handles:
        handle.remove()
    return losses, rows
