import * as path from "node:path";
import * as vscode from "vscode";

/** Makes an environment of the extension's own from the wheel that it brings, in a terminal, for all to see. The
 * wheel's dependencies come from the package index that pip is set up for. Gives whether it went well. */
export async function install(extension: vscode.Uri, environment: string): Promise<boolean> {
  const wheels = await vscode.workspace.fs.readDirectory(vscode.Uri.joinPath(extension, "wheel"));
  const name = wheels.map(([name]) => name).find((name) => name.endsWith(".whl"));
  if (!name) throw new Error("the extension has no wheel in it");
  const wheel = vscode.Uri.joinPath(extension, "wheel", name).fsPath;
  const windows = process.platform === "win32";
  const python = windows ? "py" : "python3";
  const inside = path.join(environment, windows ? "Scripts" : "bin", windows ? "python.exe" : "python");
  const quoted = (value: string): vscode.ShellQuotedString => ({ value, quoting: vscode.ShellQuoting.Strong });
  const steps = [
    new vscode.ShellExecution(python, ["-m", "venv", "--clear", quoted(environment)]),
    new vscode.ShellExecution(quoted(inside), ["-m", "pip", "install", "--disable-pip-version-check", quoted(`${wheel}[all]`)]),
  ];
  for (const [number, step] of steps.entries()) {
    const task = new vscode.Task({ type: "imgc-install", step: number }, vscode.TaskScope.Workspace, "Install imgc", "imgc", step);
    task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, panel: vscode.TaskPanelKind.Shared };
    if ((await ended(await vscode.tasks.executeTask(task))) !== 0) return false;
  }
  return true;
}

function ended(execution: vscode.TaskExecution): Promise<number | undefined> {
  return new Promise((resolve) => {
    const subscription = vscode.tasks.onDidEndTaskProcess((event) => {
      if (event.execution !== execution) return;
      subscription.dispose();
      resolve(event.exitCode);
    });
  });
}
