// Page: the state, and what happens when a reader does something.

const CANVAS_SHARE = 0.72; // of the window's height
const LABEL_UNIT = 2.1; // line width in CSS pixels; labels are six times as high
const MAX_ZOOM = 2; // CSS pixels for each pixel of an image
const SHORT_SIDE = 200; // CSS pixels: a smaller image is enlarged further

const state = { file: null, image: null, body: null, conf: CONFIG.conf ?? 0, hidden: new Set(), selected: null, call: null };

const above = () => state.body.detections.filter(({ confidence }) => confidence > state.conf);
const rows = () => state.body.top ?? above().filter(({ class_id }) => !state.hidden.has(class_id));

// Analyze a file: prepare it, call the service, show the result. A newer file ends the call for an older one.
async function analyze(file) {
  state.call?.abort();
  const running = (state.call = new AbortController());
  clear();
  state.file = file;
  setProgress("Reading the image…");
  try {
    const image = await prepare(file);
    if (running.signal.aborted) return;
    Object.assign(state, { image, body: null });
    showImage();
    await request(image, running.signal);
  } catch (error) {
    if (error.name !== "AbortError") showProblem(error, () => analyze(file));
  }
  if (!running.signal.aborted) setProgress("");
}

async function request(image, signal) {
  setProgress(image.isUpload ? "Uploading and analyzing…" : "Analyzing…");
  const began = performance.now();
  const floor = $("tile").value ? CONFIG.conf : CONFIG.floor; // detections below would enlarge the merged boxes
  state.conf = Math.max(state.conf, floor ?? 0);
  $("conf").min = floor;
  let reply = null;
  try {
    reply = await predict(image, floor, signal);
  } catch (error) {
    if (error.needsKey && (await askForKey(error.message))) return request(image, signal);
    if (!error.isResponseTooLarge || floor === CONFIG.conf) throw error;
    reply = await predict(image, CONFIG.conf, signal); // fewer detections fit into the response
  }
  if (CONFIG.has_map) await takeMap(reply.body, image);
  if (signal.aborted) return null;
  return showReply(reply, performance.now() - began);
}

function showReply({ body, timing }, elapsed) {
  const { width, height } = body.image_dimensions;
  state.image.width ??= width;
  state.image.height ??= height;
  state.body = scaled(body, state.image.width / width, state.image.height / height);
  Object.assign(state, { hidden: new Set(), selected: null });
  $("results").hidden = false;
  $("threshold").hidden = $("classes").hidden = Boolean(body.top);
  $("save-image").hidden = Boolean(body.top) && !CONFIG.has_map;
  $("list-title").textContent = body.depth ? "Depth" : body.top ? "Classes" : "Detections";
  if (!body.top) showClasses(state.body, above(), state.hidden, toggleClass);
  showTiming(body.timing_ms, timing, elapsed);
  const isUnseen = !state.image.bitmap && "This browser cannot show the format of the image; the service can read it.";
  setNotice([body.message, failures(body), state.image.note || isUnseen].filter(Boolean).join("\n"));
  update();
}

// Return a response with its coordinates in pixels of the original image.
function scaled(body, x, y) {
  const { width, height } = body.image_dimensions;
  const image_dimensions = { width: Math.round(width * x), height: Math.round(height * y) };
  if (body.top || (x === 1 && y === 1)) return { ...body, image_dimensions };
  const round = (value) => Math.round(100 * value) / 100;
  const point = (one) => ({ ...one, x: round(one.x * x), y: round(one.y * y) });
  const sides = { x_min: x, y_min: y, x_max: x, y_max: y };
  const scaleBox = (box, factors) => Object.fromEntries(Object.entries(box).map(([name, value]) => [name, name in factors ? round(value * factors[name]) : value]));
  const detections = body.detections.map((detection) => ({
    ...detection,
    box_2d: scaleBox(detection.box_2d, sides),
    ...(detection.segments && { segments: detection.segments.map((polygon) => polygon.map(([a, b]) => [round(a * x), round(b * y)])) }),
    ...(detection.keypoints && { keypoints: detection.keypoints.map(point) }),
    ...(detection.corners && { corners: detection.corners.map(point) }),
    ...(detection.rotated_box && { rotated_box: scaleBox(detection.rotated_box, { x_center: x, y_center: y, width: (x + y) / 2, height: (x + y) / 2 }) }),
  }));
  return { ...body, image_dimensions, detections };
}

function update() {
  const shown = rows();
  if (!shown.includes(state.selected)) state.selected = null;
  $("conf").value = state.conf;
  $("conf-value").textContent = state.conf.toFixed(2);
  $("status").textContent = summary(state.body, shown, state.conf);
  if (!state.body.top) updateCounts(state.body, above());
  showList(shown);
  select(state.selected);
}

function select(detection) {
  state.selected = detection;
  markRow(detection ? rows().indexOf(detection) : -1);
  showImage();
}

