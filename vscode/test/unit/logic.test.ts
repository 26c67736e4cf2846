import assert from "node:assert/strict";
import { test } from "node:test";
import { commandLine } from "../../src/command-line";
import { candidates, find, versionIn, type Surroundings } from "../../src/find";
import { RestartGuard } from "../../src/guard";
import { below, nodeAt, summary, type NodeItem, type Outline, type State } from "../../src/outline";
import { rowsFrom, sourceOf, type Compiled } from "../../src/rows";

const AROUND: Surroundings = {
  setting: "", folders: ["/work/a", "/work/b"], own: "/store/environment", searchPath: "/usr/bin::/home/me/bin",
  home: "/home/me", windows: false,
}; // prettier-ignore
const commands = (around: Partial<Surroundings>) => candidates({ ...AROUND, ...around }).map((place) => place.command);

test("imgc is looked for in the workspace, on PATH, then in the environment of the extension", () => {
  assert.deepEqual(commands({}), [
    "/work/a/.venv/bin/imgc", "/work/a/venv/bin/imgc", "/work/b/.venv/bin/imgc", "/work/b/venv/bin/imgc",
    "/usr/bin/imgc", "/home/me/bin/imgc", "/store/environment/bin/imgc",
  ]); // prettier-ignore
});

test("the interpreter of the Python extension comes first, and no place twice", () => {
  assert.equal(commands({ interpreter: "/envs/x/bin/python3.12" })[0], "/envs/x/bin/imgc");
  assert.equal(commands({ interpreter: "/envs/conda" })[0], "/envs/conda/bin/imgc");
  const twice = commands({ interpreter: "/work/a/.venv/bin/python" });
  assert.equal(twice.filter((command) => command === "/work/a/.venv/bin/imgc").length, 1);
});

test("a setting is the only place", () => {
  assert.deepEqual(commands({ setting: "/opt/imgc" }), ["/opt/imgc"]);
  assert.deepEqual(commands({ setting: "tools/imgc" }), ["/work/a/tools/imgc"]);
  assert.deepEqual(commands({ setting: "${workspaceFolder}/bin/imgc" }), ["/work/a/bin/imgc"]);
  assert.deepEqual(commands({ setting: "~/bin/imgc" }), ["/home/me/bin/imgc"]);
  assert.deepEqual(commands({ setting: "imgc" }), ["imgc"]);
});

test("environments of Windows have another shape", () => {
  const found = commands({ windows: true, folders: ["C:\\w"], searchPath: "C:\\tools", own: "C:\\own", interpreter: "C:\\e\\Scripts\\python.exe" });
  assert.deepEqual(found, [
    "C:\\e\\Scripts\\imgc.exe", "C:\\w\\.venv\\Scripts\\imgc.exe", "C:\\w\\venv\\Scripts\\imgc.exe",
    "C:\\tools\\imgc.exe", "C:\\own\\Scripts\\imgc.exe",
  ]); // prettier-ignore
});

test("the first that answers with a version is taken", async () => {
  const places = candidates(AROUND);
  const asked: string[] = [];
  const found = await find(places, (command) => {
    asked.push(command);
    return Promise.resolve(command.startsWith("/usr") ? "1.2.3" : undefined);
  });
  assert.deepEqual(found, { command: "/usr/bin/imgc", source: "path", version: "1.2.3" });
  assert.equal(asked.at(-1), "/usr/bin/imgc");
  assert.equal(await find(places, () => Promise.resolve(undefined)), undefined);
});

test("a program of the same name that is something else is not taken", () => {
  assert.equal(versionIn("imgc 0.1.0\n"), "0.1.0");
  assert.equal(versionIn("ImgC image converter 3"), undefined);
  assert.equal(versionIn("usage: imgc [file]"), undefined);
});

test("a server that dies is started again four times in three minutes, not five", () => {
  let now = 0;
  const guard = new RestartGuard(4, 180_000, () => now);
  assert.deepEqual([1, 2, 3, 4, 5].map(() => guard.mayRestart()), [true, true, true, true, false]);
  now = 180_000;
  assert.ok(guard.mayRestart());
  for (let death = 0; death < 9; death++) guard.mayRestart();
  guard.reset();
  assert.ok(guard.mayRestart());
});

test("each command gets the file where it takes it", () => {
  assert.deepEqual(commandLine("check", "/p.yaml", []), ["check", "/p.yaml"]);
  assert.deepEqual(commandLine("compile", "/p.yaml", ["--check"]), ["compile", "--check", "/p.yaml"]);
  assert.deepEqual(commandLine("lock", "/p.yaml", []), ["lock", "/p.yaml"]);
  assert.deepEqual(commandLine("run", "/p.yaml", ["a/b"]), ["run", "-f", "/p.yaml", "a/b"]);
  assert.deepEqual(commandLine("debug", "/p.yaml", ["a"]), ["debug", "-f", "/p.yaml", "a"]);
});

const COMPILED: Compiled = {
  uri: "", languageId: "dockerfile", text: "", line: 4,
  map: [
    { line: 1, endLine: 1, sourceLine: 3, sourceColumn: 4, key: "base" },
    { line: 3, endLine: 3, sourceLine: 4, sourceColumn: 4, key: "pip" },
    { line: 4, endLine: 7, sourceLine: 5, sourceColumn: 4, key: "copy" },
    { line: 9, endLine: 9, sourceLine: 5, sourceColumn: 4, key: "copy" },
  ],
}; // prettier-ignore

test("all that comes from the line of the cursor is shown", () => {
  assert.deepEqual(rowsFrom(COMPILED, 4).map((row) => row.line), [4, 9]);
  assert.deepEqual(rowsFrom(COMPILED, null), []);
  assert.deepEqual(rowsFrom(COMPILED, 8), []);
});

test("a line of the preview leads to its key, a comment to that of the instruction below", () => {
  assert.equal(sourceOf(COMPILED, 6)?.key, "copy");
  assert.equal(sourceOf(COMPILED, 0)?.key, "base");
  assert.equal(sourceOf(COMPILED, 2)?.key, "pip");
  assert.equal(sourceOf(COMPILED, 40)?.key, "copy");
  assert.equal(sourceOf({ ...COMPILED, map: [] }, 1), undefined);
});

const node = (path: string, line: number, state: State = ""): NodeItem => ({
  path, parent: path === "" ? null : path.split("/").slice(0, -1).join("/"), name: path, line, character: 0,
  kind: "run", image: "", command: "", state, message: "",
}); // prettier-ignore
const OUTLINE: Outline = {
  uri: "file:///p.yaml", name: "p", images: [],
  nodes: [node("", 5, "failed"), node("a", 7, "succeeded"), node("b", 8, "failed"), node("b/c", 10, "failed"), node("b/d", 11, "omitted")],
}; // prettier-ignore

test("the node of a line is the nearest above", () => {
  assert.equal(nodeAt(OUTLINE, 4), undefined);
  assert.equal(nodeAt(OUTLINE, 7)?.path, "a");
  assert.equal(nodeAt(OUTLINE, 9)?.path, "b");
  assert.equal(nodeAt(OUTLINE, 99)?.path, "b/d");
});

test("children by their parent, and leaves counted by how they ended", () => {
  assert.deepEqual(below(OUTLINE, "b").map((child) => child.path), ["b/c", "b/d"]);
  assert.equal(summary(OUTLINE), "1 succeeded, 1 failed, 1 omitted");
});
