import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { embed } from "../../src/page";

// The page itself, with an empty drawing: what the compiler fills in is told apart by @@.
const PAGE = readFileSync("../compiler/imgc/plan/graph/page.html", "utf8").replaceAll("@@", "");

test("only what carries the nonce may run, and nothing may be loaded", () => {
  const page = embed(PAGE, "N0nce", "body { margin: 0 }", "ready('$&')");
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1];
  assert.equal(policy, "default-src 'none'; style-src 'nonce-N0nce'; script-src 'nonce-N0nce'");
  assert.doesNotMatch(page, /unsafe-inline/);
  assert.doesNotMatch(page, /<style>|<script>/);
  assert.equal(page.match(/<style nonce="N0nce">/g)?.length, 2);
  assert.equal(page.match(/<script nonce="N0nce">/g)?.length, 2);
  assert.doesNotMatch(page.replaceAll("http://www.w3.org/2000/svg", ""), /https?:|src=|@import|url\(h/);
});

test("no inline style or handler, which the policy would refuse", () => {
  assert.doesNotMatch(PAGE.replace(/<script[^]*<\/script>/g, ""), / style=| on[a-z]+=/);
});

test("the extension's script comes last, as it is", () => {
  assert.ok(embed(PAGE, "n", "", "ready('$&')").trimEnd().endsWith("<script nonce=\"n\">ready('$&')</script>\n</body>\n</html>"));
});
