import kleur from 'kleur';

/** One line for each name; the names stand out where colours are on. */
export function greet(names) {
  return names.map((name) => `Hello, ${kleur.bold(name)}!`).join('\n');
}
