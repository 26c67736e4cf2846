import * as path from "node:path";
import * as vscode from "vscode";
import { claims } from "./claims";
import { commandLine, type Verb } from "./command-line";
import type { Finder } from "./finder";

export const TYPE = "imgc";

interface Definition extends vscode.TaskDefinition {
  readonly command: Verb;
  /** The pipeline file, relative to the folder of the workspace. */
  readonly file?: string;
  readonly arguments?: readonly string[];
}

const FILES = "**/{pipeline.yaml,pipeline.yml,*.imgc.yaml,*.imgc.yml}";
const MOST = 20;
const LOOK_AGAIN = 1_000;

/** Tasks of the pipeline files in the workspace, and of what tasks.json says. */
export class Tasks implements vscode.TaskProvider {
  constructor(private readonly finder: Finder) {}

  async provideTasks(token: vscode.CancellationToken): Promise<vscode.Task[]> {
    const found = await this.finder.find();
    if (!found) return [];
    const tasks: vscode.Task[] = [];
    for (const uri of await vscode.workspace.findFiles(FILES, "**/{node_modules,.venv,.imgc}/**", MOST, token)) {
      const folder = vscode.workspace.getWorkspaceFolder(uri);
      const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
      if (!folder || !claims(uri.path, text)) continue;
      const file = path.relative(folder.uri.fsPath, uri.fsPath);
      for (const command of ["check", "compile", "build", "run"] as const) {
        tasks.push(make({ type: TYPE, command, file }, folder, uri.fsPath, found.command));
      }
    }
    return tasks;
  }

  async resolveTask(task: vscode.Task): Promise<vscode.Task | undefined> {
    const found = await this.finder.find();
    const definition = task.definition as Definition;
    const folder = typeof task.scope === "object" ? task.scope : vscode.workspace.workspaceFolders?.[0];
    if (!found || !folder) return undefined;
    return make(definition, folder, path.resolve(folder.uri.fsPath, definition.file ?? "pipeline.yaml"), found.command);
  }
}

/** Runs a command of imgc on a file, in a terminal that stays. */
export async function execute(
  verb: Verb, document: vscode.Uri, command: string, more: readonly string[] = [], shown: string = verb,
): Promise<vscode.TaskExecution> { // prettier-ignore
  const scope = vscode.workspace.getWorkspaceFolder(document) ?? vscode.TaskScope.Workspace;
  const definition: Definition = { type: TYPE, command: verb, file: vscode.workspace.asRelativePath(document, false), arguments: more };
  return vscode.tasks.executeTask(make(definition, scope, document.fsPath, command, shown));
}

/** Tells of each moment when a run may have left something: while a task of ours goes on, and at its end. */
export function onProgress(tell: (file: vscode.Uri) => void): vscode.Disposable {
  const timers = new Map<vscode.TaskExecution, NodeJS.Timeout>();
  const fileOf = ({ task }: vscode.TaskExecution): vscode.Uri | undefined => {
    const definition = task.definition as Partial<Definition>;
    const folder = typeof task.scope === "object" ? task.scope : vscode.workspace.workspaceFolders?.[0];
    return definition.type === TYPE && folder ? vscode.Uri.joinPath(folder.uri, definition.file ?? "pipeline.yaml") : undefined;
  };
  return vscode.Disposable.from(
    vscode.tasks.onDidStartTask(({ execution }) => {
      const file = fileOf(execution);
      if (file) timers.set(execution, setInterval(() => tell(file), LOOK_AGAIN));
    }),
    vscode.tasks.onDidEndTask(({ execution }) => {
      clearInterval(timers.get(execution));
      timers.delete(execution);
      const file = fileOf(execution);
      if (file) tell(file);
    }),
    { dispose: () => timers.forEach((timer) => clearInterval(timer)) },
  );
}

function make(
  definition: Definition, scope: vscode.WorkspaceFolder | vscode.TaskScope.Workspace, file: string, command: string, shown?: string,
): vscode.Task { // prettier-ignore
  const section = vscode.workspace.getConfiguration("imgc", vscode.Uri.file(file));
  const always = definition.command === "run" ? section.get<string[]>("runArguments", []) : [];
  const cwd = typeof scope === "object" ? scope.uri.fsPath : path.dirname(file);
  const line = commandLine(definition.command, path.relative(cwd, file), [...always, ...(definition.arguments ?? [])]);
  const name = shown ?? [definition.command, definition.file ?? path.basename(file)].join(" ");
  const execution = new vscode.ProcessExecution(command, line, { cwd });
  const interactive = definition.command === "debug";
  const task = new vscode.Task(definition, scope, name, "imgc", execution, interactive ? [] : ["$imgc"]);
  task.presentationOptions = {
    reveal: vscode.TaskRevealKind.Always,
    panel: interactive ? vscode.TaskPanelKind.New : vscode.TaskPanelKind.Dedicated,
    focus: interactive,
    clear: true,
  };
  if (definition.command === "build") task.group = vscode.TaskGroup.Build;
  return task;
}
