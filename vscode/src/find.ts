import * as path from "node:path";

export type Source = "setting" | "interpreter" | "workspace" | "path" | "own";

export interface Place {
  readonly command: string;
  readonly source: Source;
}

export interface Surroundings {
  /** The setting `imgc.path`; "" when it is not set. */
  readonly setting: string;
  /** The folders of the workspace. */
  readonly folders: readonly string[];
  /** The interpreter that the Python extension has chosen, or the folder of its environment. */
  readonly interpreter?: string | undefined;
  /** The environment that "Install imgc" makes. */
  readonly own: string;
  readonly searchPath: string;
  readonly home: string;
  readonly windows: boolean;
}

const ENVIRONMENTS = [".venv", "venv"];

/** Where imgc may be, the best place first. A setting is the only place there is. */
export function candidates(around: Surroundings): Place[] {
  const { join, dirname, isAbsolute } = around.windows ? path.win32 : path.posix;
  const script = around.windows ? "imgc.exe" : "imgc";
  const inEnvironment = (folder: string) => join(folder, around.windows ? "Scripts" : "bin", script);
  if (around.setting) {
    const folder = around.folders[0] ?? "";
    const written = around.setting.replaceAll("${workspaceFolder}", folder).replace(/^~(?=[/\\])/, around.home);
    const bare = !/[/\\]/.test(written);
    return [{ command: bare || isAbsolute(written) ? written : join(folder, written), source: "setting" }];
  }
  const found: Place[] = [];
  if (around.interpreter) {
    const isPython = /^python[0-9.]*(\.exe)?$/i.test(around.interpreter.split(/[/\\]/).at(-1) ?? "");
    found.push({
      command: isPython ? join(dirname(around.interpreter), script) : inEnvironment(around.interpreter),
      source: "interpreter",
    });
  }
  for (const folder of around.folders) {
    for (const name of ENVIRONMENTS) found.push({ command: inEnvironment(join(folder, name)), source: "workspace" });
  }
  for (const folder of around.searchPath.split(around.windows ? ";" : ":").filter(Boolean)) {
    found.push({ command: join(folder, script), source: "path" });
  }
  found.push({ command: inEnvironment(around.own), source: "own" });
  return found.filter((place, at) => found.findIndex((other) => other.command === place.command) === at);
}

export interface Found extends Place {
  readonly version: string;
}

/** The first place where an imgc answers with its version. */
export async function find(
  places: readonly Place[],
  version: (command: string) => Promise<string | undefined>,
): Promise<Found | undefined> {
  for (const place of places) {
    const answer = await version(place.command);
    if (answer !== undefined) return { ...place, version: answer };
  }
  return undefined;
}

/** The version in what `imgc --version` prints. */
export function versionIn(output: string): string | undefined {
  return /^imgc (\d+\.\S+)/m.exec(output)?.[1];
}
