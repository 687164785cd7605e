// Maps: the classes or the distances of all pixels, shown as the image that the service draws.

// Take the drawn image, and give the response a row for each class, with its share in place of a confidence.
async function takeMap(body, image) {
  const { data, content_type, error } = body.annotated_image ?? {};
  if (error) throw new Problem(`The service did not draw the result: ${error}`);
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  image.drawn = await createImageBitmap(new Blob([bytes], { type: content_type }));
  body.top = (body.semantic?.classes ?? []).map(({ class_name, class_id, share }) => ({ class: class_name, class_id, confidence: share }));
}

// Return the response as the service sent it, without the drawn image.
function withoutDrawing({ top, annotated_image, ...body }) {
  return body;
}

function mapSummary({ depth, top }) {
  if (depth) return `Distances from ${depth.min.toPrecision(3)} to ${depth.max.toPrecision(3)}.`;
  const named = top.slice(0, 4).map((row) => `${row.class} ${percent(row.confidence)}`);
  return `${top.length} ${top.length === 1 ? "class" : "classes"}: ${named.join(", ")}${top.length > 4 ? ", …" : ""}.`;
}
