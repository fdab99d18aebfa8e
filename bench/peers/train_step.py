"""Times one LoRA training step of PyTorch and PEFT. The peer of the bench `train.step`.

Reads one JSON object on standard input:
    model      folder of the base model (float32 or bfloat16 weights; computed in float32)
    rank, alpha, target_modules
    rows, length    shape of the batch
    threads
    steps, warmup   timed and untimed steps
    seed            of the tokens
    interactive     optional; when true one line "step" on standard input runs one step and prints its
                    milliseconds, so that the bench can interleave its own steps; "end" ends
Prints one JSON object: milliseconds of each timed step, tokens per second of the median, last loss, versions.
"""

import json
import statistics
import sys
import time

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


def make_step(options):
    torch.manual_seed(options.get("seed", 1))
    model = AutoModelForCausalLM.from_pretrained(options["model"], torch_dtype=torch.float32)
    model.config.use_cache = False
    model = get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=options["rank"],
            lora_alpha=options["alpha"],
            lora_dropout=0.0,
            target_modules=options["target_modules"],
        ),
    )
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0)
    tokens = torch.randint(0, model.config.vocab_size, (options["rows"], options["length"]))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = model(tokens, labels=tokens).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        return loss.item()

    return step


def timed(step):
    started = time.perf_counter()
    loss = step()
    return (time.perf_counter() - started) * 1000, loss


def main():
    options = json.loads(sys.stdin.readline())
    torch.set_num_threads(options["threads"])
    step = make_step(options)
    for _ in range(options.get("warmup", 2)):
        step()
    milliseconds = []
    loss = float("nan")
    if options.get("interactive"):
        print("ready", flush=True)
        for line in sys.stdin:
            if line.strip() != "step":
                break
            elapsed, loss = timed(step)
            milliseconds.append(elapsed)
            print(elapsed, flush=True)
    else:
        for _ in range(options["steps"]):
            elapsed, loss = timed(step)
            milliseconds.append(elapsed)
    tokens = options["rows"] * options["length"]
    print(
        json.dumps(
            {
                "milliseconds": milliseconds,
                "tokens_per_second": tokens / (statistics.median(milliseconds) / 1000) if milliseconds else None,
                "loss": loss,
                "versions": {
                    "torch": torch.__version__,
                    "transformers": transformers.__version__,
                    "peft": peft.__version__,
                    "python": sys.version.split()[0],
                },
                "threads": torch.get_num_threads(),
            }
        )
    )


main()
