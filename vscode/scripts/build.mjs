// dist/extension.js, and the schema beside it for those who use only the YAML extension. --watch keeps going.
import { copyFile, mkdir } from "node:fs/promises";
import { context } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
await mkdir(`${root}schema`, { recursive: true });
await copyFile(`${root}../schema/imgc_schema/pipeline.schema.json`, `${root}schema/pipeline.schema.json`);
const made = await context({
  absWorkingDir: root,
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
  minify: true,
  legalComments: "none",
  logLevel: "warning",
});
if (process.argv.includes("--watch")) await made.watch();
else {
  await made.rebuild();
  await made.dispose();
}
