import type { Event, Uri } from "vscode";

/** As `imgc run` has them; "" is what was not run. */
export type State =
  | "" | "pending" | "running" | "succeeded" | "failed" | "error" | "skipped" | "omitted" | "interrupted"; // prettier-ignore

export interface Item {
  readonly name: string;
  readonly line: number;
  readonly character: number;
  readonly state: State;
  readonly message: string;
}

export interface ImageItem extends Item {
  readonly detail: string;
}

export interface NodeItem extends Item {
  readonly path: string;
  readonly parent: string | null;
  readonly kind: string;
  readonly image: string;
  readonly command: string;
}

/** What the server says of a document in `imgc/outline`. */
export interface Outline {
  readonly uri: string;
  readonly name: string;
  readonly images: readonly ImageItem[];
  readonly nodes: readonly NodeItem[];
}

/** The outlines of the open documents, and which of them is looked at. */
export interface Outlines {
  readonly current: Outline | undefined;
  readonly changed: Event<Outline | undefined>;
  of(uri: Uri): Outline | undefined;
}

export function below(outline: Outline, path: string | null): NodeItem[] {
  return outline.nodes.filter((node) => node.parent === path);
}

/** How many nodes ended how, for people: "2 succeeded, 1 failed". */
export function summary(outline: Outline): string {
  const counts = new Map<State, number>();
  const groups = new Set(outline.nodes.map((node) => node.parent));
  for (const node of outline.nodes) {
    if (node.state && !groups.has(node.path)) counts.set(node.state, (counts.get(node.state) ?? 0) + 1);
  }
  return [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
}

/** The innermost node whose name stands at or above a line. */
export function nodeAt(outline: Outline, line: number): NodeItem | undefined {
  let found: NodeItem | undefined;
  for (const node of outline.nodes) {
    if (node.line <= line && (found === undefined || node.line > found.line)) found = node;
  }
  return found;
}
