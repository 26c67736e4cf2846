// What a user does, in a real VS Code, on a real engine. The tests are steps of one session, in this order.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { WAIT, Workbench } from "./kit.mjs";

const PIPELINE = `version: 1
name: words

images:
  tools:
    base: busybox:1.35
    copy_dirs: src

pipeline:
  image: tools
  serial:
    count:
      run: |
        set -eu
        wc -w words.txt
    check:
      parallel:
        cats: grep -q cat words.txt
        unicorns: grep -q unicorn words.txt
    report: echo done
`;
const OTHERS = "version: 2.1\njobs:\n  build: {}\nimages: no\n";

const BAD = "version: 1\nimages:\n  tools:\n    base: busybox:1.35\n    pip_package: [numpy]\n";

let bench;
before(async () => {
  bench = await Workbench.start({ "pipeline.yaml": PIPELINE, "src/words.txt": "cat and dog\n", "others/pipeline.yaml": OTHERS, "bad/pipeline.yaml": BAD });
});
after(() => bench?.stop());

/** A test that leaves a picture when it fails. What comes after it is not tried: it stands on this one. */
let failed = "";
function step(name, body) {
  test(name, async () => {
    if (failed) throw Object.assign(new Error(`not tried, since '${failed}' failed`), { stack: "" });
    try {
      await body(bench.page);
    } catch (error) {
      failed = name;
      await bench.picture(`failed-${name.replaceAll(/\W+/g, "-")}`);
      throw error;
    }
  });
}
const languageIs = (name) => bench.page.locator(".statusbar-item", { hasText: name }).first().waitFor();
const text = async (group = 0) => (await bench.lines(group)).join("\n");
const statusItem = () => bench.page.locator("#imgc\\.imgc\\.imgc\\.status, [id*='imgc.status']").first();

step("a pipeline file is claimed by what is in it, and checked", async (page) => {
  await bench.open("pipeline.yaml");
  await languageIs("imgc pipeline");
  await page.locator(".squiggly-error").first().waitFor();
  await page.locator(".codelens-decoration", { hasText: "Build" }).first().waitFor();
  await statusItem().waitFor();
  await bench.picture("opened");
});

step("a quick fix is offered and applied", async (page) => {
  await bench.goTo(7, 7);
  const row = page.locator(".action-widget .monaco-list-row", { hasText: "copy_dir" }).first();
  await bench.pressed("Control+.", row);
  await bench.picture("diagnostics");
  await row.click();
  await bench.until("the fix", async () => (await text()).includes("copy_dir: src"));
  await page.locator(".squiggly-error").first().waitFor({ state: "hidden" });
});

step("a completion is accepted", async (page) => {
  await bench.goTo(7, 99);
  await page.keyboard.press("Enter");
  await page.keyboard.type("work");
  const item = page.locator(".suggest-widget.visible .monaco-list-row", { hasText: "workdir" }).first();
  await bench.pressed("Control+Space", item);
  await bench.picture("completion");
  await page.keyboard.press("Tab");
  await bench.until("the key", async () => (await text()).includes("    workdir: "));
  await page.keyboard.type("/words");
  await page.keyboard.press("Escape");
  await bench.until("the value", async () => (await text()).includes("    workdir: /words"));
});

step("an image is renamed where it is made and where it is used", async (page) => {
  await bench.goTo(5, 4);
  const input = page.locator(".rename-box input.rename-input");
  await bench.pressed("F2", input);
  await input.fill("kit");
  await page.keyboard.press("Enter");
  await bench.until("the new name", async () => {
    const now = await text();
    return now.includes("  kit:") && now.includes("  image: kit");
  });
  await page.keyboard.press("Control+s");
});

