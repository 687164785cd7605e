// Calls of the service: the request, the API key, and errors as sentences.

const $ = (id) => document.getElementById(id);
const HERE = location.pathname; // a POST goes to the URL of the page, with its stage or base path
const BASE = HERE.endsWith("/") ? HERE : `${HERE}/`;
const CONFIG = JSON.parse(document.getElementById("config").textContent);
const KEY = "api-key"; // in sessionStorage, which ends with the tab
const JSON_TYPE = { "content-type": "application/json" };
const SENTENCES = {
  401: "The service needs an API key.",
  403: "The service refused the request.",
  404: "The service has no endpoint at this URL.",
  413: "The image is too large for the service. Choose a smaller one.",
  415: "The service cannot read this file as an image. Choose a JPEG, PNG, WebP, AVIF, BMP, GIF or TIFF file.",
  422: "The service refused an option of the request.",
  429: "Too many requests at once. Wait a moment, then try again.",
  500: "The service failed with an error of its own. Try another image; if it happens again, tell the operator.",
  502: "The service did not start, or it stopped during the request. Try again in a moment.",
  503: "The service is busy or took too long. Try again in a moment.",
  504: "The service took too long. Try again, or choose a smaller image.",
};

class Problem extends Error {
  // A sentence for the reader, and details of the service below it.
  constructor(sentence, { details = "", needsKey = false, isResponseTooLarge = false } = {}) {
    super(sentence);
    Object.assign(this, { details, needsKey, isResponseTooLarge });
  }
}

// Return {body, timing}: the JSON of the response, and its header Server-Timing as {name: milliseconds}.
async function call(path, options) {
  const headers = { ...options.headers };
  const key = sessionStorage.getItem(KEY);
  if (key) headers["x-api-key"] = key;
  const response = await send(path, { ...options, headers });
  const text = await response.text();
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    // an error page of a front end, or a body that was cut off
  }
  if (!response.ok) throw problemOf(response.status, body, key);
  if (!body) throw new Problem("The response is incomplete. Try again.");
  return { body, timing: timingOf(response.headers.get("server-timing") ?? "") };
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const reason = navigator.onLine ? "The service does not respond." : "This device is offline.";
    throw new Problem(`${reason} Check the connection, then try again.`);
  }
}

function problemOf(status, body, key) {
  const sentence = status === 401 && key ? "The API key is wrong." : SENTENCES[status] ?? `The service responded with status ${status}.`;
  const parts = [body?.error ?? body?.message ?? body?.Message, body?.request_id && `Request ${body.request_id}`];
  return new Problem(sentence, {
    details: parts.filter(Boolean).join(" · "),
    needsKey: status === 401,
    isResponseTooLarge: status === 413 && body?.type === "TooLarge",
  });
}

function showProblem(error, retry) {
  if (!(error instanceof Problem)) console.error(error);
  const sentence = error instanceof Problem ? error.message : "The page failed with an error of its own. Reload it, then try again.";
  $("status").textContent = "No result.";
  const again = Object.assign(document.createElement("button"), { type: "button", textContent: "Try again" });
  again.addEventListener("click", retry);
  const details = Object.assign(document.createElement("small"), { textContent: error.details ?? "" });
  $("problem").replaceChildren(sentence, details, again);
  $("problem").hidden = false;
}

function timingOf(header) {
  const entries = header.split(",").map((part) => part.trim().match(/^(\w+);dur=([\d.]+)$/));
  return Object.fromEntries(entries.filter(Boolean).map(([, name, value]) => [name, Number(value)]));
}

function setUpNavigation() {
  $("docs").href = `${BASE}docs`;
  $("set-key").hidden = !CONFIG.needs_key;
  $("set-key").addEventListener("click", () => askForKey("Requests need an API key."));
}

// Ask for the key in the dialog; return whether one was entered.
function askForKey(reason) {
  const dialog = $("key-dialog");
  $("key-reason").textContent = reason;
  $("key").value = sessionStorage.getItem(KEY) ?? "";
  dialog.returnValue = "";
  dialog.showModal();
  $("key").select();
  return new Promise((resolve) => {
    const finish = () => {
      const key = $("key").value.trim();
      if (dialog.returnValue === "use" && key) sessionStorage.setItem(KEY, key);
      if (dialog.returnValue === "use" && !key) sessionStorage.removeItem(KEY);
      resolve(dialog.returnValue === "use" && Boolean(key));
    };
    dialog.addEventListener("close", finish, { once: true });
  });
}
