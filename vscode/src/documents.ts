import * as vscode from "vscode";
import { claims } from "./claims";
import type { Outline, Outlines } from "./outline";
import type { Server } from "./server";

const LANGUAGE = "imgc";
const FIRST_LINES = 400;

export function isPipeline(document: vscode.TextDocument | undefined): document is vscode.TextDocument {
  return document?.languageId === LANGUAGE;
}

/** Gives the language id `imgc` to the YAML files that are pipelines of imgc, by what is in them. A user who sets
 * the language back is left alone until the file is opened again. */
export class Claims implements vscode.Disposable {
  private readonly claimed = new Set<string>();
  private readonly subscriptions: vscode.Disposable;

  constructor() {
    this.subscriptions = vscode.Disposable.from(
      vscode.workspace.onDidOpenTextDocument((document) => this.look(document)),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.some((change) => change.range.start.line < FIRST_LINES)) this.look(document);
      }),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => setTimeout(() => this.closed(uri), 500)),
    );
    vscode.workspace.textDocuments.forEach((document) => this.look(document));
  }

  private look(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    if (document.languageId !== "yaml" || !["file", "untitled", "vscode-remote"].includes(document.uri.scheme)) return;
    if (this.claimed.has(key)) return;
    const patterns = vscode.workspace.getConfiguration("imgc", document.uri).get<string[]>("claim", []);
    if (!claims(document.uri.path, document.getText(), patterns)) return;
    this.claimed.add(key);
    void vscode.languages.setTextDocumentLanguage(document, LANGUAGE);
  }

  private closed(uri: vscode.Uri): void {
    const open = vscode.workspace.textDocuments.some((document) => document.uri.toString() === uri.toString());
    if (!open) this.claimed.delete(uri.toString());
  }

  dispose(): void {
    this.subscriptions.dispose();
  }
}

/** What the server tells of the open pipeline files, and which of them the user looks at. */
export class OpenOutlines implements Outlines, vscode.Disposable {
  private readonly known = new Map<string, Outline>();
  private shown: string | undefined;
  private readonly emitter = new vscode.EventEmitter<Outline | undefined>();
  private readonly subscriptions: vscode.Disposable;

  readonly changed = this.emitter.event;

  constructor(server: Server) {
    this.look(vscode.window.activeTextEditor);
    this.subscriptions = vscode.Disposable.from(
      this.emitter,
      server.onDidOutline((outline) => {
        // The server writes URIs in a way of its own: `:` and other letters may be escaped differently.
        const key = vscode.Uri.parse(outline.uri).toString();
        this.known.set(key, outline);
        this.shown ??= key;
        if (key === this.shown) this.emitter.fire(outline);
      }),
      vscode.window.onDidChangeActiveTextEditor((editor) => this.look(editor)),
      vscode.workspace.onDidOpenTextDocument((document) => {
        if (document === vscode.window.activeTextEditor?.document) this.look(vscode.window.activeTextEditor);
      }),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => {
        const key = uri.toString();
        this.known.delete(key);
        if (this.shown === key) this.show(this.known.keys().next().value);
      }),
    );
  }

  get current(): Outline | undefined {
    return this.shown === undefined ? undefined : this.known.get(this.shown);
  }

  of(uri: vscode.Uri): Outline | undefined {
    return this.known.get(uri.toString());
  }

  private look(editor: vscode.TextEditor | undefined): void {
    if (isPipeline(editor?.document)) this.show(editor.document.uri.toString());
  }

  private show(key: string | undefined): void {
    if (key === this.shown) return;
    this.shown = key;
    this.emitter.fire(this.current);
  }

  dispose(): void {
    this.subscriptions.dispose();
  }
}
