// Beside the page, which stays responsive so: fetches the module that plays worlds, hands it the page's questions and
// hands back its answers. What they say is bytes to it. Each message names the module's file and holds a question.
const SLICE_MS = 100;
let loading;

const load = async (file) => {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file}: HTTP ${response.status}`);
  return (await WebAssembly.instantiate(await response.arrayBuffer(), {})).instance.exports;
};

const answer = (module, question) => {
  // First: for more room its memory may move.
  const place = module.input(question.length);
  new Uint8Array(module.memory.buffer, place, question.length).set(question);
  const until = performance.now() + SLICE_MS;
  let more = module.ask();
  while (more && performance.now() < until) more = module.step();
  const length = module.tell();
  return new Uint8Array(module.memory.buffer, module.output(), length).slice();
};

onmessage = async ({ data: [file, question] }) => {
  try {
    postMessage(answer(await (loading ??= load(file)), question));
  } catch (error) {
    postMessage(error.message);
  }
};
