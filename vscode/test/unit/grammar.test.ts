import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { before, test } from "node:test";
import { createOnigScanner, createOnigString, loadWASM } from "vscode-oniguruma";
import { INITIAL, parseRawGrammar, Registry, type IGrammar } from "vscode-textmate";

const require = createRequire(__filename);
const OURS = "syntaxes/imgc.tmLanguage.json";
const FILES: Record<string, string> = {
  "source.imgc": OURS,
  "source.shell": require.resolve("tm-grammars/grammars/shellscript.json"),
};
let grammar: IGrammar;

before(async () => {
  await loadWASM(readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")));
  const registry = new Registry({
    onigLib: Promise.resolve({ createOnigScanner, createOnigString }),
    loadGrammar: (scope) => {
      const file = FILES[scope];
      return Promise.resolve(file === undefined ? null : parseRawGrammar(readFileSync(file, "utf8"), file));
    },
  });
  const loaded = await registry.loadGrammar("source.imgc");
  assert.ok(loaded);
  grammar = loaded;
});

/** The scopes of a piece of text, which stands once in the document. */
function scopesOf(text: string, piece: string): string {
  let state = INITIAL;
  for (const line of text.split("\n")) {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    const at = line.indexOf(piece);
    if (at >= 0) return tokens.find((token) => token.startIndex <= at && at < token.endIndex)!.scopes.join(" ");
  }
  throw new Error(`there is no ${piece}`);
}

const PIPELINE = `version: 1
images:
  etl:
    base: ghcr.io/team/base:1.2@sha256:0123abcd
    commands:
      - apt-get install "$package" && echo done
      # a remark
      - make
    pip_packages: [numpy]
pipeline:
  serial:
    one:
      run: echo "$HOME" | grep x
      cpu: 1
    two:
      run: |
        if true; then
          echo \${{ params.lang }}
        fi

        export LAST=1
      mem: 2Gi
    three: {image: python:3.11-slim, run: [python, x.py]}
    four:
      run: "quoted text"
    five: {run: go, cpu: 4, when: always} # end
    doc: |
      if only
    'six': [1, true, "a: b", &anchor x]
`;

test("keys are as in YAML", () => {
  for (const key of ["base", "commands", "pip_packages", "run: echo", "cpu", "run: |", "mem", "image: python", "run: \"q", "five", "when", "doc", "cpu: 4", "'six'"]) {
    assert.match(scopesOf(PIPELINE, key), /entity\.name\.tag\.yaml$/, key);
    assert.doesNotMatch(scopesOf(PIPELINE, key), /meta\.embedded/, key);
  }
});

test("commands on a line, in a list and in a block are shell", () => {
  for (const piece of ["apt-get", "make", "grep x", "if true", "fi", "export LAST"]) {
    assert.match(scopesOf(PIPELINE, piece), /meta\.embedded\.shell\.imgc/, piece);
  }
  assert.match(scopesOf(PIPELINE, "if true"), /keyword\.control.*shell/);
  assert.match(scopesOf(PIPELINE, "$HOME"), /string\.quoted\.double\.shell/);
});

test("values have the scopes of YAML", () => {
  const scopes = { "4, when": "constant.numeric", "always}": "string.unquoted.plain", "true, ": "constant.language.boolean" };
  for (const [piece, scope] of Object.entries(scopes)) assert.ok(scopesOf(PIPELINE, piece).includes(scope), piece);
  assert.match(scopesOf(PIPELINE, "if only"), /string\.unquoted\.block/);
  assert.match(scopesOf(PIPELINE, "a: b"), /string\.quoted\.double/);
  assert.match(scopesOf(PIPELINE, "anchor"), /entity\.name\.type\.anchor/);
  assert.match(scopesOf(PIPELINE, "# end"), /comment/);
});

test("what is no command is not", () => {
  for (const piece of ["a remark", "numpy", "2Gi", "x.py", "quoted text"]) {
    assert.doesNotMatch(scopesOf(PIPELINE, piece), /meta\.embedded/, piece);
  }
  assert.match(scopesOf(PIPELINE, "a remark"), /comment/);
});

test("the parts of a registry reference are told apart", () => {
  assert.match(scopesOf(PIPELINE, "ghcr.io"), /registry\.imgc$/);
  assert.match(scopesOf(PIPELINE, "team/base"), /repository\.imgc$/);
  assert.match(scopesOf(PIPELINE, "1.2@"), /tag\.imgc$/);
  assert.match(scopesOf(PIPELINE, "sha256"), /digest\.imgc$/);
  assert.match(scopesOf(PIPELINE, "3.11-slim"), /tag\.imgc$/);
});

test("expressions stand out, in shell too", () => {
  assert.match(scopesOf(PIPELINE, "params"), /meta\.expression\.imgc variable\.language\.imgc$/);
});
