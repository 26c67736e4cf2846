import * as vscode from "vscode";
import { isPipeline } from "./documents";
import { rowsFrom, sourceOf, type Compiled } from "./rows";
import type { Server } from "./server";

export const SCHEME = "imgc-view";
export type Kind = "dockerfile" | "plan";
const SETTLED = 60;
const APPLIED = 1_000;

interface View {
  readonly uri: vscode.Uri;
  readonly source: vscode.Uri;
  readonly kind: Kind;
  /** The image that was asked for by name; the cursor's, once it moves. */
  image: string | undefined;
  line: number;
  compiled: Compiled | undefined;
}

/** The compiled Dockerfile, or the plan as text, beside the document. A cursor moved in one shows the same place in
 * the other. One preview of a kind for a document: it goes to another image with the cursor. */
export class Preview implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly views = new Map<string, View>();
  private readonly emitter = new vscode.EventEmitter<vscode.Uri>();
  private readonly mark = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor("editor.rangeHighlightBackground"),
    isWholeLine: true,
  });
  private readonly subscriptions: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  /** A selection that was made here, not by the user. */
  private own: { uri: string; line: number } | undefined;

  readonly onDidChange = this.emitter.event;

  constructor(private readonly server: Server) {
    this.subscriptions = vscode.Disposable.from(
      this.emitter,
      this.mark,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.window.onDidChangeTextEditorSelection((event) => this.moved(event)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (isPipeline(document)) this.viewsOf(document.uri).forEach((view) => this.soon(view));
      }),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.views.delete(uri.toString())),
    );
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.views.get(uri.toString())?.compiled?.text ?? "";
  }

  async open(source: vscode.TextDocument, kind: Kind, image?: string): Promise<void> {
    const folder = source.uri.path.split("/").at(-2) ?? "";
    const title = kind === "plan" ? "Plan" : "Dockerfile";
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${folder}/${title}`, query: source.uri.toString() });
    const line = vscode.window.visibleTextEditors.find((editor) => editor.document === source)?.selection.active.line ?? 0;
    const view: View = { uri, source: source.uri, kind, image, line, compiled: undefined };
    const compiled = await this.ask(view);
    if (!compiled) {
      const what = kind === "plan" ? "a plan" : image ? `a Dockerfile of '${image}'` : "a Dockerfile";
      void vscode.window.showWarningMessage(`There is no ${what.slice(2)} to show: the file has errors, or the image is used as it is.`);
      return;
    }
    this.views.set(uri.toString(), view);
    this.emitter.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    if (document.languageId !== compiled.languageId) {
      await vscode.languages.setTextDocumentLanguage(document, compiled.languageId).then(undefined, () => undefined);
    }
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true, preview: false });
    await this.show(view, compiled);
  }

  private viewsOf(source: vscode.Uri): View[] {
    return [...this.views.values()].filter((view) => view.source.toString() === source.toString());
  }

  private moved({ textEditor, selections }: vscode.TextEditorSelectionChangeEvent): void {
    const line = selections[0]?.active.line ?? 0;
    const key = textEditor.document.uri.toString();
    if (this.own?.uri === key && this.own.line === line) {
      this.own = undefined;
      return;
    }
    const view = this.views.get(key);
    if (view) {
      this.follow(view, line);
      return;
    }
    for (const shown of this.viewsOf(textEditor.document.uri)) {
      shown.image = undefined;
      shown.line = line;
      this.soon(shown);
    }
  }

  /** To the place in the document that a line of the preview comes from. */
  private follow(view: View, line: number): void {
    const row = view.compiled && sourceOf(view.compiled, line);
    const editor = editorOf(view.source);
    if (!row || !editor) return;
    const place = new vscode.Position(row.sourceLine, row.sourceColumn);
    this.own = { uri: view.source.toString(), line: place.line };
    view.line = place.line;
    editor.selection = new vscode.Selection(place, place);
    editor.revealRange(new vscode.Range(place, place), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    const preview = editorOf(view.uri);
    preview?.setDecorations(this.mark, rowsFrom(view.compiled!, row.line).map((each) => new vscode.Range(each.line, 0, each.endLine, 0)));
  }

  private soon(view: View): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(view.source), SETTLED);
  }

  private async refresh(source: vscode.Uri): Promise<void> {
    for (const view of this.viewsOf(source)) {
      if (!editorOf(view.uri)) continue;
      const compiled = await this.ask(view);
      if (compiled) await this.show(view, compiled);
    }
  }

  private async ask(view: View): Promise<Compiled | undefined> {
    const options = { kind: view.kind, line: view.line, ...(view.image === undefined ? {} : { image: view.image }) };
    return this.server.ask<Compiled>("imgc.preview", view.source.toString(), options);
  }

  /** The text, and in it the lines that come from the cursor's line. */
  private async show(view: View, compiled: Compiled): Promise<void> {
    view.compiled = compiled;
    const editor = editorOf(view.uri);
    if (!editor) return;
    if (editor.document.getText() !== compiled.text) {
      const applied = changeOf(view.uri);
      this.emitter.fire(view.uri);
      await applied;
    }
    const rows = rowsFrom(compiled, compiled.line);
    editor.setDecorations(this.mark, rows.map((row) => new vscode.Range(row.line, 0, row.endLine, 0)));
    if (rows[0]) {
      const range = new vscode.Range(rows[0].line, 0, rows[0].endLine, 0);
      editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscriptions.dispose();
  }
}

function editorOf(uri: vscode.Uri): vscode.TextEditor | undefined {
  return vscode.window.visibleTextEditors.find((editor) => editor.document.uri.toString() === uri.toString());
}

/** Settles with the next change of a document, or after a while without one. */
function changeOf(uri: vscode.Uri): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      subscription.dispose();
      resolve();
    };
    const timer = setTimeout(done, APPLIED);
    const subscription = vscode.workspace.onDidChangeTextDocument(({ document }) => {
      if (document.uri.toString() === uri.toString()) done();
    });
  });
}
