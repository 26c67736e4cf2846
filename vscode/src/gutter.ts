import * as vscode from "vscode";
import { isPipeline } from "./documents";
import type { Outlines, State } from "./outline";

const SHOWN: Record<Exclude<State, "">, string | undefined> = {
  pending: undefined,
  running: "charts.blue",
  succeeded: undefined,
  failed: "testing.iconFailed",
  error: "testing.iconErrored",
  skipped: undefined,
  omitted: undefined,
  interrupted: undefined,
};

/** A mark beside each image and node that says how it last ended. docs/decisions/0020 says why these are decorations
 * and no tests of the Testing API. */
export class Gutter implements vscode.Disposable {
  private readonly types = new Map<State, vscode.TextEditorDecorationType>();
  private readonly subscriptions: vscode.Disposable;

  constructor(
    private readonly outlines: Outlines,
    extension: vscode.Uri,
  ) {
    for (const [state, color] of Object.entries(SHOWN) as [State, string | undefined][]) {
      const options: vscode.DecorationRenderOptions = {
        gutterIconPath: vscode.Uri.joinPath(extension, "media", "states", `${state}.svg`),
        gutterIconSize: "70%",
      };
      if (color) {
        options.overviewRulerColor = new vscode.ThemeColor(color);
        options.overviewRulerLane = vscode.OverviewRulerLane.Left;
      }
      this.types.set(state, vscode.window.createTextEditorDecorationType(options));
    }
    this.subscriptions = vscode.Disposable.from(
      outlines.changed(() => this.show()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.show()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("imgc.gutter")) this.show();
      }),
    );
    this.show();
  }

  private show(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      if (!isPipeline(editor.document)) continue;
      const on = vscode.workspace.getConfiguration("imgc", editor.document.uri).get("gutter", true);
      const outline = on ? this.outlines.of(editor.document.uri) : undefined;
      const states = new Map<number, State>();
      for (const item of [...(outline?.images ?? []), ...(outline?.nodes ?? [])]) {
        if (item.state && !states.has(item.line)) states.set(item.line, item.state);
      }
      for (const [state, type] of this.types) {
        const lines = [...states.keys()].filter((line) => states.get(line) === state);
        editor.setDecorations(type, lines.map((line) => new vscode.Range(line, 0, line, 0)));
      }
    }
  }

  dispose(): void {
    this.subscriptions.dispose();
    for (const type of this.types.values()) type.dispose();
  }
}
