// Which files are pipelines of imgc. The same rules as in lsp/imgc_lsp/claims.py, needed here before there is a
// server: nothing is started for other people's YAML. tests/vscode/test_claims.py holds the two together.

const NAMES = ["pipeline.yaml", "pipeline.yml"];
const MARKER = /^#\s*imgc\b/i;
const TOP_KEY = /^(version|images|pipeline|bundles|stack|image_refs)\s*:(?=\s|$)/;
const FOREIGN = /^(apiVersion|kind|jobs|on|stages|steps|services|pool|trigger|transform)\s*:(?=\s|$)/;
const LOOKED_AT = 400;

export const EXTENSIONS = [".imgc.yaml", ".imgc.yml"];

/** Whether a YAML file is ours, by name, setting, the comment `# imgc`, or its keys. `path` has slashes. */
export function claims(path: string, text: string, patterns: readonly string[] = []): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (EXTENSIONS.some((extension) => name.endsWith(extension))) return true;
  if (patterns.some((pattern) => matches(path, pattern) || matches(name, pattern))) return true;
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  if (lines.slice(0, 5).some((line) => MARKER.test(line))) return true;
  const named = NAMES.includes(name);
  const keys = new Set<string>();
  for (const line of named ? lines : lines.slice(0, LOOKED_AT)) {
    if (/^[ \t#-]/.test(line)) continue;
    if (FOREIGN.test(line)) return false;
    const key = TOP_KEY.exec(line)?.[1];
    if (key === undefined) continue;
    keys.add(key);
    if (keys.has("version") && (keys.has("images") || keys.has("pipeline"))) return isVersion(lines);
  }
  return named && keys.size > 0 && isVersion(lines);
}

/** `version: 1`, or one that is being typed. */
function isVersion(lines: readonly string[]): boolean {
  for (const line of lines.slice(0, LOOKED_AT)) {
    const version = /^version\s*:\s*(.*?)\s*(?:#.*)?$/.exec(line)?.[1];
    if (version !== undefined) return ["", "1", "1.0"].includes(version.replace(/^['"]+|['"]+$/g, ""));
  }
  return false;
}

/** Python's fnmatch: `*` stands for anything, slashes too. */
function matches(text: string, pattern: string): boolean {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at]!;
    const end = letter === "[" ? pattern.indexOf("]", at + 2) : -1;
    if (letter === "*") source += "[^]*";
    else if (letter === "?") source += "[^]";
    else if (end > 0) {
      const inside = pattern.slice(at + 1, end).replace(/[\\\]^]/g, (one, place: number) => (one === "^" && place > 0 ? one : `\\${one}`));
      source += `[${inside.replace(/^!/, "^")}]`;
      at = end;
    } else source += letter.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  }
  return new RegExp(`^(?:${source})$`).test(text);
}
