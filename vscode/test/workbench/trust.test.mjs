// Before there is trust, and where there is no imgc.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { access } from "node:fs/promises";
import { test } from "node:test";
import { Workbench } from "./kit.mjs";

const PIPELINE = "version: 1\nimages:\n  tools: {base: 'busybox:1.35'}\npipeline: {image: tools, run: echo hello}\n";
// An imgc of the workspace, which leaves a trace when it is started.
const TRAP = '#!/bin/sh\necho started >> "$(dirname "$0")/started"\n';

test("in a workspace that is not trusted nothing is run", async () => {
  const files = { "pipeline.yaml": PIPELINE, ".venv/bin/imgc": TRAP };
  const bench = await Workbench.start(files, { trusted: false, imgc: "", settings: { "security.workspace.trust.startupPrompt": "never" } });
  try {
    execFileSync("chmod", ["+x", `${bench.folder}/.venv/bin/imgc`]);
    await bench.open("pipeline.yaml");
    await bench.page.locator(".statusbar-item", { hasText: "imgc pipeline" }).waitFor();
    await bench.page.locator('.activitybar a[aria-label^="imgc"]').first().click();
    await bench.page.locator(".welcome-view-content", { hasText: "not trusted" }).waitFor();
    await bench.page.waitForTimeout(2000);
    await assert.rejects(access(`${bench.folder}/.venv/bin/started`));
    assert.equal(await bench.page.locator(".codelens-decoration").count(), 0);
    await bench.picture("untrusted");
    // With trust it begins: the imgc of the workspace is asked for its version.
    await bench.command("Workspaces: Manage Workspace Trust");
    await bench.page.locator(".workspace-trust-buttons-row a, .workspace-trust-editor a.monaco-button", { hasText: /^Trust$/ }).first().click();
    await bench.until("the trap", () => access(`${bench.folder}/.venv/bin/started`).then(() => true, () => false));
  } catch (error) {
    await bench.picture("failed-trust");
    throw error;
  } finally {
    await bench.stop();
  }
});

test("where there is no imgc, its installation is offered, and works", async () => {
  const bench = await Workbench.start({ "pipeline.yaml": PIPELINE }, { imgc: "", env: { PATH: "/usr/bin:/bin" } });
  try {
    await bench.open("pipeline.yaml");
    const note = bench.page.locator(".notification-toast", { hasText: "imgc was not found" });
    await note.waitFor();
    await bench.page.locator(".statusbar-item", { hasText: "imgc: install" }).waitFor();
    await bench.picture("missing");
    await note.locator("a", { hasText: "Install" }).click();
    await bench.page.locator(".codelens-decoration", { hasText: "Build" }).first().waitFor({ timeout: 180_000 });
    await bench.picture("installed");
  } catch (error) {
    await bench.picture("failed-install");
    throw error;
  } finally {
    await bench.stop();
  }
});
