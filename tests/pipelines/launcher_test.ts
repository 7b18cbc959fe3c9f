/**
 * The launcher with every tool it calls replaced by a script that tells how it was called.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";

const LAUNCHER = decodeURI(new URL("../../attune", import.meta.url).pathname);

/** A machine: what its tools do, as lines of shell. */
interface Machine {
  /** Scripts by name. */
  readonly tools: Readonly<Record<string, string>>;
  /** Whether a Vulkan driver is installed. */
  readonly driver: boolean;
}

const DENO =
  `case $1 in --version) echo "deno 2.9.6 (stable)";; *) echo "deno" "$@" "[$XDG_RUNTIME_DIR]";; esac`;
const OLD_DENO = `echo "deno 2.8.9 (stable)"`;

/** Runs the launcher on a machine; `bin` in what it prints stands for the folder of the tools. */
async function launch(
  { tools, driver }: Machine,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const home = await Deno.makeTempDir();
  try {
    for (const folder of ["bin", "prefix", "data/vulkan/icd.d"]) {
      await Deno.mkdir(`${home}/${folder}`, { recursive: true });
    }
    if (driver) await Deno.writeTextFile(`${home}/data/vulkan/icd.d/driver.json`, "{}");
    const plain = Object.fromEntries(
      ["dirname", "cat", "chmod", "mkdir"].map((name) => [name, passOn(name)]),
    );
    const machine = { uname: "echo Linux", id: "echo 1000", ...plain, ...tools };
    for (const [name, script] of Object.entries(machine)) {
      await Deno.writeTextFile(`${home}/bin/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const result = await new Deno.Command("/bin/sh", {
      args: [LAUNCHER, ...args],
      clearEnv: true,
      env: { PATH: `${home}/bin`, HOME: home, XDG_DATA_DIRS: `${home}/data` },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll(`${home}/`, "").trim();
    return { code: result.code, out: text(result.stdout), err: text(result.stderr) };
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** A script that calls the real tool. */
function passOn(name: string): string {
  return `PATH=/usr/bin:/bin exec ${name} "$@"`;
}

/** An npm that installs the Deno above. */
const NPM = `
case $1 in
  prefix) echo "$HOME/prefix" ;;
  *)
    echo "npm" "$@" >&2
    mkdir -p "$4/bin"
    cat > "$4/bin/deno" <<'END'
#!/bin/sh
${DENO}
END
    chmod 755 "$4/bin/deno"
    ;;
esac`;

const posix = { ignore: Deno.build.os === "windows" };

Deno.test("with all in place it hands over to Deno", posix, async () => {
  const root = LAUNCHER.replace(/\/attune$/, "");
  const { code, out, err } = await launch({ tools: { deno: DENO }, driver: true }, "train", "--out", "a b");
  assertEquals({ code, out, err }, {
    code: 0,
    out: `deno task --quiet --cwd ${root} train --out a b [/tmp]`,
    err: "",
  });
});

Deno.test("it installs Deno where there is none or an old one", posix, async () => {
  const machines = [{ npm: NPM }, { npm: NPM, deno: OLD_DENO }];
  for (const tools of machines) {
    const { code, out, err } = await launch({ tools, driver: true }, "report");
    assertEquals(code, 0, err);
    assertStringIncludes(err, "npm install --global --prefix prefix --loglevel error deno@");
    assertStringIncludes(out, "deno task --quiet");
  }
});

Deno.test("it installs Deno for the person where the global folder is not writable", posix, async () => {
  const npm = NPM.replace(`echo "$HOME/prefix"`, `echo /nowhere`);
  const { code, out, err } = await launch({ tools: { npm }, driver: true }, "report");
  assertEquals(code, 0, err);
  assertStringIncludes(err, "--prefix .local --loglevel");
  assertStringIncludes(out, "deno task --quiet");
});

Deno.test("without npm it says what to install", posix, async () => {
  const { code, err } = await launch({ tools: {}, driver: true }, "report");
  assertEquals(code, 2);
  assertEquals(
    err,
    "attune: Cannot install Deno as there is no npm: install Deno 2.9 or newer, see https://deno.com",
  );
});

Deno.test("without a driver it installs one as root, and tells the command otherwise", {
  ignore: posix.ignore || await hasSystemDriver(),
}, async () => {
  const root = await launchWithoutDriver("echo 0");
  assertEquals(root.code, 0, root.err);
  assertStringIncludes(root.err, "apt-get update -qq");
  assertStringIncludes(root.err, "apt-get install -y --no-install-recommends mesa-vulkan-drivers -qq");
  const other = await launchWithoutDriver("echo 1000");
  assertEquals(other.code, 2);
  assertStringIncludes(
    other.err,
    "sudo apt-get update && sudo apt-get install -y --no-install-recommends mesa-vulkan-drivers",
  );
  assertEquals(other.out, "");
});

Deno.test("tasks without a GPU need no driver", posix, async () => {
  const { code, out } = await launch({ tools: { deno: DENO }, driver: false }, "report");
  assertEquals(code, 0);
  assertStringIncludes(out, "report");
});

Deno.test("every task is known to the launcher, to deno.json and to the command line", posix, async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assertEquals(Object.keys(config.tasks).sort(), [...await tasksOfHelp(), "test", "ok"].sort());
  for (const name of Object.keys(config.tasks)) {
    const { out } = await launch({ tools: { deno: DENO }, driver: true }, name);
    assertStringIncludes(out, "deno task --quiet", name);
  }
  const { out } = await launch({ tools: { deno: DENO }, driver: true }, "--help");
  assertStringIncludes(out, "pipelines/cli.ts --help");
});

function launchWithoutDriver(id: string): Promise<{ code: number; out: string; err: string }> {
  const tools = { deno: DENO, id, "apt-get": `echo "apt-get" "$@"` };
  return launch({ tools, driver: false }, "train");
}

/** The tasks that the command line's help names. */
async function tasksOfHelp(): Promise<string[]> {
  const cli = decodeURI(new URL("../../pipelines/cli.ts", import.meta.url).pathname);
  const { stdout } = await new Deno.Command("deno", { args: ["run", "--no-prompt", cli, "--help"] }).output();
  return [...new TextDecoder().decode(stdout).matchAll(/^ {2}(\S+) {2,}/gm)].map(([, name]) => name!);
}

/** Whether a driver is registered in the one folder that no variable moves. */
async function hasSystemDriver(): Promise<boolean> {
  try {
    return (await Array.fromAsync(Deno.readDir("/etc/vulkan/icd.d"))).some(({ name }) =>
      name.endsWith(".json")
    );
  } catch {
    return false;
  }
}
