// Prints the detections of an image: node client.mjs URL IMAGE. Needs Node 18 or newer. API_KEY: the key of the function.
import { readFile } from "node:fs/promises";

const [url, image] = process.argv.slice(2);
if (!image) {
  console.error("usage: node client.mjs URL IMAGE");
  process.exit(2);
}
const target = new URL(url);
target.searchParams.set("conf", "0.4");
const headers = { "content-type": "application/octet-stream" };
if (process.env.API_KEY) headers["x-api-key"] = process.env.API_KEY;
const reply = await fetch(target, { method: "POST", headers, body: await readFile(image) });
if (!reply.ok) {
  console.error(`${reply.status}: ${await reply.text()}`);
  process.exit(1);
}
for (const { class_name, confidence, box_2d } of (await reply.json()).detections) {
  const { x_min, y_min, x_max, y_max } = box_2d;
  console.log(class_name, confidence.toFixed(4), ...[x_min, y_min, x_max, y_max].map((value) => value.toFixed(2)));
}
