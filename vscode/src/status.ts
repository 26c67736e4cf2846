import * as vscode from "vscode";
import { isPipeline } from "./documents";
import type { Server, Status } from "./server";

/** What the status bar shows while a pipeline file is looked at. */
export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("imgc.status", vscode.StatusBarAlignment.Right, 90);
  private readonly subscriptions: vscode.Disposable;

  constructor(private readonly server: Server) {
    this.item.name = "imgc";
    this.item.command = "imgc.menu";
    this.subscriptions = vscode.Disposable.from(
      server.onDidChangeStatus(() => this.show()),
      vscode.window.onDidChangeActiveTextEditor(() => this.show()),
      vscode.workspace.onDidOpenTextDocument(() => this.show()),
    );
    this.show();
  }

  private show(): void {
    const { text, tooltip, color } = words(this.server.status);
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.backgroundColor = color && new vscode.ThemeColor(color);
    const wanted = color !== undefined || isPipeline(vscode.window.activeTextEditor?.document);
    if (wanted) this.item.show();
    else this.item.hide();
  }

  dispose(): void {
    this.subscriptions.dispose();
    this.item.dispose();
  }
}

function words(status: Status): { text: string; tooltip: string; color?: string } {
  switch (status.kind) {
    case "running":
      return { text: "$(layers) imgc", tooltip: `imgc ${status.version}\n${status.command}` };
    case "starting":
      return { text: "$(sync~spin) imgc", tooltip: "The language server is starting" };
    case "missing":
      return { text: "$(cloud-download) imgc: install", tooltip: "imgc is not installed", color: "statusBarItem.warningBackground" };
    case "stopped": {
      const tooltip = `The language server is stopped: ${status.reason}`;
      return { text: "$(error) imgc: stopped", tooltip, color: "statusBarItem.errorBackground" };
    }
    default:
      return { text: "$(layers) imgc", tooltip: "The language server is not started" };
  }
}
