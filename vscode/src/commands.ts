import * as vscode from "vscode";
import type { Verb } from "./command-line";
import { isPipeline } from "./documents";
import type { Finder } from "./finder";
import type { Graph } from "./graph";
import { install } from "./install";
import { nodeAt, type Outlines } from "./outline";
import type { Preview } from "./preview";
import type { Server } from "./server";
import { execute } from "./tasks";
import type { Element } from "./tree";

export interface Parts {
  readonly server: Server;
  readonly finder: Finder;
  readonly preview: Preview;
  readonly graph: Graph;
  readonly outlines: Outlines;
  readonly log: vscode.LogOutputChannel;
  readonly extension: vscode.Uri;
  readonly environment: string;
}

/** What a command is about: a lens gives URI and name, the tree an element, the palette and a menu nothing or a URI. */
type Argument = string | vscode.Uri | Element | undefined;

/** The commands. Those that need a node or an image by name ask for it where none is given. */
export function register(parts: Parts): vscode.Disposable {
  const commands: Record<string, (first?: Argument, second?: unknown) => unknown> = {
    "imgc.check": (first) => work(parts, "check", first),
    "imgc.compile": (first) => work(parts, "compile", first),
    "imgc.lock": (first) => work(parts, "lock", first),
    "imgc.build": (first, name) => work(parts, "build", first, named(first, name)),
    "imgc.run": (first, path) => work(parts, "run", first, named(first, path)),
    "imgc.runNode": (first) => work(parts, "run", first, named(first) ?? (() => pathAtCursor(parts))),
    "imgc.debug": (first, path) => work(parts, "debug", first, named(first, path) ?? (() => pathAtCursor(parts, true))),
    "imgc.showPreview": (first, options) => show(parts, first, options),
    "imgc.showPlan": async (first) => {
      const document = await documentOf(parts, first);
      if (document) await parts.preview.open(document, "plan");
    },
    "imgc.showGraph": async (first) => {
      const document = await documentOf(parts, first);
      if (document) await parts.graph.open(document);
    },
    "imgc.openPipeline": openPipeline,
    "imgc.install": () => installed(parts),
    "imgc.restart": () => parts.server.restart(),
    "imgc.showOutput": () => parts.log.show(),
    "imgc.menu": () => menu(parts),
  };
  const registered = Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, run));
  return vscode.Disposable.from(...registered);
}

/** The name in what a lens or the tree gives; "" is the whole pipeline. */
function named(first: Argument, second?: unknown): string | undefined {
  if (typeof second === "string") return second;
  if (typeof first !== "object" || first instanceof vscode.Uri) return undefined;
  return first.of === "node" ? first.node.path : first.of === "image" ? first.image.name : undefined;
}

async function documentOf(parts: Parts, first: Argument): Promise<vscode.TextDocument | undefined> {
  const active = vscode.window.activeTextEditor?.document;
  const shown = parts.outlines.current?.uri;
  let uri: vscode.Uri | undefined;
  if (typeof first === "string") uri = vscode.Uri.parse(first);
  else if (first instanceof vscode.Uri) uri = first;
  else if (first !== undefined) uri = vscode.Uri.parse(first.outline.uri);
  else if (isPipeline(active)) return active;
  else if (shown) uri = vscode.Uri.parse(shown);
  if (uri) return vscode.workspace.openTextDocument(uri);
  await openPipeline();
  const opened = vscode.window.activeTextEditor?.document;
  return isPipeline(opened) ? opened : undefined;
}

/** How commands of imgc take a node: the root, a pipeline of one node, is `/` for debug and all there is for run. */
function argumentsFor(verb: Verb, name: string | undefined): string[] {
  return name ? [name] : verb === "debug" ? ["/"] : [];
}

