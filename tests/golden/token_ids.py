"""Token ids of 800 prompts and 200 strings that break tokenizers.

`clip`: CLIPTokenizerFast with the embedded model's files, at most 77 ids. `clip_slow`: where CLIPTokenizer with ftfy, what
Stable Diffusion's pipeline uses, gives others. `open_clip`: OpenCLIP's rules on the same files, without ftfy and padding;
`open_clip_ftfy`: where ftfy makes a difference to that. `bert`: BertTokenizer as BLIP sets it up, at most 35 ids, with the
vocabulary of `wordpiece.txt`, which is made here; `bert_fast`: where BertTokenizerFast gives others.
"""

import gzip
import html
import json
import random
from collections import Counter

import ftfy
import regex
from transformers import BertTokenizer, BertTokenizerFast, CLIPTokenizer, CLIPTokenizerFast

from common import HERE, made_by

CLIP = HERE.parents[1] / "models" / "mini" / "tokenizer"
ANIMALS = "cat dog horse monkey rabbit zebra spider bird sheep deer cow goat lion tiger bear raccoon fox wolf lizard beetle".split()
ANIMALS += "ant butterfly fish shark whale dolphin squirrel mouse rat snake turtle frog chicken duck goose bee pig turkey".split()
ANIMALS += "fly llama camel bat gorilla hedgehog kangaroo".split()
WORDS = {
    "adjective": "old tiny snow-covered glowing wooden purple half-built abandoned well-lit 19th-century bright quiet".split(),
    "thing": "bicycle lighthouse clock teapot harbour staircase violin windmill kitchen garden locomotive umbrella".split(),
    "place": ["on a beach at dusk", "in the rain", "next to a river", "under the stars", "inside a greenhouse",
              "behind the baker's shop", "on top of a hill", "in front of a brick wall"],
    "style": ["watercolour", "oil on canvas, 4k", "a photograph, 35mm", "pencil sketch", "isometric; low-poly",
              "art déco poster", "black & white", "pixel art (16-bit)", "woodcut, c. 1890", "studio lighting"],
    "deed": "riding chasing painting carrying watching repairing balancing guarding".split(),
}
FORMS = [
    "a {adjective} {thing} {place}",
    "{animal} {deed} a {thing}, {style}",
    "A {style} of two {animal}s {place}.",
    "the {animal}'s {adjective} {thing}: {style}, {style}",
    "{n} {adjective} {animal}s and one {thing} {place}; they're {deed}",
    "portrait of a {animal} as a {thing}-maker, {style}, {place}",
    "A {animal} with a {adjective} {thing} is {deed} another {animal}, because it's {adjective}!",
]


def prompts(count, draw):
    """The animals, then sentences."""
    made = list(ANIMALS)
    while len(made) < count:
        form = draw.choice(FORMS)
        pick = {key: draw.choice(words) for key, words in WORDS.items()}
        text = form.format(animal=draw.choice(ANIMALS), n=draw.randint(2, 1200), **pick)
        if text not in made:
            made.append(text)
    return made


