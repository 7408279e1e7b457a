// Loads a trace as Chromium's DevTools loads a file into its Performance panel, and tells in JSON what it found:
//   node load.mjs ENGINE TRACE
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [engine, trace] = process.argv.slice(2);
// The one thing of a page that the engine asks for.
globalThis.DOMRect ??= class {};
const { TraceModel } = await import(pathToFileURL(engine));
const model = TraceModel.Model.createWithAllHandlers();
await model.parse(JSON.parse(await readFile(trace, "utf8")).traceEvents);
const { Flows, Renderer } = model.parsedTrace().data;
const tracks = [...Renderer.processes].flatMap(([pid, { threads }]) =>
  [...threads].map(([tid, { name, entries }]) => ({ pid, tid, name, slices: entries.length })),
);
const arrows = Flows.flows.map((flow) => flow.length);
console.log(JSON.stringify({ tracks, arrows }));
