import { greet } from './greet.js';

console.log(greet(process.argv.slice(2)));
