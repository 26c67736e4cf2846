// imgc-VERSION.vsix, offline: the bundle, the schema, and the wheel of imgc that "Install imgc" installs.
// IMGC_PYTHON names a Python that has hatchling; the checkout's .venv is taken without it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";

const root = new URL("..", import.meta.url).pathname;
const local = `${root}../.venv/bin/python`;
const python = process.env.IMGC_PYTHON ?? (existsSync(local) ? local : "python3");
const run = (cwd, command, ...line) => {
  const done = spawnSync(command, line, { cwd, stdio: "inherit" });
  if (done.status !== 0) process.exit(done.status ?? 1);
};
await rm(`${root}wheel`, { recursive: true, force: true });
run(`${root}..`, python, "-m", "hatchling", "build", "--target", "wheel", "--directory", `${root}wheel`);
run(root, process.execPath, "scripts/build.mjs");
run(root, "node_modules/.bin/vsce", "package", "--no-dependencies", "--allow-missing-repository", "--no-rewrite-relative-links", "--out", process.argv[2] ?? `${root}dist/`);
