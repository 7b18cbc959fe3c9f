/**
 * The names that a torch file's pickle may use, and what they mean here. Nothing is imported: any other name is refused.
 *
 * They are what `torch.save` of a dictionary of tensors writes; whole modules, optimizers of other packages and anything that
 * runs code have others.
 * @module
 */

import type { Shape } from "../../core/tensor.ts";
import { show } from "../show.ts";
import { isCounts, type StoredDType } from "../weights_file.ts";
import type { PickleHost, PickleValue } from "./pickle_machine.ts";
import { torchError } from "./read_piece.ts";

/** A run of elements that tensors look into. */
export interface Storage {
  /** The name of its bytes in the file. */
  readonly key: string;
  /** Its element type. */
  readonly dtype: StoredDType;
  /** How many elements it has. */
  readonly elements: number;
}

/** A tensor: a look into a storage. */
export interface TorchTensor {
  /** Tells it from what a pickle builds. */
  readonly kind: "tensor";
  /** What it looks into. */
  readonly storage: Storage;
  /** Its first element there. */
  readonly offset: number;
  /** Its extents. */
  readonly shape: Shape;
  /** The distance between neighbours along each axis, in elements. */
  readonly strides: readonly number[];
}

/** Tells whether a value is a tensor. */
export function isTensor(value: PickleValue): value is TorchTensor {
  return isKind(value, "tensor");
}

/**
 * A host that knows these names, and those only.
 *
 * @returns The host, and the storages that the pickle has named so far, by key.
 */
export function torchHost(): {
  readonly host: PickleHost;
  readonly storages: ReadonlyMap<string, Storage>;
} {
  const storages = new Map<string, Storage>();
  return {
    storages,
    host: {
      global: (name) => {
        if (isAllowed(name)) return { kind: "global", name } satisfies Global;
        throw torchError(
          "its pickle asks for what weights do not need, and nothing was run",
          name,
          "save the model's state_dict() alone",
        );
      },
      call: (callee, args) => {
        const name = isKind<Global>(callee, "global") ? callee.name : show(callee);
        if (Object.hasOwn(CALLS, name)) return CALLS[name]!(args);
        throw torchError("its pickle calls what is no function", name);
      },
      persistent: (id) => {
        const storage = parseStorage(id);
        const known = storages.get(storage.key) ?? storage;
        if (known.dtype !== storage.dtype || known.elements !== storage.elements) {
          throw torchError(`its storage ${show(storage.key)} is named as two kinds`, showStorage(storage));
        }
        storages.set(storage.key, known);
        return { kind: "storage", storage: known } satisfies StorageValue;
      },
    },
  };
}

interface Global {
  readonly kind: "global";
  readonly name: string;
}

interface StorageValue {
  readonly kind: "storage";
  readonly storage: Storage;
}

const STORAGES: Readonly<Record<string, StoredDType>> = {
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.DoubleStorage": "F64",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

const CALLS: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
  "collections.OrderedDict": ([items = []]) => toDictionary(items),
  "torch._utils._rebuild_tensor": rebuildTensor,
  "torch._utils._rebuild_tensor_v2": rebuildTensor,
  "torch._utils._rebuild_parameter": ([data]) => data,
  "torch.Size": ([extents]) => extents,
  "torch.device": (args) => args,
};

const DTYPES = /^torch\.(float(16|32|64)|bfloat16|u?int8|int(16|32|64)|bool)$/;

function isAllowed(name: string): boolean {
  return Object.hasOwn(CALLS, name) || Object.hasOwn(STORAGES, name) || DTYPES.test(name);
}

function rebuildTensor([from, offset, shape, strides]: readonly PickleValue[]): TorchTensor {
  if (!isKind<StorageValue>(from, "storage")) throw torchError("a tensor has no storage", show(from));
  if (!isCounts([offset])) throw torchError("a tensor has no valid offset", show(offset));
  if (!isCounts(shape)) throw torchError("a tensor has no valid shape", show(shape));
  if (!isCounts(strides) || strides.length !== shape.length) {
    throw torchError(`a tensor of shape ${show(shape)} has no valid strides`, show(strides));
  }
  return { kind: "tensor", storage: from.storage, offset: offset as number, shape, strides };
}

/** `("storage", type, key, location, elements)`, and `None` in old files; where it was does not matter. */
function parseStorage(id: PickleValue): Storage {
  const [word, type, key, , elements, view = null] = Array.isArray(id) ? id : [];
  const name = isKind<Global>(type, "global") ? type.name : "";
  if (word !== "storage" || !Object.hasOwn(STORAGES, name) || typeof key !== "string") {
    throw torchError("its pickle refers to what is no storage", show(id));
  }
  if (!isCounts([elements])) throw torchError(`its storage ${show(key)} has no valid length`, show(elements));
  if (view !== null) {
    throw torchError(
      `its storage ${show(key)} is a view of another`,
      show(view),
      "save it with a newer PyTorch",
    );
  }
  return { key, dtype: STORAGES[name]!, elements };
}

function toDictionary(items: PickleValue): Map<PickleValue, PickleValue> {
  const isPairs = Array.isArray(items) && items.every((item) => Array.isArray(item) && item.length === 2);
  if (!isPairs) throw torchError("a dictionary is made of what is no pairs", show(items));
  return new Map(items);
}

function isKind<T extends { readonly kind: string }>(value: PickleValue, kind: T["kind"]): value is T {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

function showStorage({ dtype, elements }: Storage): string {
  return `${elements} elements of ${dtype}`;
}
