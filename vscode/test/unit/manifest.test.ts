import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

interface Manifest {
  readonly version: string;
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly enablement?: string }[];
    readonly menus: Record<string, readonly { readonly command: string }[]>;
    readonly configuration: { readonly properties: Record<string, { readonly description?: string; readonly markdownDescription?: string }> };
    readonly problemMatchers: readonly { readonly pattern: readonly { readonly regexp: string }[] }[];
    readonly walkthroughs: readonly { readonly steps: readonly { readonly description: string }[] }[];
  };
}

const text = readFileSync("package.json", "utf8");
const { contributes, version } = JSON.parse(text) as Manifest;
const source = readFileSync("src/commands.ts", "utf8");
const known = new Set(contributes.commands.map((command) => command.command));

test("every command is registered, and every one that a menu or a walkthrough has is there", () => {
  for (const command of known) assert.ok(source.includes(`"${command}":`), command);
  const inMenus = Object.values(contributes.menus).flatMap((items) => items.map((item) => item.command));
  const inWords = [...text.matchAll(/\(command:(imgc\.\w+)\)/g)].map((match) => match[1]!);
  for (const command of [...inMenus, ...inWords]) assert.ok(known.has(command), command);
});

test("nothing that runs something is offered without trust", () => {
  for (const command of contributes.commands) assert.equal(command.enablement, "isWorkspaceTrusted", command.command);
});

test("every setting is described, and in the README", () => {
  const readme = readFileSync("README.md", "utf8");
  for (const [name, setting] of Object.entries(contributes.configuration.properties)) {
    assert.ok(setting.description ?? setting.markdownDescription, name);
    assert.ok(readme.includes(`\`${name}\``), name);
  }
});

test("every file that is named is there", () => {
  for (const [, path] of text.matchAll(/"(?:\.\/)?((?:media|syntaxes|snippets)\/[^"]+)"/g)) assert.ok(existsSync(path!), path);
});

test("the version is that of imgc", () => {
  const project = readFileSync("../pyproject.toml", "utf8");
  assert.equal(/^version = "(.*)"$/m.exec(project)?.[1], version);
});

test("the problem matcher takes what imgc check prints", () => {
  const [first, second] = contributes.problemMatchers[0]!.pattern.map((pattern) => new RegExp(pattern.regexp));
  const [, severity, code, message] = first!.exec("error[unknown-key]: 'pip_package' is not a key of an image") ?? [];
  assert.deepEqual([severity, code, message], ["error", "unknown-key", "'pip_package' is not a key of an image"]);
  assert.deepEqual(second!.exec("  --> sub/pipeline.yaml:5:7")?.slice(1), ["sub/pipeline.yaml", "5", "7"]);
});
