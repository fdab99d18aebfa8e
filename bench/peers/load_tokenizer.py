"""Encodes texts with the Python tokenizers library, to compare ids with ours.

    python load_tokenizer.py TOKENIZER_JSON < texts

Standard input is a JSON array of texts; prints a JSON array of id lists, without added special tokens.
"""

import json
import sys

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(sys.argv[1])
print(json.dumps([tokenizer.encode(text, add_special_tokens=False).ids for text in json.load(sys.stdin)]))
