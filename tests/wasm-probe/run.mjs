// Instantiates the probe and prints the hash of a run's trace. Without codecs it is given nothing to import:
//   node run.mjs MODULE SEED
//   node run.mjs MODULE SEED search        the hash of what a search comes to
//   node run.mjs MODULE SEED worlds COUNT  how many of so many worlds held, and how long they took
//   node run.mjs MODULE SEED CODECS NUMBER
import { readFile } from "node:fs/promises";

const [module, seed, what, number] = process.argv.slice(2);
const codecsModule = ["search", "worlds"].includes(what) ? undefined : what;
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
if (what === "worlds") {
  const began = performance.now();
  const held = probe.worlds_held(BigInt(seed), Number(number));
  console.log(`${held} of ${number} held, ${((performance.now() - began) / 1000).toFixed(1)} s`);
} else {
  const hash = codecsModule
    ? probe.compressed_trace_hash(BigInt(seed), Number(number))
    : what === "search"
      ? probe.search_hash(BigInt(seed))
      : probe.trace_hash(BigInt(seed));
  console.log(BigInt.asUintN(64, hash).toString());
}
