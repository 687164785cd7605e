// Panel: the summary, classes, list of detections, times, cost and downloads of a response.

const USD_PER_GB_SECOND = { x86_64: 0.0000166667, arm64: 0.0000133334 }; // docs/tuning.md, as is the next line
const USD_PER_REQUEST = 0.0000002;
const STEPS = { read: "Read the image", preprocess: "Preprocess", inference: "Run the model", postprocess: "Postprocess" };
const SHOWN_ROWS = 300;

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function swatch(color) {
  const node = element("span", { className: "swatch" });
  node.style.background = color;
  return node;
}

// Return {class_id: {name, count}} of the detections, most frequent first.
function countClasses(detections) {
  const counts = new Map();
  for (const { class_id, class_name } of detections) {
    const row = counts.get(class_id) ?? { name: class_name, count: 0 };
    counts.set(class_id, { ...row, count: row.count + 1 });
  }
  return new Map([...counts].sort(([, a], [, b]) => b.count - a.count));
}

function summary(body, visible, conf) {
  if (CONFIG.has_map) return mapSummary(body);
  if (body.top) return `${body.class}, confidence ${percent(body.confidence)}.`;
  if (!visible.length) {
    const hidden = body.detections.length;
    return `No detections above confidence ${conf.toFixed(2)}.${hidden ? ` ${hidden} below it or in hidden classes.` : ""}`;
  }
  const parts = [...countClasses(visible).values()].map(({ name, count }) => `${count} ${name}`);
  const more = parts.length > 4 ? [`${parts.length - 3} more classes`] : [];
  const named = [...parts.slice(0, more.length ? 3 : 4), ...more].join(", ");
  return `${visible.length} ${visible.length === 1 ? "detection" : "detections"}: ${named}.`;
}

function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}

// Write a row with a checkbox for each class; counts are those above the confidence.
function showClasses(body, above, hidden, onChange) {
  const counts = countClasses(above);
  const rows = [...countClasses(body.detections)].map(([id, { name }]) => {
    const box = element("input", { type: "checkbox", checked: !hidden.has(id) });
    box.addEventListener("change", () => onChange(id, box.checked));
    const count = element("span", { className: "count", textContent: counts.get(id)?.count ?? 0 });
    return element("label", {}, box, swatch(colorOf(id)), element("span", { className: "name", textContent: name || "(no name)" }), count);
  });
  $("class-rows").replaceChildren(...rows);
  $("toggles").hidden = rows.length < 2;
}

function updateCounts(body, above) {
  const counts = countClasses(above);
  const ids = [...countClasses(body.detections).keys()];
  $("class-rows").querySelectorAll(".count").forEach((node, index) => (node.textContent = counts.get(ids[index])?.count ?? 0));
}

function showList(rows) {
  const items = rows.slice(0, SHOWN_ROWS).map((row, index) => {
    const isClass = !row.box_2d;
    const score = element("span", { className: "score", textContent: isClass ? percent(row.confidence) : row.confidence.toFixed(2) });
    const name = element("span", { className: "name", textContent: row.class ?? nameOf(row) }, ...failure(row.reading));
    const detail = isClass
      ? element("meter", { value: row.confidence, ariaLabel: "Confidence" })
      : element("span", { className: "place", textContent: place(row) });
    return element("li", { id: `row-${index}`, role: "option", ariaSelected: "false" }, swatch(colorOf(row.class_id)), name, score, detail);
  });
  $("list").replaceChildren(...items);
}

// Return the end of a name if its reading failed.
function failure({ type, error } = {}) {
  return type ? [element("span", { className: "failure", textContent: `, not read: ${type}`, title: error })] : [];
}

// Return a sentence about the readings that failed, with the first error of each type.
function failures({ detections = [] }) {
  const readings = detections.flatMap(({ reading }) => reading ?? []);
  const failed = readings.filter(({ type }) => type);
  const types = countClasses(failed.map(({ type, error }) => ({ class_id: type, class_name: `${type}, ${error}` })));
  const reasons = [...types.values()].map(({ name, count }) => `${count} ${name}`).join("; ");
  return reasons && `${failed.length} of ${readings.length} readings failed: ${reasons}.`;
}

function place({ box_2d: box }) {
  const [left, top, right, bottom] = [box.x_min, box.y_min, box.x_max, box.y_max].map(Math.round);
  return `${right - left} × ${bottom - top} px at ${left}, ${top}`;
}

// Mark a row of the list; -1 for none.
function markRow(index) {
  [...$("list").children].forEach((row, other) => (row.ariaSelected = String(index === other)));
  if (index < 0) return $("list").removeAttribute("aria-activedescendant");
  $("list").setAttribute("aria-activedescendant", `row-${index}`);
  return $("list").children[index]?.scrollIntoView({ block: "nearest" });
}

// Write the times: the steps of the function, the rest of it, and everything outside of it.
function showTiming(steps, header, elapsed) {
  const known = Object.values(steps).reduce((sum, value) => sum + value, 0);
  const total = header.total ?? known;
  const rows = Object.entries(STEPS).map(([name, label], index) => [label, steps[name], `var(--step-${index + 1})`]);
  rows.push(["Network, browser, rest", Math.max(0, elapsed - known), "var(--step-5)"]);
  $("bar").replaceChildren(...rows.map(([, value, color]) => {
    const part = element("span");
    Object.assign(part.style, { background: color, flexGrow: value });
    return part;
  }));
  const cells = rows.map(([label, value, color]) => timingRow(label, milliseconds(value), color));
  cells.push(timingRow("In all", milliseconds(elapsed), "transparent", "sum"));
  cells.push(timingRow("Cold start", header.init ? milliseconds(header.init) : "no, warm", "transparent"));
  $("timing").replaceChildren(...cells);
  showCost(total + (header.init ?? 0));
}

function timingRow(label, value, color, className = "") {
  return element("div", { className }, element("dt", {}, swatch(color), label), element("dd", { textContent: value }));
}

function showCost(billed) {
  $("cost").hidden = !CONFIG.memory_mb;
  if (!CONFIG.memory_mb) return;
  const usd = (Math.ceil(billed) / 1000) * (CONFIG.memory_mb / 1024) * USD_PER_GB_SECOND[CONFIG.arch] + USD_PER_REQUEST;
  $("cost").textContent =
    `About ${(1e6 * usd).toLocaleString("en", { maximumFractionDigits: 2, minimumFractionDigits: 2 })} USD for a million calls like this one: ` +
    `${Math.ceil(billed)} ms with ${CONFIG.memory_mb.toLocaleString("en")} MB (${CONFIG.arch}), prices of us-east-1.`;
}

function milliseconds(value) {
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 })} ms`;
}

function toCsv(body, rows, name) {
  const { width, height } = body.image_dimensions;
  const header = ["image", "width", "height", "class_id", "class_name", "confidence"];
  const boxes = body.top ? [] : ["x_min", "y_min", "x_max", "y_max"];
  const readings = body.message === undefined ? [] : ["reading"];
  const lines = rows.map((row) => [
    name, width, height, row.class_id, row.class_name ?? row.class, row.confidence, ...boxes.map((side) => row.box_2d[side]),
    ...readings.map(() => row.reading?.text),
  ]);
  return `${[[...header, ...boxes, ...readings], ...lines].map((line) => line.map(csvCell).join(",")).join("\n")}\n`;
}

function csvCell(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = element("a", { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
