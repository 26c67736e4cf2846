import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { Outlines } from "./outline";
import { embed } from "./page";
import type { Server } from "./server";

interface Drawn {
  readonly html?: string;
  readonly problem?: string;
}

type Message =
  | { readonly type: "ready" }
  | { readonly type: "open"; readonly line: number }
  | { readonly type: "run" | "debug"; readonly path: string };

const SETTLED = 400;

/** The plan as a graph in a panel: the page of `imgc graph`, with the states of the last run in it. */
export class Graph implements vscode.Disposable {
  private readonly panels = new Map<string, vscode.WebviewPanel>();
  private readonly subscription: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  private parts: Promise<[string, string]> | undefined;

  constructor(
    private readonly server: Server,
    private readonly outlines: Outlines,
    private readonly extension: vscode.Uri,
  ) {
    this.subscription = vscode.Disposable.from(
      outlines.changed((outline) => {
        if (outline) this.states(vscode.Uri.parse(outline.uri));
      }),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (!this.panels.get(document.uri.toString())?.visible) return;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.draw(document.uri), SETTLED);
      }),
    );
  }

  async open(source: vscode.TextDocument): Promise<void> {
    const key = source.uri.toString();
    const shown = this.panels.get(key);
    if (shown) {
      shown.reveal(undefined, false);
      return;
    }
    const name = this.outlines.of(source.uri)?.name ?? source.uri.path.split("/").at(-2) ?? "";
    const panel = vscode.window.createWebviewPanel("imgc.graph", `Graph of ${name}`, vscode.ViewColumn.Beside, {
      enableScripts: true,
      localResourceRoots: [],
    });
    panel.iconPath = vscode.Uri.joinPath(this.extension, "media", "graph.svg");
    this.panels.set(key, panel);
    panel.onDidDispose(() => this.panels.delete(key));
    panel.webview.onDidReceiveMessage((message: Message) => this.take(source.uri, message));
    await this.draw(source.uri);
  }

  private async draw(source: vscode.Uri): Promise<void> {
    const [style, script] = await (this.parts ??= this.load());
    const drawn = await this.server.ask<Drawn>("imgc.graph", source.toString());
    const panel = this.panels.get(source.toString());
    if (!panel) return;
    if (drawn?.html) panel.webview.html = embed(drawn.html, randomBytes(16).toString("base64"), style, script);
    else if (panel.webview.html === "") panel.webview.html = note(drawn?.problem ?? "The language server does not answer.");
  }

  private async load(): Promise<[string, string]> {
    const read = async (name: string) => {
      const bytes = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(this.extension, "media", name));
      return new TextDecoder().decode(bytes);
    };
    return Promise.all([read("graph.css"), read("graph.js")]);
  }

  private states(source: vscode.Uri): void {
    const panel = this.panels.get(source.toString());
    const outline = this.outlines.of(source);
    if (!panel || !outline) return;
    const nodes = outline.nodes.map((node) => [node.path, node.state]);
    const images = outline.images.map((image) => [image.name, image.state]);
    void panel.webview.postMessage({ type: "states", nodes, images });
  }

  private take(source: vscode.Uri, message: Message): void {
    if (message.type === "ready") this.states(source);
    else if (message.type === "open") void openAt(source, message.line);
    else void vscode.commands.executeCommand(`imgc.${message.type}`, source.toString(), message.path);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscription.dispose();
    this.panels.forEach((panel) => panel.dispose());
  }
}

async function openAt(source: vscode.Uri, line: number): Promise<void> {
  const place = new vscode.Position(line, 0);
  const shown = vscode.window.visibleTextEditors.find((editor) => editor.document.uri.toString() === source.toString());
  await vscode.window.showTextDocument(source, {
    selection: new vscode.Range(place, place),
    viewColumn: shown?.viewColumn ?? vscode.ViewColumn.One,
  });
}

function note(text: string): string {
  const escaped = text.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  return `<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none'"><p>${escaped}</p>`;
}
