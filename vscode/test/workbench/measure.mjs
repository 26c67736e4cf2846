// Figures for docs/performance.md: node test/workbench/measure.mjs, with the variables of kit.mjs. Linux.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Workbench } from "./kit.mjs";

const TICKS = 100;
const IDLE = Number(process.env.IMGC_IDLE ?? 60);

const PIPELINE = (nodes) =>
  `version: 1\nimages:\n  kit: {base: "busybox:1.35"}\npipeline:\n  image: kit\n  parallel:\n` +
  Array.from({ length: nodes }, (_, number) => `    n${number}: {run: echo ${number}, cpu: 1}\n`).join("");

function processes(group, pattern) {
  try {
    const found = execFileSync("pgrep", ["-g", String(group), "-f", pattern], { encoding: "utf8" });
    return found.trim().split("\n").map(Number);
  } catch {
    return undefined; // there is none
  }
}
const status = (pid) => readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
const mebibytes = (pid) => Math.round(Number(/^Rss:\s+(\d+)/m.exec(status(pid))[1]) / 1024);
const seconds = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
};
function logOf(bench) {
  const found = [];
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) walk(join(folder, entry.name));
      else if (/imgc.*\.log$/.test(join(folder, entry.name))) found.push(join(folder, entry.name));
    }
  };
  walk(join(bench.home, "data/logs"));
  return found.map((file) => readFileSync(file, "utf8")).join("\n");
}
const wait = (time) => new Promise((resolve) => setTimeout(resolve, time));

async function measure(name, files, open) {
  const bench = await Workbench.start(files, { settings: { "window.restoreWindows": "none" } });
  try {
    const [host] = await bench.until("the extension host", () => processes(bench.server.pid, "type=extensionHost"));
    const figures = { name, before: mebibytes(host) };
    if (open) {
      const began = Date.now();
      await bench.open("pipeline.yaml");
      await bench.page.locator(".codelens-decoration", { hasText: "Run" }).first().waitFor();
      figures.opened = Date.now() - began;
      await bench.open("second.imgc.yaml");
      const second = Date.now(); // the text is there; what the server says of it is not
      await bench.page.locator(".codelens-decoration", { hasText: "Run" }).first().waitFor();
      figures.warm = Date.now() - second;
      await wait(5_000);
      const [server] = processes(bench.server.pid, "imgc lsp$");
      figures.host = mebibytes(host);
      figures.server = mebibytes(server);
      const start = [seconds(host), seconds(server)];
      await wait(IDLE * 1000);
      figures.idleHost = `${((100 * (seconds(host) - start[0])) / IDLE).toFixed(2)} %`;
      figures.idleServer = `${((100 * (seconds(server) - start[1])) / IDLE).toFixed(2)} %`;
      figures.log = logOf(bench).split("\n").filter((line) => /Active after|answers after/.test(line)).map((line) => line.replace(/^.*\] /, ""));
    } else {
      await wait(5_000);
      figures.host = mebibytes(host);
      const start = seconds(host);
      await wait(IDLE * 1000);
      figures.idleHost = `${((100 * (seconds(host) - start)) / IDLE).toFixed(2)} %`;
    }
    console.log(JSON.stringify(figures));
  } finally {
    await bench.stop();
  }
}

await measure("no pipeline file open", { "notes.txt": "x\n" }, false);
await measure("11 nodes", { "pipeline.yaml": PIPELINE(11), "second.imgc.yaml": PIPELINE(11) }, true);
await measure("3,000 nodes", { "pipeline.yaml": PIPELINE(3000), "second.imgc.yaml": PIPELINE(3000) }, true);
