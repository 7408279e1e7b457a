// Instantiates the probe and prints the hash of a run's trace. Without codecs it is given nothing to import:
//   node run.mjs MODULE SEED
//   node run.mjs MODULE SEED CODECS NUMBER
import { readFile } from "node:fs/promises";

const [module, seed, codecsModule, number] = process.argv.slice(2);
const start = async (file, imports) => (await WebAssembly.instantiate(await readFile(file), imports)).instance.exports;

let probe;
let codecs;
let answer;
const put = (from, length) => {
  const at = codecs.input(length);
  new Uint8Array(codecs.memory.buffer, at, length).set(new Uint8Array(probe.memory.buffer, from, length));
};
const imports = {
  compress(codec, level, from, length) {
    put(from, length);
    return (answer = codecs.compress(codec, level));
  },
  decompress(codec, from, length) {
    put(from, length);
    return (answer = codecs.decompress(codec));
  },
  take(into) {
    const result = new Uint8Array(codecs.memory.buffer, codecs.output(), answer);
    new Uint8Array(probe.memory.buffer, into, answer).set(result);
  },
};
if (codecsModule) codecs = await start(codecsModule, {});
probe = await start(module, codecsModule ? { codecs: imports } : {});
const hash = codecsModule
  ? probe.compressed_trace_hash(BigInt(seed), Number(number))
  : probe.trace_hash(BigInt(seed));
console.log(BigInt.asUintN(64, hash).toString());
