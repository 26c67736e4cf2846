import * as vscode from "vscode";
import { below, summary, type ImageItem, type NodeItem, type Outline, type Outlines, type State } from "./outline";

export type Element =
  | { readonly of: "images" | "pipeline"; readonly outline: Outline }
  | { readonly of: "image"; readonly outline: Outline; readonly image: ImageItem }
  | { readonly of: "node"; readonly outline: Outline; readonly node: NodeItem };

const ICONS: Record<Exclude<State, "">, [string, string]> = {
  pending: ["circle-large-outline", "testing.iconQueued"],
  running: ["sync~spin", "testing.iconQueued"],
  succeeded: ["pass-filled", "testing.iconPassed"],
  failed: ["error", "testing.iconFailed"],
  error: ["warning", "testing.iconErrored"],
  skipped: ["circle-slash", "testing.iconSkipped"],
  omitted: ["circle-slash", "testing.iconSkipped"],
  interrupted: ["debug-pause", "testing.iconSkipped"],
};
const KINDS: Record<string, string> = { serial: "list-ordered", parallel: "split-horizontal", lazy: "wand" };

/** The images and nodes of the pipeline file that is looked at, each with how it last ended. */
export class Tree implements vscode.TreeDataProvider<Element>, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<undefined>();
  private readonly view: vscode.TreeView<Element>;
  private readonly subscription: vscode.Disposable;

  readonly onDidChangeTreeData = this.emitter.event;

  constructor(private readonly outlines: Outlines) {
    this.view = vscode.window.createTreeView("imgc.pipeline", { treeDataProvider: this, showCollapseAll: true });
    this.subscription = outlines.changed(() => this.show());
    this.show();
  }

  private show(): void {
    const outline = this.outlines.current;
    this.view.description = outline?.name ?? "";
    this.view.message = outline ? summary(outline) : "";
    void vscode.commands.executeCommand("setContext", "imgc.outlined", outline !== undefined);
    this.emitter.fire(undefined);
  }

  getChildren(element?: Element): Element[] {
    const outline = element?.outline ?? this.outlines.current;
    if (!outline) return [];
    const nodes = (found: readonly NodeItem[]): Element[] => found.map((node) => ({ of: "node", outline, node }));
    switch (element?.of) {
      case undefined: {
        const images: Element[] = outline.images.length ? [{ of: "images", outline }] : [];
        return [...images, ...nodes(below(outline, null))];
      }
      case "images":
        return outline.images.map((image) => ({ of: "image", outline, image }));
      case "node":
        return nodes(below(outline, element.node.path));
      default:
        return [];
    }
  }

  getTreeItem(element: Element): vscode.TreeItem {
    switch (element.of) {
      case "image":
        return itemOf(element.outline, element.image, element.image.detail, "package", `image ${element.image.name}`, "image");
      case "node":
        return this.node(element.outline, element.node);
      default: {
        const item = new vscode.TreeItem("images", vscode.TreeItemCollapsibleState.Expanded);
        item.id = `${element.outline.uri} images`;
        item.iconPath = new vscode.ThemeIcon("layers");
        item.contextValue = "images";
        return item;
      }
    }
  }

  private node(outline: Outline, node: NodeItem): vscode.TreeItem {
    const group = outline.nodes.some((other) => other.parent === node.path);
    const detail = group ? node.kind : node.command;
    const item = itemOf(outline, node, detail, KINDS[node.kind] ?? "terminal", `node ${node.path}`, group ? "group" : "leaf");
    if (group) item.collapsibleState = vscode.TreeItemCollapsibleState.Expanded;
    return item;
  }

  dispose(): void {
    this.subscription.dispose();
    this.view.dispose();
    this.emitter.dispose();
  }
}

function itemOf(
  outline: Outline, of: ImageItem | NodeItem, detail: string, icon: string, id: string, context: string,
): vscode.TreeItem { // prettier-ignore
  const item = new vscode.TreeItem(of.name);
  item.id = `${outline.uri} ${id}`;
  item.description = detail;
  item.contextValue = context;
  const [shown, color] = of.state ? ICONS[of.state] : [icon, undefined];
  item.iconPath = color === undefined ? new vscode.ThemeIcon(shown) : new vscode.ThemeIcon(shown, new vscode.ThemeColor(color));
  const words = [of.state || "not run yet", of.message].filter(Boolean).join(": ");
  item.tooltip = [of.name, detail, words].filter(Boolean).join("\n");
  item.accessibilityInformation = { label: `${of.name}, ${of.state || "not run yet"}, ${detail}` };
  const place = new vscode.Position(of.line, of.character);
  const options: vscode.TextDocumentShowOptions = { selection: new vscode.Range(place, place), preserveFocus: true };
  item.command = { command: "vscode.open", title: "Go to line", arguments: [vscode.Uri.parse(outline.uri), options] };
  return item;
}
