// Instantiates the module without any import and prints what `trace_hash(seed)` returns: node run.mjs MODULE SEED
import { readFile } from "node:fs/promises";

const [module, seed] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(await readFile(module), {});
console.log(BigInt.asUintN(64, instance.exports.trace_hash(BigInt(seed))).toString());
