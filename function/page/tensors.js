// Page of a generic ONNX model: its inputs and outputs, and a request to try.

const MAX_ZEROS = 1000; // values of an input in the example request
const ZEROS = { BOOL: false, BYTES: "" };

function example({ inputs }) {
  const rows = inputs.map(({ name, datatype, shape }) => {
    const sizes = shape.map((size) => (size < 0 ? 1 : size));
    const count = sizes.reduce((product, size) => product * size, 1);
    return { name, datatype, shape: sizes, data: Array(Math.min(count, MAX_ZEROS)).fill(ZEROS[datatype] ?? 0) };
  });
  const lines = rows.map((row) => `    ${JSON.stringify(row)}`);
  return `{\n  "inputs": [\n${lines.join(",\n")}\n  ]\n}`;
}

function showModel(model) {
  for (const part of ["inputs", "outputs"]) {
    const rows = model[part].map(({ name, datatype, shape }) => {
      const row = document.createElement("tr");
      for (const text of [name, datatype, `[${shape.join(", ")}]`]) row.insertCell().textContent = text;
      return row;
    });
    $(part).replaceChildren(...rows);
  }
  $("request").value = example(model);
}

// Call with the key; ask for it if it is missing or wrong.
async function callWithKey(path, options) {
  try {
    return await call(path, options);
  } catch (error) {
    if (error.needsKey && (await askForKey(error.message))) return callWithKey(path, options);
    throw error;
  }
}

async function run() {
  $("problem").hidden = true;
  $("response").hidden = true;
  $("status").textContent = "Running the model…";
  try {
    const began = performance.now();
    const { body, timing } = await callWithKey(HERE, { method: "POST", body: $("request").value, headers: JSON_TYPE });
    const start = timing.init ? `cold start, ${Math.round(timing.init)} ms` : "warm";
    $("status").textContent = `Response after ${Math.round(performance.now() - began)} ms (${start}).`;
    $("response").textContent = JSON.stringify(body, null, 2);
    $("response").hidden = false;
  } catch (error) {
    showProblem(error, run);
  }
}

async function load() {
  $("problem").hidden = true;
  try {
    showModel(CONFIG.model ?? (await callWithKey(`${BASE}model`, {})).body);
  } catch (error) {
    showProblem(error, load);
  }
}

setUpNavigation();
$("send").addEventListener("click", run);
load();
