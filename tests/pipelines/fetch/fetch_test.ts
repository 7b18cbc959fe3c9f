import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { neededFiles } from "../../../pipelines/fetch/needed_files.ts";
import { run } from "../../../pipelines/fetch.ts";
import { UsageError } from "../../../pipelines/usage_error.ts";

/** What the repository CompVis/stable-diffusion-v1-4 holds, but for its safety checker. */
const PUBLISHED: readonly string[] = [
  ".gitattributes",
  "README.md",
  "v1-variants-scores.jpg",
  "model_index.json",
  "feature_extractor/preprocessor_config.json",
  "scheduler/scheduler_config.json",
  ...[
    "config.json",
    "model.fp16.safetensors",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.fp16.bin",
  ]
    .map((file) => `text_encoder/${file}`),
  ...["merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json"].map((file) =>
    `tokenizer/${file}`
  ),
  ...["unet", "vae"].flatMap((part) =>
    [
      "config.json",
      "diffusion_pytorch_model.bin",
      "diffusion_pytorch_model.fp16.safetensors",
      "diffusion_pytorch_model.safetensors",
    ]
      .map((file) => `${part}/${file}`)
  ),
  "unet/diffusion_pytorch_model.non_ema.safetensors",
];

Deno.test("of the published repository one set of weights is needed, and nothing else that is large", () => {
  for (const variant of [null, "fp16"]) {
    const files = neededFiles(PUBLISHED, { variant, name: "a/b" });
    const ending = variant === null ? "" : ".fp16";
    assertEquals(files.filter((file) => !/\.(json|txt)$/.test(file)), [
      `text_encoder/model${ending}.safetensors`,
      `vae/diffusion_pytorch_model${ending}.safetensors`,
      `unet/diffusion_pytorch_model${ending}.safetensors`,
    ]);
    assertEquals(files[0], "model_index.json");
    assertEquals(files.filter((file) => file.startsWith("tokenizer/")).length, 4);
    assert(files.every((file) => PUBLISHED.includes(file)));
  }
});

Deno.test("what PyTorch writes is taken where there are no safetensors", () => {
  const old = PUBLISHED.filter((path) => !path.endsWith(".safetensors"));
  assertEquals(neededFiles(old, { variant: null, name: "a/b" }).slice(-3), [
    "text_encoder/pytorch_model.bin",
    "vae/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.bin",
  ]);
});

Deno.test("weights in shards are taken with their index, and those of no other variant", () => {
  const names = [
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model-00001-of-00002.safetensors",
    "diffusion_pytorch_model-00002-of-00002.safetensors",
    "diffusion_pytorch_model.safetensors.index.fp16.json",
    "diffusion_pytorch_model.fp16-00001-of-00001.safetensors",
  ].map((file) => `unet/${file}`);
  const paths = [...PUBLISHED.filter((path) => !/unet.*model/.test(path)), ...names];
  const unet = (variant: string | null) =>
    neededFiles(paths, { variant, name: "a/b" }).filter((file) => /unet.*model/.test(file));
  assertEquals(unet(null), names.slice(0, 3));
  assertEquals(unet("fp16"), names.slice(3));
});

Deno.test("where weights are missing, what is there instead is said", () => {
  const without = (drop: (path: string) => boolean) => PUBLISHED.filter((path) => !drop(path));
  const cases: readonly [readonly string[], string | null, string][] = [
    [
      PUBLISHED,
      "bf16",
      "has no text_encoder/model.bf16.safetensors: there are text_encoder/model.fp16.safetensors, ",
    ],
    [
      without((path) => /unet.*model\.(safetensors|bin)/.test(path)),
      null,
      "there are unet/diffusion_pytorch_model.fp16.safetensors, unet/diffusion_pytorch_model.non_ema.safetensors; --variant",
    ],
    [without((path) => /vae.*model/.test(path)), null, "its vae has no weights"],
    [
      without((path) => path.startsWith("tokenizer")),
      null,
      "no tokenizer/vocab.json: it is no Stable Diffusion",
    ],
  ];
  for (const [paths, variant, expected] of cases) {
    const error = assertThrows(() => neededFiles(paths, { variant, name: "a/b" }), UsageError);
    assertStringIncludes(error.message, expected);
  }
});

Deno.test("arguments that make no sense are usage errors", async () => {
  const cases: readonly [readonly string[], string][] = [
    [[], "no OWNER/NAME"],
    [["mini"], "no OWNER/NAME: mini"],
    [["a/b", "c/d"], "one argument too many"],
    [["a/b@c", "--revision", "d"], "no OWNER/NAME with a --revision: a/b@c d"],
    [["a/b", "--revision", "../c"], "no OWNER/NAME with a --revision"],
    [["a/b", "--token-env", "NO_SUCH_VARIABLE"], "no such environment variable: NO_SUCH_VARIABLE"],
  ];
  for (const [args, expected] of cases) await assertRejects(() => run(args), UsageError, expected);
});

Deno.test("no task but this one asks for the network, but for tests on this machine itself", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../../deno.json", import.meta.url))) as {
    readonly tasks: Readonly<Record<string, { readonly command: string }>>;
  };
  const asking = Object.entries(tasks).flatMap(([name, { command }]) =>
    /--allow-(net|all)\S*|\s-A\b/.exec(command)?.map((flag) => `${name} ${flag}`).slice(0, 1) ?? []
  );
  assertEquals(asking, ["fetch --allow-net", "test --allow-net=127.0.0.1"]);
});
