import assert from 'node:assert/strict';
import { test } from 'node:test';
import kleur from 'kleur';
import { greet } from '../src/greet.js';

kleur.enabled = false;

test('one name, one line', () => {
  assert.equal(greet(['Ada']), 'Hello, Ada!');
});

test('no names, no lines', () => {
  assert.equal(greet([]), '');
});