FIXED = [
    "", " ", "\t\n\r\u00a0\u2003 cat\u3000dog \u200b fox", "\u2028cat\u2029dog\u0085fox\u001cbee", "CAT Dog hOrSe",
    "cats don't; they've, we're, I'm, it's, you'll, he'd", "DON'T 'S 'tis ''s 'RE'VE", "it’s l’été ‘quote’",
    "2 cats, 10 dogs, 3.14 and ½ of x²", "٣ قطط ၃ ३ 𝟙𝟚𝟛", "!!! ??? ... ---- $#@%^&*()[]{}", "cat-dog_horse/fox\\bear",
    "<|startoftext|>", "<|endoftext|>", "a <|endoftext|> cat<|startoftext|>dog <|END|>", "<|ENDOFTEXT|> <|EndOfText|>",
    "cat<|endoftext|>", "!!<|endoftext|>!!", "<start_of_text>", "a <end_of_text> cat", "!<end_of_text>!",
    "<END_OF_TEXT>", "[CLS]", "a [SEP] cat [PAD][MASK] dog [UNK]", "[sep] [cls] [Mask]", "[ENC]", "cat[ENC]dog [DEC]",
    "[CLS] [SEP]" * 4, "[ CLS ]", "[SEP", "##cat ##s", "# # cat", "café naïve Ünïcödé", "cafe\u0301 nai\u0308ve",
    "ﬁsh ﬂy ①②③ Ⅳ ℌ ㎏ ™", "İstanbul I ı i İİ", "ẞ ß ſ Straße", "ΑΣ ΣΑΣ σς ὈΔΥΣΣΕΎΣ", "ǅ Ǆ ǆ ŉ", "Ω Å K",
    "猫 と 犬 고양이 กระต่าย", "猫cat犬dog", "𠀀𪜀 㐀䶵 豈", "ｆｕｌｌｗｉｄｔｈ ＣＡＴ　１２", "ﾊﾝｶｸ カタカナ が か\u3099",
    "قطة وكلب עכבר שָׁלוֹם", "\u202ecat\u202c dog \u200fعربي\u200e", "हिन्दी কুকুর தமிழ் สวัสดี", "한국어 \u1112\u1161\u11ab",
    "🐱🐶 a 🐻‍❄️ emoji 👩‍👩‍👧 🏳️‍🌈", "👍🏽👍🏿 🇩🇪🇯🇵 #️⃣ ☺︎ ☺️", "\U0001f9a9\U0001f9a4\U000e0001", "𝕔𝕒𝕥 𝐜𝐚𝐭 🅒🅐🅣",
    "\ufeffcat\u0000dog\u0007", "cat\u0001\u0002\u0003\u001b[31mdog\u007f\u0080\u009f", "soft\u00adhyphen zero\u200dwidth\u2060joiner",
    "\ufffd\ufffc\uffff\ue000\U0010ffff", "a\u0300\u0301\u0302\u0303 combining", "Z͑ͫ̓A̴̵̞L͖G̳O", "\u0301cat", "e\u0301" * 20,
    "a&amp;b &lt;cat&gt; âœ” schÃ¶n", "&amp;lt;b&amp;gt; &amp;amp;amp;", "&#99;&#x61;&#116; &#0; &#1114112; &#xD800;",
    "&notit; &copy &reg; &hearts &nbsp;cat&nbsp;", "&lt;|endoftext|&gt; &lt;end_of_text&gt;", "&; & &# &#x; &unknown;", "&Eacute;t&eacute;",
    "“smart” ‘quotes’ – dash — em…", "Don´t ``x'' ‹a› «b»", "HTML <b>bold</b> <br/> <!-- c -->", "https://example.org/a?b=c&d=e#f",
    "user@example.org", "C:\\cats\\dog.png", "SELECT * FROM cats; -- '; DROP", "{'a': [1, 2.5e-3]}", "x = y**2 != z || !w",
    "catdoghorse" * 6, "zzzzqqqqxxxxjjjj vvvv", "cat " * 40, "cat, " * 300, "a" * 99, "a" * 100, "a" * 101, "b" * 3000, "é" * 120,
    "🐱" * 60, "猫" * 80, "." * 500, "a.b" * 50, "$£€¥₿ ¢ § ¶ † ‡ • ° ± ¬", "±√∞∫∂ ≤≥≠ ∈∅", "^ ` ~ | ¦ ¨ ´ ¸", "a\u00a0b\u202fc\u2009d\u205fe",
    "\x0b\x0cvertical\x0bform\x0cfeed", "tab\tnew\nline\r\nend", "\u180ecat\u180e", "\u3164ㅤ\u115f", "ªº ʰ ᵃ ⁿ", "Ǆungla ǈ Ǌ",
    "Ⓐⓑ ⅷ Ⅷ", "߷ ᠀ ꙮ ﷽", "\u1e9b\u0323 ẛ̣", "\u212b \u00c5 A\u030a", "ഽ ൺ", "\u0130\u0307 i\u0307", "\U0001d400\U0001d7d8",
]
ALPHABETS = [
    "abc XYZ 012", " \t\n\u00a0\u2003", "àéîõüçñ ÀÉÎÕÜ", "\u0300\u0301\u0308\u0327ae o", "猫犬鳥 の", "ابجد אבגד", "🐱🐶👍🏽\u200d\ufe0f ", "&;#xlgtamp ",
    "<|>endoftxsar_ ", "[]CLSEPMAKDNU ", "'’`\"sStdvemlr ", "İIıiσςΣß", "\u200b\u200c\u200d\u2060\ufeff ab", ".,;:!?-_/\\ a1", "\u0000\u0001\u001f\u007f\u0085 z",
]


def hostile(count, draw):
    """Those above, then random strings of alphabets that each break something."""
    made = list(FIXED)
    while len(made) < count:
        letters = "".join(draw.sample(ALPHABETS, draw.choice([1, 1, 2, 3])))
        text = "".join(draw.choice(letters) for _ in range(draw.choice([3, 8, 20, 60])))
        if text not in made:
            made.append(text)
    return made


