"""Loads an adapter that we wrote with peft, and prints what it computes.

    python load_adapter.py MODEL_FOLDER ADAPTER_FOLDER TOKEN...

Prints one JSON object: the logits after the last token with the adapter and without it.
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

model_folder, adapter_folder, *tokens = sys.argv[1:]
tokens = torch.tensor([[int(token) for token in tokens]])
model = AutoModelForCausalLM.from_pretrained(model_folder, torch_dtype=torch.float32)
with torch.no_grad():
    base = model(tokens).logits[0, -1].tolist()
    adapted = PeftModel.from_pretrained(model, adapter_folder)(tokens).logits[0, -1].tolist()
print(json.dumps({"base": base, "adapted": adapted}))