// Draw the image as large as the frame allows, in device pixels.
function showImage() {
  const { width, height } = state.image;
  if (!width) return;
  const canvas = $("canvas");
  canvas.hidden = false;
  $("drop").classList.remove("empty");
  const room = $("drop").clientWidth;
  const fit = Math.min(room / width, (CANVAS_SHARE * innerHeight) / height);
  const shown = Math.min(fit, Math.max(MAX_ZOOM, SHORT_SIDE / Math.min(width, height)));
  const density = Math.min(devicePixelRatio, Math.max(1, 4096 / (shown * Math.max(width, height))));
  canvas.width = Math.max(1, Math.round(width * shown * density));
  canvas.height = Math.max(1, Math.round(height * shown * density));
  canvas.style.width = `${canvas.width / density}px`;
  const detections = state.body?.detections ? rows() : [];
  draw(canvas, state.image, detections, canvas.width / width, LABEL_UNIT * density, state.selected);
  canvas.ariaLabel = state.body ? `Image. ${$("status").textContent}` : "Image";
}

function toggleClass(id, isShown) {
  state.hidden[isShown ? "delete" : "add"](id);
  update();
}

function toggleAll(isShown) {
  state.hidden = new Set(isShown ? [] : countClasses(state.body.detections).keys());
  showClasses(state.body, above(), state.hidden, toggleClass);
  update();
}

async function saveImage() {
  const { image } = state;
  const scale = Math.min(1, Math.sqrt(MAX_CANVAS_PIXELS / (image.width * image.height)));
  const canvas = element("canvas", { width: Math.round(image.width * scale), height: Math.round(image.height * scale) });
  const unit = Math.max(2, Math.max(canvas.width, canvas.height) / 400);
  draw(canvas, image, state.body.top ? [] : rows(), canvas.width / image.width, unit);
  download(await toBlob(canvas, "image/jpeg"), `${stem()}-annotated.jpg`);
}

function saveJson() {
  const { top, ...body } = state.body;
  const chosen = CONFIG.has_map ? withoutDrawing(state.body) : top ? state.body : { ...body, detections: rows(), detection_count: rows().length };
  download(new Blob([`${JSON.stringify(chosen, null, 2)}\n`], { type: "application/json" }), `${stem()}.json`);
}

function saveCsv() {
  download(new Blob([toCsv(state.body, rows(), state.image.name)], { type: "text/csv" }), `${stem()}.csv`);
}

const stem = () => (state.image.name || "image").replace(/\.[^.]*$/, "");

function clear() {
  $("main").classList.remove("idle");
  $("problem").hidden = $("results").hidden = true;
  setNotice("");
}

function setProgress(step) {
  document.querySelector(".progress").hidden = !step;
  $("step").textContent = step;
  $("drop").ariaBusy = String(Boolean(step));
  if (step) $("status").textContent = step;
}

function setNotice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

function moveSelection(event) {
  const shown = state.body?.top ? [] : rows();
  const last = Math.min(shown.length, SHOWN_ROWS) - 1;
  const index = shown.indexOf(state.selected);
  const next = { ArrowDown: Math.min(last, index + 1), ArrowUp: Math.max(0, index - 1), Home: 0, End: last, Escape: -1 }[event.key];
  if (next === undefined || last < 0) return;
  event.preventDefault();
  select(shown[next] ?? null);
}

function pointAt(event) {
  if (!state.body?.detections) return;
  const scale = state.image.width / $("canvas").clientWidth;
  const detection = detectionAt(rows(), event.offsetX * scale, event.offsetY * scale);
  if (detection !== state.selected) select(detection);
}

function takeFiles(files) {
  const [file] = [...(files ?? [])];
  if (file) analyze(file);
}

for (const [button, input] of [["choose", "file"], ["take", "camera"]]) {
  $(button).addEventListener("click", () => $(input).click());
  $(input).addEventListener("change", () => {
    takeFiles($(input).files);
    $(input).value = ""; // so that the same file can be chosen again
  });
}
for (const side of CONFIG.imgsz) $("imgsz").append(new Option(`${side} pixels`, side));
$("size").hidden = !CONFIG.imgsz.length;
for (const side of CONFIG.tiles) $("tile").append(new Option(side ? `${side} pixels` : "None", side || "false"));
$("tiles").hidden = !CONFIG.tiles.length;
for (const id of ["imgsz", "tile"]) $(id).addEventListener("change", () => state.file && analyze(state.file));
$("sample").addEventListener("click", () => analyze(sampleFile()));
setUpNavigation();
$("conf").addEventListener("input", () => {
  state.conf = Number($("conf").value);
  update();
});
$("all").addEventListener("click", () => toggleAll(true));
$("none").addEventListener("click", () => toggleAll(false));
$("save-image").addEventListener("click", saveImage);
$("save-json").addEventListener("click", saveJson);
$("save-csv").addEventListener("click", saveCsv);
$("list").addEventListener("keydown", moveSelection);
$("list").addEventListener("click", (event) => {
  const index = [...$("list").children].indexOf(event.target.closest("li"));
  if (index >= 0 && !state.body.top) select(rows()[index] === state.selected ? null : rows()[index]);
});
$("canvas").addEventListener("click", pointAt);
$("canvas").addEventListener("pointermove", (event) => event.pointerType === "mouse" && pointAt(event));
$("canvas").addEventListener("pointerleave", () => state.selected && select(null));
addEventListener("resize", () => state.image && showImage());
addEventListener("paste", (event) => takeFiles(event.clipboardData?.files));
addEventListener("dragover", (event) => {
  event.preventDefault();
  $("drop").classList.add("over");
});
addEventListener("dragleave", (event) => event.relatedTarget ?? $("drop").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  takeFiles(event.dataTransfer?.files);
});
