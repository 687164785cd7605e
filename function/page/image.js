// Images: what a file is, how the page shows it, and how it fits into a request.

const READ_BY_FUNCTION = ["image/jpeg", "image/png", "image/webp", "image/avif", "image/bmp", "image/gif", "image/tiff"];
const HEIC = /\.hei[cf]$/i;
const MAX_CANVAS_PIXELS = 16e6; // Safari on iPhones draws nothing on a larger canvas
const JPEG_QUALITY = 0.9;

// Return {bitmap, blob, width, height, note}: the upright image, the bytes to send, and what was changed.
async function prepare(file) {
  const name = file.name ? `“${file.name}”` : "The file";
  const isHeic = /^image\/hei[cf]/.test(file.type) || HEIC.test(file.name);
  if (!file.size) throw new Problem(`${name} is empty. Choose an image.`);
  if (file.type && !file.type.startsWith("image/") && file.type !== "application/octet-stream") {
    throw new Problem(`${name} is not an image. Choose a JPEG, PNG, WebP, AVIF, BMP, GIF or TIFF file.`);
  }
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  const pixels = bitmap ? bitmap.width * bitmap.height : 0;
  const isReadable = !isHeic && (!file.type || READ_BY_FUNCTION.includes(file.type)) && pixels <= CONFIG.max_pixels;
  const image = { bitmap, blob: file, width: bitmap?.width, height: bitmap?.height, note: "", name: file.name };
  if (isReadable && file.size <= CONFIG.limit_bytes) return image;
  if (isReadable && CONFIG.uploads && file.size <= CONFIG.max_object_bytes) return { ...image, isUpload: true };
  if (bitmap) return { ...image, ...(await reduced(bitmap, isHeic)) };
  if (isHeic) {
    throw new Problem(
      "This browser cannot read HEIC photos. Choose a JPEG. iPhones write JPEG with Settings > Camera > Formats > Most Compatible.",
    );
  }
  if (!isReadable) throw new Problem(`This browser cannot read ${name} (${file.type}). Convert it to JPEG or PNG.`);
  throw new Problem(`${name} has ${megabytes(file.size)}. The service takes ${megabytes(CONFIG.limit_bytes)}, and this browser cannot reduce it.`);
}

// Return a JPEG of the bitmap that fits into a request, and the sentence about it.
async function reduced(bitmap, isHeic) {
  const { width, height } = bitmap;
  let scale = Math.min(1, Math.sqrt(Math.min(MAX_CANVAS_PIXELS, CONFIG.max_pixels) / (width * height)));
  let canvas = scaledCanvas(bitmap, scale);
  let blob = await toBlob(canvas, "image/jpeg");
  while (blob.size > CONFIG.limit_bytes) {
    scale *= Math.min(0.9, Math.sqrt(CONFIG.limit_bytes / blob.size));
    canvas = scaledCanvas(bitmap, scale);
    blob = await toBlob(canvas, "image/jpeg");
  }
  const size = `${canvas.width} × ${canvas.height}`;
  const note =
    canvas.width === width
      ? `Sent as JPEG${isHeic ? " because the service does not read HEIC" : ` to stay below ${megabytes(CONFIG.limit_bytes)}`}.`
      : `Reduced from ${width} × ${height} to ${size} pixels to fit into a request. Coordinates are those of the original.`;
  return { blob, note };
}

function scaledCanvas(bitmap, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // behind transparent pixels, which JPEG does not have
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function toBlob(canvas, type) {
  return new Promise((resolve, reject) => {
    const done = (blob) => (blob ? resolve(blob) : reject(new Problem("This browser has not enough memory for the image. Choose a smaller one.")));
    canvas.toBlob(done, type, JPEG_QUALITY);
  });
}

function sampleFile() {
  const text = atob($("sample").querySelector("img").src.split(",")[1]);
  return new File([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], "sample.jpg", { type: "image/jpeg" });
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} MB`;
}
