// Reads [[path, text, patterns], …] and prints whether each is claimed: for tests/vscode/test_claims.py.
import { build } from "esbuild";
import { readFileSync } from "node:fs";

const made = await build({ entryPoints: [new URL("../src/claims.ts", import.meta.url).pathname], bundle: true, format: "esm", write: false });
const { claims } = await import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`);
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map((one) => claims(...one))));
