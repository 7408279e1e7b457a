// Runs one test binary built for wasm32-wasip1: cargo calls it as its runner, with the module and the test's arguments.
// The module sees its arguments, our environment, entropy and the clock (the test harness and proptest ask for them),
// and no folder.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [module, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: [module, ...args], env: process.env, returnOnExit: true });
const { instance } = await WebAssembly.instantiate(await readFile(module), wasi.getImportObject());
process.exitCode = wasi.start(instance);