step("the preview follows the cursor, and the cursor the preview", async (page) => {
  await bench.goTo(6, 12);
  await bench.command("imgc: Show Dockerfile");
  await page.locator('.tab[data-resource-name="Dockerfile"]').waitFor();
  await bench.until("the Dockerfile", async () => (await text(1)).includes("FROM busybox:1.35"));
  // The lines that are marked, by where they are on the screen.
  const marked = () =>
    page.locator(".editor-group-container").nth(1).evaluate((group) => {
      const tops = [...group.querySelectorAll(".view-overlays .cdr[class*='ced-']")].map((one) => one.parentElement.style.top);
      const lines = [...group.querySelectorAll(".view-line")].filter((line) => tops.includes(line.style.top));
      return lines.map((line) => line.textContent.replaceAll("\u00a0", " ")).join("\n");
    });
  await bench.until("FROM marked", async () => (await marked()).includes("FROM busybox"));
  await bench.goTo(7, 8);
  await bench.until("COPY marked", async () => (await marked()).includes("COPY src"));
  await bench.picture("preview");
  await page.locator(".editor-group-container").nth(1).locator(".view-line", { hasText: "FROM busybox" }).click();
  await bench.until("the cursor at the base", async () => {
    const active = page.locator(".editor-group-container").nth(0).locator(".line-numbers.active-line-number");
    return (await active.textContent()) === "6";
  });
  await page.locator(".editor-group-container").nth(1).locator(".view-line", { hasText: "COPY src" }).click();
  await bench.until("the cursor at copy_dir", async () => {
    const active = page.locator(".editor-group-container").nth(0).locator(".line-numbers.active-line-number");
    return (await active.textContent()) === "7";
  });
  // What is typed shows beside it.
  await page.locator(".editor-group-container").nth(0).locator(".view-line", { hasText: "workdir" }).click();
  await page.keyboard.press("End");
  await page.keyboard.type("x");
  await bench.until("the new folder", async () => (await text(1)).includes("WORKDIR /wordsx"));
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Control+s");
  await page.locator('.tab[data-resource-name="Dockerfile"]').click();
  await page.keyboard.press("Control+w");
  await page.locator('.tab[data-resource-name="Dockerfile"]').waitFor({ state: "hidden" });
});

step("a run from a lens, until the tree shows green and red", async (page) => {
  await page.locator('.activitybar a[aria-label^="imgc"]').first().click();
  await bench.row("unicorns").waitFor();
  assert.match(await bench.row("kit").getAttribute("aria-label"), /not run yet, busybox:1.35/);
  await page.locator(".codelens-decoration a", { hasText: /^Run$/ }).first().click();
  const ends = { cats: "succeeded", count: "succeeded", unicorns: "failed", report: "omitted", kit: "succeeded" };
  for (const [name, state] of Object.entries(ends)) {
    await page.locator(`.pane-body .monaco-list-row[aria-label^="${name}, ${state}"]`).waitFor({ timeout: 3 * WAIT });
  }
  assert.ok(await bench.row("cats").locator(".codicon-pass-filled").count());
  assert.ok(await bench.row("unicorns").locator(".codicon-error").count());
  await bench.goTo(20);
  await bench.picture("run");
  await page.keyboard.press("Control+j"); // the panel away
  await bench.goTo(20);
  await bench.until("the marks in the gutter", async () => (await page.locator(".glyph-margin-widgets .cgmr").count()) >= 5);
  await page.locator(".squiggly-error").first().waitFor(); // the step that failed, at its line
  await page.locator(".codelens-decoration a", { hasText: "Run (failed)" }).first().waitFor();
});