/** Saves the file and runs imgc on it; on one image or node where `of` names one. */
async function work(
  parts: Parts, verb: Verb, first: Argument, of?: string | (() => Promise<string | undefined>),
): Promise<void> { // prettier-ignore
  const document = await documentOf(parts, first);
  if (!document) return;
  if (document.isUntitled) {
    void vscode.window.showWarningMessage("Save the file first: imgc works on files.");
    return;
  }
  const name = typeof of === "function" ? await of() : of;
  if (name === undefined && of !== undefined) return;
  const found = await parts.finder.find();
  if (!found) {
    await offer(parts);
    return;
  }
  await document.save();
  await execute(verb, document.uri, found.command, argumentsFor(verb, name), name ? `${verb} ${name}` : verb);
}

async function pathAtCursor(parts: Parts, leaf = false): Promise<string | undefined> {
  const editor = vscode.window.activeTextEditor;
  const outline = isPipeline(editor?.document) ? parts.outlines.of(editor.document.uri) : parts.outlines.current;
  if (!outline) return undefined;
  const fits = (kind: string) => !leaf || !["serial", "parallel", "lazy"].includes(kind);
  const here = isPipeline(editor?.document) ? nodeAt(outline, editor.selection.active.line) : undefined;
  if (here && here.path && fits(here.kind)) return here.path;
  const nodes = outline.nodes.filter((node) => node.path && fits(node.kind));
  const items = nodes.map((node) => ({ label: node.path, description: node.command || node.kind }));
  return (await vscode.window.showQuickPick(items, { placeHolder: "The node" }))?.label;
}

async function show(parts: Parts, first: Argument, options: unknown): Promise<void> {
  const document = await documentOf(parts, first);
  const given = typeof options === "object" && options !== null && "image" in options ? options.image : undefined;
  const name = typeof given === "string" ? given : named(first);
  if (document) await parts.preview.open(document, "dockerfile", name);
}

async function openPipeline(): Promise<void> {
  const found = await vscode.workspace.findFiles("**/{pipeline.yaml,pipeline.yml,*.imgc.yaml,*.imgc.yml}", "**/{node_modules,.venv}/**", 100);
  if (found.length === 0) {
    const document = await vscode.workspace.openTextDocument({ language: "imgc" });
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand("editor.action.insertSnippet", { langId: "imgc", name: "pipeline" });
    return;
  }
  const items = found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  const one = items.length === 1 ? items[0] : await vscode.window.showQuickPick(items, { placeHolder: "A pipeline file" });
  if (one) await vscode.window.showTextDocument(one.uri);
}

/** Says that imgc is missing, with what can be done. */
export async function offer(parts: Parts): Promise<void> {
  const choice = await vscode.window.showWarningMessage(
    "imgc was not found: not in the workspace's environment, and not on PATH.",
    "Install", "Choose a File…",
  ); // prettier-ignore
  if (choice === "Install") await installed(parts);
  if (choice === "Choose a File…") {
    const chosen = await vscode.window.showOpenDialog({ title: "The imgc command", canSelectMany: false });
    const file = chosen?.[0]?.fsPath;
    if (file) await vscode.workspace.getConfiguration("imgc").update("path", file, vscode.ConfigurationTarget.Global);
  }
}

async function installed(parts: Parts): Promise<void> {
  if (await install(parts.extension, parts.environment)) {
    await parts.server.restart();
    return;
  }
  const words = "imgc was not installed: it needs Python 3.11 or newer, and pip that reaches a package index. The terminal says more.";
  void vscode.window.showErrorMessage(words);
}

async function menu(parts: Parts): Promise<void> {
  const items: Record<string, string> = {
    "$(list-tree) Show Graph": "imgc.showGraph",
    "$(open-preview) Show Dockerfile": "imgc.showPreview",
    "$(play) Run": "imgc.run",
    "$(package) Build": "imgc.build",
    "$(debug-restart) Restart Language Server": "imgc.restart",
    "$(output) Show Output": "imgc.showOutput",
    "$(gear) Settings": "imgc.settings",
  };
  if (parts.server.status.kind === "missing") await offer(parts);
  else {
    const chosen = await vscode.window.showQuickPick(Object.keys(items), { placeHolder: "imgc" });
    const command = chosen === undefined ? undefined : items[chosen];
    if (command === "imgc.settings") await vscode.commands.executeCommand("workbench.action.openSettings", "imgc.");
    else if (command !== undefined) await vscode.commands.executeCommand(command);
  }
}
