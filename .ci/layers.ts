/**
 * A plugin of `deno lint`: imports go downward only, and `lib/` and `kernels/` touch nothing but their arguments.
 *
 * @module
 */

/** The layers that each layer may import from, besides itself. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  core: [],
  kernels: ["core"],
  engine: ["core", "kernels"],
  gpu: ["core", "kernels", "engine"],
  nn: ["core", "engine"],
  optim: ["core", "engine", "nn"],
  diffusion: ["core", "engine"],
  models: ["core", "engine", "nn"],
  rewards: ["core", "engine", "nn", "models"],
  io: ["core"],
  measures: ["core"],
  stages: ["core", "kernels", "engine", "nn", "optim", "diffusion", "models", "rewards", "measures"],
  methods: [
    "core",
    "kernels",
    "engine",
    "nn",
    "optim",
    "diffusion",
    "models",
    "rewards",
    "measures",
    "stages",
  ],
};

/** Names that reach the world outside, and what to do instead. */
const WORLD: Readonly<Record<string, string>> = {
  Deno: "let a pipeline do it",
  process: "let a pipeline do it",
  console: "let a pipeline do it",
  navigator: "take the device as an argument",
  fetch: "take the bytes as an argument",
  Date: "take the time as an argument",
  performance: "take the time as an argument",
  crypto: "draw from a key",
};

const ROOT = new URL("..", import.meta.url);

/** The rules `attune/layers` and `attune/pure`. */
const plugin: Deno.lint.Plugin = {
  name: "attune",
  rules: {
    layers: {
      create(context) {
        const layer = layerOf(pathOf(context.filename));
        if (layer === undefined) return {};
        const check = (node: Deno.lint.Node, source: Deno.lint.Expression | null) => {
          if (source?.type !== "Literal" || typeof source.value !== "string") return;
          const message = judgeImport(context.filename, layer, source.value);
          if (message !== undefined) context.report({ node, message });
        };
        return {
          ImportDeclaration: (node) => check(node, node.source),
          ExportAllDeclaration: (node) => check(node, node.source),
          ExportNamedDeclaration: (node) => check(node, node.source),
          ImportExpression: (node) => check(node, node.source),
        };
      },
    },
    pure: {
      create(context) {
        if (layerOf(pathOf(context.filename)) === undefined) return {};
        return {
          "Program > VariableDeclaration, Program > ExportNamedDeclaration > VariableDeclaration"(
            node: Deno.lint.VariableDeclaration,
          ) {
            if (node.kind === "let" || node.kind === "var") {
              context.report({ node, message: `Cannot keep state in a module: ${node.kind}; pass it along` });
            }
          },
          MemberExpression(node) {
            if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
            const { name } = node.object;
            const where = `${name}.${node.property.name}`;
            if (where === "Math.random") report(node, where, "draw from a key");
            else if (Object.hasOwn(WORLD, name)) report(node, where, WORLD[name]!);
          },
          CallExpression: (node) => checkName(node, node.callee),
          NewExpression: (node) => checkName(node, node.callee),
        };

        function checkName(node: Deno.lint.Node, callee: Deno.lint.Expression) {
          if (callee.type !== "Identifier" || !Object.hasOwn(WORLD, callee.name)) return;
          report(node, callee.name, WORLD[callee.name]!);
        }

        function report(node: Deno.lint.Node, what: string, instead: string) {
          context.report({
            node,
            message: `Cannot use ${what} here as lib and kernels are pure: ${instead}`,
          });
        }
      },
    },
  },
};

export default plugin;

/** The layer that a path belongs to, or `undefined` where anything goes. */
function layerOf(path: string): string | undefined {
  const [top, folder] = path.split("/");
  if (top === "kernels") return "kernels";
  if (top !== "lib") return undefined;
  return folder;
}

function judgeImport(filename: string, layer: string, specifier: string): string | undefined {
  if (/^(node:|@std\/)/.test(specifier)) {
    return `Cannot import ${specifier} from ${layer} as lib and kernels run anywhere: let a pipeline do it`;
  }
  if (!specifier.startsWith(".")) return undefined;
  const target = pathOf(new URL(specifier, new URL(pathOf(filename), ROOT)).href);
  const other = layerOf(target);
  const allowed = BELOW[layer];
  if (allowed === undefined) return `Cannot place ${layer} as it is not a known layer: add it to the list`;
  if (other === layer || (other !== undefined && allowed.includes(other))) return undefined;
  const below = allowed.length === 0 ? "nothing" : allowed.join(", ");
  return `Cannot import ${target} from ${layer} as that layer stands on ${below} alone`;
}

/** A file's path inside the project, with slashes. */
function pathOf(filename: string): string {
  const url = filename.startsWith("file:") ? filename : `file:///${filename.replaceAll("\\", "/")}`;
  const root = ROOT.pathname;
  const path = new URL(url.replace(/^file:\/+/, "file:///")).pathname;
  return decodeURI(path.startsWith(root) ? path.slice(root.length) : path);
}
