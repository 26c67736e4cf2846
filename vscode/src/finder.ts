import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import * as vscode from "vscode";
import { candidates, find, versionIn, type Found } from "./find";

interface PythonApi {
  readonly environments: {
    getActiveEnvironmentPath(folder?: vscode.Uri): { readonly path: string };
    readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

/** Looks for imgc where a user may have it, and remembers where it was. */
export class Finder implements vscode.Disposable {
  private known: Promise<Found | undefined> | undefined;
  private readonly moved = new vscode.EventEmitter<void>();
  private listening = false;
  private readonly subscriptions: vscode.Disposable[] = [];

  /** The environment of the Python extension was changed. */
  readonly onDidMove = this.moved.event;

  constructor(
    private readonly own: string,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  find(): Promise<Found | undefined> {
    this.known ??= this.look();
    return this.known;
  }

  forget(): void {
    this.known = undefined;
  }

  private async look(): Promise<Found | undefined> {
    const places = candidates({
      setting: vscode.workspace.getConfiguration("imgc").get("path", "").trim(),
      folders: (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath),
      interpreter: await this.interpreter(),
      own: this.own,
      searchPath: process.env["PATH"] ?? "",
      home: homedir(),
      windows: process.platform === "win32",
    });
    const found = await find(places, (command) => version(command));
    if (found) this.log.info(`imgc ${found.version}: ${found.command} (${found.source})`);
    else this.log.warn(`No imgc in ${places.length} places: ${places.map((place) => place.command).join(", ")}`);
    return found;
  }

  private async interpreter(): Promise<string | undefined> {
    try {
      const extension = vscode.extensions.getExtension<PythonApi>("ms-python.python");
      if (!extension) return undefined;
      const environments = (extension.isActive ? extension.exports : await extension.activate()).environments;
      if (!this.listening) {
        this.listening = true;
        this.subscriptions.push(environments.onDidChangeActiveEnvironmentPath(() => this.moved.fire()));
      }
      return environments.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri).path;
    } catch (error) {
      this.log.warn(`The Python extension names no environment: ${String(error)}`);
      return undefined;
    }
  }

  dispose(): void {
    this.moved.dispose();
    vscode.Disposable.from(...this.subscriptions).dispose();
  }
}

async function version(command: string): Promise<string | undefined> {
  if (/[/\\]/.test(command)) {
    try {
      await access(command);
    } catch {
      return undefined;
    }
  }
  return new Promise((resolve) => {
    execFile(command, ["--version"], { timeout: 20_000 }, (error, output) => {
      resolve(error ? undefined : versionIn(output));
    });
  });
}
