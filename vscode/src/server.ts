import { spawn, type ChildProcess } from "node:child_process";
import * as vscode from "vscode";
import { CloseAction, ErrorAction, LanguageClient, State as ClientState } from "vscode-languageclient/node";
import type { Found } from "./find";
import type { Finder } from "./finder";
import { RestartGuard } from "./guard";
import type { Outline } from "./outline";

/** Commands that lenses and quick fixes of the server may call. */
const OFFERED = ["imgc.showPreview", "imgc.build", "imgc.run", "imgc.debug", "imgc.lock"];
const LACKS_PACKAGES = 3;

export type Status =
  | { readonly kind: "idle" | "missing" | "starting" }
  | { readonly kind: "running"; readonly version: string; readonly command: string }
  | { readonly kind: "stopped"; readonly reason: string };

/** The one server of the window: started with the first pipeline file, started again when it dies, with a bound. */
export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private starting: Promise<void> | undefined;
  private process: ChildProcess | undefined;
  private current: Status = { kind: "idle" };
  private readonly guard = new RestartGuard();
  private readonly statusChanged = new vscode.EventEmitter<Status>();
  private readonly outlined = new vscode.EventEmitter<Outline>();

  readonly onDidChangeStatus = this.statusChanged.event;
  readonly onDidOutline = this.outlined.event;

  constructor(
    private readonly finder: Finder,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  get status(): Status {
    return this.current;
  }

  /** Starts the server unless it runs, or cannot. */
  start(): Promise<void> {
    this.starting ??= this.begin();
    return this.starting;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.guard.reset();
    this.finder.forget();
    await this.start();
  }

  /** A command of the server; undefined where it does not answer. */
  async ask<T>(command: string, ...argumentsOf: unknown[]): Promise<T | undefined> {
    await this.start();
    if (this.client?.state !== ClientState.Running) return undefined;
    try {
      return (
        (await this.client.sendRequest<T | null>("workspace/executeCommand", { command, arguments: argumentsOf })) ??
        undefined
      );
    } catch (error) {
      this.log.warn(`${command}: ${String(error)}`);
      return undefined;
    }
  }

  /** The state folder beside a pipeline file may hold something new. The watcher of files is not enough: it misses
   * changes in folders that were just made, as that of a run is. */
  look(file: vscode.Uri): void {
    if (this.client?.state !== ClientState.Running) return;
    const uri = vscode.Uri.joinPath(file, "..", ".imgc", "runs").toString();
    void this.client.sendNotification("workspace/didChangeWatchedFiles", { changes: [{ uri, type: 2 }] });
  }

  private async begin(): Promise<void> {
    const began = Date.now();
    this.tell({ kind: "starting" });
    const found = await this.finder.find();
    if (!found) {
      this.tell({ kind: "missing" });
      return;
    }
    const client = this.make(found);
    this.client = client;
    client.onNotification("imgc/outline", (outline: Outline) => this.outlined.fire(outline));
    client.onDidChangeState(({ newState }) => {
      if (client !== this.client) return;
      if (newState === ClientState.Running) {
        this.tell({ kind: "running", version: found.version, command: found.command });
      } else if (newState === ClientState.Starting) this.tell({ kind: "starting" });
    });
    try {
      await client.start();
      this.log.info(`The server answers after ${Date.now() - began} ms.`);
    } catch (error) {
      this.stopped(`it could not be started: ${String(error)}`);
    }
  }

  private make(found: Found): LanguageClient {
    return new LanguageClient("imgc", "imgc", () => this.spawn(found), {
      documentSelector: [{ language: "imgc" }],
      outputChannel: this.log,
      initializationOptions: { ...settings(), commands: OFFERED, outline: true },
      initializationFailedHandler: () => false,
      synchronize: { configurationSection: "imgc" },
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => ({ action: this.closed(), handled: true }),
      },
    });
  }

  private spawn(found: Found): Promise<ChildProcess> {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const cwd = folder?.scheme === "file" ? folder.fsPath : undefined;
    this.process = spawn(found.command, ["lsp"], cwd === undefined ? {} : { cwd });
    this.process.on("error", (error) => this.log.error(String(error)));
    return Promise.resolve(this.process);
  }

  private closed(): CloseAction {
    const code = this.process?.exitCode;
    if (code === LACKS_PACKAGES) {
      this.stopped("it lacks packages: pip install 'imgc[lsp]' (see the output)");
      return CloseAction.DoNotRestart;
    }
    if (this.guard.mayRestart()) {
      this.log.warn("The server has ended, and is started again.");
      return CloseAction.Restart;
    }
    this.stopped(`it ended ${this.guard.limit + 1} times in ${this.guard.window / 60_000} minutes`);
    return CloseAction.DoNotRestart;
  }

  private stopped(reason: string): void {
    this.tell({ kind: "stopped", reason });
    this.log.error(`The server is stopped: ${reason}.`);
    void vscode.window
      .showErrorMessage(`The imgc language server is stopped: ${reason}.`, "Restart", "Show Output")
      .then((choice) => {
        if (choice === "Restart") return this.restart();
        if (choice === "Show Output") this.log.show();
        return undefined;
      });
  }

  private tell(status: Status): void {
    this.current = status;
    this.statusChanged.fire(status);
  }

  private async stop(): Promise<void> {
    const client = this.client;
    this.client = this.starting = undefined;
    if (client?.state === ClientState.Running) await client.dispose(2_000);
    this.tell({ kind: "idle" });
  }

  dispose(): void {
    void this.stop();
    this.statusChanged.dispose();
    this.outlined.dispose();
  }
}

function settings(): Record<string, unknown> {
  const section = vscode.workspace.getConfiguration("imgc");
  const names = ["claim", "registryLookups", "engineLookups", "inlayHints", "codeLenses", "maxProblems"];
  return Object.fromEntries(names.map((name) => [name, section.get(name)]));
}
