// Times, sizes and bodies as people read them.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

const asDate = (time) => new Date(time);
const isSameDay = (one, other) => asDate(one).toDateString() === asDate(other).toDateString();

export const timeOfDay = (time) => clock.format(asDate(time));
export const exactTime = (time) => seconds.format(asDate(time));
export const exactDate = (time) => `${day.format(asDate(time))}, ${exactTime(time)}`;
export const fullTime = (time) => (time ? full.format(asDate(time)) : "");
export const dayOf = (time) => longDay.format(asDate(time));

/** Return the time of day, or the date of what did not happen today by the emulator's clock. */
export function shortTime(time, now) {
  return isSameDay(time, now) ? clock.format(asDate(time)) : day.format(asDate(time));
}

/** Return seconds as a short text. */
export function duration(value) {
  if (value === null || value === undefined) return "";
  if (value < 0.0995) return `${(value * 1000).toFixed(value < 0.00995 ? 1 : 0)} ms`;
  if (value < 120) return `${Number(value.toFixed(2))} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return value < 172800 ? `${Math.round(value / 3600)} h` : `${Math.round(value / 86400)} days`;
}

export function byteSize(count) {
  if (count < 1024) return `${count} B`;
  return count < 1048576 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1048576).toFixed(1)} MiB`;
}

export const plural = (count, word) => `${count.toLocaleString()} ${word}${count === 1 ? "" : "s"}`;

/** Return JSON with line breaks, and any other text as it is. */
export function pretty(body) {
  if (body === null || body === undefined) return "";
  if (typeof body !== "string") return JSON.stringify(body, null, 2);
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

/** Return the bytes of Base64, or null. */
export function bytesOf(base64) {
  try {
    return Uint8Array.from(atob(base64), (mark) => mark.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Return bytes in hexadecimal, in groups of two digits. */
export function hexadecimal(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
