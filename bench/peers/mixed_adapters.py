"""Decodes a batch whose rows use different LoRA adapters with Hugging Face PEFT. The peer of `serving.peft`.

Reads one JSON object on standard input:
    model      folder of the base model; computed in float32
    rank, alpha, target_modules
    adapters   number of adapters, one a row
    past       tokens that every row has read before
    threads
Then one line "step" decodes one token a row, all rows in one batch by PEFT's `adapter_names`, and prints its
milliseconds; "base" does the same without adapters; "end" prints one JSON object with versions and ends.
Adapter weights are random, B included, so that no product is one with zeros. PEFT hands `adapter_names` to its
layers by a hook that needs torch 2; here the layers are given it directly and run the same mixed-batch code.
"""

import json
import sys
import time
from functools import partial

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from transformers import AutoModelForCausalLM, DynamicCache


def load(options):
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(options["model"], torch_dtype=torch.float32)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=options["rank"],
        lora_alpha=options["alpha"],
        lora_dropout=0.0,
        target_modules=options["target_modules"],
        init_lora_weights=False,
    )
    names = [f"adapter{index}" for index in range(options["adapters"])]
    model = get_peft_model(model, config, adapter_name=names[0])
    for name in names[1:]:
        model.add_adapter(name, config)
    model.eval()
    return model, names


def make_step(model, names, options):
    config = model.config
    layers = [(module, module.forward) for module in model.modules() if isinstance(module, LoraLayer)]
    rows = len(names)
    shape = (rows, config.num_key_value_heads, options["past"], config.hidden_size // config.num_attention_heads)
    past = [(torch.randn(shape), torch.randn(shape)) for _ in range(config.num_hidden_layers)]
    last = torch.randint(0, config.vocab_size, (rows, 1))

    def step(adapter_names):
        for layer, forward in layers:
            layer.forward = partial(forward, adapter_names=adapter_names)
        cache = DynamicCache.from_legacy_cache(past)
        started = time.perf_counter()
        output = model(
            last,
            past_key_values=cache,
            use_cache=True,
            num_logits_to_keep=1,
        )
        output.logits.argmax(-1)
        return (time.perf_counter() - started) * 1000

    return step


def main():
    options = json.loads(sys.stdin.readline())
    torch.set_num_threads(options["threads"])
    torch.set_grad_enabled(False)
    model, names = load(options)
    step = make_step(model, names, options)
    choices = {"step": names, "base": ["__base__"] * len(names)}
    for adapter_names in choices.values():
        step(adapter_names)
    print("ready", flush=True)
    for line in sys.stdin:
        word = line.strip()
        if word not in choices:
            break
        print(step(choices[word]), flush=True)
    versions = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "peft": peft.__version__,
        "python": sys.version.split()[0],
    }
    print(json.dumps({"versions": versions}))


main()
