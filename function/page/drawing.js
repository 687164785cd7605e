// Drawing: the image with its detections, on the canvas of the page and on one of full size.

const LINES_OF_17 = [ // skeleton of COCO's 17 keypoints
  [15, 13], [13, 11], [16, 14], [14, 12], [11, 12], [5, 11], [6, 12], [5, 6], [5, 7], [6, 8], [7, 9], [8, 10],
  [1, 2], [0, 1], [0, 2], [1, 3], [2, 4], [3, 5], [4, 6],
];
const KEYPOINT_THRESHOLD = 0.5; // a keypoint with a lower confidence is hollow and has no lines

function colorOf(classId) {
  return CONFIG.colors[classId % CONFIG.colors.length];
}

// Return white where its contrast is at least 4, otherwise black, as function/draw/colors.py does (WCAG 2.2).
function inkOn(color) {
  const [red, green, blue] = [1, 3, 5].map((start) => {
    const share = parseInt(color.slice(start, start + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4 ? "#ffffff" : "#000000";
}

// Draw the image and its detections; `scale` is canvas pixels for each pixel of the image, `unit` the line width.
function draw(canvas, image, detections, scale, unit, selected = null) {
  const context = canvas.getContext("2d");
  const shown = image.drawn ?? image.bitmap;
  if (shown) {
    context.imageSmoothingQuality = "high";
    context.drawImage(shown, 0, 0, canvas.width, canvas.height);
  } else {
    context.fillStyle = "#727272"; // the browser cannot show the format
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  const back = [...detections].reverse().sort((a, b) => (a === selected) - (b === selected));
  for (const detection of back) {
    context.globalAlpha = selected && detection !== selected ? 0.35 : 1;
    drawShape(context, detection, scale, detection === selected ? 1.6 * unit : unit);
  }
  context.globalAlpha = 1;
  drawLabels(context, selected ? [selected, ...detections.filter((one) => one !== selected)] : detections, scale, unit, selected);
}

function drawShape(context, detection, scale, line) {
  const color = colorOf(detection.class_id);
  const at = ({ x, y }) => [x * scale, y * scale];
  Object.assign(context, { strokeStyle: color, fillStyle: color, lineWidth: line, lineJoin: "round" });
  for (const polygon of detection.segments ?? []) {
    trace(context, polygon.map(([x, y]) => [x * scale, y * scale]));
    const alpha = context.globalAlpha;
    context.globalAlpha = 0.35 * alpha;
    context.fill();
    context.globalAlpha = alpha;
  }
  if (detection.corners) {
    trace(context, detection.corners.map(at));
  } else {
    const { x_min, y_min, x_max, y_max } = detection.box_2d;
    context.beginPath();
    context.rect(x_min * scale, y_min * scale, (x_max - x_min) * scale, (y_max - y_min) * scale);
  }
  context.stroke();
  drawKeypoints(context, detection.keypoints ?? [], at, line);
}

function trace(context, points) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.closePath();
}

function drawKeypoints(context, keypoints, at, line) {
  const isSet = ({ x, y, confidence }) => confidence !== undefined || x !== 0 || y !== 0;
  const isVisible = (keypoint) => isSet(keypoint) && (keypoint.confidence ?? 1) >= KEYPOINT_THRESHOLD;
  const lines = keypoints.length === 17 ? LINES_OF_17 : [];
  for (const [from, to] of lines) {
    if (!isVisible(keypoints[from]) || !isVisible(keypoints[to])) continue;
    context.beginPath();
    context.moveTo(...at(keypoints[from]));
    context.lineTo(...at(keypoints[to]));
    context.stroke();
  }
  keypoints.forEach((keypoint, number) => {
    if (!isSet(keypoint)) return;
    const color = lines.length ? context.fillStyle : colorOf(number); // without lines, each point has its own color
    for (const [style, width] of [["#ffffff", 2 * line], [color, line]]) {
      context.beginPath();
      context.arc(...at(keypoint), 2.2 * line, 0, 2 * Math.PI);
      Object.assign(context, { strokeStyle: style, lineWidth: width });
      context.stroke();
    }
    if (!isVisible(keypoint)) return;
    const before = context.fillStyle;
    context.fillStyle = color;
    context.fill();
    context.fillStyle = before;
  });
}

// Write the labels, best first; one without free space is left out, unless its detection is selected.
function drawLabels(context, detections, scale, unit, selected) {
  const height = Math.round(9 * unit);
  const taken = [];
  context.font = `600 ${Math.round(6 * unit)}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  for (const detection of detections) {
    const text = `${nameOf(detection)} ${detection.confidence.toFixed(2)}`;
    const width = Math.ceil(context.measureText(text).width + 4 * unit);
    const spots = labelSpots(detection, scale, unit, width, height, context.canvas);
    const free = spots.find((spot) => !taken.some((other) => overlap(spot, other)));
    const spot = free ?? (detection === selected ? spots[0] : null);
    if (!spot) continue;
    taken.push(spot);
    context.globalAlpha = selected && detection !== selected ? 0.35 : 1;
    context.fillStyle = colorOf(detection.class_id);
    context.fillRect(spot.x, spot.y, width, height);
    context.fillStyle = inkOn(colorOf(detection.class_id));
    context.fillText(text, spot.x + 2 * unit, spot.y + height / 2);
  }
  context.globalAlpha = 1;
}

// Return the class, and what was read from the detection if it was read.
function nameOf({ class_name, reading }) {
  return [class_name || "(no name)", reading?.text].filter(Boolean).join(": ");
}

// Return the places for a label: above the box, below it, then inside of it; all within the image.
function labelSpots(detection, scale, unit, width, height, canvas) {
  const { x_min, y_min, x_max, y_max } = detection.box_2d;
  const [left, top, right, bottom] = [x_min, y_min, x_max, y_max].map((value) => value * scale);
  const half = unit / 2;
  const rows = [top - height - half + 1, bottom + half - 1, top + half, bottom - height - half];
  const columns = detection.corners ? tips(detection.corners, scale, width) : [left - half, right + half - width];
  const spots = rows.flatMap((y) => columns.map((x) => ({ x: Math.max(0, Math.min(x, canvas.width - width)), y, width, height })));
  const inside = spots.filter(({ y }) => y >= 0 && y + height <= canvas.height);
  return inside.length ? inside : [{ ...spots[0], y: Math.max(0, Math.min(top, canvas.height - height)) }];
}

// Return where a label begins that is centered on the highest or the lowest corner of a rotated box.
function tips(corners, scale, width) {
  const sorted = [...corners].sort((a, b) => a.y - b.y);
  return [sorted[0], sorted.at(-1)].map(({ x }) => x * scale - width / 2);
}

function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

// Return the smallest detection at a point of the image, or null.
function detectionAt(detections, x, y) {
  const area = ({ box_2d: box }) => (box.x_max - box.x_min) * (box.y_max - box.y_min);
  const hits = detections.filter(({ box_2d: box }) => x >= box.x_min && x <= box.x_max && y >= box.y_min && y <= box.y_max);
  return hits.sort((a, b) => area(a) - area(b))[0] ?? null;
}
