// A real VS Code in a browser: code-server with the packaged extension, driven by playwright in Chromium.
//
// IMGC_CODE_SERVER  the folder it is installed in          IMGC_VSIX  the package
// IMGC_COMMAND      the imgc to work with                  IMGC_PICTURES  a folder for screenshots, if wanted
import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";

const { IMGC_CODE_SERVER, IMGC_VSIX, IMGC_COMMAND, IMGC_PICTURES } = process.env;
const NODE = process.env.IMGC_NODE ?? process.execPath;
const ENTRY = join(IMGC_CODE_SERVER, "node_modules/code-server/out/node/entry.js");
const CHROMIUM = process.env.IMGC_CHROMIUM ?? "/usr/bin/chromium";
export const WAIT = 60_000;

const SETTINGS = {
  "workbench.startupEditor": "none",
  "workbench.colorTheme": "Default Dark Modern",
  "workbench.enableExperiments": false,
  "workbench.tips.enabled": false,
  "editor.minimap.enabled": false,
  "editor.occurrencesHighlight": "off",
  "terminal.integrated.gpuAcceleration": "off",
  "telemetry.telemetryLevel": "off",
  "extensions.ignoreRecommendations": true,
  "git.enabled": false,
  "chat.commandCenter.enabled": false,
  "window.commandCenter": false,
};

export class Workbench {
  /** Starts a server with the extension and opens a folder of these files. `trusted: false` asks for trust. */
  static async start(files, { settings = {}, trusted = true, env = {}, imgc = "~/bin/imgc" } = {}) {
    const bench = new Workbench();
    bench.home = await mkdtemp(join(tmpdir(), "imgc-vscode-"));
    bench.folder = join(bench.home, "words");
    bench.env = { ...process.env, ...env, HOME: bench.home };
    await mkdir(join(bench.home, "bin"));
    await symlink(IMGC_COMMAND, join(bench.home, "bin/imgc"));
    for (const [name, text] of Object.entries(files)) await bench.write(name, text);
    // A window of code-server is a remote one: paths are settings of the machine, the others of the user.
    for (const [scope, values] of [["User", { ...SETTINGS, ...settings }], ["Machine", { "imgc.path": imgc }]]) {
      await mkdir(join(bench.home, "data", scope), { recursive: true });
      await writeFile(join(bench.home, "data", scope, "settings.json"), JSON.stringify(values));
    }
    const common = ["--user-data-dir", join(bench.home, "data"), "--extensions-dir", join(bench.home, "extensions")];
    const installed = spawnSync(NODE, [ENTRY, ...common, "--install-extension", IMGC_VSIX], { env: bench.env, encoding: "utf8" });
    if (installed.status !== 0) throw new Error(installed.stdout + installed.stderr);
    bench.port = await freePort();
    const options = ["--auth", "none", "--bind-addr", `127.0.0.1:${bench.port}`, "--disable-telemetry", "--disable-update-check"];
    if (trusted) options.push("--disable-workspace-trust");
    bench.server = spawn(NODE, [ENTRY, ...common, ...options, bench.folder], { env: bench.env, detached: true });
    bench.said = "";
    await new Promise((resolve, reject) => {
      const hear = (data) => {
        bench.said += data;
        if (bench.said.includes("listening on")) resolve();
      };
      bench.server.stdout.on("data", hear);
      bench.server.stderr.on("data", hear);
      bench.server.on("exit", () => reject(new Error(bench.said)));
    });
    bench.browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    });
    const context = await bench.browser.newContext({ viewport: { width: 1200, height: 700 } });
    bench.page = await context.newPage();
    bench.page.setDefaultTimeout(WAIT);
    await bench.page.goto(`http://127.0.0.1:${bench.port}/?folder=${bench.folder}`, { waitUntil: "domcontentloaded" });
    await bench.page.waitForSelector(".monaco-workbench", { timeout: 120_000 });
    await bench.page.waitForSelector(".explorer-folders-view .monaco-list-row", { timeout: 60_000 });
    return bench;
  }

  async write(name, text) {
    const path = join(this.folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  async stop() {
    await this.browser?.close();
    if (this.server?.pid) {
      try {
        process.kill(-this.server.pid, "SIGTERM");
      } catch {}
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  /** A command of the palette, by its title. */
  async command(title) {
    await this.page.keyboard.press("F1");
    const input = this.page.locator(".quick-input-widget input.input");
    await input.waitFor();
    await input.fill(`>${title}`);
    const row = this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: title }).first();
    await row.waitFor();
    await row.click();
  }

  async open(name) {
    await this.page.keyboard.press("Control+p");
    const input = this.page.locator(".quick-input-widget input.input");
    await input.waitFor();
    await input.fill(name);
    const [file, ...folders] = name.split("/").reverse();
    const row = this.page.locator(".quick-input-list .monaco-list-row").filter({ hasText: [file, ...folders].join("") }).first();
    await row.click();
    await this.page.waitForSelector(`.tab.active[data-resource-name="${file}"]`);
    await this.page.waitForSelector(".monaco-editor .view-line");
  }

  /** Puts the cursor of the active editor to a line, from 1. */
  async goTo(line, column = 1) {
    await this.page.keyboard.press("Control+g");
    const input = this.page.locator(".quick-input-widget input.input");
    await input.waitFor();
    await input.fill(`:${line}:${column}`);
    await this.page.keyboard.press("Enter");
    await input.waitFor({ state: "hidden" });
    await this.page.locator(".statusbar-item", { hasText: `Ln ${line},` }).waitFor();
  }

  /** Something that a key opens, the key pressed again while it does not come. */
  async pressed(key, locator, tries = 6) {
    for (let turn = 1; ; turn++) {
      await this.page.keyboard.press(key);
      try {
        await locator.waitFor({ timeout: WAIT / 6 });
        return;
      } catch (error) {
        if (turn === tries) throw error;
        await this.page.keyboard.press("Escape");
      }
    }
  }

  /** The lines that an editor shows, top first. `of` is a part of the name of its group's active tab. */
  async lines(group = 0) {
    const editor = this.page.locator(".editor-group-container").nth(group).locator(".monaco-editor").first();
    return editor.locator(".view-line").evaluateAll((lines) =>
      lines
        .map((line) => [parseFloat(line.style.top), line.textContent.replaceAll("\u00a0", " ")])
        .sort((one, other) => one[0] - other[0])
        .map((line) => line[1]),
    );
  }

  async until(what, condition, time = WAIT) {
    const end = Date.now() + time;
    for (;;) {
      const found = await condition();
      if (found) return found;
      if (Date.now() > end) throw new Error(`in vain: ${what}`);
      await this.page.waitForTimeout(100);
    }
  }

  /** The row of the tree view with a name. */
  row(name) {
    return this.page.locator(`.pane-body .monaco-list-row[aria-label^="${name}, "]`);
  }

  /** What the terminal that is shown has on its screen. */
  async terminal() {
    const rows = this.page.locator(".terminal-wrapper.active .xterm-rows > div");
    return (await rows.allTextContents()).join("\n");
  }

  async picture(name) {
    if (!IMGC_PICTURES) return;
    await this.page.mouse.move(600, 695);
    await this.page.waitForTimeout(400);
    await this.page.screenshot({ path: join(IMGC_PICTURES, `${name}.png`) });
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
