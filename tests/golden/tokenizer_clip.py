"""Token ids of the embedded model's tokenizer for a hundred prompts and for strings that break tokenizers.

`ids`: CLIPTokenizerFast, start and end token included, neither padded nor truncated. `padded`: the same at
the tokenizer's full length. `slow`: CLIPTokenizer with ftfy, given only where it differs from `ids`.
Takes the tokenizer's folder as an argument, `models/mini/tokenizer` if there is none; does nothing without the folder.
"""

import sys
from itertools import cycle, islice
from pathlib import Path

from transformers import CLIPTokenizer, CLIPTokenizerFast

from common import HERE, write_json

ANIMALS = "cat dog horse monkey rabbit zebra spider bird sheep deer cow goat lion tiger bear raccoon fox wolf lizard beetle".split()
ANIMALS += "ant butterfly fish shark whale dolphin squirrel mouse rat snake turtle frog chicken duck goose bee pig turkey".split()
ANIMALS += "fly llama camel bat gorilla hedgehog kangaroo".split()
FORMS = [
    "{}",
    "a {}",
    "a photo of a {}",
    "an emoji of a {}, flat style",
    "two {}s facing left",
    "A {} riding a bike.",
    "the {}'s face; they'll smile, I'd say!",
]
HOSTILE = [
    "",
    " ",
    "\t\n\r\u00a0\u2003 cat\u3000dog \u200b fox",
    "CAT Dog hOrSe",
    "cat-dog_horse/fox\\bear",
    "cats don't; they've, we're, I'm, it's, you'll, he'd",
    "DON'T 'S 'tis ''s",
    "2 cats, 10 dogs, 3.14 and ½ of x²",
    "<|startoftext|>",
    "a <|endoftext|> cat<|startoftext|>dog <|END|>",
    "!!! ??? ... ---- $#@%^&*()[]{}",
    "café naïve Ünïcödé",
    "cafe\u0301 nai\u0308ve",
    "ﬁsh ﬂy ①②③ Ⅳ",
    "İstanbul ẞ ß ſ ς Σ",
    "猫 と 犬 고양이 กระต่าย",
    "قطة وكلب עכבר",
    "🐱🐶 a 🐻‍❄️ emoji 👩‍👩‍👧 🏳️‍🌈",
    "\ufeffcat\u0000dog\u0007",
    "a&amp;b &lt;cat&gt; âœ” schÃ¶n",
    "“smart” ‘quotes’ – dash — em…",
    "catdoghorse" * 6,
    "zzzzqqqqxxxxjjjj vvvv",
    "cat " * 40,
    "\U0001f9a9\U0001f9a4\U000e0001",
    "a\u0300\u0301\u0302\u0303 combining",
]


def main(folder):
    if not folder.is_dir():
        print(f"skipped: there is no {folder}")
        return
    fast, slow = CLIPTokenizerFast.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder)
    prompts = [form.format(animal) for form, animal in islice(zip(cycle(FORMS), cycle(ANIMALS)), 100)]
    cases = []
    for text in prompts + HOSTILE:
        ids, other = fast(text).input_ids, slow(text).input_ids
        padded = fast(text, padding="max_length", truncation=True).input_ids
        cases.append({"text": text, "ids": ids, "padded": padded} | ({"slow": other} if other != ids else {}))
    write_json("tokenizer_clip", "tokenizer_clip.py", {"model_max_length": fast.model_max_length, "cases": cases})
    print(f"tokenizer_clip.json: {len(cases)} texts, {sum('slow' in case for case in cases)} differ from the slow tokenizer")


main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "models" / "mini" / "tokenizer")