step("the graph: states, keys, a line gone to, nothing from elsewhere", async (page) => {
  const refused = [];
  const elsewhere = [];
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text()) && /graph|imgc/.test(message.text())) refused.push(message.text());
  });
  page.on("request", (request) => {
    if (!/^(http:\/\/127\.0\.0\.1|data:|blob:|vscode-)/.test(request.url())) elsewhere.push(request.url());
  });
  await page.keyboard.press("Control+b"); // the side bar away
  await bench.command("imgc: Show Graph");
  const frame = page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
  await frame.locator('.node[data-path="check/unicorns"].failed').waitFor();
  await frame.locator('.node[data-path="check/cats"].succeeded').waitFor();
  await frame.locator("#canvas").focus();
  for (const key of ["ArrowDown", "ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
  await frame.locator("#details h2", { hasText: "check" }).waitFor();
  await frame.locator("#search").fill("unicorn");
  await page.keyboard.press("Enter");
  await frame.locator("#details h2", { hasText: "check/unicorns" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("f");
  await bench.picture("graph");
  await frame.locator(".acts button", { hasText: "Go to line" }).click();
  await bench.until("the line of the node", async () => {
    const active = page.locator(".editor-group-container").nth(0).locator(".line-numbers.active-line-number");
    return (await active.textContent()) === "20";
  });
  await page.keyboard.press("Control+b");
  assert.deepEqual(refused, []);
  assert.deepEqual(elsewhere, []);
});

step("a run from another terminal shows as well", async (page) => {
  await bench.write("src/words.txt", "cat and dog and unicorn\n");
  await bench.row("unicorns").waitFor();
  const run = spawn(process.env.IMGC_COMMAND, ["run"], { cwd: bench.folder, stdio: "ignore" });
  const ended = new Promise((resolve) => run.on("exit", resolve));
  for (const name of ["unicorns", "report"]) {
    await page.locator(`.pane-body .monaco-list-row[aria-label^="${name}, succeeded"]`).waitFor({ timeout: 2 * WAIT });
  }
  assert.equal(await ended, 0);
  await page.locator(".squiggly-error").first().waitFor({ state: "hidden" });
  const frame = page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
  await frame.locator('.node[data-path="check/unicorns"].succeeded').waitFor();
});

step("the plan as text", async () => {
  await bench.command("imgc: Show Plan");
  await bench.until("the plan", async () => (await text(1)).includes("unicorns (run) in kit"));
});

step("a check in a terminal", async (page) => {
  await bench.command("imgc: Check");
  await page.locator(".terminal-wrapper.active .xterm").first().waitFor();
  await page.locator(".terminal-tabs-entry, .single-terminal-tab, .title-label", { hasText: /check/ }).first().waitFor();
});

step("a lock, made in a terminal", async () => {
  await bench.command("imgc: Lock");
  const locked = () => readFile(join(bench.folder, "imgc.lock"), "utf8").catch(() => "");
  await bench.until("the lock", async () => (await locked()).includes("busybox:1.35"));
});

step("a task, whose problems in a file that is not open are problems of the editor", async (page) => {
  await bench.command("Tasks: Run Task");
  const input = page.locator(".quick-input-widget input.input");
  const row = (text) => page.locator(".quick-input-list .monaco-list-row", { hasText: text }).first();
  await row("Show All Tasks").click();
  await row("check bad/pipeline.yaml").waitFor();
  await input.fill("check bad");
  await row("check bad/pipeline.yaml").click();
  await bench.until("the end of the check", async () => /pip_package[^]*will be reused/.test(await bench.terminal()));
  await bench.command("View: Focus Problems"); // now that no terminal takes the panel any more
  await page.locator(".markers-panel .monaco-list-row", { hasText: "pip_package" }).first().waitFor();
});

step("a shell in the container of a node", async (page) => {
  await bench.goTo(19, 10);
  await bench.command("imgc: Debug This Node");
  await page.locator(".terminal-tabs-entry", { hasText: "debug check/cats" }).waitFor();
  // Typed into the terminal, which has the focus: it leaves a file where the editor can see it.
  await bench.until("the prompt", async () => /check\/cats|\$|#/.test(await bench.terminal()), 3 * WAIT);
  await page.waitForTimeout(1000);
  await page.keyboard.type("echo words: $(wc -w < words.txt), in $(pwd)\n");
  await bench.until("the answer", async () => (await bench.terminal()).includes("words: 5, in /words"));
  await page.keyboard.type("exit\n");
});

step("other people's pipeline files stay YAML", async () => {
  await bench.command("View: Close All Editors");
  await bench.open("others/pipeline.yaml");
  await languageIs("YAML");
  assert.equal(await bench.page.locator(".codelens-decoration").count(), 0);
});

step("a server that keeps dying is started again four times, then when it is told to", async (page) => {
  await bench.open("pipeline.yaml");
  const servers = () => {
    try {
      return execFileSync("pgrep", ["-g", String(bench.server.pid), "-f", "imgc lsp$"], { encoding: "utf8" }).trim().split("\n").map(Number);
    } catch {
      return [];
    }
  };
  let last = 0;
  for (let death = 0; death < 5; death++) {
    const [pid] = await bench.until(`server ${death + 1}`, () => servers().some((one) => one !== last) && servers());
    last = pid;
    await page.waitForTimeout(500); // until the status item is that of this start, whose answer comes first:
    await statusItem().locator(".codicon-sync").waitFor({ state: "hidden" }); // else the start itself fails
    process.kill(pid, "SIGKILL");
  }
  const note = page.locator(".notification-toast", { hasText: "ended 5 times" });
  await note.waitFor();
  await page.locator(".statusbar-item", { hasText: "imgc: stopped" }).waitFor();
  await page.waitForTimeout(1000);
  assert.deepEqual(servers(), []);
  await note.locator("a", { hasText: "Restart" }).click();
  await bench.until("a server again", () => servers().length === 1);
  await page.locator(".statusbar-item", { hasText: "imgc: stopped" }).waitFor({ state: "hidden" });
});
