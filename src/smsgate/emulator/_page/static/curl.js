// Shell commands that send the logged requests again.

/** Quote a text as one word of a POSIX shell. */
export function quoted(text) {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const LEFT_OUT = new Set(["host", "content-length", "connection", "accept-encoding", "transfer-encoding", "user-agent", "accept"]);

/** Return the credentials' arguments. The log has no secrets: variables of the shell stand for them. */
function credentials(value, login) {
  if (/^basic/i.test(value)) return `--user ${quoted(`${login}:`)}"$SMSGATE_PASSWORD"`;
  if (/^bearer/i.test(value)) return '--header "Authorization: Bearer $SMSGATE_TOKEN"';
  return `--header ${quoted(`Authorization: ${value}`)}`;
}

/**
 * Return the curl command of a logged request.
 *
 * @param {Object} request - a request of the log, with headers and body.
 * @param {string} origin - where the emulator is reached.
 * @param {string} login - the account's login.
 */
export function curlCommand(request, origin, login) {
  const url = origin + request.path + (request.query ? `?${request.query}` : "");
  const parts = ["curl --globoff"];
  const hasBody = request.requestBody !== null && request.requestBody !== "";
  if (request.method === "HEAD") parts.push("--head");
  else if (request.method !== (hasBody ? "POST" : "GET")) parts.push(`--request ${quoted(request.method)}`);
  let typed = false;
  for (const [name, value] of request.requestHeaders) {
    const lower = name.toLowerCase();
    if (lower === "authorization") parts.push(credentials(value, login));
    else if (!LEFT_OUT.has(lower)) parts.push(`--header ${quoted(`${name}: ${value}`)}`);
    typed = typed || lower === "content-type";
  }
  if (hasBody && !typed) parts.push("--header 'Content-Type:'");
  if (hasBody) parts.push(hasNul(request) ? "--data-binary @-" : `--data-raw ${quoted(request.requestBody)}`);
  parts.push(quoted(url));
  const command = parts.join(" \\\n  ");
  return hasBody && hasNul(request) ? `${printed(request.requestBody)} | ${command}` : command;
}

const hasNul = (request) => request.requestBody.includes("\0");

/** Return the command that prints a text with NUL, which no argument of a command can hold. */
function printed(text) {
  return `printf %b ${quoted(text.replaceAll("\\", "\\\\").replaceAll("\0", "\\0000"))}`;
}
