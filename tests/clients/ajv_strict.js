// Compiles a schema in Ajv's strict mode, and says of each value of a JSON list whether it is accepted.
// node ajv_strict.js NODE_MODULES SCHEMA VALUES
const [modules, schema, values] = process.argv.slice(2);
const { readFileSync } = require("fs");
const { default: Ajv } = require(`${modules}/ajv`);
const ajv = new Ajv({ strict: true, logger: { log() {}, warn: fail, error: fail } });
function fail(message) {
  throw new Error(message);
}
const validate = ajv.compile(JSON.parse(readFileSync(schema)));
console.log(JSON.stringify(JSON.parse(readFileSync(values)).map((value) => validate(value))));
