// Predictions: an image in the body of a request, or by an upload to the bucket.

// Return the prediction of a prepared image; its detections go down to the confidence `conf`.
async function predict(image, conf, signal) {
  const query = new URLSearchParams(CONFIG.has_map ? { annotate: true } : CONFIG.sends_conf ? { conf } : {});
  if ($("imgsz").value) query.set("imgsz", $("imgsz").value);
  if ($("tile").value) query.set("tile", $("tile").value);
  if (image.name) query.set("image_name", image.name);
  if (image.isUpload) return predictUpload(image, query, conf, signal);
  const headers = { "content-type": image.blob.type || "application/octet-stream" };
  return call(`${HERE}?${query}`, { method: "POST", body: image.blob, headers, signal });
}

// Send the image to the bucket first; without permission for that, reduce it instead.
async function predictUpload(image, query, conf, signal) {
  let upload;
  try {
    upload = (await call(`${BASE}uploads`, { method: "POST", body: uploadRequest(image), headers: JSON_TYPE, signal })).body;
  } catch (error) {
    if (error.needsKey || error.name === "AbortError" || !image.bitmap) throw error;
    Object.assign(image, await reduced(image.bitmap), { isUpload: false });
    return predict(image, conf, signal);
  }
  const form = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
  form.append("file", image.blob);
  const stored = await send(upload.url, { method: "POST", body: form, signal });
  if (!stored.ok) throw new Problem(`The upload of the image failed with status ${stored.status}. Try again.`);
  const fields = { s3: upload.s3, ...Object.fromEntries(query) };
  return call(HERE, { method: "POST", body: JSON.stringify(fields), headers: JSON_TYPE, signal });
}

function uploadRequest(image) {
  return JSON.stringify({ content_type: image.blob.type || "image/jpeg" });
}
