import { join } from "node:path";
import * as vscode from "vscode";
import { offer, register, type Parts } from "./commands";
import { Claims, isPipeline, OpenOutlines } from "./documents";
import { Finder } from "./finder";
import { Graph } from "./graph";
import { Gutter } from "./gutter";
import { Preview } from "./preview";
import { Server } from "./server";
import { StatusItem } from "./status";
import { onProgress, Tasks, TYPE } from "./tasks";
import { Tree } from "./tree";

/** A workspace that is not trusted gets the language and its colours, and nothing is run. */
export function activate(context: vscode.ExtensionContext): void {
  context.subscriptions.push(new Claims());
  if (vscode.workspace.isTrusted) begin(context);
  else context.subscriptions.push(vscode.workspace.onDidGrantWorkspaceTrust(() => begin(context)));
}

function begin(context: vscode.ExtensionContext): void {
  const began = Date.now();
  const log = vscode.window.createOutputChannel("imgc", { log: true });
  const environment = join(context.globalStorageUri.fsPath, "environment");
  const finder = new Finder(environment, log);
  const server = new Server(finder, log);
  const outlines = new OpenOutlines(server);
  const preview = new Preview(server);
  const graph = new Graph(server, outlines, context.extensionUri);
  const parts: Parts = { server, finder, preview, graph, outlines, log, extension: context.extensionUri, environment };
  const wake = (document: vscode.TextDocument) => {
    if (isPipeline(document)) void server.start();
  };
  const moved = () => {
    if (server.status.kind === "idle") finder.forget();
    else void server.restart();
  };
  context.subscriptions.push(
    log, finder, server, outlines, preview, graph,
    new Tree(outlines),
    new Gutter(outlines, context.extensionUri),
    new StatusItem(server),
    register(parts),
    vscode.tasks.registerTaskProvider(TYPE, new Tasks(finder)),
    onProgress((file) => server.look(file)),
    vscode.workspace.onDidOpenTextDocument(wake),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("imgc.path")) moved();
    }),
    finder.onDidMove(moved),
    server.onDidChangeStatus((status) => {
      if (status.kind === "missing") void offer(parts);
    }),
  ); // prettier-ignore
  vscode.workspace.textDocuments.forEach(wake);
  log.info(`Active after ${Date.now() - began} ms.`);
}
