// Sends the image on standard input with Node's fetch: node client.mjs URL FORM; prints [status, headers, body] as JSON.
import { buffer } from "node:stream/consumers";
import { deflateSync, gzipSync } from "node:zlib";

const [url, form] = process.argv.slice(2);
const image = await buffer(process.stdin);
const text = image.toString("base64");
const json = JSON.stringify({ image_data: text });

function request() {
  const fields = new FormData();
  switch (form) {
    case "raw": return { body: new Blob([image], { type: "image/png" }) };
    case "json": return { body: json, headers: { "Content-Type": "application/json" } };
    case "form": fields.append("image", new Blob([image], { type: "image/png" }), "a.png"); return { body: fields };
    case "form of text": fields.append("image_data", text); return { body: fields };
    case "gzip": return { body: gzipSync(json), headers: { "Content-Type": "application/json", "Content-Encoding": "gzip" } };
    case "deflate": return { body: deflateSync(image), headers: { "Content-Type": "image/png", "Content-Encoding": "deflate" } };
    case "base64 text": return { body: text };
    default: throw new Error(`unknown form ${form}`);
  }
}

const reply = await fetch(url, { method: "POST", ...request() });
console.log(JSON.stringify([reply.status, [...reply.headers], await reply.text()]));
