"""Writes the reference values that our model engine is compared with.

For a small Llama and a small Qwen2 configuration with seeded random weights: the model folder, a PEFT
adapter, and logits, loss and adapter gradients computed by PyTorch, transformers and peft in float32.

    python reference.py FOLDER          writes FOLDER/{llama,qwen2}
    python reference.py --check FOLDER  recomputes from the stored weights and compares
"""

import json
import pathlib
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

TOLERANCE = 1e-5

SHAPE = dict(
    vocab_size=96,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    hidden_act="silu",
    use_cache=False,
    bos_token_id=0,
    eos_token_id=1,
    torch_dtype="float32",
)

CONFIGS = {
    "llama": LlamaConfig(**SHAPE, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False),
    "qwen2": Qwen2Config(
        **SHAPE, rms_norm_eps=1e-6, rope_theta=1000000.0, tie_word_embeddings=True, use_sliding_window=False
    ),
}

ADAPTERS = {
    "llama": dict(target_modules="all-linear", r=4, lora_alpha=8),
    "qwen2": dict(
        target_modules=["q_proj", "v_proj", "down_proj"],
        r=4,
        lora_alpha=6,
        use_rslora=True,
    ),
}


def randomise(tensors, seed, spread):
    """Fills tensors with seeded noise, so that nothing is zero, one or tied by accident."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in sorted(tensors):
            noise = torch.randn(tensor.shape, generator=generator)
            centre = 1.0 if "norm" in name else 0.0
            tensor.copy_(centre + spread * noise)


def make_model(folder, name):
    model = AutoModelForCausalLM.from_config(CONFIGS[name], attn_implementation="eager")
    randomise(model.named_parameters(), 1, 0.15)
    model.save_pretrained(folder, safe_serialization=True)
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **ADAPTERS[name]))
    randomise([(key, value) for key, value in adapted.named_parameters() if "lora_" in key], 2, 0.1)
    adapted.save_pretrained(folder / "adapter", safe_serialization=True)
    (folder / "adapter" / "README.md").unlink(missing_ok=True)


def compute(folder):
    """Base logits, and logits, mean loss over scored tokens and gradients of the adapter."""
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(2, SHAPE["vocab_size"], (2, 12), generator=generator)
    labels = tokens.clone()
    labels[0, :5] = -100
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", torch_dtype=torch.float32)
    with torch.no_grad():
        base_logits = model(tokens).logits.clone()
    adapted = PeftModel.from_pretrained(model, folder / "adapter", is_trainable=True)
    output = adapted(tokens, labels=labels)
    output.loss.backward()
    values = {
        "base_logits": base_logits,
        "logits": output.logits.detach(),
        "loss": output.loss.detach().reshape(1),
        "tokens": tokens.float(),
        "labels": labels.float(),
    }
    for key, parameter in adapted.named_parameters():
        if parameter.grad is not None:
            values["gradient." + key.replace(".default.", ".")] = parameter.grad
    return {key: value.contiguous().float() for key, value in values.items()}


def difference(one, other):
    return ((one - other).norm() / other.norm().clamp_min(1e-12)).item()


def main():
    check = sys.argv[1] == "--check"
    root = pathlib.Path(sys.argv[-1])
    report = {"torch": torch.__version__}
    for name in CONFIGS:
        folder = root / name
        if not check:
            make_model(folder, name)
        values = compute(folder)
        if not check:
            save_file(values, folder / "reference.safetensors")
            continue
        stored = load_file(folder / "reference.safetensors")
        assert stored.keys() == values.keys(), "the stored values have other names"
        report[name] = max(difference(values[key], stored[key]) for key in stored)
    print(json.dumps(report))
    if check and max(report[name] for name in CONFIGS) > TOLERANCE:
        sys.exit("the stored values differ from PyTorch's")


main()