def open_clip(vocab, merges, text, fix):
    """OpenCLIP's ids: HTML entities resolved twice, lower case, its own names of the special tokens."""
    ranks = {tuple(merge.split()): rank for rank, merge in enumerate(merges)}
    names = {"<start_of_text>": vocab["<|startoftext|>"], "<end_of_text>": vocab["<|endoftext|>"]}
    symbols = byte_symbols()
    text = html.unescape(html.unescape(ftfy.fix_text(text) if fix else text)).strip()
    text = regex.sub(r"\s+", " ", text).strip().lower()
    pattern = "|".join(names) + r"|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    ids = []
    for word in regex.findall(pattern, text, regex.IGNORECASE):
        if word in names:
            ids.append(names[word])
            continue
        parts = [symbols[byte] for byte in word.encode()]
        parts[-1] += "</w>"
        while len(parts) > 1:
            best = min(zip(parts, parts[1:]), key=lambda pair: ranks.get(pair, len(ranks)))
            if best not in ranks:
                break
            joined, i = [], 0
            while i < len(parts):
                step = 2 if tuple(parts[i : i + 2]) == best else 1
                joined.append("".join(parts[i : i + step]))
                i += step
            parts = joined
        ids += [vocab[part] for part in parts]
    return [vocab["<|startoftext|>"], *ids[:75], vocab["<|endoftext|>"]]


def byte_symbols():
    """The letters that stand for bytes: printable ones for themselves."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def wordpieces(texts, size):
    """A vocabulary of the texts' letters, word endings and words, most frequent first."""
    plain = BertTokenizer(HERE / "wordpiece.txt").basic_tokenizer
    words = Counter(word for text in texts for word in plain.tokenize(text))
    letters = Counter(letter for word in words for letter in word)
    pieces = Counter()
    for word, times in words.items():
        pieces[word] += times
        for cut in range(1, len(word)):
            pieces["##" + word[cut:]] += times
            pieces[word[:cut]] += times / 2
    alphabet = [prefix + letter for letter, _ in letters.most_common(120) for prefix in ("", "##")]
    return list(dict.fromkeys([*alphabet, *(piece for piece, _ in pieces.most_common(size))]))


def write_vocabulary(texts):
    special = ["[PAD]", *(f"[unused{i}]" for i in range(3)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    path = HERE / "wordpiece.txt"
    path.write_text("\n".join(special) + "\n", encoding="utf-8")  # enough for the splitter of words
    path.write_text("\n".join([*special, *wordpieces(texts, 900)]) + "\n", encoding="utf-8")
    return path


def blip(tokenizer):
    """As BLIP's tokenizer is set up: two tokens more."""
    tokenizer.add_special_tokens({"bos_token": "[DEC]"})
    tokenizer.add_special_tokens({"additional_special_tokens": ["[ENC]"]})
    return tokenizer


def different(first, second):
    return {i: b for i, (a, b) in enumerate(zip(first, second)) if a != b}


def main():
    draw = random.Random(7)
    texts = prompts(800, draw) + hostile(200, draw)
    assert len(texts) == len(set(texts)) == 1000
    vocab = json.loads((CLIP / "vocab.json").read_text(encoding="utf-8"))
    merges = (CLIP / "merges.txt").read_text(encoding="utf-8").split("\n")[1:]
    merges = [merge for merge in merges if merge]
    path = write_vocabulary(texts[:800])
    fast, slow = CLIPTokenizerFast.from_pretrained(CLIP), CLIPTokenizer.from_pretrained(CLIP)
    bert, bert_fast = blip(BertTokenizer(path)), blip(BertTokenizerFast(path))

    def cut(tokenizer, length):
        return [tokenizer(text, truncation=True, max_length=length).input_ids for text in texts]

    clip, clip_slow = cut(fast, 77), cut(slow, 77)
    plain, fixed = ([open_clip(vocab, merges, text, fix) for text in texts] for fix in (False, True))
    pieces, pieces_fast = cut(bert, 35), cut(bert_fast, 35)
    record = {
        "made_by": made_by("token_ids.py"),
        "texts": texts,
        "clip": clip,
        "clip_slow": different(clip, clip_slow),
        "open_clip": different(clip, plain),
        "open_clip_ftfy": different(plain, fixed),
        "bert": pieces,
        "bert_fast": different(pieces, pieces_fast),
    }
    content = gzip.compress(json.dumps(record, ensure_ascii=False).encode(), mtime=0)
    (HERE / "token_ids.json.gz").write_bytes(content)
    print(f"token_ids.json.gz: {len(content)} bytes; wordpiece.txt: {path.stat().st_size} bytes")
    for name in ("clip_slow", "open_clip", "open_clip_ftfy", "bert_fast"):
        where = list(record[name])
        print(f"{name}: {len(where)} differ, {sum(i < 800 for i in where)} of them prompts")


main()
